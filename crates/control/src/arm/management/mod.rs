//! `Microsoft.Management`: management groups, what hangs on them, and moving subscriptions between them.
//!
//! The tree is read from [`crate::access::Hierarchy`], which decides access too; it is changed one request at a
//! time, so that no two moves together make a ring.

mod children;
mod entities;
mod groups;
mod placement;

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use http::Method;
use serde_json::json;

use crate::access::{Group, Hierarchy, group_segment, is_group};
use crate::arm::Call;
use crate::http::{Failure, read_json};

/// The namespace.
pub(super) const NAMESPACE: &str = "Microsoft.Management";
const READ: &str = "Microsoft.Management/managementGroups/read";
const WRITE: &str = "Microsoft.Management/managementGroups/write";
const DELETE: &str = "Microsoft.Management/managementGroups/delete";
/// Who moves a scope changes who has access to it.
const GIVE_ACCESS: &str = "Microsoft.Authorization/roleAssignments/write";
/// Azure's rule.
const NAME_MAX: usize = 90;
const BODY_MAX: usize = 64 << 10;

/// Answers about one id of the namespace.
pub(super) async fn one(call: &Call, id: &ResourceId, body: Body) -> Result<Response, Failure> {
    if is_group(id) {
        return match call.parts.method {
            Method::GET | Method::HEAD => groups::get(call, id).await,
            Method::PUT => groups::put(call, id, body).await,
            Method::PATCH => groups::patch(call, id, body).await,
            Method::DELETE => groups::delete(call, id).await,
            _ => Err(unsupported(call, id)),
        };
    }
    if id.resource_type().eq_ignore_ascii_case("Microsoft.Management/managementGroups/subscriptions") {
        return match call.parts.method {
            Method::GET | Method::HEAD => placement::get(call, id).await,
            Method::PUT => placement::put(call, id).await,
            Method::DELETE => placement::remove(call, id).await,
            _ => Err(unsupported(call, id)),
        };
    }
    Err(nothing(id.as_str()))
}

/// Answers about collections and actions: `word` is the last part of the path, `scope` what is before it.
pub(super) async fn many(
    call: &Call,
    scope: &ResourceId,
    word: &str,
    body: Body,
) -> Result<Response, Failure> {
    let lower = word.to_ascii_lowercase();
    let get = call.parts.method == Method::GET;
    match (get, is_group(scope), lower.as_str()) {
        (true, false, "managementgroups") if group_segment(scope).is_none() => groups::list(call).await,
        (true, true, "descendants") => children::descendants(call, scope).await,
        (true, true, "subscriptions") => placement::list(call, scope).await,
        (false, false, "getentities") => entities::list(call).await,
        (false, false, "checknameavailability") => name_availability(call, body).await,
        // Nothing has to be filled in: subscriptions are in the tree from the start.
        (false, false, "starttenantbackfill" | "tenantbackfillstatus") => {
            Ok(Json(json!({"tenantId": call.app.home.tenant, "status": "Completed"})).into_response())
        }
        _ => Err(nothing(&format!("{scope}/providers/{NAMESPACE}/{word}"))),
    }
}

async fn name_availability(call: &Call, body: Body) -> Result<Response, Failure> {
    #[derive(serde::Deserialize)]
    struct Asked {
        name: String,
    }
    let asked: Asked = read_json(&call.parts.headers, body, BODY_MAX).await?;
    let map = call.app.access_map().await?;
    let (reason, message) = match check_name(&asked.name) {
        Err(error) => ("Invalid", error.message),
        Ok(()) if map.hierarchy.group(&asked.name).is_some() => {
            ("AlreadyExists", format!("There is a management group `{}` already.", asked.name))
        }
        Ok(()) => return Ok(Json(json!({"nameAvailable": true})).into_response()),
    };
    Ok(Json(json!({"nameAvailable": false, "reason": reason, "message": message})).into_response())
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '(' | ')' | '.');
    if name.is_empty() || name.len() > NAME_MAX || name.ends_with('.') || !name.chars().all(plain) {
        let text = format!(
            "a management group's name has 1 to {NAME_MAX} letters, digits, `-_().`, no full stop at its end"
        );
        return Err(ApiError::field("name", text));
    }
    Ok(())
}

/// The group that `id` names.
fn find<'a>(tree: &'a Hierarchy, id: &ResourceId) -> Result<&'a Group, Failure> {
    let name = group_segment(id).unwrap_or_default();
    tree.group(name).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Failure {
    let shown: String = name.chars().take(NAME_MAX).collect();
    Failure(ApiError::coded(
        ErrorKind::NotFound,
        "NotFound",
        format!("The management group '{shown}' cannot be found."),
    ))
}

/// The root of the tree, which is there from the first start.
fn root(tree: &Hierarchy) -> Result<&Group, Failure> {
    tree.groups().into_iter().find(|group| group.parent.is_none()).ok_or_else(|| missing("root"))
}

fn unsupported(call: &Call, id: &ResourceId) -> Failure {
    let text = format!("{} is not supported at `{id}`.", call.parts.method);
    Failure(ApiError::coded(ErrorKind::Invalid, "UnsupportedMethod", text))
}

fn nothing(path: &str) -> Failure {
    let shown: String = path.chars().take(200).collect();
    Failure(ApiError::coded(ErrorKind::NotFound, "InvalidPath", format!("Nothing is served at `{shown}`.")))
}
