//! Sign-in by one-time code, the session it opens, and its end.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_api::portal::{Session, SignIn};
use bartizan_base::{ErrorKind, Timespan};
use bartizan_records::{NewSecret, SecretKind};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::access::{Caller, PeerAddress, SESSION_COOKIE, random_secret, session_cookie};
use crate::app::App;
use crate::http::{Failure, header as header_text, read_json};

const BODY_MAX: usize = 16 << 10;
/// A working day.
const SESSION_SECONDS: i64 = 12 * 3600;

pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    // Another site could else sign its visitors in as somebody they are not.
    let site = header_text(&parts.headers, "sec-fetch-site");
    if !matches!(site, "" | "none" | "same-origin") {
        return Err(Failure(ApiError::coded(
            ErrorKind::Forbidden,
            "CrossSiteSignIn",
            "Sign-in works from the portal's own page only.",
        )));
    }
    let from = PeerAddress::ip(&parts.extensions);
    app.throttle.check(from, app.clock.now())?;
    let request: SignIn = read_json(&parts.headers, body, BODY_MAX).await?;
    let Some(code) = app.records.use_secret(SecretKind::SignInCode, &request.code).await? else {
        app.throttle.failed(from, app.clock.now());
        return Err(Failure(ApiError::coded(
            ErrorKind::Unauthenticated,
            "InvalidSignInCode",
            "The sign-in link was used already or has expired; `bartizan sign-in` prints a new one.",
        )));
    };
    let principal = uuid::Uuid::parse_str(&code.subject).ok();
    let principal = match principal {
        Some(id) => app.records.principal(id).await?,
        None => None,
    };
    let principal =
        principal.ok_or_else(|| Failure::unauthenticated("The account does not exist any more."))?;
    let token = random_secret();
    let session = NewSecret {
        kind: SecretKind::Session,
        subject: code.subject,
        data: json!({}),
        expires: app.clock.now() + Timespan::from_seconds(SESSION_SECONDS),
        uses: None,
    };
    app.records.put_secret(&token, session).await?;
    tracing::info!(name = principal.name, "signed in");
    let mut response = Json(describe(&app, &principal.name, &code_subject(&principal))).into_response();
    set_cookie(&mut response, &token, SESSION_SECONDS);
    Ok(response)
}

fn code_subject(principal: &bartizan_records::Principal) -> String {
    principal.object_id.to_string()
}

pub(super) async fn show(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Session>, Failure> {
    let principal = caller.principal()?;
    Ok(Json(describe(&app, &principal.name, &principal.object_id.to_string())))
}

pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    _caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    if let Some(token) = session_cookie(&headers) {
        app.records.forget_secret(SecretKind::Session, token).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, "", 0);
    Ok(response)
}

fn describe(app: &App, name: &str, object_id: &str) -> Session {
    let home = &app.home;
    Session {
        name: name.to_owned(),
        object_id: object_id.to_owned(),
        tenant_id: home.tenant.to_string(),
        subscription_id: home.subscription.to_string(),
        subscription_name: home.subscription_name.clone(),
        resource_group: home.resource_group.clone(),
        location: home.location.clone(),
        workspace_id: home.workspace.to_string(),
        workspace_customer_id: home.customer.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn set_cookie(response: &mut Response, value: &str, seconds: i64) {
    let cookie =
        format!("{SESSION_COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}");
    let cookie = HeaderValue::from_str(&cookie).expect("a secret has only URL-safe characters");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
}
