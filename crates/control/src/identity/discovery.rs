//! Where things are, for clients that ask before they sign in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use bartizan_api::ApiError;
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use crate::app::App;
use crate::http::{Failure, base_url};

/// Names of a tenant that clients use when they know none.
const COMMON: [&str; 3] = ["common", "organizations", "adfs"];

pub(super) fn check_tenant(app: &App, tenant: &str) -> Result<(), Failure> {
    let ours = tenant.eq_ignore_ascii_case(&app.home.tenant.to_string());
    if ours || COMMON.iter().any(|name| tenant.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let shown: String = tenant.chars().take(80).collect();
    Err(Failure(ApiError::coded(
        bartizan_base::ErrorKind::Invalid,
        "invalid_tenant",
        format!("Tenant '{shown}' is not the tenant of this server."),
    )))
}

pub(super) async fn configuration(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Value>, Failure> {
    check_tenant(&app, &tenant)?;
    let base = format!("{}/{}", base_url(&headers, &uri, &app.public_url), app.home.tenant);
    Ok(Json(json!({
        "issuer": app.issuer.url(),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "response_types_supported": ["code", "token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "grant_types_supported": ["client_credentials", "refresh_token"],
        "scopes_supported": ["openid", "profile", "offline_access"],
    })))
}

pub(super) async fn keys(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
) -> Result<Json<Value>, Failure> {
    check_tenant(&app, &tenant)?;
    Ok(Json(app.issuer.keys()))
}

/// What `az cloud register --endpoint-resource-manager` reads.
pub(super) async fn endpoints(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Json<Value> {
    let base = base_url(&headers, &uri, &app.public_url);
    Json(json!([{
        "name": "Bartizan",
        "resourceManager": format!("{base}/"),
        "authentication": {
            "loginEndpoint": format!("{base}/"),
            "audiences": [format!("{base}/"), "https://management.azure.com/"],
            "tenant": app.home.tenant,
            "identityProvider": "AAD",
        },
        "logAnalyticsResourceId": base.clone(),
        "microsoftGraphResourceId": format!("{base}/"),
        "portal": base,
        "suffixes": {},
    }]))
}
