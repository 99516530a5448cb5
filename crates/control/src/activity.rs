//! The outbox of changes, drained into `AzureActivity` exactly once.

use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{Activity, ActorKind};
use serde_json::{Map, Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::http::chain;

/// Entries handed over at once.
const BATCH: u32 = 500;
/// How long an entry may lie when no change wakes the task.
const IDLE: Duration = Duration::from_millis(500);
/// Pause after a failure, such as a full disk.
const RETRY: Duration = Duration::from_secs(5);

/// An entry for what `caller` did to something that is no resource in the records.
pub(crate) fn entry(app: &App, caller: &Caller, operation: &str, id: &str, resource_type: &str) -> Activity {
    Activity {
        time: app.clock.now(),
        operation: operation.to_owned(),
        resource_id: id.to_owned(),
        resource_type: resource_type.to_owned(),
        actor: caller.actor.clone(),
        correlation_id: uuid::Uuid::new_v4(),
        before: None,
        after: None,
    }
}

/// Drains the outbox until the server stops. A batch that the store already has, because the server was
/// stopped before it could be acknowledged, is recognised there by its number.
pub(crate) async fn drain(app: Arc<App>) {
    loop {
        let pause = match step(&app).await {
            Ok(true) => continue,
            Ok(false) => IDLE,
            Err(error) => {
                tracing::warn!(error, "cannot write AzureActivity; trying again");
                RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = app.stop.cancelled() => return,
        }
    }
}

/// Hands over one batch; whether there was one.
async fn step(app: &App) -> Result<bool, String> {
    let batch = app.records.next_activity(BATCH).await.map_err(|error| chain(&error))?;
    let Some(batch) = batch else { return Ok(false) };
    let rows = |bodies| batch.entries.iter().map(|entry| row(app, entry, bodies)).collect();
    let mut target = app.home.target("AzureActivity");
    target.batch = Some(batch.id);
    match app.store.append_rows(target.clone(), rows(true)).await {
        Ok(_) => {}
        // One body that the store will never take must not silence the log: who did what is kept, the
        // bodies of this batch are left out.
        Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::TooLarge) => {
            tracing::warn!(error = chain(&error), "AzureActivity goes without the bodies of a batch");
            app.store.append_rows(target, rows(false)).await.map_err(|error| chain(&error))?;
        }
        Err(error) => return Err(chain(&error)),
    }
    app.records.acknowledge_activity(batch.id).await.map_err(|error| chain(&error))?;
    Ok(true)
}

fn row(app: &App, entry: &Activity, bodies: bool) -> Map<String, Value> {
    let operation = entry.operation.to_uppercase();
    let provider = entry.resource_type.split('/').next().unwrap_or_default();
    let segment = |word: &str| {
        let mut segments = entry.resource_id.split('/');
        segments.by_ref().find(|segment| segment.eq_ignore_ascii_case(word));
        segments.next().unwrap_or_default().to_owned()
    };
    let mut properties = json!({
        "eventCategory": "Administrative",
        "entity": entry.resource_id,
        "message": entry.operation,
        "callerType": entry.actor.kind.name(),
    });
    if bodies {
        properties["before"] = redacted(entry.before.as_ref());
        properties["after"] = redacted(entry.after.as_ref());
    } else {
        properties["bodiesLeftOut"] = true.into();
    }
    let value = json!({
        "TimeGenerated": entry.time,
        "OperationName": entry.operation,
        "OperationNameValue": operation,
        "Level": "Informational",
        "ActivityStatus": "Succeeded",
        "ActivityStatusValue": "Success",
        "ActivitySubstatusValue": "",
        "Category": "Administrative",
        "CategoryValue": "Administrative",
        "Caller": entry.actor.name,
        "CallerIpAddress": entry.actor.ip.clone().unwrap_or_default(),
        "Claims": json!({"oid": entry.actor.object_id, "name": entry.actor.name}).to_string(),
        "Claims_d": {"oid": entry.actor.object_id, "name": entry.actor.name},
        "CorrelationId": entry.correlation_id,
        "EventDataId": entry.correlation_id,
        "EventSubmissionTimestamp": entry.time,
        "ResourceProvider": provider,
        "ResourceProviderValue": provider.to_uppercase(),
        "Resource": entry.resource_id.rsplit('/').next().unwrap_or_default(),
        "ResourceId": entry.resource_id,
        "_ResourceId": entry.resource_id.to_lowercase(),
        "ResourceGroup": segment("resourceGroups"),
        "SubscriptionId": subscription_of(&entry.resource_id),
        "Properties": properties.to_string(),
        "Properties_d": properties,
        "Hierarchy": app.home.tenant,
        "SourceSystem": if entry.actor.kind == ActorKind::System { "Bartizan" } else { "Azure" },
    });
    match value {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}

/// The subscription of an id; empty above subscriptions.
fn subscription_of(id: &str) -> String {
    ResourceId::parse(id).ok().and_then(|id| id.subscription().map(str::to_owned)).unwrap_or_default()
}

/// A body without its protected settings, which nobody but the agent may read.
fn redacted(body: Option<&Value>) -> Value {
    let mut body = body.cloned().unwrap_or(Value::Null);
    if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("protectedSettings");
    }
    body
}
