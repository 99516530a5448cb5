//! What lies above subscriptions: tenants and providers.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bartizan_api::{ApiError, types, versions};
use bartizan_base::ErrorKind;
use serde_json::{Value, json};

use crate::arm::{Call, answer};
use crate::http::Failure;

pub(super) fn tenants(call: &Call) -> Result<Response, Failure> {
    let tenant = call.app.home.tenant;
    let value = json!({
        "id": format!("/tenants/{tenant}"), "tenantId": tenant, "displayName": "Bartizan",
        "countryCode": "", "tenantCategory": "Home", "domains": [],
    });
    Ok(answer::list(vec![value], None))
}

/// `GET …/providers[/{namespace}]`; registering is a wish already fulfilled.
pub(super) fn providers(
    call: &Call,
    namespace: Option<&str>,
    word: Option<&str>,
) -> Result<Response, Failure> {
    let all = types::namespaces();
    let Some(namespace) = namespace else {
        return Ok(answer::list(all.into_iter().map(|name| provider(call, name)).collect(), None));
    };
    if word.is_some_and(|word| word.eq_ignore_ascii_case("unregister")) {
        let text = format!("`{namespace}` is part of this server and cannot be unregistered.");
        return Err(ApiError::new(ErrorKind::Conflict, text).into());
    }
    match all.into_iter().find(|name| name.eq_ignore_ascii_case(namespace)) {
        Some(name) => Ok(Json(provider(call, name)).into_response()),
        None => Err(Failure(ApiError::coded(
            ErrorKind::NotFound,
            "InvalidResourceNamespace",
            format!("The resource namespace '{namespace}' is invalid."),
        ))),
    }
}

fn provider(call: &Call, namespace: &str) -> Value {
    let prefix = format!("{namespace}/");
    let resource_types: Vec<Value> = types::TYPES
        .iter()
        .filter_map(|info| info.name.strip_prefix(&prefix))
        // Azure's tools take the newest version of this list when a person names none.
        .map(|name| {
            json!({
                "resourceType": name, "locations": [call.app.home.location],
                "apiVersions": versions::newest(namespace).into_iter().collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "id": format!("{}/providers/{namespace}", call.app.home.subscription_id()),
        "namespace": namespace,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationFree",
        "resourceTypes": resource_types,
    })
}
