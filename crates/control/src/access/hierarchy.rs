//! Management groups and where subscriptions hang among them: the part of "below" that ids do not say.
//!
//! A role or a policy at a management group holds for every group below it, for the subscriptions in those, and
//! for all that lies in them.

use std::collections::HashMap;

use bartizan_base::ResourceId;
use bartizan_records::{ListQuery, Records, RecordsError, Resource};
use serde_json::Value;

/// The type of a management group.
pub(crate) const GROUP_TYPE: &str = "Microsoft.Management/managementGroups";
/// The type of a subscription.
pub(crate) const SUBSCRIPTION_TYPE: &str = "Microsoft.Resources/subscriptions";
/// Member of a subscription's record that names its management group. Clients never see it.
pub(crate) const PLACE: &str = "managementGroup";
/// State of a subscription that may be changed.
pub(crate) const ENABLED: &str = "Enabled";

/// A management group.
#[derive(Clone, Debug)]
pub struct Group {
    pub id: ResourceId,
    pub display_name: String,
    /// Lower-case name of the group above; `None` for the root.
    pub parent: Option<String>,
}

/// A subscription and its place.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: ResourceId,
    pub display_name: String,
    pub state: String,
    /// Lower-case name of its management group.
    pub group: String,
}

/// The tree of management groups with subscriptions as leaves.
#[derive(Clone, Debug, Default)]
pub struct Hierarchy {
    /// By lower-case name.
    groups: HashMap<String, Group>,
    /// By lower-case id.
    subscriptions: HashMap<String, Subscription>,
}

impl Hierarchy {
    /// Reads the tree.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn load(records: &Records) -> Result<Self, RecordsError> {
        let tenant = ListQuery::tenant();
        let groups = records.list_all(&tenant, GROUP_TYPE).await?;
        let subscriptions = records.list_all(&tenant, SUBSCRIPTION_TYPE).await?;
        Ok(Self::of(&groups, &subscriptions))
    }

    /// The tree that these records describe. A subscription without a place, or in a group that is gone, hangs on
    /// the root.
    pub fn of(groups: &[Resource], subscriptions: &[Resource]) -> Self {
        let groups: HashMap<String, Group> =
            groups.iter().map(|group| (lower(group.id.name()), read_group(group))).collect();
        let root = groups.iter().find(|(_, group)| group.parent.is_none()).map(|(name, _)| name.clone());
        let root = root.unwrap_or_default();
        let place = |subscription: &Resource| {
            let group =
                subscription.body[PLACE].as_str().map(lower).filter(|group| groups.contains_key(group));
            let read = read_subscription(subscription, group.unwrap_or_else(|| root.clone()));
            (lower(subscription.id.name()), read)
        };
        let subscriptions = subscriptions.iter().map(place).collect();
        Self { groups, subscriptions }
    }

    /// The group with this name, in any case.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(&lower(name))
    }

    /// The subscription with this uuid, in any case.
    pub fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.get(&lower(id))
    }

    /// All groups, by name.
    pub fn groups(&self) -> Vec<&Group> {
        let mut out: Vec<&Group> = self.groups.values().collect();
        out.sort_by(|a, b| a.id.cmp(&b.id));
        out
    }

    /// All subscriptions, by id.
    pub fn subscriptions(&self) -> Vec<&Subscription> {
        let mut out: Vec<&Subscription> = self.subscriptions.values().collect();
        out.sort_by(|a, b| a.id.cmp(&b.id));
        out
    }

    /// The groups that `id` lies in, the nearest first: those above a subscription and what is in it; for a group,
    /// or what hangs on one, that group itself and those above it.
    pub fn groups_above(&self, id: &ResourceId) -> Vec<&Group> {
        let mut next = match group_segment(id) {
            Some(name) => Some(lower(name)),
            None => id.subscription().and_then(|id| self.subscription(id)).map(|found| found.group.clone()),
        };
        let mut out = Vec::new();
        while let Some(group) = next.and_then(|name| self.groups.get(&name)) {
            // A ring cannot be written; were there one, the walk must end all the same.
            if out.len() > self.groups.len() {
                break;
            }
            out.push(group);
            next = group.parent.clone();
        }
        out
    }

    /// Whether `id` is `scope` or lies below it, by their text or through management groups.
    pub fn contains(&self, scope: &ResourceId, id: &ResourceId) -> bool {
        if id.is_within(scope) {
            return true;
        }
        let Some(name) = group_segment(scope).filter(|_| is_group(scope)) else { return false };
        self.groups_above(id).iter().any(|group| group.id.name().eq_ignore_ascii_case(name))
    }

    /// The scopes whose roles and policies hold at `id`, without itself: parents, management groups, the tenant.
    pub fn scopes_above(&self, id: &ResourceId) -> Vec<ResourceId> {
        let mut out = Vec::new();
        let mut next = id.parent();
        while let Some(scope) = next {
            next = scope.parent();
            out.push(scope);
        }
        let groups = self.groups_above(id).into_iter().map(|group| group.id.clone());
        out.extend(groups.filter(|group| group != id && !id.is_within(group)));
        if !id.key().is_empty() {
            out.push(ListQuery::tenant());
        }
        out
    }

    /// The roots of what lies below `scope`: itself, or for a management group all that hangs below it.
    pub fn roots_below(&self, scope: &ResourceId) -> Vec<ResourceId> {
        if !is_group(scope) {
            return vec![scope.clone()];
        }
        let groups = self.groups().into_iter().map(|group| &group.id);
        let all = groups.chain(self.subscriptions().into_iter().map(|subscription| &subscription.id));
        all.filter(|id| self.contains(scope, id)).cloned().collect()
    }
}

/// Whether `id` names a management group, not something that hangs on one.
pub(crate) fn is_group(id: &ResourceId) -> bool {
    id.resource_type().eq_ignore_ascii_case(GROUP_TYPE)
}

/// The name of the management group that `id` is or hangs on.
pub(crate) fn group_segment(id: &ResourceId) -> Option<&str> {
    const PREFIX: &str = "/providers/microsoft.management/managementgroups/";
    id.key().starts_with(PREFIX).then(|| id.as_str()[PREFIX.len()..].split('/').next().unwrap_or_default())
}

fn read_group(group: &Resource) -> Group {
    let parent = group.body.pointer("/properties/details/parent/id").and_then(Value::as_str);
    Group {
        id: group.id.clone(),
        display_name: text(group.property("displayName")).unwrap_or_else(|| group.id.name().to_owned()),
        parent: parent.and_then(|id| id.rsplit('/').next()).map(lower),
    }
}

fn read_subscription(subscription: &Resource, group: String) -> Subscription {
    Subscription {
        id: subscription.id.clone(),
        display_name: text(subscription.body.get("displayName")).unwrap_or_default(),
        state: text(subscription.body.get("state")).unwrap_or_else(|| ENABLED.to_owned()),
        group,
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_base::Ticks;
    use serde_json::json;

    fn resource(id: &str, body: Value) -> Resource {
        let id = ResourceId::parse(id).unwrap();
        Resource {
            resource_type: id.resource_type(),
            id,
            etag: String::new(),
            body,
            created: Ticks(0),
            modified: Ticks(0),
        }
    }

    fn group(name: &str, parent: Option<&str>) -> Resource {
        let body = match parent {
            Some(parent) => {
                json!({"properties": {"details": {"parent": {"id": format!("/providers/{GROUP_TYPE}/{parent}")}}}})
            }
            None => json!({"properties": {}}),
        };
        resource(&format!("/providers/{GROUP_TYPE}/{name}"), body)
    }

    fn tree() -> Hierarchy {
        Hierarchy::of(
            &[group("root", None), group("A", Some("root")), group("B", Some("a")), group("C", Some("root"))],
            &[
                resource("/subscriptions/1", json!({PLACE: "B"})),
                resource("/subscriptions/2", json!({PLACE: "gone"})),
                resource("/subscriptions/3", json!({})),
            ],
        )
    }

    fn id(text: &str) -> ResourceId {
        ResourceId::parse(text).unwrap()
    }

    #[test]
    fn groups_contain_what_hangs_below_them() {
        let tree = tree();
        let scope = |name: &str| id(&format!("/providers/{GROUP_TYPE}/{name}"));
        let in_one = id("/subscriptions/1/resourceGroups/rg/providers/N/t/x");
        for (at, expected) in [("root", true), ("a", true), ("B", true), ("C", false)] {
            assert_eq!(tree.contains(&scope(at), &in_one), expected, "{at}");
        }
        for (at, expected) in [("root", true), ("a", false), ("B", false), ("C", false)] {
            assert_eq!(tree.contains(&scope(at), &id("/subscriptions/2")), expected, "{at}");
            assert_eq!(tree.contains(&scope(at), &id("/subscriptions/3")), expected, "{at}");
        }
        assert!(tree.contains(&scope("A"), &scope("b")) && !tree.contains(&scope("B"), &scope("A")));
        let on_b = scope("b").join("providers/N/t/x").unwrap();
        assert!(tree.contains(&scope("A"), &on_b) && !tree.contains(&scope("C"), &on_b));
        assert!(!tree.contains(&on_b, &in_one), "what hangs on a group is no group");
        assert!(!tree.contains(&scope("A"), &id("/subscriptions/unknown")));
        assert!(tree.contains(&id("/"), &in_one) && tree.contains(&id("/"), &scope("C")));
    }

    #[test]
    fn scopes_above_and_roots_below() {
        let tree = tree();
        let texts = |ids: Vec<ResourceId>| ids.iter().map(|id| id.key().to_owned()).collect::<Vec<_>>();
        let prefix = format!("/providers/{GROUP_TYPE}").to_lowercase();
        let above = texts(tree.scopes_above(&id("/subscriptions/1/resourceGroups/rg")));
        assert_eq!(
            above,
            [
                "/subscriptions/1",
                &format!("{prefix}/b"),
                &format!("{prefix}/a"),
                &format!("{prefix}/root"),
                ""
            ]
        );
        let above = texts(tree.scopes_above(&id(&format!("{prefix}/b"))));
        assert_eq!(above, [format!("{prefix}/a"), format!("{prefix}/root"), String::new()]);
        let below = texts(tree.roots_below(&id(&format!("{prefix}/a"))));
        assert_eq!(below, [format!("{prefix}/a"), format!("{prefix}/b"), "/subscriptions/1".to_owned()]);
    }

    #[test]
    fn a_ring_ends_the_walk() {
        let ring = Hierarchy::of(&[group("a", Some("b")), group("b", Some("a"))], &[]);
        assert!(!ring.contains(
            &id(&format!("/providers/{GROUP_TYPE}/c")),
            &id(&format!("/providers/{GROUP_TYPE}/a"))
        ));
    }
}
