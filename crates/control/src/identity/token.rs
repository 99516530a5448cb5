//! `POST /{tenant}/oauth2/v2.0/token`: client credentials and refresh tokens (RFC 6749).

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bartizan_api::token::{TokenError, TokenRequest, TokenResponse};
use bartizan_base::Timespan;
use bartizan_records::{NewSecret, Principal, SecretKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use uuid::Uuid;

use crate::access::{PeerAddress, random_secret};
use crate::app::App;
use crate::http::{Failure, header as header_text, read_body};
use crate::identity::discovery::check_tenant;

const FORM_BYTES_MAX: usize = 64 << 10;
const REFRESH_SECONDS: i64 = 30 * 86_400;

pub(super) async fn token(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    check_tenant(&app, &tenant)?;
    let from = PeerAddress::ip(&parts.extensions);
    app.throttle.check(from, app.clock.now())?;
    let bytes = read_body(&parts.headers, body, FORM_BYTES_MAX).await?;
    let request = form(&parts.headers, &bytes);
    let principal = match request.grant_type.as_str() {
        "client_credentials" => by_secret(&app, &request).await?,
        "refresh_token" => by_refresh_token(&app, &request).await?,
        "" => return Ok(refuse(StatusCode::BAD_REQUEST, "invalid_request", "`grant_type` is missing.")),
        other => {
            let shown: String = other.chars().take(80).collect();
            let text =
                format!("Grant type `{shown}` is not supported; client_credentials and refresh_token are.");
            return Ok(refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", &text));
        }
    };
    let Some(principal) = principal else {
        app.throttle.failed(from, app.clock.now());
        return Ok(refuse(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "The client id, secret or token is wrong or has expired.",
        ));
    };
    let now = app.clock.now();
    let refresh_token = if request.scope.split(' ').any(|scope| scope == "offline_access") {
        Some(new_refresh_token(&app, &principal).await?)
    } else {
        None
    };
    let answer = TokenResponse {
        token_type: "Bearer".to_owned(),
        expires_in: crate::access::TOKEN_SECONDS as u64,
        ext_expires_in: crate::access::TOKEN_SECONDS as u64,
        access_token: app.issuer.issue(&principal, now),
        refresh_token,
    };
    Ok(uncached(Json(answer).into_response()))
}

/// Form fields, completed from HTTP Basic authentication where a client uses that.
fn form(headers: &HeaderMap, bytes: &[u8]) -> TokenRequest {
    let mut out = TokenRequest::default();
    for (key, value) in url::form_urlencoded::parse(bytes) {
        let field = match key.as_ref() {
            "grant_type" => &mut out.grant_type,
            "client_id" => &mut out.client_id,
            "client_secret" => &mut out.client_secret,
            "scope" => &mut out.scope,
            "resource" => &mut out.resource,
            "refresh_token" => &mut out.refresh_token,
            _ => continue,
        };
        *field = value.into_owned();
    }
    let basic =
        header_text(headers, header::AUTHORIZATION.as_str()).strip_prefix("Basic ").unwrap_or_default();
    let decoded = STANDARD.decode(basic).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some((id, secret)) = decoded.as_deref().and_then(|text| text.split_once(':')) {
        out.client_id = id.to_owned();
        out.client_secret = secret.to_owned();
    }
    out
}

async fn by_secret(app: &App, request: &TokenRequest) -> Result<Option<Principal>, Failure> {
    principal_by_secret(app, &request.client_id, &request.client_secret).await
}

/// The service principal whose id and secret these are.
pub(crate) async fn principal_by_secret(
    app: &App,
    client_id: &str,
    client_secret: &str,
) -> Result<Option<Principal>, Failure> {
    let Ok(app_id) = Uuid::parse_str(client_id) else { return Ok(None) };
    let secret = app.records.see_secret(SecretKind::ClientSecret, client_secret).await?;
    let principal = app.records.principal_by_app(app_id).await?;
    Ok(principal
        .filter(|principal| secret.is_some_and(|secret| secret.subject == principal.object_id.to_string())))
}

/// A refresh token is used once: its answer has the next one. It is good only together with the secret of
/// the client it was given to (RFC 6749, section 6), so one that leaks opens nothing.
async fn by_refresh_token(app: &App, request: &TokenRequest) -> Result<Option<Principal>, Failure> {
    let Some(client) = by_secret(app, request).await? else { return Ok(None) };
    let Some(secret) = app.records.use_secret(SecretKind::RefreshToken, &request.refresh_token).await? else {
        return Ok(None);
    };
    Ok((secret.subject == client.object_id.to_string()).then_some(client))
}

async fn new_refresh_token(app: &App, principal: &Principal) -> Result<String, Failure> {
    let token = random_secret();
    let secret = NewSecret {
        kind: SecretKind::RefreshToken,
        subject: principal.object_id.to_string(),
        data: json!({}),
        expires: app.clock.now() + Timespan::from_seconds(REFRESH_SECONDS),
        uses: Some(1),
    };
    app.records.put_secret(&token, secret).await?;
    Ok(token)
}

fn refuse(status: StatusCode, error: &str, description: &str) -> Response {
    let body = TokenError { error: error.to_owned(), error_description: description.to_owned() };
    uncached((status, Json(body)).into_response())
}

fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
