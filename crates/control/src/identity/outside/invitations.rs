//! Whom of the provider's people the server knows: by subject, or, until they come for the first time, by an e-mail
//! address that the provider has verified.
//!
//! `POST /v1.0/invitations` is Microsoft Graph's own; so is `identities` of a user, which names issuer and subject.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bartizan_api::ApiError;
use bartizan_base::{Ticks, Timespan};
use bartizan_records::{NewSecret, Principal, SecretKind};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::identity::directory::{may, note, shown};
use crate::identity::outside::claims::Claims;
use crate::identity::outside::provider;
use crate::identity::users;

const BODY_MAX: usize = 16 << 10;
/// Subjects have at most 255 characters, issuers are addresses.
const TEXT_MAX: usize = 255;
/// An invitation that nobody took ends.
const INVITATION: Timespan = Timespan::from_seconds(30 * 86_400);
/// Who came once is known for good.
const FOR_GOOD: Ticks = Ticks(i64::MAX);

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1.0/invitations", post(by_email))
}

/// Who is invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Invited {
    Subject(String),
    /// Any case; compared in lower case.
    Email(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invitation {
    invited_user_email_address: String,
    #[serde(default)]
    invited_user_display_name: String,
}

async fn by_email(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    may(&app, &caller, "write").await?;
    let body: Invitation = read_json(&parts.headers, body, BODY_MAX).await?;
    let email = body.invited_user_email_address.trim();
    let address = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if !address || email.len() > TEXT_MAX || email.contains(char::is_whitespace) {
        return Err(ApiError::field("invitedUserEmailAddress", "an e-mail address is needed").into());
    }
    let name = body.invited_user_display_name.trim();
    let name = if name.is_empty() { email } else { name };
    let made = invite(&app, name, Invited::Email(email.to_owned())).await?;
    note(&app, &caller, "invite/action", &made).await?;
    let answer = json!({
        "id": made.object_id, "invitedUserEmailAddress": email, "invitedUserDisplayName": made.name,
        "status": "PendingAcceptance", "invitedUser": shown(&app, &made), "sendInvitationMessage": false,
        "inviteRedeemUrl": format!("{}{}", app.public_url, super::START_PATH),
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Makes a person who signs in at the provider only.
pub(in crate::identity) async fn invite(app: &App, name: &str, who: Invited) -> Result<Principal, Failure> {
    let issuer = provider(app)?.issuer();
    let now = app.clock.now();
    let (kind, text, expires, uses) = match &who {
        Invited::Subject(subject) if subject.is_empty() || subject.len() > TEXT_MAX => {
            let text = format!("a subject has 1 to {TEXT_MAX} characters");
            return Err(ApiError::field("identities[0].issuerAssignedId", text).into());
        }
        Invited::Subject(subject) => (SecretKind::OutsideSubject, key(issuer, subject), FOR_GOOD, None),
        Invited::Email(email) => {
            (SecretKind::OutsideInvitation, key(issuer, &email.to_lowercase()), now + INVITATION, Some(1))
        }
    };
    // A name for the provider's people is one for everybody: nobody can be taken for somebody else.
    let made = users::create_without_password(&app.records, name).await?;
    if app.records.see_secret(kind, &text).await?.is_some() {
        app.records.delete_principal(made.object_id).await?;
        let text = "This person of the provider is invited already.";
        return Err(ApiError::coded(
            bartizan_base::ErrorKind::Conflict,
            "Request_MultipleObjectsWithSameKeyValue",
            text,
        )
        .into());
    }
    // What an earlier invitation left behind when it ended.
    app.records.forget_secret(kind, &text).await?;
    let subject = made.object_id.to_string();
    app.records.put_secret(&text, NewSecret { kind, subject, data: json!({}), expires, uses }).await?;
    Ok(made)
}

/// The person whom the provider's claims are of, if somebody invited them. An invitation by e-mail is taken once:
/// from then on the subject counts, which, unlike an address, the provider gives to nobody else.
pub(super) async fn person(app: &App, issuer: &str, claims: &Claims) -> Result<Option<Principal>, Failure> {
    let subject = key(issuer, &claims.sub);
    let mut found = app.records.see_secret(SecretKind::OutsideSubject, &subject).await?;
    if found.is_none() && claims.email_verified && !claims.email.is_empty() {
        let email = key(issuer, &claims.email.to_lowercase());
        found = app.records.use_secret(SecretKind::OutsideInvitation, &email).await?;
        if let Some(invitation) = &found {
            let known = NewSecret {
                kind: SecretKind::OutsideSubject,
                subject: invitation.subject.clone(),
                data: json!({}),
                expires: FOR_GOOD,
                uses: None,
            };
            app.records.put_secret(&subject, known).await?;
        }
    }
    let Some(found) = found else { return Ok(None) };
    Ok(app.records.principal(Uuid::parse_str(&found.subject).unwrap_or_default()).await?)
}

/// Issuers are addresses and have no line breaks, so no two pairs have one key.
fn key(issuer: &str, text: &str) -> String {
    format!("{issuer}\n{text}")
}
