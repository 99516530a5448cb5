//! People and programs over the part of Microsoft Graph that Azure's tools use beside ARM: `az role assignment`,
//! `az ad`. Users can be made, disabled, given a new password and removed; programs see [`super::programs`].

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_records::{Principal, PrincipalKind};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, query_value, read_json};
use crate::identity::outside::{self, Invited};
use crate::identity::users::{self, NewUser};

const BODY_MAX: usize = 64 << 10;
/// Graph's own limit of ids in one question.
const IDS_MAX: usize = 1000;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1.0/me", get(me))
        .route("/v1.0/users", get(list_users).post(create))
        .route("/v1.0/users/{user}", get(get_user).patch(change).delete(remove))
        .route("/v1.0/users/{user}/revokeSignInSessions", post(revoke))
        .route("/v1.0/servicePrincipals", get(list_programs))
        .route("/v1.0/servicePrincipals/{program}", get(get_program))
        .route("/v1.0/groups", get(no_groups))
        .route("/v1.0/directoryObjects/getByIds", post(by_ids))
}

pub(super) async fn may(app: &App, caller: &Caller, word: &str) -> Result<(), Failure> {
    let action = format!("Microsoft.Authorization/users/{word}");
    app.authorize(caller, &action, &app.home.subscription_id()).await
}

async fn me(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, Failure> {
    Ok(Json(shown(&app, caller.principal()?)))
}

async fn list_users(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
) -> Result<Json<Value>, Failure> {
    list(&app, &caller, &parts, PrincipalKind::User).await
}

async fn list_programs(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
) -> Result<Json<Value>, Failure> {
    list(&app, &caller, &parts, PrincipalKind::ServicePrincipal).await
}

/// There are none; Azure's tools look before they say that a name is unknown.
async fn no_groups(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, Failure> {
    may(&app, &caller, "read").await?;
    Ok(Json(json!({"value": []})))
}

async fn list(
    app: &App,
    caller: &Caller,
    parts: &Parts,
    kind: PrincipalKind,
) -> Result<Json<Value>, Failure> {
    may(app, caller, "read").await?;
    let filter = query_value(&parts.uri, "$filter").unwrap_or_default();
    let filter = if filter.trim().is_empty() { None } else { Some(Wanted::parse(&filter)?) };
    let all = app.records.principals().await?;
    let found = all.iter().filter(|it| it.kind == kind).filter(|it| filter.as_ref().is_none_or(|f| f.is(it)));
    Ok(Json(json!({"value": found.map(|it| shown(app, it)).collect::<Vec<_>>()})))
}

/// `displayName eq 'x'`, `startswith(displayName,'x')`, `servicePrincipalNames/any(c:c eq 'x')` and the like, joined
/// by `or`.
struct Wanted(Vec<(String, bool, String)>);

impl Wanted {
    fn parse(filter: &str) -> Result<Self, Failure> {
        filter.split(" or ").map(|part| Self::part(part.trim())).collect::<Option<Vec<_>>>().map(Self).ok_or_else(
            || {
                let shown: String = filter.chars().take(120).collect();
                Failure(ApiError::coded(
                    ErrorKind::Invalid,
                    "Request_UnsupportedQuery",
                    format!(
                        "The filter `{shown}` is not supported; `displayName eq 'x'`, `userPrincipalName eq 'x'`, \
                         `appId eq 'x'`, `id eq 'x'`, `startswith(displayName,'x')` and \
                         `servicePrincipalNames/any(c:c eq 'x')` are."
                    ),
                ))
            },
        )
    }

    fn part(part: &str) -> Option<(String, bool, String)> {
        let (before, rest) = part.split_once('\'')?;
        let (value, after) = rest.rsplit_once('\'')?;
        // A quote inside is written twice; any other ends the text before its time.
        if value.replace("''", "").contains('\'') {
            return None;
        }
        let before = before.replace(' ', "").to_ascii_lowercase();
        let (field, start, close) = match before.as_str() {
            "serviceprincipalnames/any(c:ceq" => ("appid", false, ")"),
            other => match other.strip_prefix("startswith(").and_then(|rest| rest.strip_suffix(',')) {
                Some(field) => (field, true, ")"),
                None => (other.strip_suffix("eq")?, false, ""),
            },
        };
        let known = ["displayname", "userprincipalname", "mail", "appid", "id"].contains(&field);
        (known && after.trim() == close)
            .then(|| (field.to_owned(), start, value.replace("''", "'").to_lowercase()))
    }

    fn is(&self, principal: &Principal) -> bool {
        self.0.iter().any(|(field, start, value)| {
            let found = match field.as_str() {
                "appid" => principal.app_id.map(|id| id.to_string()).unwrap_or_default(),
                "id" => principal.object_id.to_string(),
                _ => principal.name.to_lowercase(),
            };
            if *start { found.starts_with(value) } else { found == *value }
        })
    }
}

pub(super) async fn find(app: &App, kind: PrincipalKind, text: &str) -> Result<Principal, Failure> {
    let found = match Uuid::parse_str(text) {
        Ok(id) => app.records.principal(id).await?,
        Err(_) if kind == PrincipalKind::User => app.records.user_by_name(text).await?,
        Err(_) => None,
    };
    found.filter(|principal| principal.kind == kind).ok_or_else(|| {
        let shown: String = text.chars().take(128).collect();
        Failure(ApiError::coded(
            ErrorKind::NotFound,
            "Request_ResourceNotFound",
            format!("There is no {} `{shown}`.", kind.name()),
        ))
    })
}

async fn get_user(
    State(app): State<Arc<App>>,
    Path(user): Path<String>,
    caller: Caller,
) -> Result<Json<Value>, Failure> {
    may(&app, &caller, "read").await?;
    Ok(Json(shown(&app, &find(&app, PrincipalKind::User, &user).await?)))
}

async fn get_program(
    State(app): State<Arc<App>>,
    Path(program): Path<String>,
    caller: Caller,
) -> Result<Json<Value>, Failure> {
    may(&app, &caller, "read").await?;
    Ok(Json(shown(&app, &find(&app, PrincipalKind::ServicePrincipal, &program).await?)))
}

/// A user as Graph writes it. What else a client sends is Azure's, and ignored: names of the phone, the office …
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct UserBody {
    display_name: String,
    user_principal_name: String,
    account_enabled: Option<bool>,
    password_profile: Option<PasswordProfile>,
    /// Where the person signs in instead of with a password.
    identities: Vec<ObjectIdentity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectIdentity {
    sign_in_type: String,
    issuer: String,
    issuer_assigned_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PasswordProfile {
    password: String,
    /// Whether the person has to put another in its place at the next sign-in.
    #[serde(default)]
    force_change_password_next_sign_in: bool,
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    may(&app, &caller, "write").await?;
    let body: UserBody = read_json(&parts.headers, body, BODY_MAX).await?;
    let name =
        if body.user_principal_name.is_empty() { &body.display_name } else { &body.user_principal_name };
    let made = match (&body.password_profile, body.identities.as_slice()) {
        (Some(profile), []) => {
            let new = NewUser { name, password: &profile.password };
            let made = users::create(&app.records, new).await?;
            if profile.force_change_password_next_sign_in {
                users::require_new_password(&app.records, &made).await?;
            }
            made
        }
        (None, [identity]) => of_provider(&app, name, identity).await?,
        _ => {
            let text = "a user needs either a password or one identity at the outside provider";
            return Err(ApiError::field("passwordProfile.password", text).into());
        }
    };
    let made = match body.account_enabled {
        Some(false) => users::set_enabled(&app, made, false).await?,
        _ => made,
    };
    note(&app, &caller, "write", &made).await?;
    Ok((StatusCode::CREATED, Json(shown(&app, &made))).into_response())
}

/// Makes a person who signs in at the outside provider, known there by this subject.
async fn of_provider(app: &App, name: &str, identity: &ObjectIdentity) -> Result<Principal, Failure> {
    let issuer = outside::provider(app)?.issuer();
    if !identity.sign_in_type.eq_ignore_ascii_case("federated") || identity.issuer != issuer {
        let text = format!("an identity is `federated`, of the issuer `{issuer}`");
        return Err(ApiError::field("identities[0]", text).into());
    }
    outside::invite(app, name, Invited::Subject(identity.issuer_assigned_id.clone())).await
}

/// Enables, disables, gives a new password. The second factor stays; [`super::methods`] takes it away.
async fn change(
    State(app): State<Arc<App>>,
    Path(user): Path<String>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<StatusCode, Failure> {
    may(&app, &caller, "write").await?;
    let user = find(&app, PrincipalKind::User, &user).await?;
    let body: UserBody = read_json(&parts.headers, body, BODY_MAX).await?;
    if let Some(profile) = &body.password_profile {
        users::set_password(&app.records, &user, &profile.password).await?;
        if profile.force_change_password_next_sign_in {
            users::require_new_password(&app.records, &user).await?;
        }
    }
    if let Some(enabled) = body.account_enabled {
        not_the_owner(&app, &user, !enabled)?;
        // Read again: a new password has just withdrawn the account's tokens.
        let user = find(&app, PrincipalKind::User, &user.object_id.to_string()).await?;
        users::set_enabled(&app, user, enabled).await?;
    }
    note(&app, &caller, "write", &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(app): State<Arc<App>>,
    Path(user): Path<String>,
    caller: Caller,
) -> Result<StatusCode, Failure> {
    may(&app, &caller, "delete").await?;
    let user = find(&app, PrincipalKind::User, &user).await?;
    not_the_owner(&app, &user, true)?;
    users::delete(&app, &user).await?;
    note(&app, &caller, "delete", &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke(
    State(app): State<Arc<App>>,
    Path(user): Path<String>,
    caller: Caller,
) -> Result<Json<Value>, Failure> {
    may(&app, &caller, "write").await?;
    let user = find(&app, PrincipalKind::User, &user).await?;
    users::sign_out_everywhere(&app, &user).await?;
    note(&app, &caller, "revoke/action", &user).await?;
    Ok(Json(json!({"value": true})))
}

/// The owner is the way back in: `bartizan sign-in` makes links for this account.
fn not_the_owner(app: &App, user: &Principal, leaves: bool) -> Result<(), Failure> {
    if leaves && user.object_id == app.home.owner {
        let text = "The owner's account, made at first start, cannot be removed or disabled.";
        return Err(Failure(ApiError::new(ErrorKind::Conflict, text)));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Ids {
    ids: Vec<String>,
}

async fn by_ids(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<Json<Value>, Failure> {
    may(&app, &caller, "read").await?;
    let Ids { ids } = read_json(&parts.headers, body, BODY_MAX).await?;
    if ids.len() > IDS_MAX {
        return Err(ApiError::field("ids", format!("at most {IDS_MAX} ids are taken at once")).into());
    }
    let mut out = Vec::new();
    for id in ids.iter().filter_map(|id| Uuid::parse_str(id).ok()) {
        out.extend(app.records.principal(id).await?.map(|principal| shown(&app, &principal)));
    }
    Ok(Json(json!({"value": out})))
}

/// A row in `AzureActivity`, as for any other write.
pub(super) async fn note(app: &App, caller: &Caller, word: &str, user: &Principal) -> Result<(), Failure> {
    let operation = format!("Microsoft.Authorization/users/{word}");
    let id = format!("/providers/Microsoft.Authorization/users/{}", user.object_id);
    Ok(app
        .records
        .note(&crate::activity::entry(app, caller, &operation, &id, "Microsoft.Authorization/users"))
        .await?)
}

pub(super) fn shown(app: &App, principal: &Principal) -> Value {
    let mut out = json!({
        "id": principal.object_id,
        "displayName": principal.name,
        "accountEnabled": !principal.disabled,
        "createdDateTime": principal.created,
    });
    match principal.kind {
        PrincipalKind::User => {
            out["@odata.type"] = "#microsoft.graph.user".into();
            out["userPrincipalName"] = principal.name.as_str().into();
            out["userType"] = "Member".into();
        }
        PrincipalKind::ServicePrincipal => {
            out["@odata.type"] = "#microsoft.graph.servicePrincipal".into();
            out["appId"] = json!(principal.app_id);
            out["appDisplayName"] = principal.name.as_str().into();
            out["appOwnerOrganizationId"] = json!(app.home.tenant);
            out["servicePrincipalType"] = "Application".into();
            out["servicePrincipalNames"] = json!([principal.app_id]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_that_tools_send() {
        for good in [
            "servicePrincipalNames/any(c:c eq 'x')",
            "userPrincipalName eq 'a b'",
            "startswith(displayName,'x') or appId eq 'y'",
            "displayName eq 'O''Hara'",
        ] {
            assert!(Wanted::parse(good).is_ok(), "{good}");
        }
        for wrong in ["displayName ne 'x'", "x", "password eq 'x'", "displayName eq 'x' and id eq 'y'"] {
            assert!(Wanted::parse(wrong).is_err(), "{wrong}");
        }
    }
}
