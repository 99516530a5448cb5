//! Where things are, for clients that ask before they sign in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use bartizan_api::ApiError;
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use crate::app::App;
use crate::http::{Failure, base_url, query_value};

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

/// `https://host:port/{tenant}` of this server, by the name that the client called it.
fn base(app: &App, headers: &HeaderMap, uri: &Uri) -> String {
    format!("{}/{}", base_url(headers, uri, &app.public_url), app.home.tenant)
}

pub(super) async fn configuration(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Value>, Failure> {
    check_tenant(&app, &tenant)?;
    let base = base(&app, &headers, &uri);
    Ok(Json(json!({
        "issuer": app.issuer.url(),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "revocation_endpoint": format!("{base}/oauth2/v2.0/revoke"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": [
            "client_credentials", "authorization_code", "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "scopes_supported": ["openid", "profile", "offline_access"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nbf", "oid", "tid", "name", "preferred_username", "nonce"],
    })))
}

pub(super) async fn keys(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
) -> Result<Json<Value>, Failure> {
    check_tenant(&app, &tenant)?;
    Ok(Json(app.issuer.keys()))
}

/// `GET /common/discovery/instance`: other names of this authority. It has none but its own.
pub(super) async fn instance(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Value>, Failure> {
    check_tenant(&app, &tenant)?;
    let base = base_url(&headers, &uri, &app.public_url);
    let host = base.trim_start_matches("https://");
    Ok(Json(json!({
        "tenant_discovery_endpoint":
            format!("{base}/{}/v2.0/.well-known/openid-configuration", app.home.tenant),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    })))
}

/// What `az cloud register --endpoint-resource-manager` reads. Clients of 2019-05-01 expect a list of clouds, those
/// of other versions the one cloud that they asked.
pub(crate) async fn endpoints(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Json<Value> {
    let base = base_url(&headers, &uri, &app.public_url);
    let cloud = json!({
        "name": "Bartizan",
        "resourceManager": format!("{base}/"),
        "authentication": {
            "loginEndpoint": format!("{base}/"),
            "audiences": [format!("{base}/"), "https://management.azure.com/"],
            "tenant": app.home.tenant,
            "identityProvider": "AAD",
        },
        "logAnalyticsResourceId": base,
        "microsoftGraphResourceId": format!("{base}/"),
        "graphAudience": format!("{base}/"),
        "graph": format!("{base}/"),
        "portal": base,
        "gallery": format!("{base}/"),
        // Services that are not here have no suffix.
        "suffixes": {},
        // The names of 2015-01-01.
        "galleryEndpoint": format!("{base}/"),
        "graphEndpoint": format!("{base}/"),
        "portalEndpoint": base,
    });
    let list = query_value(&uri, "api-version").is_some_and(|version| version == "2019-05-01");
    Json(if list { json!([cloud]) } else { cloud })
}
