//! Entity mapping: columns of a result → the entities of an alert.

use std::collections::BTreeSet;

use bartizan_content::AnalyticsRule;
use serde_json::{Map, Value};

/// Entities an alert may carry (Sentinel's limit).
const ENTITIES_MAX: usize = 500;

/// A row of results, by column name.
pub(crate) type Row = Map<String, Value>;

/// The entities that `rows` name, each once, in the form the `Entities` column of `SecurityAlert` has:
/// a list of objects with `$id`, `Type` (lower case) and the identifiers.
pub(crate) fn entities(rule: &AnalyticsRule, rows: &[Row]) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for row in rows {
        for mapping in &rule.entity_mappings {
            let mut entity = Map::new();
            for field in &mapping.field_mappings {
                let text = row.get(&field.column_name).map(text).unwrap_or_default();
                if !text.is_empty() {
                    entity.insert(field.identifier.clone(), text.into());
                }
            }
            if entity.is_empty() {
                continue;
            }
            entity.insert("Type".to_owned(), wire_type(&mapping.entity_type).into());
            if out.len() < ENTITIES_MAX && seen.insert(key_of(&entity)) {
                entity.insert("$id".to_owned(), (out.len() + 2).to_string().into());
                out.push(Value::Object(entity));
            }
        }
    }
    out
}

/// `type|identifiers`, without regard to case: what makes two entities the same.
pub(crate) fn key(entity: &Value) -> String {
    entity.as_object().map(key_of).unwrap_or_default()
}

fn key_of(entity: &Map<String, Value>) -> String {
    let mut parts: Vec<String> = entity
        .iter()
        .filter(|(name, _)| *name != "$id" && *name != "Type" && *name != "ResourceId")
        .map(|(name, value)| format!("{name}={}", text(value)))
        .collect();
    parts.sort();
    let ty = entity.get("Type").map(text).unwrap_or_default();
    format!("{ty}|{}", parts.join("|")).to_lowercase()
}

/// The names used in the `Entities` column differ from those used in rules.
fn wire_type(entity_type: &str) -> String {
    match entity_type {
        "IP" => "ip",
        "FileHash" => "filehash",
        "CloudApplication" => "cloud-application",
        "AzureResource" => "azure-resource",
        "RegistryKey" => "registry-key",
        "RegistryValue" => "registry-value",
        "SecurityGroup" => "security-group",
        "MailCluster" => "mailCluster",
        "MailMessage" => "mailMessage",
        other => return other.to_lowercase(),
    }
    .to_owned()
}

/// A cell as text: strings without quotes, null as nothing.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Fills `{{Column}}` in a template from a row; unknown columns become nothing.
pub(crate) fn fill(template: &str, row: &Row) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        let Some(end) = rest[start..].find("}}") else { break };
        out.push_str(&rest[..start]);
        out.push_str(&row.get(rest[start + 2..start + end].trim()).map(text).unwrap_or_default());
        rest = &rest[start + end + 2..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_take_values_and_survive_rubbish() {
        let row = json!({"A": "x", "n": 4}).as_object().unwrap().clone();
        for (template, wanted) in [
            ("{{n}} of {{A}}", "4 of x"),
            ("{{missing}}!", "!"),
            ("{{A", "{{A"),
            ("}}{{A}}", "}}x"),
            ("", ""),
        ] {
            assert_eq!(fill(template, &row), wanted);
        }
    }

    #[test]
    fn equal_entities_have_equal_keys() {
        let a = json!({"$id": "2", "HostName": "Web", "Type": "host"});
        let b = json!({"Type": "host", "HostName": "web", "ResourceId": "/x"});
        assert_eq!(key(&a), key(&b));
    }
}
