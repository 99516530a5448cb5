//! `POST /{tenant}/oauth2/v2.0/token`: every grant that is taken, and the answer.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bartizan_api::token::{IdClaims, TokenError, TokenResponse};
use bartizan_base::Timespan;
use bartizan_records::{NewSecret, Principal, PrincipalKind, SecretKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::access::{PeerAddress, TOKEN_SECONDS, random_secret};
use crate::app::App;
use crate::http::{Failure, header as header_text};
use crate::identity::discovery::check_tenant;
use crate::identity::form::{self, Form};
use crate::identity::grants::{self, Granted, Refusal};

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
    let form = match read(&parts.headers, body).await {
        Ok(form) => form,
        Err(Failure(error)) if error.code == "invalid_request" => {
            return Ok(refuse(&Refusal::bad("invalid_request", &error.message)));
        }
        Err(error) => return Err(error),
    };
    let granted = match form.get("grant_type") {
        "client_credentials" => grants::client_credentials(&app, &parts, &form).await?,
        "authorization_code" => grants::authorization_code(&app, &form).await?,
        // The second name is MSAL's for v1.0 endpoints.
        "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => {
            grants::device_code(&app, &form).await?
        }
        "refresh_token" => grants::refresh_token(&app, &parts, &form).await?,
        "" => Err(Refusal::bad("invalid_request", "`grant_type` is missing.")),
        other => {
            let shown: String = other.chars().take(80).collect();
            Err(Refusal::bad(
                "unsupported_grant_type",
                &format!(
                    "Grant type `{shown}` is not supported; client_credentials, authorization_code, \
                     device_code and refresh_token are."
                ),
            ))
        }
    };
    match granted {
        Ok(granted) => {
            let answer = answer(&app, granted).await?;
            Ok(uncached(Json(answer).into_response()))
        }
        Err(refusal) => {
            if refusal.guess {
                app.throttle.failed(from, app.clock.now());
            }
            Ok(refuse(&refusal))
        }
    }
}

/// `POST /{tenant}/oauth2/v2.0/revoke` (RFC 7009): ends everything that came of the same sign-in. Whoever has the
/// token may withdraw it; the answer is the same when there was none.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    check_tenant(&app, &tenant)?;
    let from = PeerAddress::ip(&parts.extensions);
    app.throttle.check(from, app.clock.now())?;
    let form = form::read(&parts.headers, body).await?;
    if !app.records.forget_family(SecretKind::RefreshToken, form.get("token")).await? {
        app.throttle.failed(from, app.clock.now());
    }
    Ok(uncached(StatusCode::OK.into_response()))
}

async fn answer(app: &App, granted: Granted) -> Result<TokenResponse, Failure> {
    let Granted { principal, client, scope, nonce, family } = granted;
    let has = |name: &str| scope.split(' ').any(|scope| scope == name);
    let now = app.clock.now();
    let user = principal.kind == PrincipalKind::User;
    let refresh_token = if has("offline_access") {
        let token = random_secret();
        let secret = NewSecret {
            kind: SecretKind::RefreshToken,
            subject: principal.object_id.to_string(),
            data: json!({"client": client, "family": family, "scope": scope}),
            expires: now + Timespan::from_seconds(REFRESH_SECONDS),
            uses: None,
        };
        app.records.put_token(&token, secret, &family).await?;
        Some(token)
    } else {
        None
    };
    let id_token = (user && has("openid")).then(|| {
        let seconds = now.unix_seconds();
        app.issuer.sign(&IdClaims {
            aud: client.clone(),
            iss: app.issuer.url().to_owned(),
            iat: seconds,
            nbf: seconds,
            exp: seconds + TOKEN_SECONDS,
            oid: principal.object_id.to_string(),
            sub: principal.object_id.to_string(),
            tid: app.home.tenant.to_string(),
            name: principal.name.clone(),
            preferred_username: principal.name.clone(),
            // The name that clients of v1.0 read.
            upn: principal.name.clone(),
            nonce: nonce.clone(),
            ver: "2.0".to_owned(),
        })
    });
    Ok(TokenResponse {
        token_type: "Bearer".to_owned(),
        expires_in: TOKEN_SECONDS as u64,
        ext_expires_in: TOKEN_SECONDS as u64,
        access_token: app.issuer.issue(&principal, now),
        refresh_token,
        client_info: user.then(|| client_info(app, &principal)),
        id_token,
        scope,
    })
}

/// What MSAL tells accounts apart by.
pub(super) fn client_info(app: &App, principal: &Principal) -> String {
    let info = json!({"uid": principal.object_id, "utid": app.home.tenant});
    URL_SAFE_NO_PAD.encode(info.to_string())
}

/// The form, completed from HTTP Basic authentication where a client uses that.
async fn read(headers: &HeaderMap, body: Body) -> Result<Form, Failure> {
    let mut form = form::read(headers, body).await?;
    let basic =
        header_text(headers, header::AUTHORIZATION.as_str()).strip_prefix("Basic ").unwrap_or_default();
    let decoded = STANDARD.decode(basic).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some((id, secret)) = decoded.as_deref().and_then(|text| text.split_once(':')) {
        form.set("client_id", id);
        form.set("client_secret", secret);
    }
    Ok(form)
}

fn refuse(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = TokenError { error: refusal.error.to_owned(), error_description: refusal.description.clone() };
    uncached((status, Json(body)).into_response())
}

fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
