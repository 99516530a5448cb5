//! `GET {rule}/associations` and `GET {endpoint}/associations`: which machines a data collection rule or endpoint is for.
//!
//! An association is a child of its machine and names what it is for; this looks them up the other way.

use axum::response::Response;
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use bartizan_records::{ListQuery, Resource};
use serde_json::Value;

use crate::arm::kinds::ASSOCIATION_TYPE;
use crate::arm::{Call, answer, scope};
use crate::http::Failure;

/// Those that name `of` in `property` and that the caller may read.
pub(super) async fn list(call: &Call, of: &ResourceId, property: &str) -> Result<Response, Failure> {
    let app = &call.app;
    scope::check_subscription(app, of)?;
    let read = format!("{}/read", of.resource_type());
    app.authorize(&call.caller, &read, of).await?;
    if app.records.get(of).await?.is_none() {
        return Err(ApiError::not_found(of.as_str()).into());
    }
    let names = |resource: &Resource| {
        let id =
            resource.property(property).and_then(Value::as_str).and_then(|id| ResourceId::parse(id).ok());
        id.is_some_and(|id| id == *of)
    };
    let mut found = Vec::new();
    for resource in app.records.list_all(&ListQuery::tenant(), ASSOCIATION_TYPE).await? {
        // A rule's reader need not know the machines of others.
        let action = format!("{ASSOCIATION_TYPE}/read");
        if names(&resource) && app.authorize(&call.caller, &action, &resource.id).await.is_ok() {
            found.push(answer::shown(&resource));
        }
    }
    Ok(answer::list(found, None))
}
