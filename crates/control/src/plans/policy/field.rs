//! Field names and aliases of policy conditions.
//!
//! `type`, `name`, `location`, `tags.env` and so on read the resource itself. An alias such as
//! `Microsoft.HybridCompute/machines/osType` reads `properties.osType` of a resource of just that type, and
//! is absent on any other. `[*]` reads every member of an array.

use serde_json::Value;

use super::target::Target;

/// Most members that one `[*]` path yields; the rest is ignored. Bounds hostile nested arrays.
const MEMBERS_MAX: usize = 10_000;

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Absent,
    One(Value),
    /// From a `[*]` path: one entry per member, `Null` where the member lacks the rest of the path.
    Many(Vec<Value>),
}

impl Found {
    /// As one value: `null` when absent, an array for a `[*]` path.
    pub fn into_value(self) -> Value {
        match self {
            Self::Absent => Value::Null,
            Self::One(value) => value,
            Self::Many(values) => Value::Array(values),
        }
    }
}

/// Reads `field` of `target`.
pub fn read(target: &Target, field: &str) -> Found {
    let one = |text: &str| Found::One(text.into());
    match field.to_ascii_lowercase().as_str() {
        "type" => return one(&target.resource_type),
        "name" => return one(target.id.name()),
        "fullname" => return one(&full_name(target)),
        "id" => return one(target.id.as_str()),
        _ => {}
    }
    if let Some(tag) = tag_name(field) {
        let tags = target.body.get("tags");
        return tags
            .and_then(|tags| member(tags, tag))
            .map_or(Found::Absent, |value| Found::One(value.clone()));
    }
    match alias_path(field, &target.resource_type) {
        Alias::OfThisType(path) => read_alias(target, path),
        Alias::OfAnotherType => Found::Absent,
        Alias::None => walk(&target.body, field),
    }
}

/// Member of an object by name without regard to case, as Azure compares property names.
pub fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let members = value.as_object()?;
    members
        .get(name)
        .or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// A scalar as text, the way policy comparisons see it; arrays and objects as JSON.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Reads `path` (dots, `[*]`) below `value`.
pub fn walk(value: &Value, path: &str) -> Found {
    let mut current = vec![value];
    let mut many = false;
    for step in path.split('.') {
        let (name, star) = match step.strip_suffix("[*]") {
            Some(name) => (name, true),
            None => (step, false),
        };
        let mut next = Vec::new();
        for value in current {
            // A member of an array that lacks the property still counts as a member, with no value.
            let found =
                if name.is_empty() && star { value } else { member(value, name).unwrap_or(&Value::Null) };
            match (star, found) {
                (true, Value::Array(items)) => {
                    next.extend(items.iter().take(MEMBERS_MAX.saturating_sub(next.len())))
                }
                (true, _) => {}
                (false, found) => next.push(found),
            }
        }
        many |= star;
        current = next;
    }
    match (many, current.as_slice()) {
        (true, values) => Found::Many(values.iter().map(|value| (*value).clone()).collect()),
        (false, [Value::Null] | []) => Found::Absent,
        (false, [value, ..]) => Found::One((*value).clone()),
    }
}

/// `machine/extension` for a child resource, as ARM writes names of children.
fn full_name(target: &Target) -> String {
    let id = target.id.as_str();
    let provider =
        id.to_ascii_lowercase().rfind("/providers/").map_or("", |at| &id[at + "/providers/".len()..]);
    provider.split('/').skip(2).step_by(2).collect::<Vec<_>>().join("/")
}

/// The tag that `tags.env`, `tags[env]` or `tags['env']` names.
fn tag_name(field: &str) -> Option<&str> {
    let rest = field.get(..4).filter(|word| word.eq_ignore_ascii_case("tags")).map(|_| &field[4..])?;
    if let Some(name) = rest.strip_prefix('.') {
        return Some(name);
    }
    let inner = rest.strip_prefix('[')?.strip_suffix(']')?;
    Some(inner.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\'')).unwrap_or(inner))
}

enum Alias<'f> {
    OfThisType(&'f str),
    OfAnotherType,
    None,
}

fn alias_path<'f>(field: &'f str, resource_type: &str) -> Alias<'f> {
    let Some(slash) = field.rfind('/') else { return Alias::None };
    if field[..slash].eq_ignore_ascii_case(resource_type) {
        Alias::OfThisType(&field[slash + 1..])
    } else {
        Alias::OfAnotherType
    }
}

fn read_alias(target: &Target, path: &str) -> Found {
    // In Azure the alias `osName` of a connected machine holds the family, `Linux` or `Windows`, which the
    // resource itself spells `osType`; built-in policies compare it with `Linux`.
    let path = if path.eq_ignore_ascii_case("osName") && !target.property("osType").is_empty() {
        "osType"
    } else {
        path
    };
    let properties = target.body.get("properties").unwrap_or(&Value::Null);
    match walk(properties, path) {
        Found::Absent => walk(&target.body, path),
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_base::ResourceId;
    use serde_json::json;

    fn machine() -> Target {
        Target::new(
            ResourceId::parse("/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/web-1/extensions/MDE.Linux").unwrap(),
            json!({
                "location": "local",
                "tags": {"Env": "prod", "cost.center": "7"},
                "properties": {"publisher": "P", "list": [{"n": 1}, {"n": 2}, {"m": 3}], "empty": [], "gone": null},
            }),
        )
    }

    #[test]
    fn fields_and_aliases() {
        const TYPE: &str = "Microsoft.HybridCompute/machines/extensions";
        for (field, expected) in [
            ("type", json!(TYPE)),
            ("fullName", json!("web-1/MDE.Linux")),
            ("Location", json!("local")),
            ("tags.env", json!("prod")),
            ("tags['cost.center']", json!("7")),
            ("tags[env]", json!("prod")),
            ("tags", json!({"Env": "prod", "cost.center": "7"})),
            (&format!("{TYPE}/PUBLISHER"), json!("P")),
            (&format!("{TYPE}/list[*].n"), json!([1, 2, null])),
            (&format!("{TYPE}/empty[*]"), json!([])),
            (&format!("{TYPE}/list"), json!([{"n": 1}, {"n": 2}, {"m": 3}])),
        ] {
            assert_eq!(read(&machine(), field).into_value(), expected, "{field}");
        }
        for absent in [
            "tags.none",
            "kind",
            "Microsoft.HybridCompute/machines/publisher",
            &format!("{TYPE}/none.deeper"),
            &format!("{TYPE}/gone"),
            "",
            "/",
            "tags[",
            "été",
        ] {
            assert_eq!(read(&machine(), absent), Found::Absent, "{absent}");
        }
    }

    #[test]
    fn os_name_means_the_family() {
        let id = ResourceId::parse(
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/web-1",
        )
        .unwrap();
        let target = Target::new(
            id,
            json!({"properties": {"osType": "linux", "osName": "Debian GNU/Linux 12 (bookworm)"}}),
        );
        assert_eq!(read(&target, "Microsoft.HybridCompute/machines/osName"), Found::One("linux".into()));
    }
}
