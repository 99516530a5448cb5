//! The ARM door: generic reads and writes of resources, with a [`kind::Kind`] per type that needs more.
//!
//! A request is understood in one order: who (the extractor), what the path names, which api-version, may
//! they, does the scope exist, is the body right, do policies allow it. Then the record is written and the
//! answer made.

mod actions;
mod answer;
mod batch;
mod filter;
mod graph;
mod kind;
mod kinds;
mod list;
mod merge;
mod read;
mod scope;
mod tags;
mod tenant;
mod write;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use bartizan_api::{ApiError, Target, types, versions};
use bartizan_base::{ErrorKind, ResourceId};
use http::Method;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, query_value};
use crate::plans::policy::Denial;

pub(crate) use batch::routes;

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
    let call = Call { app, caller, parts };
    match (target, call.parts.method.clone()) {
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
        (Target::Subscriptions, Method::GET) => tenant::subscriptions(&call).await,
        (Target::Tenants, Method::GET) => tenant::tenants(&call),
        (Target::ResourceGroups(scope), Method::GET) => list::of_type(&call, &scope, scope::GROUP_TYPE).await,
        (Target::Scope { scope, word }, Method::GET) => list::word(&call, &scope, &word).await,
        (Target::Providers { namespace, word }, Method::GET | Method::POST) => {
            tenant::providers(&call, namespace.as_deref(), word.as_deref())
        }
        (_, method) => Err(Failure(ApiError::coded(
            ErrorKind::Invalid,
            "UnsupportedMethod",
            format!("{method} is not supported at `{path}`."),
        ))),
    }
}

/// The error of a write that an enforced `deny` policy forbids.
pub(crate) fn disallowed(id: &ResourceId, denial: &Denial) -> Failure {
    let error = ApiError::coded(ErrorKind::Forbidden, "RequestDisallowedByPolicy", denial.message(id));
    Failure(ApiError { target: Some(id.name().to_owned()), ..error })
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
            out.push(hex.ok_or_else(|| ApiError::invalid("The path has a broken %-escape."))?);
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
