//! Sign-in by one-time code or by password, the session it opens, and its end.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_api::portal::{Session, SignIn};
use bartizan_base::ErrorKind;
use bartizan_records::SecretKind;
use http::{HeaderMap, StatusCode};

use crate::access::{Caller, PeerAddress, session_cookie};
use crate::app::App;
use crate::http::{Failure, header as header_text, read_json};
use crate::identity::users::Attempt;
use crate::identity::{self, users};

const BODY_MAX: usize = 16 << 10;

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
    let person = if request.code.is_empty() {
        let attempt = Attempt {
            name: &request.name,
            password: &request.password,
            code: &request.otp,
            new_password: &request.new_password,
        };
        users::sign_in(&app, attempt).await
    } else {
        identity::by_link(&app, &request.code).await
    };
    let principal = match person {
        Ok(principal) => principal,
        Err(failure) => {
            if failure.0.kind == ErrorKind::Unauthenticated {
                app.throttle.failed(from, app.clock.now());
            }
            return Err(failure);
        }
    };
    let token = identity::open_session(&app, &principal).await?;
    tracing::info!(name = principal.name, "signed in");
    let object_id = principal.object_id.to_string();
    let mut response = Json(describe(&app, &principal.name, &object_id)).into_response();
    identity::set_session(&mut response, &token);
    Ok(response)
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
    identity::clear_session(&mut response);
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
        sign_in_provider: app.outside.as_ref().map(|provider| provider.name().to_owned()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
