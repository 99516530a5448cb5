//! How a person signs in, as Microsoft Graph shows it to who gives access: whether there is a password and a second
//! factor, taking a lost second factor away, and a link that signs in once.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, Timespan};
use bartizan_records::{NewSecret, PrincipalKind, SecretKind};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{Caller, random_secret};
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::identity::directory::{find, may, note};
use crate::identity::users;

const BODY_MAX: usize = 16 << 10;
/// Graph's limits of a temporary pass, in minutes, and what it takes when none is named.
const MINUTES: std::ops::RangeInclusive<i64> = 10..=43_200;
const MINUTES_DEFAULT: i64 = 60;
/// Graph's fixed id of the password method.
const PASSWORD_METHOD: &str = "28c10230-6103-485e-b985-444c60001490";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1.0/users/{user}/authentication/methods", get(list))
        .route("/v1.0/users/{user}/authentication/softwareOathMethods/{method}", delete(remove_factor))
        .route("/v1.0/users/{user}/authentication/temporaryAccessPassMethods", post(pass))
}

async fn list(
    State(app): State<Arc<App>>,
    Path(user): Path<String>,
    caller: Caller,
) -> Result<Json<Value>, Failure> {
    may(&app, &caller, "read").await?;
    let user = find(&app, PrincipalKind::User, &user).await?;
    let credential = app.records.credential(user.object_id).await?;
    let mut methods = Vec::new();
    if let Some(credential) = credential {
        methods.push(json!({
            "@odata.type": "#microsoft.graph.passwordAuthenticationMethod", "id": PASSWORD_METHOD,
        }));
        if !credential.totp.is_empty() {
            methods.push(json!({
                "@odata.type": "#microsoft.graph.softwareOathAuthenticationMethod", "id": user.object_id,
            }));
        }
    }
    Ok(Json(json!({"value": methods})))
}

/// For who lost the phone. What was opened with the factor ends too: nobody knows who has it now.
async fn remove_factor(
    State(app): State<Arc<App>>,
    Path((user, method)): Path<(String, String)>,
    caller: Caller,
) -> Result<StatusCode, Failure> {
    may(&app, &caller, "write").await?;
    let user = find(&app, PrincipalKind::User, &user).await?;
    let credential = app.records.credential(user.object_id).await?;
    let there = credential.is_some_and(|credential| !credential.totp.is_empty());
    if !there || !method.eq_ignore_ascii_case(&user.object_id.to_string()) {
        let text = format!("`{}` has no second factor by that id.", user.name);
        return Err(Failure(ApiError::coded(ErrorKind::NotFound, "Request_ResourceNotFound", text)));
    }
    app.records.set_totp(user.object_id, "").await?;
    users::sign_out_everywhere(&app, &user).await?;
    note(&app, &caller, "write", &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PassBody {
    lifetime_in_minutes: i64,
    is_usable_once: bool,
}

impl Default for PassBody {
    fn default() -> Self {
        Self { lifetime_in_minutes: MINUTES_DEFAULT, is_usable_once: true }
    }
}

/// A code that signs in once, for the portal's `/signin#CODE`.
async fn pass(
    State(app): State<Arc<App>>,
    Path(user): Path<String>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    may(&app, &caller, "write").await?;
    let user = find(&app, PrincipalKind::User, &user).await?;
    let body: PassBody = read_json(&parts.headers, body, BODY_MAX).await?;
    if !MINUTES.contains(&body.lifetime_in_minutes) {
        let text = format!("`lifetimeInMinutes` is from {} to {}", MINUTES.start(), MINUTES.end());
        return Err(ApiError::field("lifetimeInMinutes", text).into());
    }
    if !body.is_usable_once {
        let text = "a pass signs in once here; leave `isUsableOnce` out or make it true";
        return Err(ApiError::field("isUsableOnce", text).into());
    }
    if user.disabled {
        let text = format!("`{}` is disabled and cannot sign in; enable the account first.", user.name);
        return Err(Failure(ApiError::new(ErrorKind::Conflict, text)));
    }
    let now = app.clock.now();
    let code = random_secret();
    let secret = NewSecret {
        kind: SecretKind::SignInCode,
        subject: user.object_id.to_string(),
        data: json!({}),
        expires: now + Timespan::from_seconds(body.lifetime_in_minutes * 60),
        uses: Some(1),
    };
    app.records.put_secret(&code, secret).await?;
    note(&app, &caller, "write", &user).await?;
    let answer = json!({
        "@odata.type": "#microsoft.graph.temporaryAccessPassAuthenticationMethod",
        "id": user.object_id,
        "temporaryAccessPass": code,
        "startDateTime": now,
        "lifetimeInMinutes": body.lifetime_in_minutes,
        "isUsableOnce": true,
        "isUsable": true,
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
