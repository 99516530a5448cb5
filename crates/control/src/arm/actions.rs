//! POST: actions upon resources and scopes.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bartizan_api::{ApiError, types};
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{RecordsError, Resource};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::arm::{Call, answer, graph, scope};
use crate::discovery;
use crate::http::{Failure, query_value};
use crate::logs::purge;
use crate::plans::state::{self, StateQuery};

/// Alerts of an incident are joined to it by relations.
const RELATION_TYPE: &str = "Microsoft.SecurityInsights/incidents/relations";

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
        ("microsoft.policyinsights/policystates", "queryresults") => policy_states(&call, on).await,
        ("microsoft.policyinsights/policystates", "summarize") => policy_summary(&call, on).await,
        ("microsoft.security/locations/alerts", "dismiss" | "resolve" | "activate" | "inprogress") => {
            alert_state(&call, on, &lower).await
        }
        ("microsoft.securityinsights/incidents", "alerts") => incident_alerts(&call, on).await,
        ("microsoft.securityinsights/incidents", "entities") => incident_entities(&call, on).await,
        ("microsoft.securityinsights/incidents", "bookmarks") => {
            incident(&call, on).await?;
            Ok(answer::list(Vec::new(), None))
        }
        ("microsoft.security/securityconnectors", "rundiscovery") => run_discovery(&call, on).await,
        ("microsoft.operationalinsights/workspaces", "purge") => {
            purge::start(&call.app, &call.caller, on, &call.parts.headers, body).await
        }
        ("microsoft.operationalinsights/workspaces", "sharedkeys") => Err(Failure(ApiError::coded(
            ErrorKind::Conflict,
            "LocalAuthDisabled",
            "Workspaces here have no shared keys; send logs through a data collection rule.",
        ))),
        _ if types::find(&parent).is_none() => Err(types::unknown(resource_type).into()),
        _ => Err(Failure(ApiError::coded(
            ErrorKind::NotFound,
            "InvalidAction",
            format!("There is no action `{word}` on `{on}`."),
        ))),
    }
}

/// The scope that `…/providers/Microsoft.PolicyInsights/policyStates/latest` hangs on.
fn state_scope(call: &Call, states: &ResourceId) -> Result<ResourceId, Failure> {
    if !states.name().eq_ignore_ascii_case("latest") {
        return Err(ApiError::invalid("Only the states `latest` are kept.").into());
    }
    Ok(states.parent().unwrap_or_else(|| call.app.home.subscription_id()))
}

async fn policy_states(call: &Call, states: &ResourceId) -> Result<Response, Failure> {
    let scope = state_scope(call, states)?;
    call.app
        .authorize(&call.caller, "Microsoft.PolicyInsights/policyStates/queryResults/read", &scope)
        .await?;
    let number = |name: &str| query_value(&call.parts.uri, name).and_then(|text| text.parse().ok());
    let query = StateQuery {
        filter: query_value(&call.parts.uri, "$filter"),
        top: number("$top"),
        skip: number("$skiptoken").unwrap_or(0),
    };
    match state::query(&call.app.records, &scope, &query).await? {
        Ok(answer) => Ok(Json(answer).into_response()),
        Err(error) => {
            Err(ApiError::coded(ErrorKind::Invalid, "InvalidFilterInQueryString", error.to_string()).into())
        }
    }
}

async fn policy_summary(call: &Call, states: &ResourceId) -> Result<Response, Failure> {
    let scope = state_scope(call, states)?;
    call.app.authorize(&call.caller, "Microsoft.PolicyInsights/policyStates/summarize/read", &scope).await?;
    Ok(Json(state::summarize(&call.app.records, &scope).await?).into_response())
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

async fn alerts_of(call: &Call, id: &ResourceId) -> Result<Vec<Resource>, Failure> {
    incident(call, id).await?;
    let mut out = Vec::new();
    for relation in call.app.records.list_all(id, RELATION_TYPE).await? {
        let related = relation.property("relatedResourceId").and_then(Value::as_str);
        let related = related.and_then(|related| ResourceId::parse(related).ok());
        // Who may write relations would else read whatever they point to.
        let shown = |id: &ResourceId| {
            let ty = id.resource_type().to_ascii_lowercase();
            ty.starts_with("microsoft.securityinsights/") || ty == "microsoft.security/locations/alerts"
        };
        if let Some(related) = related.filter(shown) {
            out.extend(call.app.records.get(&related).await?);
        }
    }
    Ok(out)
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
