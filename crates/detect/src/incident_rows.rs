//! Every state an incident has is a row of `SecurityIncident`, whoever made the change.

use bartizan_base::{BatchId, ResourceId};
use bartizan_records::Resource;
use bartizan_store::AppendTarget;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::INCIDENT_TYPE;
use crate::context::DetectContext;
use crate::error::DetectError;

/// Appends the present state of `incident`. The moment of its last change numbers the batch, so appending
/// the same state twice stores it once.
pub(crate) async fn append(ctx: &DetectContext, incident: &ResourceId) -> Result<(), DetectError> {
    let Some(resource) = ctx.records.get(incident).await? else { return Ok(()) };
    let Ok(id) = Uuid::parse_str(incident.name()) else { return Ok(()) };
    let alerts = ctx.records.list_all(incident, "Microsoft.SecurityInsights/incidents/relations").await?;
    let alerts = alerts.iter().map(|relation| relation.id.name().to_owned()).collect();
    let mut target = AppendTarget::new(ctx.workspace.id, ctx.workspace.tenant, "SecurityIncident");
    target.batch = Some(BatchId { source: id, seq: resource.modified.0.unsigned_abs() });
    ctx.store.append_rows(target, vec![row(&resource, alerts)]).await?;
    Ok(())
}

/// Appends what a crash may have kept from being appended.
pub(crate) async fn catch_up(ctx: &DetectContext) -> Result<(), DetectError> {
    for incident in ctx.records.list_all(&ctx.workspace.resource, INCIDENT_TYPE).await? {
        append(ctx, &incident.id).await?;
    }
    Ok(())
}

fn row(incident: &Resource, alerts: Vec<String>) -> Map<String, Value> {
    let property = |name: &str| incident.property(name).cloned().unwrap_or_default();
    let rules = property("relatedAnalyticRuleIds");
    let rule_names: Vec<&str> =
        rules.as_array().into_iter().flatten().filter_map(|id| id.as_str()?.rsplit('/').next()).collect();
    let closed = property("status") == "Closed";
    let row = json!({
        "TimeGenerated": incident.modified,
        "IncidentName": incident.id.name(),
        "IncidentNumber": property("incidentNumber"),
        "Title": property("title"),
        "Description": property("description"),
        "Severity": property("severity"),
        "Status": property("status"),
        "Classification": property("classification"),
        "ClassificationReason": property("classificationReason"),
        "ClassificationComment": property("classificationComment"),
        "Owner": property("owner"),
        "ProviderName": "Azure Sentinel",
        "ProviderIncidentId": property("incidentNumber").to_string(),
        "FirstActivityTime": property("firstActivityTimeUtc"),
        "LastActivityTime": property("lastActivityTimeUtc"),
        "FirstModifiedTime": property("createdTimeUtc"),
        "LastModifiedTime": incident.modified,
        "CreatedTime": property("createdTimeUtc"),
        "ClosedTime": if closed { json!(incident.modified) } else { Value::Null },
        "RelatedAnalyticRuleIds": rule_names,
        "AlertIds": alerts,
        "BookmarkIds": [],
        "Comments": [],
        "Tasks": [],
        "Labels": property("labels"),
        "IncidentUrl": property("incidentUrl"),
        "AdditionalData": property("additionalData"),
        "ModifiedBy": property("lastModifiedBy"),
        "SourceSystem": "Bartizan",
    });
    match row {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}
