//! Enrolment: a token becomes a machine resource and a client certificate.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, Timespan};
use bartizan_records::{Actor, ActorKind, Agent, Condition, SecretKind, Write};
use bartizan_wire::{EnrolRequest, EnrolResponse};
use http::header;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::access::{Caller, PeerAddress, bearer};
use crate::agents::{AGENT_BODY_MAX, presence, resource};
use crate::app::App;
use crate::http::{Failure, header as header_text, read_json};

const MACHINES: &str = "providers/Microsoft.HybridCompute/machines";

/// What the credential allows: where, and what it adds.
struct Grant {
    group: ResourceId,
    location: String,
    tags: Map<String, Value>,
    by: Actor,
}

pub(super) async fn enrol(
    State(app): State<Arc<App>>,
    mut parts: Parts,
    body: Body,
) -> Result<Json<EnrolResponse>, Failure> {
    let grant = grant(&app, &mut parts).await?;
    let request: EnrolRequest = read_json(&parts.headers, body, AGENT_BODY_MAX).await?;
    check_place(&app, &request, &grant)?;
    let wanted =
        if request.resource_name.is_empty() { &request.facts.host_name } else { &request.resource_name };
    let machine = machine_id(&grant.group, wanted)?;
    refuse_if_alive(&app, &machine).await?;

    let now = app.clock.now();
    let vm_id = Uuid::new_v4();
    let certificate = app.pki.agents.issue(&request.csr, vm_id, now)?;
    let before = app.records.get(&machine).await?;
    let mut body = before.map_or_else(|| json!({"properties": {}}), |before| before.body);
    let mut tags = grant.tags;
    tags.extend(request.tags.iter().map(|(key, value)| (key.clone(), value.as_str().into())));
    if !tags.is_empty() {
        body["tags"] = tags.into();
    }
    body["location"] =
        if request.location.is_empty() { grant.location } else { request.location.clone() }.into();
    resource::describe(&mut body, &request.facts, &request.agent_version);
    resource::set_status(&mut body, "Connected", now);
    body["properties"]["vmId"] = vm_id.to_string().into();
    body["properties"]["provisioningState"] = "Succeeded".into();
    if let Some(denial) = crate::plans::check_write(&app.records, &machine, &body, now).await? {
        return Err(crate::arm::disallowed(&machine, &denial));
    }
    let write = Write { id: machine.clone(), body, condition: Condition::None, actor: grant.by, audit: true };
    let machine = app.records.put(write).await?.resource.id;
    let agent = Agent {
        vm_id,
        machine: machine.clone(),
        serial: certificate.serial,
        previous_serial: String::new(),
        enrolled: now,
        last_seen: now,
        agent_version: request.agent_version,
    };
    app.records.put_agent(&agent).await?;
    tracing::info!(machine = machine.as_str(), %vm_id, "machine connected");
    Ok(Json(EnrolResponse {
        machine_id: machine,
        vm_id,
        tenant_id: app.home.tenant,
        certificate: certificate.pem,
        server_ca: app.pki.server_ca.clone(),
        certificate_expires: certificate.expires,
    }))
}

/// An onboarding token, or the access token of somebody who may write machines.
async fn grant(app: &Arc<App>, parts: &mut Parts) -> Result<Grant, Failure> {
    let token =
        bearer(header_text(&parts.headers, header::AUTHORIZATION.as_str())).unwrap_or_default().to_owned();
    if token.is_empty() {
        return Err(Failure::unauthenticated(
            "An onboarding token is needed as `Authorization: Bearer <token>`.",
        ));
    }
    let location = app.home.location.clone();
    if token.contains('.') {
        let caller = Caller::from_request_parts(parts, app).await?;
        let group = app.home.group_id();
        app.authorize(&caller, "Microsoft.HybridCompute/machines/write", &group).await?;
        return Ok(Grant { group, location, tags: Map::new(), by: caller.actor });
    }
    let from = PeerAddress::ip(&parts.extensions);
    app.throttle.check(from, app.clock.now())?;
    let Some(secret) = app.records.use_secret(SecretKind::OnboardingToken, &token).await? else {
        app.throttle.failed(from, app.clock.now());
        return Err(Failure(ApiError::coded(
            ErrorKind::Unauthenticated,
            "InvalidOnboardingToken",
            "The onboarding token is unknown, used up or expired; make a new one in the portal under Servers, Add.",
        )));
    };
    let text = |name: &str| secret.data[name].as_str().filter(|text| !text.is_empty());
    let group = match text("resourceGroup") {
        Some(name) => app.home.subscription_id().join(&format!("resourceGroups/{name}")),
        None => Ok(app.home.group_id()),
    };
    let ip = parts.extensions.get::<PeerAddress>().map(|peer| peer.0.ip().to_string());
    Ok(Grant {
        group: group.map_err(|error| ApiError::invalid(error.to_string()))?,
        location: text("location").map_or(location, str::to_owned),
        tags: secret.data["tags"].as_object().cloned().unwrap_or_default(),
        by: Actor {
            name: "onboarding token".to_owned(),
            object_id: Uuid::parse_str(&secret.subject).unwrap_or_default(),
            kind: ActorKind::Agent,
            ip,
        },
    })
}

/// Parameters that the request repeats must be the server's and the token's own.
fn check_place(app: &App, request: &EnrolRequest, grant: &Grant) -> Result<(), Failure> {
    let wrong = |what: &str, asked: String, have: &str| {
        Err(Failure(ApiError::new(
            ErrorKind::Forbidden,
            format!("This token enrols machines into {what} `{have}`, not `{asked}`."),
        )))
    };
    if let Some(tenant) = request.tenant_id.filter(|tenant| *tenant != app.home.tenant) {
        return wrong("tenant", tenant.to_string(), &app.home.tenant.to_string());
    }
    if let Some(id) = request.subscription_id.filter(|id| *id != app.home.subscription) {
        return wrong("subscription", id.to_string(), &app.home.subscription.to_string());
    }
    let asked = request.resource_group.as_deref().filter(|group| !group.is_empty());
    if let Some(group) = asked.filter(|group| !group.eq_ignore_ascii_case(grant.group.name())) {
        return wrong("resource group", group.to_owned(), grant.group.name());
    }
    Ok(())
}

/// Azure's rule for machine names: letters, digits, `-`, `_` and `.`, at most 54 of them.
fn machine_id(group: &ResourceId, name: &str) -> Result<ResourceId, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 54 || !name.chars().all(plain) {
        let shown: String = name.chars().take(80).collect();
        let text =
            format!("`{shown}` is not a name for a machine: 1 to 54 letters, digits, `-`, `_` and `.`");
        return Err(ApiError::field("resourceName", text).into());
    }
    group.join(&format!("{MACHINES}/{name}")).map_err(|error| ApiError::invalid(error.to_string()).into())
}

/// A token must not take a machine away from the agent that is speaking for it right now.
async fn refuse_if_alive(app: &App, machine: &ResourceId) -> Result<(), Failure> {
    let limit = app.clock.now() - Timespan::from_duration(presence::SILENCE_MAX);
    let agents = app.records.agents().await?;
    if agents.iter().any(|agent| {
        agent.machine == *machine && agent.last_seen > limit && agent.last_seen != agent.enrolled
    }) {
        let name = machine.name();
        return Err(Failure(ApiError::new(
            ErrorKind::Conflict,
            format!(
                "Machine `{name}` is connected. Disconnect it first, choose another --resource-name, or try again {} minutes after its agent stopped.",
                presence::SILENCE_MAX.as_secs() / 60
            ),
        )));
    }
    Ok(())
}
