//! POST: actions upon resources and scopes.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bartizan_api::{ApiError, types};
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{RecordsError, Resource};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::arm::kinds::{BOOKMARK_TYPE, RELATION_TYPE, is_alert, related_id};
use crate::arm::{Call, answer, graph, kinds, scope};
use crate::discovery;
use crate::http::{Failure, read_json};
use crate::logs::purge;
use crate::policy;
use crate::test_alerts;

/// Largest automation that is looked at.
const AUTOMATION_BODY_MAX: usize = 256 << 10;

/// Runs `word` upon `on`.
pub(super) async fn act(
    call: Call,
    on: &ResourceId,
    resource_type: &str,
    word: &str,
    body: Body,
) -> Result<Response, Failure> {
    let parent = resource_type.rsplit_once('/').map_or("", |(parent, _)| parent).to_ascii_lowercase();
    let lower = word.to_ascii_lowercase();
    match (parent.as_str(), lower.as_str()) {
        ("microsoft.resourcegraph", "resources") => graph::query(&call, body).await,
        ("microsoft.security/locations/alerts", "dismiss" | "resolve" | "activate" | "inprogress") => {
            alert_state(&call, on, &lower).await
        }
        ("microsoft.security/locations/alerts", "simulate") => test_alerts::simulate(&call, on, body).await,
        ("bartizan.security/testalerts", "start") => test_alerts::start_on_machine(&call, on).await,
        ("microsoft.securityinsights/incidents", "alerts") => incident_alerts(&call, on).await,
        ("microsoft.securityinsights/incidents", "entities") => incident_entities(&call, on).await,
        ("microsoft.securityinsights/incidents", "bookmarks") => incident_bookmarks(&call, on).await,
        ("microsoft.security/securityconnectors", "rundiscovery") => run_discovery(&call, on).await,
        ("microsoft.operationalinsights/workspaces", "purge") => {
            purge::start(&call.app, &call.caller, on, &call.parts.headers, body).await
        }
        ("microsoft.operationalinsights/workspaces", "sharedkeys") => Err(Failure(ApiError::coded(
            ErrorKind::Conflict,
            "LocalAuthDisabled",
            "Workspaces here have no shared keys; send logs through a data collection rule.",
        ))),
        (
            "microsoft.policyinsights/policystates"
            | "microsoft.policyinsights/policyevents"
            | "microsoft.policyinsights/remediations",
            _,
        ) => policy::act(&call, on, &parent, word).await,
        ("microsoft.policyinsights", "checkpolicyrestrictions") => {
            policy::check_restrictions(&call, on, body).await
        }
        ("microsoft.security/automations", "validate") => validate_automation(&call, on, body).await,
        _ if types::find(&parent).is_none() => Err(types::unknown(resource_type).into()),
        _ => Err(Failure(ApiError::coded(
            ErrorKind::NotFound,
            "InvalidAction",
            format!("There is no action `{word}` on `{on}`."),
        ))),
    }
}

async fn validate_automation(call: &Call, on: &ResourceId, body: Body) -> Result<Response, Failure> {
    call.app.authorize(&call.caller, "Microsoft.Security/automations/read", on).await?;
    let sent: Value = read_json(&call.parts.headers, body, AUTOMATION_BODY_MAX).await?;
    let verdict = kinds::check_automation(&sent["properties"]);
    let message = verdict
        .as_ref()
        .err()
        .map_or_else(|| "The automation can be kept.".to_owned(), |failure| failure.0.message.clone());
    Ok(Json(json!({"isValid": verdict.is_ok(), "message": message})).into_response())
}

/// Asks a connector's source now. Done is told by `properties.discovery` of the connector.
async fn run_discovery(call: &Call, connector: &ResourceId) -> Result<Response, Failure> {
    let action = "Microsoft.Security/securityConnectors/runDiscovery/action";
    call.app.authorize(&call.caller, action, connector).await?;
    scope::check_enabled(&call.app, connector)?;
    if call.app.records.get(connector).await?.is_none() {
        return Err(ApiError::not_found(connector.as_str()).into());
    }
    discovery::request(&call.app, connector).await?;
    Ok(answer::empty(202))
}

async fn alert_state(call: &Call, alert: &ResourceId, word: &str) -> Result<Response, Failure> {
    let app = &call.app;
    app.authorize(&call.caller, "Microsoft.Security/alerts/write", alert).await?;
    let status = match word {
        "dismiss" => "Dismissed",
        "resolve" => "Resolved",
        "activate" => "Active",
        _ => "InProgress",
    };
    let edit = |body: &mut Value| {
        body["properties"]["status"] = status.into();
        true
    };
    match app.records.modify(alert, &call.caller.actor, true, edit).await {
        Ok(_) => Ok(answer::empty(204)),
        Err(RecordsError::Missing(id)) => Err(ApiError::not_found(&id).into()),
        Err(error) => Err(error.into()),
    }
}

async fn incident(call: &Call, id: &ResourceId) -> Result<Resource, Failure> {
    call.app.authorize(&call.caller, "Microsoft.SecurityInsights/incidents/read", id).await?;
    Ok(call.app.records.get(id).await?.ok_or_else(|| ApiError::not_found(id.as_str()))?)
}

/// What the incident is joined to, and is still there: alerts and bookmarks.
async fn related(
    call: &Call,
    id: &ResourceId,
    wanted: impl Fn(&ResourceId) -> bool,
) -> Result<Vec<Resource>, Failure> {
    incident(call, id).await?;
    let mut out = Vec::new();
    for relation in call.app.records.list_all(id, RELATION_TYPE).await? {
        if let Some(related) = related_id(&relation).filter(&wanted) {
            out.extend(call.app.records.get(&related).await?);
        }
    }
    Ok(out)
}

async fn alerts_of(call: &Call, id: &ResourceId) -> Result<Vec<Resource>, Failure> {
    related(call, id, is_alert).await
}

async fn incident_bookmarks(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let bookmarks = related(call, id, |id| id.resource_type().eq_ignore_ascii_case(BOOKMARK_TYPE)).await?;
    Ok(answer::list(bookmarks.iter().map(answer::shown).collect(), None))
}

async fn incident_alerts(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let alerts: Vec<Value> = alerts_of(call, id).await?.iter().map(answer::shown).collect();
    Ok(answer::list(alerts, None))
}

/// The entities of all alerts, each once, with how often each kind occurs.
async fn incident_entities(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let mut entities: Vec<Value> = Vec::new();
    for alert in alerts_of(call, id).await? {
        let found = alert.body.pointer("/properties/additionalData/Entities").and_then(Value::as_array);
        for entity in found.into_iter().flatten().filter_map(|entity| entity_resource(call, entity)) {
            if !entities.contains(&entity) {
                entities.push(entity);
            }
        }
    }
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for entity in &entities {
        let kind = entity["kind"].as_str().unwrap_or_default();
        match counts.iter_mut().find(|(name, _)| *name == kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((kind, 1)),
        }
    }
    let meta: Vec<Value> =
        counts.iter().map(|(kind, count)| json!({"entityKind": kind, "count": count})).collect();
    Ok(Json(json!({"entities": entities, "metaData": meta})).into_response())
}

/// Entity types in alerts and their kinds on the ARM wire; others only change their first letter.
const KINDS: [(&str, &str); 9] = [
    ("ip", "Ip"),
    ("dns", "DnsResolution"),
    ("filehash", "FileHash"),
    ("registry-key", "RegistryKey"),
    ("registry-value", "RegistryValue"),
    ("azure-resource", "AzureResource"),
    ("cloud-application", "CloudApplication"),
    ("security-group", "SecurityGroup"),
    ("url", "Url"),
];

/// An alert's entity (`{"Type": "host", "HostName": …}`) as a resource: its id follows from its content.
fn entity_resource(call: &Call, entity: &Value) -> Option<Value> {
    let ty = entity["Type"].as_str()?;
    let kind = KINDS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(ty))
        .map_or_else(|| with_first(ty, char::to_ascii_uppercase), |(_, kind)| (*kind).to_owned());
    let members = entity.as_object()?.iter().filter(|(name, _)| *name != "Type" && !name.starts_with('$'));
    let mut properties: serde_json::Map<String, Value> =
        members.map(|(name, value)| (with_first(name, char::to_ascii_lowercase), value.clone())).collect();
    let friendly = properties.values().find_map(Value::as_str).unwrap_or_default().to_owned();
    let name =
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind}{}", Value::Object(properties.clone())).as_bytes());
    properties.insert("friendlyName".to_owned(), friendly.into());
    Some(json!({
        "id": format!("{}/providers/Microsoft.SecurityInsights/entities/{name}", call.app.home.workspace),
        "name": name,
        "type": "Microsoft.SecurityInsights/entities",
        "kind": kind,
        "properties": properties,
    }))
}

fn with_first(text: &str, change: fn(&char) -> char) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| change(&first)).into_iter().chain(chars).collect()
}
