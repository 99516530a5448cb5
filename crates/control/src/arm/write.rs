//! PUT, PATCH and DELETE of one resource.

use axum::body::Body;
use axum::response::Response;
use bartizan_api::ApiError;
use bartizan_api::types::TypeInfo;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_policy::Admission;
use bartizan_records::{Actor, Condition, RecordsError, Resource, Write};
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::access::group_segment;
use crate::app::App;
use crate::arm::kind::Draft;
use crate::arm::merge::merge;
use crate::arm::{Call, answer, disallowed, kinds, operations, policy_request, scope, type_info};
use crate::http::{Failure, header as header_text, read_json};
use crate::plans::{admission, events};
use crate::policy::remediation::REMEDIATION_TYPE;

/// Largest body of a resource; a policy definition may have 1 MiB.
const RESOURCE_BODY_MAX: usize = 4 << 20;
/// What management groups hand down, roles and policies, what is asked of policies there, and what the root one has for the
/// whole tenant.
const ON_GROUPS: [&str; 3] =
    ["Microsoft.Authorization/", REMEDIATION_TYPE, "Bartizan.Security/tenantSettings"];
/// A write without a condition of its client's is made this often when the server itself writes in between.
const ATTEMPTS: u32 = 50;
/// Members that say where a resource is, not what it is.
const ENVELOPE: [&str; 5] = ["id", "name", "type", "etag", "systemData"];

pub(super) async fn put(call: Call, id: ResourceId, body: Body) -> Result<Response, Failure> {
    let info = writable(&call, &id).await?;
    let sent: Map<String, Value> = read_json(&call.parts.headers, body, RESOURCE_BODY_MAX).await?;
    let wanted = condition(&call.parts.headers, sent.get("etag"))?;
    let _turn = call.app.turns.of(&id).await;
    let mut left = attempts(&wanted);
    loop {
        let before = call.app.records.get(&id).await?;
        let outcome = store(&call, info, &id, before, Value::Object(sent.clone()), wanted.clone()).await;
        left -= 1;
        if left == 0 || !overtaken(&outcome) {
            return outcome;
        }
    }
}

pub(super) async fn patch(call: Call, id: ResourceId, body: Body) -> Result<Response, Failure> {
    let info = writable(&call, &id).await?;
    let sent: Map<String, Value> = read_json(&call.parts.headers, body, RESOURCE_BODY_MAX).await?;
    let wanted = condition(&call.parts.headers, sent.get("etag"))?;
    let _turn = call.app.turns.of(&id).await;
    let mut left = attempts(&wanted);
    loop {
        let before = call.app.records.get(&id).await?;
        let mut body = match &before {
            Some(before) => before.body.clone(),
            None => {
                // A default can be changed like anything that is stored.
                let default = kinds::find(info.name).absent(&call.app, &id).await?;
                default.ok_or_else(|| ApiError::not_found(id.as_str()))?.body
            }
        };
        merge(&mut body, Value::Object(sent.clone()));
        let outcome = store(&call, info, &id, before, body, wanted.clone()).await;
        left -= 1;
        if left == 0 || !overtaken(&outcome) {
            return outcome;
        }
    }
}

/// How often a write is made until nobody wrote in between: what was read must still be there when the result is
/// written. A client's own condition is its own to judge, so its write is made once.
fn attempts(wanted: &Condition) -> u32 {
    if *wanted == Condition::None { ATTEMPTS } else { 1 }
}

fn overtaken(outcome: &Result<Response, Failure>) -> bool {
    matches!(outcome, Err(Failure(error)) if error.kind == ErrorKind::Precondition)
}

pub(super) async fn delete(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    let resource_type = id.resource_type();
    let info = type_info(&resource_type)?;
    app.authorize(&call.caller, &format!("{}/delete", info.name), id).await?;
    if !info.deletable {
        return Err(read_only(info));
    }
    let _turn = app.turns.of(id).await;
    let kind = kinds::find(&resource_type);
    let stored = match app.records.get(id).await? {
        Some(stored) => Some(stored),
        None => kind.absent(app, id).await?,
    };
    let Some(stored) = stored else { return Ok(answer::empty(204)) };
    let done = || {
        // Clients of these read what was deleted from the answer.
        if info.deleted == 200 && ON_GROUPS.iter().any(|prefix| info.name.starts_with(prefix)) {
            return answer::resource(200, &stored);
        }
        answer::empty(info.deleted)
    };
    let now = app.clock.now();
    let request = policy_request(call);
    admission::admit_deletion(&app.records, id, &stored.body, false, &request, now)
        .await?
        .map_err(|denials| disallowed(id, &denials))?;
    if kind.delete(app, &call.caller, &stored).await? {
        return Ok(done());
    }
    if info.name == scope::GROUP_TYPE {
        admission::admit_group_deletion(&app.records, id, &request, now)
            .await?
            .map_err(|denials| disallowed(id, &denials))?;
        return operations::delete_group(call, &stored).await;
    }
    let if_match =
        Some(header_text(&call.parts.headers, header::IF_MATCH.as_str())).filter(|text| !text.is_empty());
    let gone = app.records.delete(id, &call.caller.actor, if_match).await?;
    Ok(if gone { done() } else { answer::empty(204) })
}

async fn writable(call: &Call, id: &ResourceId) -> Result<&'static TypeInfo, Failure> {
    let info = type_info(&id.resource_type())?;
    if group_segment(id).is_some() && !ON_GROUPS.iter().any(|prefix| info.name.starts_with(prefix)) {
        let text = format!("Resources of type `{}` cannot hang on a management group.", info.name);
        return Err(ApiError::coded(ErrorKind::Invalid, "InvalidScope", text).into());
    }
    call.app.authorize(&call.caller, &format!("{}/write", info.name), id).await?;
    if !info.writable {
        return Err(read_only(info));
    }
    scope::check(&call.app, id).await?;
    scope::check_home_only(&call.app, id)?;
    scope::check_lasting(&call.app, id).await?;
    Ok(info)
}

fn read_only(info: &TypeInfo) -> Failure {
    Failure(ApiError::coded(
        ErrorKind::Invalid,
        "OperationNotSupported",
        format!(
            "Resources of type `{}` are made by the server; this version has no writes for them.",
            info.name
        ),
    ))
}

async fn store(
    call: &Call,
    info: &TypeInfo,
    id: &ResourceId,
    before: Option<Resource>,
    body: Value,
    condition: Condition,
) -> Result<Response, Failure> {
    let app = &call.app;
    let kind = kinds::find(info.name);
    let mut draft = Draft { id, caller: &call.caller, before: before.as_ref(), body, aside: None };
    tidy(&mut draft.body)?;
    // How far the server is with a resource is the server's to say.
    draft.keep(&["provisioningState"]);
    let condition = match (condition, draft.before) {
        (Condition::None, Some(before)) => Condition::IfMatch(before.etag.clone()),
        (Condition::None, None) => Condition::IfNoneMatch,
        (condition, _) => condition,
    };
    kind.prepare(app, &mut draft).await?;
    let (body, aside) = (draft.body, draft.aside);
    let admission = admitted(call, id, &body).await?;
    let (body, actor) = (admission.body.clone(), call.caller.actor.clone());
    let rival = kind.rival(id, &body);
    let write = Write { id: id.clone(), body, condition, actor, audit: true };
    let written = match rival {
        None => app.records.put_in_group(write).await?,
        Some(rival) => app.records.put_without_rival(write, rival).await?,
    };
    events::written(&app.records, id, &admission, &policy_request(call), app.clock.now()).await?;
    kind.written(app, &written).await?;
    if let Some(aside) = aside {
        kind.fill(app, &call.caller, &written, aside).await?;
    }
    // The hook may have changed it.
    let mut current = app.records.get(id).await?.ok_or_else(|| RecordsError::Missing(id.to_string()))?;
    kind.present(app, &mut current).await?;
    let status = match (&call.parts.method, written.created) {
        (&http::Method::PATCH, _) => 200,
        (_, true) => info.created,
        (_, false) => info.updated,
    };
    Ok(answer::resource(status, &current))
}

/// Writes what a policy's `modify` makes of a stored resource, with what follows from any write of its type. Whether it
/// may is the caller's to ask.
///
/// # Errors
/// When the body is no resource's, or somebody else has written it since it was read.
pub(crate) async fn rewrite(
    app: &App,
    stored: &Resource,
    mut body: Value,
    actor: Actor,
) -> Result<(), Failure> {
    tidy(&mut body)?;
    let id = stored.id.clone();
    let condition = Condition::IfMatch(stored.etag.clone());
    let _turn = app.turns.of(&id).await;
    let written = app.records.put_in_group(Write { id, body, condition, actor, audit: true }).await?;
    kinds::find(&stored.resource_type).written(app, &written).await
}

/// The body to write: what policies make of the one that was sent.
async fn admitted(call: &Call, id: &ResourceId, body: &Value) -> Result<Admission, Failure> {
    let app = &call.app;
    let request = policy_request(call);
    let admission = admission::admit(&app.records, id, body, &request, app.clock.now()).await?;
    let mut admission = admission.map_err(|denials| disallowed(id, &denials))?;
    if !admission.changed_by.is_empty() {
        tidy(&mut admission.body)?;
    }
    Ok(admission)
}

/// Checks the parts that all resources share.
fn tidy(body: &mut Value) -> Result<(), Failure> {
    let Some(members) = body.as_object_mut() else {
        return Err(ApiError::coded(
            ErrorKind::Invalid,
            "InvalidRequestContent",
            "The body must be a JSON object.",
        )
        .into());
    };
    for name in ENVELOPE {
        members.shift_remove(name);
    }
    if members.get("properties").is_none_or(Value::is_null) {
        members.insert("properties".to_owned(), Value::Object(Map::new()));
    }
    let wrong = |path: &str, text: &str| Err(Failure(ApiError::field(path, text)));
    if members.values().any(|value| deeper(value, DEPTH_MAX)) {
        return wrong("properties", "the body nests more than 48 deep");
    }
    if !members["properties"].is_object() {
        return wrong("properties", "`properties` must be an object");
    }
    match members.get("location") {
        None | Some(Value::String(_)) => {}
        Some(Value::Null) => drop(members.shift_remove("location")),
        Some(_) => return wrong("location", "`location` must be text"),
    }
    match members.get("tags") {
        None => {}
        Some(Value::Null) => drop(members.shift_remove("tags")),
        Some(Value::Object(tags)) if tags.len() <= TAGS_MAX && tags.values().all(Value::is_string) => {}
        Some(_) => return wrong("tags", "`tags` must be an object of at most 50 texts"),
    }
    Ok(())
}

/// Bodies go into columns of the log store, which takes a little more than this.
const DEPTH_MAX: usize = 48;

/// Whether `value` nests more than `levels` deep.
fn deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| deeper(item, levels - 1)),
        Value::Object(members) => levels == 0 || members.values().any(|member| deeper(member, levels - 1)),
        _ => false,
    }
}

/// Azure's limit.
pub(super) const TAGS_MAX: usize = 50;

/// `If-Match` and `If-None-Match`, or the etag in the body that Sentinel's clients send.
fn condition(headers: &HeaderMap, etag: Option<&Value>) -> Result<Condition, Failure> {
    let if_match = header_text(headers, header::IF_MATCH.as_str());
    let if_none_match = header_text(headers, header::IF_NONE_MATCH.as_str());
    let in_body = etag.and_then(Value::as_str).filter(|etag| !etag.is_empty());
    match (if_match, if_none_match) {
        ("", "") => Ok(in_body.map_or(Condition::None, |etag| Condition::IfMatch(etag.to_owned()))),
        ("", "*") => Ok(Condition::IfNoneMatch),
        (etag, "") => Ok(Condition::IfMatch(etag.to_owned())),
        _ => {
            Err(ApiError::invalid("Of If-None-Match only `*` is supported, and not together with If-Match.")
                .into())
        }
    }
}
