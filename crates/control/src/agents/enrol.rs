//! Enrolment: a token becomes a machine resource and a client certificate.
//!
//! A token of direct onboarding makes a machine that has the sensor only. When such a machine comes again with another
//! credential, and with the certificate that it has, it stays one machine: it keeps its `vmId`, goes where the credential
//! says, and policies give it the rest.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, Timespan};
use bartizan_policy::Request;
use bartizan_records::{Actor, ActorKind, Agent, Condition, RecordsError, Resource, SecretKind, Write};
use bartizan_wire::{EnrolRequest, EnrolResponse};
use http::header;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::access::{Caller, PeerAddress, agent_beside, bearer};
use crate::agents::{AGENT_BODY_MAX, resource};
use crate::app::App;
use crate::http::{Failure, header as header_text, read_json};
use crate::plans::{admission, direct, events};

const MACHINES: &str = "providers/Microsoft.HybridCompute/machines";

/// What the credential allows: where, and what it adds.
struct Grant {
    /// The one group of an onboarding token; who comes with an access token chooses, and is asked about it.
    group: Result<ResourceId, Caller>,
    location: String,
    tags: Map<String, Value>,
    by: Actor,
    /// The machine gets the sensor only.
    direct: bool,
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
    let joins = joins(&app, &parts, &grant, &machine).await?;
    if joins.as_ref().is_none_or(|(agent, _)| agent.machine != machine) {
        refuse_if_alive(&app, &machine).await?;
    }

    let now = app.clock.now();
    let vm_id = joins.as_ref().map_or_else(Uuid::new_v4, |(agent, _)| agent.vm_id);
    let certificate = app.pki.agents.issue(&request.csr, vm_id, now)?;
    let before = app.records.get(&machine).await?.or_else(|| joins.as_ref().map(|(_, was)| was.clone()));
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
    match grant.direct {
        true => body["properties"][direct::MARK] = direct::DIRECT.into(),
        false => drop(body["properties"].as_object_mut().and_then(|p| p.shift_remove(direct::MARK))),
    }
    let writer = Request { api_version: String::new(), principal_id: grant.by.object_id.to_string() };
    let admission = admission::admit(&app.records, &machine, &body, &writer, now).await?;
    let admission = admission.map_err(|denials| crate::arm::disallowed(&machine, &denials))?;
    let body = admission.body.clone();
    let actor = grant.by.clone();
    let write = Write { id: machine.clone(), body, condition: Condition::None, actor: grant.by, audit: true };
    let machine = app.records.put_in_group(write).await?.resource.id;
    events::written(&app.records, &machine, &admission, &writer, now).await?;
    let agent = Agent {
        vm_id,
        machine: machine.clone(),
        serial: certificate.serial,
        // The agent that runs goes on with the old one until it is started again.
        previous_serial: joins.as_ref().map(|(agent, _)| agent.serial.clone()).unwrap_or_default(),
        enrolled: now,
        last_seen: now,
        agent_version: request.agent_version,
    };
    app.records.put_agent(&agent).await?;
    if let Some((_, was)) = joins {
        direct::hand_over(&app.records, &was.id, &machine, &actor).await?;
        if was.id != machine {
            app.records.delete(&was.id, &actor, None).await?;
        }
    }
    tracing::info!(machine = machine.as_str(), %vm_id, direct = grant.direct, "machine connected");
    Ok(Json(EnrolResponse {
        machine_id: machine,
        vm_id,
        tenant_id: app.home.tenant,
        certificate: certificate.pem,
        server_ca: app.pki.server_ca.clone(),
        certificate_expires: certificate.expires,
        direct: grant.direct,
    }))
}

/// The directly onboarded machine that the caller is by its certificate, if it comes to be connected fully; or the very
/// machine that it asks for, when an answer was lost.
async fn joins(
    app: &App,
    parts: &Parts,
    grant: &Grant,
    wanted: &ResourceId,
) -> Result<Option<(Agent, Resource)>, Failure> {
    if grant.direct {
        return Ok(None);
    }
    let Some(agent) = agent_beside(parts, app).await else { return Ok(None) };
    let Some(machine) = app.records.get(&agent.machine).await? else { return Ok(None) };
    let same = direct::is_direct(&machine.body) || machine.id == *wanted;
    Ok(same.then_some((agent, machine)))
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
        return Ok(Grant { group: Err(caller), location, tags: Map::new(), by, direct: false });
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
    let direct = secret.data["direct"] == true;
    let group = if direct {
        direct_group(app).await?
    } else {
        group_id(
            text("subscription").unwrap_or(&home),
            text("resourceGroup").unwrap_or(&app.home.resource_group),
        )?
    };
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
        direct,
    })
}

/// The group of directly onboarded machines in the designated subscription, made when it is missing.
async fn direct_group(app: &App) -> Result<ResourceId, Failure> {
    let Some(subscription) = direct::designated(&app.records).await? else {
        let text = format!(
            "Direct onboarding is off: no subscription is designated. An owner turns it on in Environment settings, Direct \
             onboarding (extension `{}` of a subscription's plan `VirtualMachines`).",
            direct::DESIGNATES
        );
        return Err(Failure(ApiError::coded(ErrorKind::Conflict, "DirectOnboardingOff", text)));
    };
    let group = group_id(subscription.subscription().unwrap_or_default(), direct::GROUP)?;
    if app.records.get(&group).await?.is_none() {
        let body = json!({"location": app.home.location, "properties": {"provisioningState": "Succeeded"}});
        let condition = Condition::IfNoneMatch;
        let write = Write { id: group.clone(), body, condition, actor: direct::actor(), audit: true };
        match app.records.put(write).await {
            Ok(_) | Err(RecordsError::Exists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(group)
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
    let limit = app.clock.now() - Timespan::from_duration(app.silence);
    let Some(agent) = app.records.agent_of(machine).await? else { return Ok(()) };
    let heard = app.heard.of(agent.vm_id).unwrap_or(agent.last_seen);
    if heard > limit && heard != agent.enrolled {
        let name = machine.name();
        return Err(Failure(ApiError::new(
            ErrorKind::Conflict,
            format!(
                "Machine `{name}` is connected. Disconnect it first, choose another --resource-name, or try again {} seconds after its agent stopped.",
                app.silence.as_secs()
            ),
        )));
    }
    Ok(())
}
