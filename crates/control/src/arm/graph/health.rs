//! `healthresources`: whether each connected machine can be reached, from what its agent last said.

use bartizan_records::Resource;
use serde_json::{Map, Value, json};

/// The table's name.
pub(super) const TABLE: &str = "healthresources";
/// The type of its rows, as a permission names it in small letters.
pub(super) const TYPE: &str = "microsoft.resourcehealth/availabilitystatuses";
/// The type of what has a health.
pub(super) const MACHINES: &str = "microsoft.hybridcompute/machines";

/// A machine's availability.
pub(super) fn row(tenant: &str, machine: &Resource) -> Map<String, Value> {
    let text = |name: &str| machine.property(name).and_then(Value::as_str).unwrap_or_default();
    let (state, summary) = match text("status") {
        "Connected" => ("Available", "The agent reports."),
        "AwaitingConnection" => ("Unknown", "No agent has connected yet."),
        "" => ("Unknown", "The agent has not reported its status."),
        _ => ("Unavailable", "The agent has stopped reporting; see the machine's status."),
    };
    let since = match text("lastStatusChange") {
        "" => json!(machine.modified),
        time => time.into(),
    };
    let location = machine.property("agentReport").map_or(&Value::Null, |report| &report["location"]);
    let properties = json!({
        "targetResourceId": machine.id, "targetResourceType": MACHINES, "availabilityState": state,
        "summary": summary, "occurredTime": since, "reportedTime": machine.modified,
        "agentLocation": location,
    });
    let mut out = Map::new();
    let id = format!("{}/providers/Microsoft.ResourceHealth/availabilityStatuses/current", machine.id);
    out.insert("id".to_owned(), id.into());
    out.insert("name".to_owned(), "current".into());
    out.insert("type".to_owned(), TYPE.into());
    out.insert("tenantId".to_owned(), tenant.into());
    out.insert("location".to_owned(), machine.body.get("location").cloned().unwrap_or_default());
    let group = machine.id.resource_group().map(str::to_lowercase).unwrap_or_default();
    out.insert("resourceGroup".to_owned(), group.into());
    out.insert("subscriptionId".to_owned(), machine.id.subscription().unwrap_or_default().into());
    out.insert("properties".to_owned(), properties);
    out
}
