//! Enrolment: a token becomes a machine resource and a client certificate.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, Timespan};
use bartizan_policy::Request;
use bartizan_records::{Actor, ActorKind, Agent, Condition, SecretKind, Write};
use bartizan_wire::{EnrolRequest, EnrolResponse};
use http::header;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::access::{Caller, PeerAddress, bearer};
use crate::agents::{AGENT_BODY_MAX, presence, resource};
use crate::app::App;
use crate::http::{Failure, header as header_text, read_json};
use crate::plans::admission;

const MACHINES: &str = "providers/Microsoft.HybridCompute/machines";

/// What the credential allows: where, and what it adds.
struct Grant {
    /// The one group of an onboarding token; who comes with an access token chooses, and is asked about it.
    group: Result<ResourceId, Caller>,
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
    let group = place(&app, &request, &grant).await?;
    let wanted =
        if request.resource_name.is_empty() { &request.facts.host_name } else { &request.resource_name };
    let machine = machine_id(&group, wanted)?;
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
    let writer = Request { api_version: String::new(), principal_id: grant.by.object_id.to_string() };
    let admission = admission::admit(&app.records, &machine, &body, &writer, now).await?;
    let body = admission.map_err(|denials| crate::arm::disallowed(&machine, &denials))?.body;
    let write = Write { id: machine.clone(), body, condition: Condition::None, actor: grant.by, audit: true };
    let machine = app.records.put_in_group(write).await?.resource.id;
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
        let by = caller.actor.clone();
        return Ok(Grant { group: Err(caller), location, tags: Map::new(), by });
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
    let home = app.home.subscription.to_string();
    let group = group_id(
        text("subscription").unwrap_or(&home),
        text("resourceGroup").unwrap_or(&app.home.resource_group),
    )?;
    let ip = parts.extensions.get::<PeerAddress>().map(|peer| peer.0.ip().to_string());
    Ok(Grant {
        group: Ok(group),
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

fn group_id(subscription: &str, name: &str) -> Result<ResourceId, Failure> {
    let text = format!("/subscriptions/{subscription}/resourceGroups/{name}");
    ResourceId::parse(&text).map_err(|error| ApiError::field("resourceGroup", error.to_string()).into())
}

/// The group that the machine joins. What the request repeats must be the server's and the token's own; a bearer of
/// an access token names any group in which it may write machines.
async fn place(app: &App, request: &EnrolRequest, grant: &Grant) -> Result<ResourceId, Failure> {
    let wrong = |what: &str, asked: String, have: &str| {
        Err(Failure(ApiError::new(
            ErrorKind::Forbidden,
            format!("This token enrols machines into {what} `{have}`, not `{asked}`."),
        )))
    };
    if let Some(tenant) = request.tenant_id.filter(|tenant| *tenant != app.home.tenant) {
        return wrong("tenant", tenant.to_string(), &app.home.tenant.to_string());
    }
    let subscription = request.subscription_id.map(|id| id.to_string());
    let asked = request.resource_group.as_deref().filter(|group| !group.is_empty());
    let group = match &grant.group {
        Ok(group) => {
            let own = group.subscription().unwrap_or_default();
            if let Some(id) = subscription.filter(|id| !id.eq_ignore_ascii_case(own)) {
                return wrong("subscription", id, own);
            }
            if let Some(asked) = asked.filter(|asked| !asked.eq_ignore_ascii_case(group.name())) {
                return wrong("resource group", asked.to_owned(), group.name());
            }
            group.clone()
        }
        Err(caller) => {
            let subscription = subscription.unwrap_or_else(|| app.home.subscription.to_string());
            let group = group_id(&subscription, asked.unwrap_or(&app.home.resource_group))?;
            app.authorize(caller, "Microsoft.HybridCompute/machines/write", &group).await?;
            group
        }
    };
    crate::arm::check_group(app, &group).await?;
    Ok(group)
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
