//! Accounts for programs over Microsoft Graph: made, given passwords, disabled and removed. An application and its
//! service principal are one thing here: one tenant needs no difference.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use axum::{Json, Router};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, Ticks, Timespan};
use bartizan_records::{NewSecret, Principal, PrincipalKind, SecretKind};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::{Caller, random_secret};
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::identity::directory::{find, may, note, shown};
use crate::identity::users;

const BODY_MAX: usize = 16 << 10;
const NAME_MAX: usize = 128;
/// How long a password is good when nobody says: a year, as by the command line. Two years is Graph's most.
const DAYS_DEFAULT: i64 = 365;
const DAYS_MAX: i64 = 730;
const DAY_SECONDS: i64 = 86_400;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1.0/applications", post(create))
        .route("/v1.0/servicePrincipals/{program}", patch(change).delete(remove))
        .route("/v1.0/servicePrincipals/{program}/addPassword", post(add_password))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ProgramBody {
    display_name: String,
}

/// Without a password and without access to anything.
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    may(&app, &caller, "write").await?;
    let body: ProgramBody = read_json(&parts.headers, body, BODY_MAX).await?;
    let name = body.display_name.trim();
    let odd = |c: char| c.is_control() || matches!(c, '<' | '>' | '"' | '\\');
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(odd) {
        let text = format!("a name has 1 to {NAME_MAX} characters and no quotes or control characters");
        return Err(ApiError::field("displayName", text).into());
    }
    let program = Principal {
        object_id: Uuid::new_v4(),
        app_id: Some(Uuid::new_v4()),
        name: name.to_owned(),
        kind: PrincipalKind::ServicePrincipal,
        created: app.clock.now(),
        disabled: false,
        tokens_from: Ticks(0),
    };
    app.records.put_principal(&program).await?;
    note(&app, &caller, "write", &program).await?;
    Ok((StatusCode::CREATED, Json(shown(&app, &program))).into_response())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Change {
    account_enabled: Option<bool>,
}

async fn change(
    State(app): State<Arc<App>>,
    Path(program): Path<String>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<StatusCode, Failure> {
    may(&app, &caller, "write").await?;
    let program = find(&app, PrincipalKind::ServicePrincipal, &program).await?;
    let body: Change = read_json(&parts.headers, body, BODY_MAX).await?;
    let Some(enabled) = body.account_enabled else {
        return Err(ApiError::field("accountEnabled", "only `accountEnabled` can be changed").into());
    };
    let program = users::set_enabled(&app, program, enabled).await?;
    note(&app, &caller, "write", &program).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(app): State<Arc<App>>,
    Path(program): Path<String>,
    caller: Caller,
) -> Result<StatusCode, Failure> {
    may(&app, &caller, "delete").await?;
    let program = find(&app, PrincipalKind::ServicePrincipal, &program).await?;
    users::delete(&app, &program).await?;
    note(&app, &caller, "delete", &program).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PasswordBody {
    password_credential: PasswordCredential,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PasswordCredential {
    display_name: String,
    end_date_time: Option<Ticks>,
}

/// The secret is in this answer and never again.
async fn add_password(
    State(app): State<Arc<App>>,
    Path(program): Path<String>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<Json<Value>, Failure> {
    may(&app, &caller, "write").await?;
    let program = find(&app, PrincipalKind::ServicePrincipal, &program).await?;
    let body: PasswordBody = read_json(&parts.headers, body, BODY_MAX).await?;
    if program.disabled {
        let text = format!("`{}` is disabled; enable it before it gets a password.", program.name);
        return Err(Failure(ApiError::new(ErrorKind::Conflict, text)));
    }
    let now = app.clock.now();
    let after = |days: i64| now + Timespan::from_seconds(days * DAY_SECONDS);
    let expires = body.password_credential.end_date_time.unwrap_or_else(|| after(DAYS_DEFAULT));
    if expires <= now || expires > after(DAYS_MAX) {
        let text = format!("`endDateTime` lies ahead, by at most {DAYS_MAX} days");
        return Err(ApiError::field("passwordCredential.endDateTime", text).into());
    }
    let text = random_secret();
    let secret = NewSecret {
        kind: SecretKind::ClientSecret,
        subject: program.object_id.to_string(),
        data: json!({}),
        expires,
        uses: None,
    };
    app.records.put_secret(&text, secret).await?;
    note(&app, &caller, "write", &program).await?;
    Ok(Json(json!({
        "displayName": body.password_credential.display_name,
        "secretText": text,
        "startDateTime": now,
        "endDateTime": expires,
        "keyId": Uuid::new_v4(),
    })))
}
