//! `resourcechanges`: what was written to resources, from the rows of `AzureActivity`, which has every write with the
//! body before and after.

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_engine::QueryRequest;
use serde_json::{Map, Value, json};

use crate::arm::{Call, Sight};
use crate::http::Failure;

/// The table's name.
pub(super) const TABLE: &str = "resourcechanges";
/// The type of its rows.
const TYPE: &str = "microsoft.resources/changes";
/// Changes that one query sees, the newest: what a busy server writes in hours, and a quiet one in the whole time.
const CHANGES_MAX: usize = 5_000;
/// How far back it goes, as in Azure.
const DAYS: u32 = 14;
/// Properties listed of one change; how many there were is told all the same.
const LISTED_MAX: usize = 100;

/// The changes that the caller may see, newest first.
pub(super) async fn rows(
    call: &Call,
    asked: &QueryRequest,
    sight: &mut Sight,
    in_asked: &(dyn Fn(&ResourceId) -> bool + Send + Sync),
) -> Result<Vec<Map<String, Value>>, Failure> {
    let text = format!(
        "AzureActivity | where TimeGenerated > ago({DAYS}d) and (OperationNameValue endswith '/WRITE' or \
         OperationNameValue endswith '/DELETE') | top {CHANGES_MAX} by TimeGenerated desc | project ['time'] \
         = tostring(TimeGenerated), id = ResourceId, operation = OperationName, caller = Caller, correlation = \
         tostring(CorrelationId), event = tostring(EventDataId), properties = tostring(Properties)"
    );
    let asked = QueryRequest { workspace: call.app.home.customer, text, ..asked.clone() };
    let output = call.app.engine.query(asked).await?;
    if let Some(partial) = &output.partial {
        let text = format!("The changes of {DAYS} days are too many at once: {}", partial.message);
        return Err(ApiError::coded(ErrorKind::TooLarge, "ResponsePayloadTooLarge", text).into());
    }
    let mut out = Vec::new();
    for entry in output.objects() {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let Ok(id) = ResourceId::parse(text("id")) else { continue };
        let key = id.resource_type().to_ascii_lowercase();
        if !in_asked(&id) || !sight.sees(&id, &key) {
            continue;
        }
        let bodies: Value = serde_json::from_str(text("properties")).unwrap_or_default();
        out.push(row(call, &id, &key, &entry, &bodies));
    }
    Ok(out)
}

fn row(
    call: &Call,
    id: &ResourceId,
    key: &str,
    entry: &Map<String, Value>,
    bodies: &Value,
) -> Map<String, Value> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let (before, after) = (&bodies["before"], &bodies["after"]);
    let kind = match (before.is_null(), after.is_null()) {
        (true, _) => "Create",
        (_, true) => "Delete",
        _ => "Update",
    };
    let mut changes = Map::new();
    let mut count = 0;
    if kind == "Update" {
        compare("", before, after, &mut |path, before, after| {
            count += 1;
            if changes.len() < LISTED_MAX {
                let property = match (before.is_null(), after.is_null()) {
                    (true, _) => "Insert",
                    (_, true) => "Remove",
                    _ => "Update",
                };
                let change = json!({
                    "propertyChangeType": property, "changeCategory": "User", "previousValue": shown(before),
                    "newValue": shown(after), "isTruncated": "false",
                });
                changes.insert(path.to_owned(), change);
            }
        });
    }
    let properties = json!({
        "targetResourceId": id, "targetResourceType": key, "changeType": kind, "changes": changes,
        "changeAttributes": {
            "timestamp": text("time"), "correlationId": text("correlation"), "changesCount": count,
            "changedBy": text("caller"), "changedByType": bodies["callerType"], "operation": text("operation"),
        },
    });
    let event = text("event");
    let mut out = Map::new();
    out.insert("id".to_owned(), format!("{id}/providers/Microsoft.Resources/changes/{event}").into());
    out.insert("name".to_owned(), event.into());
    out.insert("type".to_owned(), TYPE.into());
    out.insert("tenantId".to_owned(), call.app.home.tenant.to_string().into());
    let group = id.resource_group().map(str::to_lowercase).unwrap_or_default();
    out.insert("resourceGroup".to_owned(), group.into());
    out.insert("subscriptionId".to_owned(), id.subscription().unwrap_or_default().into());
    out.insert("properties".to_owned(), properties);
    out
}

/// Tells each place where two bodies differ. Lists are compared as wholes: their elements have no names.
fn compare<'a>(
    path: &str,
    before: &'a Value,
    after: &'a Value,
    tell: &mut impl FnMut(&str, &'a Value, &'a Value),
) {
    if before == after {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return tell(path, before, after);
    };
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    for name in names {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let of = |members: &'a Map<String, Value>| members.get(name).unwrap_or(&Value::Null);
        compare(&inner, of(old), of(new), tell);
    }
}

/// Values are texts on this wire.
fn shown(value: &Value) -> Value {
    match value {
        Value::Null | Value::String(_) => value.clone(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_with_its_path() {
        let before = json!({"tags": {"a": "1", "b": "2"}, "properties": {"list": [1], "deep": {"x": true}}});
        let after =
            json!({"tags": {"a": "1", "c": "3"}, "properties": {"list": [1, 2], "deep": {"x": false}}});
        let mut told = Vec::new();
        compare("", &before, &after, &mut |path, before, after| {
            told.push((path.to_owned(), shown(before), shown(after)));
        });
        let expected = [
            ("tags.b", json!("2"), json!(null)),
            ("tags.c", json!(null), json!("3")),
            ("properties.list", json!("[1]"), json!("[1,2]")),
            ("properties.deep.x", json!("true"), json!("false")),
        ];
        assert_eq!(told, expected.map(|(path, before, after)| (path.to_owned(), before, after)));
    }
}
