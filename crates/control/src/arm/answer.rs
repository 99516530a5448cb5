//! Answers in ARM's form.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bartizan_records::Resource;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::access::PLACE;

/// A resource, with its etag in the header too.
pub(super) fn resource(status: u16, resource: &Resource) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = (status, Json(shown(resource))).into_response();
    if let Ok(etag) = HeaderValue::from_str(&resource.etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// The ARM object without what only the server and agents may see.
pub(crate) fn shown(resource: &Resource) -> Value {
    let mut value = resource.to_arm_json();
    if let Some(properties) = value.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("protectedSettings");
    }
    if let Some(members) = value.as_object_mut() {
        members.remove(PLACE);
    }
    value
}

/// A list.
pub(super) fn list(values: Vec<Value>, next_link: Option<String>) -> Response {
    let mut body = json!({"value": values});
    if let Some(link) = next_link {
        body["nextLink"] = link.into();
    }
    Json(body).into_response()
}

/// The caller has it already.
pub(super) fn not_modified(etag: &str) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// Nothing to say.
pub(super) fn empty(status: u16) -> Response {
    StatusCode::from_u16(status).unwrap_or(StatusCode::NO_CONTENT).into_response()
}
