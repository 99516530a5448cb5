//! What people change about their own sign-in: password and second factor. From a session only, so that a token
//! that leaks cannot take an account over.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use bartizan_api::ApiError;
use bartizan_api::portal::{NewPassword, SecondFactor};
use bartizan_base::{ErrorKind, Ticks, Timespan};
use bartizan_records::{Credential, Principal, PrincipalKind};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::identity::users::Attempt;
use crate::identity::{totp, users};

const BODY_MAX: usize = 16 << 10;
/// Time to scan the picture and type the first code.
const PENDING_SECONDS: i64 = 900;

/// `GET /portal/v1/account`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
) -> Result<Json<Value>, Failure> {
    let principal = person(&caller, &parts)?;
    let credential = app.records.credential(principal.object_id).await?;
    Ok(Json(json!({
        "name": principal.name,
        "hasPassword": credential.is_some(),
        "hasSecondFactor": credential.is_some_and(|stored| !stored.totp.is_empty()),
    })))
}

/// `POST /portal/v1/account/password`: ends every other session and token.
pub(super) async fn password(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<StatusCode, Failure> {
    let principal = person(&caller, &parts)?;
    let request: NewPassword = read_json(&parts.headers, body, BODY_MAX).await?;
    if let Some(stored) = app.records.credential(principal.object_id).await? {
        check_password(&app, principal, &stored, &request.current).await?;
    }
    users::set_password(&app.records, principal, &request.password).await?;
    tracing::info!(name = principal.name, "changed the password");
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /portal/v1/account/totp`: a new secret, good once a code of it was shown.
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
) -> Result<Json<Value>, Failure> {
    let principal = person(&caller, &parts)?;
    let stored = with_password(&app, principal).await?;
    if !stored.totp.is_empty() {
        return Err(conflict("There is a second factor already; remove it first."));
    }
    let secret = totp::new_secret();
    let expires = app.clock.now() + Timespan::from_seconds(PENDING_SECONDS);
    app.records.put_state(&pending(principal), json!({"secret": secret, "expires": expires.0})).await?;
    Ok(Json(json!({"secret": secret, "uri": totp::uri(&principal.name, &secret)})))
}

/// `POST /portal/v1/account/totp/confirm`.
pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<StatusCode, Failure> {
    let principal = person(&caller, &parts)?;
    let request: SecondFactor = read_json(&parts.headers, body, BODY_MAX).await?;
    let stored = with_password(&app, principal).await?;
    check_password(&app, principal, &stored, &request.password).await?;
    let waiting = app.records.get_state(&pending(principal)).await?.unwrap_or_default();
    let in_time = waiting["expires"].as_i64().is_some_and(|expires| Ticks(expires) > app.clock.now());
    let secret = waiting["secret"].as_str().unwrap_or_default();
    let step = totp::step_of(secret, &request.otp, app.clock.now());
    if secret.is_empty() || !in_time || step.is_none() {
        return Err(ApiError::field("otp", "this is not a code of the new secret; ask for another").into());
    }
    app.records.set_totp(principal.object_id, secret).await?;
    // The code that was typed here opens nothing afterwards.
    app.records.sign_in_succeeded(principal.object_id, step).await?;
    app.records.delete_state(&pending(principal)).await?;
    tracing::info!(name = principal.name, "added a second factor");
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /portal/v1/account/totp/remove`.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<StatusCode, Failure> {
    let principal = person(&caller, &parts)?;
    let request: SecondFactor = read_json(&parts.headers, body, BODY_MAX).await?;
    if with_password(&app, principal).await?.totp.is_empty() {
        return Err(conflict("There is no second factor."));
    }
    let attempt = Attempt {
        name: &principal.name,
        password: &request.password,
        code: &request.otp,
        ..Attempt::default()
    };
    users::sign_in(&app, attempt).await.map_err(not_signed_out)?;
    app.records.set_totp(principal.object_id, "").await?;
    tracing::info!(name = principal.name, "removed the second factor");
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /portal/v1/account/signout`: every session and token, this one too.
pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
) -> Result<StatusCode, Failure> {
    users::sign_out_everywhere(&app, person(&caller, &parts)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A person with a session; what came with a token is refused.
fn person<'a>(caller: &'a Caller, parts: &Parts) -> Result<&'a Principal, Failure> {
    let principal = caller.principal()?;
    if principal.kind == PrincipalKind::User && !parts.headers.contains_key(header::AUTHORIZATION) {
        return Ok(principal);
    }
    Err(Failure(ApiError::new(
        ErrorKind::Forbidden,
        "An account is changed by its person from the portal; a program's token does not open this.",
    )))
}

async fn with_password(app: &App, principal: &Principal) -> Result<Credential, Failure> {
    let stored = app.records.credential(principal.object_id).await?;
    stored.ok_or_else(|| conflict("A second factor goes beside a password; set a password first."))
}

/// Wrong ones count towards the account's rest, as at sign-in.
async fn check_password(
    app: &App,
    principal: &Principal,
    stored: &Credential,
    password: &str,
) -> Result<(), Failure> {
    users::check_password(app, principal, stored, password).await.map_err(not_signed_out)
}

/// A wrong password here does not mean that the session has ended, which a 401 would say.
fn not_signed_out(Failure(error): Failure) -> Failure {
    if error.kind != ErrorKind::Unauthenticated {
        return Failure(error);
    }
    Failure(ApiError::coded(ErrorKind::Forbidden, &error.code, error.message))
}

fn conflict(text: &str) -> Failure {
    Failure(ApiError::new(ErrorKind::Conflict, text))
}

fn pending(principal: &Principal) -> String {
    format!("totp-pending/{}", principal.object_id)
}
