//! What a role allows: built-in roles and those that people define.

use serde_json::Value;

use crate::access::roles::{Role, matches};

/// The permissions of one role definition. A role has what any of its sets allows.
#[derive(Clone, Debug, Default)]
pub struct Permissions(Vec<Set>);

#[derive(Clone, Debug, Default)]
struct Set {
    actions: Vec<String>,
    not_actions: Vec<String>,
    data_actions: Vec<String>,
    not_data_actions: Vec<String>,
}

impl Permissions {
    /// Whether `action` is allowed; data actions are asked for as such. A set's exceptions are its own: they take
    /// nothing away from what another set or another role gives.
    pub fn allows(&self, action: &str, data: bool) -> bool {
        self.0.iter().any(|set| {
            let (with, without) = if data {
                (&set.data_actions, &set.not_data_actions)
            } else {
                (&set.actions, &set.not_actions)
            };
            let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, action));
            any(with) && !any(without)
        })
    }

    /// `properties.permissions` of a role definition, as it is shown.
    pub fn to_json(&self) -> Vec<Value> {
        let set = |set: &Set| {
            serde_json::json!({
                "actions": set.actions, "notActions": set.not_actions,
                "dataActions": set.data_actions, "notDataActions": set.not_data_actions,
            })
        };
        self.0.iter().map(set).collect()
    }

    /// `properties.permissions` of a role definition.
    pub fn of_json(permissions: &Value) -> Self {
        let texts = |value: &Value| -> Vec<String> {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|text| text.as_str().map(str::to_owned))
                .collect()
        };
        let sets = permissions.as_array().into_iter().flatten().map(|set| Set {
            actions: texts(&set["actions"]),
            not_actions: texts(&set["notActions"]),
            data_actions: texts(&set["dataActions"]),
            not_data_actions: texts(&set["notDataActions"]),
        });
        Self(sets.collect())
    }
}

impl From<&Role> for Permissions {
    fn from(role: &Role) -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self(vec![Set {
            actions: texts(role.actions),
            not_actions: texts(role.not_actions),
            data_actions: texts(role.data_actions),
            not_data_actions: Vec::new(),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn exceptions_are_their_sets_own() {
        let role = Permissions::of_json(&json!([
            {"actions": ["*/read"], "notActions": ["a/secret/read"], "dataActions": ["a/*"], "notDataActions": ["a/b"]},
            {"actions": ["x/write"]},
        ]));
        assert!(role.allows("a/b/read", false) && role.allows("X/Write", false));
        assert!(!role.allows("a/secret/read", false) && !role.allows("a/write", false));
        assert!(role.allows("a/c", true) && !role.allows("a/b", true) && !role.allows("x/write", true));
        assert!(!Permissions::of_json(&json!(null)).allows("a/read", false), "nothing is allowed by nothing");
        assert!(!Permissions::of_json(&json!([{"actions": [7, null]}])).allows("7", false));
    }
}
