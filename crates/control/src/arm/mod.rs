//! The ARM door: generic reads and writes of resources, with a [`kind::Kind`] per type that needs more.
//!
//! A request is understood in one order: who (the extractor), what the path names, which api-version, may
//! they, does the scope exist, is the body right, do policies allow it. Then the record is written and the
//! answer made.

mod actions;
mod answer;
mod associations;
mod batch;
mod expand;
mod filter;
mod graph;
mod kind;
mod kinds;
mod list;
mod management;
mod merge;
mod moving;
mod operations;
pub(crate) mod prices;
mod read;
mod scope;
mod sight;
mod subscriptions;
mod tags;
mod tenant;
mod turns;
mod views;
mod write;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use bartizan_api::{ApiError, Target, types, versions};
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_policy::{Denial, Request};
use http::Method;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, query_value};

pub(crate) use answer::shown;
pub(crate) use batch::routes;
pub(crate) use graph::{GraphRows, keep as keep_graph_rows};
pub(crate) use list::{after as page_after, next_link};
pub(crate) use sight::Sight;
pub(crate) use turns::Turns;
pub(crate) use write::rewrite;

/// A request at the ARM door, past the extractors.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) caller: Caller,
    pub(crate) parts: Parts,
}

/// Answers every request whose path starts with `/subscriptions`, `/providers` or `/tenants`.
pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    // Machines have their own doors.
    caller.principal()?;
    let path = percent_decode(parts.uri.path())?;
    let target = Target::parse(&path)?;
    let version = query_value(&parts.uri, "api-version");
    versions::check(namespace(&target), version.as_deref())?;
    // As of now; what follows looks at the same. Of a batch's parts only the first has a caller just looked up.
    if !caller.has_look() {
        app.access_map().await?;
    }
    scope::check_target(&app, &target, &parts.method)?;
    let is_read = matches!(parts.method, Method::GET | Method::HEAD);
    if !is_read && namespace(&target).eq_ignore_ascii_case("Microsoft.OperationalInsights") {
        // Tables and their settings are kept beside the logs.
        app.must_lead().await?;
    }
    let call = Call { app, caller, parts };
    let of = |name: &str| namespace(&target).eq_ignore_ascii_case(name);
    let (management, subscription) = (of(management::NAMESPACE), of(subscriptions::NAMESPACE));
    match (target, call.parts.method.clone()) {
        (Target::Resource(id), _) if management => management::one(&call, &id, body).await,
        (Target::Below { scope, word, .. }, Method::GET | Method::POST) if management => {
            management::many(&call, &scope, &word, body).await
        }
        (Target::Resource(id), _) if subscription => subscriptions::alias(&call, &id, body).await,
        (Target::Below { .. }, Method::GET) if subscription => subscriptions::aliases(&call).await,
        (Target::Below { scope, word, .. }, Method::POST) if subscription => {
            subscriptions::act(&call, &scope, &word, body).await
        }
        (Target::Resource(id), Method::GET | Method::HEAD) if scope::is_subscription(&id) => {
            subscriptions::get(&call, &id).await
        }
        (Target::Resource(id), _) if tags::is_tags(&id) => tags::handle(&call, &id, body).await,
        (Target::Resource(id), Method::GET | Method::HEAD) => read::get(&call, &id).await,
        (Target::Resource(id), Method::PUT) => write::put(call, id, body).await,
        (Target::Resource(id), Method::PATCH) => write::patch(call, id, body).await,
        (Target::Resource(id), Method::DELETE) => write::delete(&call, &id).await,
        (Target::Below { scope, resource_type, .. }, Method::GET) => {
            list::of_type(&call, &scope, &resource_type).await
        }
        (Target::Below { scope, word, resource_type }, Method::POST) => {
            actions::act(call, &scope, &resource_type, &word, body).await
        }
        (Target::Subscriptions, Method::GET) => subscriptions::list(&call).await,
        (Target::Tenants, Method::GET) => tenant::tenants(&call),
        (Target::ResourceGroups(scope), Method::GET) => list::of_type(&call, &scope, scope::GROUP_TYPE).await,
        (Target::Scope { scope, word }, Method::GET) => list::word(&call, &scope, &word).await,
        (Target::Scope { scope, word }, Method::POST) if moving::is_word(&scope, &word) => {
            moving::act(&call, &scope, word.eq_ignore_ascii_case("validateMoveResources"), body).await
        }
        (Target::Operation { scope, status, name }, Method::GET) => {
            operations::get(&call, &scope, status, &name).await
        }
        (Target::Providers { namespace, word }, Method::GET | Method::POST) => {
            tenant::providers(&call, namespace.as_deref(), word.as_deref())
        }
        (_, method) => {
            let text = format!("{method} is not supported at `{path}`.");
            Err(Failure(ApiError::method_not_allowed(text)))
        }
    }
}

/// Checks that machines can join `group`: it exists, and its subscription is enabled.
pub(crate) async fn check_group(app: &App, group: &ResourceId) -> Result<(), Failure> {
    app.access_map().await?;
    scope::check_enabled(app, group)?;
    scope::check_subscription(app, group)?;
    scope::group(app, group).await.map(drop)
}

/// The error of a write or deletion that policies forbid: each policy with the comparisons that led there.
pub(crate) fn disallowed(id: &ResourceId, denials: &[Denial]) -> Failure {
    let messages: Vec<String> = denials.iter().map(|denial| denial.message(id)).collect();
    let error = ApiError::coded(ErrorKind::Forbidden, "RequestDisallowedByPolicy", messages.join("; "));
    let additional_info = Some(Box::new(denials.iter().map(Denial::to_json).collect()));
    Failure(ApiError { target: Some(id.name().to_owned()), additional_info, ..error })
}

/// The request as policies see it.
fn policy_request(call: &Call) -> Request {
    Request {
        api_version: query_value(&call.parts.uri, "api-version").unwrap_or_default().to_string(),
        principal_id: call.caller.actor.object_id.to_string(),
    }
}

fn namespace(target: &Target) -> &str {
    match target {
        Target::Below { resource_type, .. } => resource_type.split('/').next().unwrap_or_default(),
        Target::Resource(id) => {
            let text = id.as_str();
            let at = id.key().rfind("/providers/").map(|at| at + "/providers/".len());
            at.map_or("Microsoft.Resources", |at| text[at..].split('/').next().unwrap_or_default())
        }
        _ => "Microsoft.Resources",
    }
}

fn percent_decode(path: &str) -> Result<String, Failure> {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let hex = path.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
            let byte = hex.ok_or_else(|| ApiError::invalid("The path has a broken %-escape."))?;
            // Whoever checked the path on its way here saw other segments than we would.
            if matches!(byte, b'/' | b'\\' | 0) {
                let text = "The path has an escaped `/`, `\\` or NUL, which no name has.";
                return Err(ApiError::coded(ErrorKind::Invalid, "InvalidResourceId", text).into());
            }
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).map_err(|_| ApiError::invalid("The path is not UTF-8.").into())
}

/// The type row of a resource, or ARM's error for types that nobody provides.
fn type_info(resource_type: &str) -> Result<&'static types::TypeInfo, Failure> {
    types::find(resource_type).ok_or_else(|| types::unknown(resource_type).into())
}
