//! People with passwords: making them, and signing them in.

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, Ticks, Timespan};
use bartizan_records::{Credential, Principal, PrincipalKind, Records, RecordsError, SecretKind};
use serde_json::json;
use uuid::Uuid;

use crate::access::find_role;
use crate::app::{App, Home};
use crate::boot::assign_role;
use crate::http::Failure;
use crate::identity::{passwords, totp};

/// Wrong attempts in a row before an account rests.
const FAILURES_MAX: u32 = 10;
/// How long it rests.
const LOCK_SECONDS: i64 = 15 * 60;
const NAME_MAX: usize = 128;
/// The code of the error that says that a new password is due.
pub(crate) const CHANGE_REQUIRED: &str = "PasswordChangeRequired";

/// A new person.
#[derive(Clone, Copy)]
pub struct NewUser<'a> {
    pub name: &'a str,
    pub password: &'a str,
}

/// What somebody types to sign in.
#[derive(Clone, Copy, Default)]
pub(crate) struct Attempt<'a> {
    pub name: &'a str,
    pub password: &'a str,
    /// Of the authenticator app; empty for who has none.
    pub code: &'a str,
    /// Takes the place of a password that somebody else made, when it has to; empty for who need not.
    pub new_password: &'a str,
}

/// Why a person could not be made.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error("{}", .0.message)]
    Wrong(ApiError),
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl From<ApiError> for UserError {
    fn from(error: ApiError) -> Self {
        Self::Wrong(error)
    }
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Wrong(error) => Self(error),
            UserError::Records(error) => error.into(),
        }
    }
}

/// Makes a person with a password, and no access to anything.
///
/// # Errors
/// When the name is taken or not one, the password is weak, or the records cannot be written.
pub async fn create(records: &Records, new: NewUser<'_>) -> Result<Principal, UserError> {
    passwords::check(new.password, new.name.trim())?;
    let hash = passwords::hash(new.password).await?;
    let principal = create_without_password(records, new.name).await?;
    records.set_password(principal.object_id, &hash).await?;
    Ok(principal)
}

/// Makes a person who signs in elsewhere, with access to nothing.
///
/// # Errors
/// When the name is taken or not one, or the records cannot be written.
pub async fn create_without_password(records: &Records, name: &str) -> Result<Principal, UserError> {
    let name = name.trim();
    let odd = |c: char| c.is_control() || matches!(c, '<' | '>' | '"' | '\\');
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(odd) {
        let text = format!("a name has 1 to {NAME_MAX} characters and no quotes or control characters");
        return Err(ApiError::field("userPrincipalName", text).into());
    }
    if records.user_by_name(name).await?.is_some() {
        let text = format!("There is a user `{name}` already.");
        return Err(
            ApiError::coded(ErrorKind::Conflict, "Request_MultipleObjectsWithSameKeyValue", text).into()
        );
    }
    let principal = Principal {
        object_id: Uuid::new_v4(),
        app_id: None,
        name: name.to_owned(),
        kind: PrincipalKind::User,
        created: records.now(),
        disabled: false,
        tokens_from: Ticks(0),
    };
    records.put_principal(&principal).await?;
    Ok(principal)
}

/// Gives a person a built-in role.
///
/// # Errors
/// When there is no such role, or the records cannot be written.
pub async fn give_role(
    records: &Records,
    home: &Home,
    user: &Principal,
    role: &str,
    scope: &ResourceId,
) -> Result<(), UserError> {
    if find_role(role).is_none() {
        return Err(RecordsError::Missing(format!("role {role}")).into());
    }
    Ok(assign_role(records, home, user.object_id, role, scope, user.kind).await?)
}

/// Gives a person a new password, and ends what was opened with the old one.
///
/// # Errors
/// When the password is weak or the records cannot be written.
pub async fn set_password(records: &Records, user: &Principal, password: &str) -> Result<(), UserError> {
    passwords::check(password, &user.name)?;
    let hash = passwords::hash(password).await?;
    records.set_password(user.object_id, &hash).await?;
    records.delete_state(&due_key(user.object_id)).await?;
    Ok(withdraw(records, user).await?)
}

/// Lets the person sign in with the present password only to put another in its place: who made it knows it too.
///
/// # Errors
/// When the records cannot be written.
pub async fn require_new_password(records: &Records, user: &Principal) -> Result<(), UserError> {
    Ok(records.put_state(&due_key(user.object_id), json!(true)).await?)
}

fn due_key(object_id: Uuid) -> String {
    format!("password-due/{object_id}")
}

/// Removes an account and what is kept about it.
///
/// # Errors
/// When the records cannot be written.
pub(super) async fn delete(app: &App, principal: &Principal) -> Result<(), Failure> {
    app.records.delete_principal(principal.object_id).await?;
    Ok(app.records.delete_state(&due_key(principal.object_id)).await?)
}

/// Lets an account sign in or not; what a disabled one has open ends at once.
///
/// # Errors
/// When the records cannot be written.
pub(super) async fn set_enabled(
    app: &App,
    principal: Principal,
    enabled: bool,
) -> Result<Principal, Failure> {
    let principal = Principal { disabled: !enabled, ..principal };
    app.records.put_principal(&principal).await?;
    if !enabled {
        sign_out_everywhere(app, &principal).await?;
    }
    Ok(principal)
}

/// The person whose name, password and code these are.
///
/// # Errors
/// 401, the same for everything that can be wrong; `SecondFactorRequired` when only the code is missing,
/// `PasswordChangeRequired` when only a new password is. 400 when the new password is a weak one.
pub(crate) async fn sign_in(app: &App, attempt: Attempt<'_>) -> Result<Principal, Failure> {
    let Attempt { name, password, code, new_password } = attempt;
    let now = app.clock.now();
    let principal = app.records.user_by_name(name.trim()).await?;
    let credential = match &principal {
        Some(principal) => app.records.credential(principal.object_id).await?,
        None => None,
    };
    let right =
        passwords::verify(credential.as_ref().map(|stored| stored.password.clone()), password).await?;
    let (Some(principal), Some(credential)) = (principal, credential) else { return Err(wrong()) };
    let id = principal.object_id;
    if credential.locked_until > now {
        return Err(wrong());
    }
    let failed = async || {
        let until = now + Timespan::from_seconds(LOCK_SECONDS);
        app.records.sign_in_failed(id, FAILURES_MAX, until).await?;
        Err(wrong())
    };
    if !right || principal.disabled {
        return failed().await;
    }
    let step = if credential.totp.is_empty() {
        None
    } else if code.trim().is_empty() {
        return Err(Failure(ApiError::coded(
            ErrorKind::Unauthenticated,
            "SecondFactorRequired",
            "Type the code that your authenticator app shows.",
        )));
    } else {
        match totp::step_of(&credential.totp, code, now) {
            Some(step) => Some(step),
            None => return failed().await,
        }
    };
    // Asked for before the code is taken, so that the same code serves the second attempt.
    let due = app.records.get_state(&due_key(id)).await?.is_some();
    if due && new_password.is_empty() {
        return Err(Failure(ApiError::coded(
            ErrorKind::Unauthenticated,
            CHANGE_REQUIRED,
            "This password was made by somebody else. Choose a new one to sign in.",
        )));
    }
    if due {
        passwords::check(new_password, &principal.name)?;
        if new_password == password {
            return Err(ApiError::field("newPassword", "the new password is the old one").into());
        }
    }
    if !app.records.sign_in_succeeded(id, step).await? {
        // The code was taken before.
        return failed().await;
    }
    if due {
        set_password(&app.records, &principal, new_password).await?;
        tracing::info!(name = principal.name, "changed a password that was made by somebody else");
    }
    tracing::info!(name = principal.name, "signed in with a password");
    Ok(principal)
}

/// Checks the password of somebody who is signed in already.
pub(super) async fn check_password(
    app: &App,
    principal: &Principal,
    stored: &Credential,
    password: &str,
) -> Result<(), Failure> {
    let now = app.clock.now();
    if stored.locked_until > now {
        return Err(wrong());
    }
    if passwords::verify(Some(stored.password.clone()), password).await? {
        return Ok(());
    }
    let until = now + Timespan::from_seconds(LOCK_SECONDS);
    app.records.sign_in_failed(principal.object_id, FAILURES_MAX, until).await?;
    Err(wrong())
}

fn wrong() -> Failure {
    Failure(ApiError::coded(
        ErrorKind::Unauthenticated,
        "InvalidCredentials",
        "The name, password or code is wrong, or the account rests for 15 minutes after ten wrong attempts.",
    ))
}

/// Ends all sessions of a principal and withdraws its tokens.
pub(super) async fn sign_out_everywhere(app: &App, principal: &Principal) -> Result<(), Failure> {
    Ok(withdraw(&app.records, principal).await?)
}

async fn withdraw(records: &Records, principal: &Principal) -> Result<(), RecordsError> {
    let second = Timespan::from_seconds(1);
    // Tokens count whole seconds: those of this one are withdrawn too.
    let withdrawn = Principal { tokens_from: records.now() + second, ..principal.clone() };
    records.put_principal(&withdrawn).await?;
    let kinds = [
        SecretKind::Session,
        SecretKind::RefreshToken,
        SecretKind::SignInCode,
        SecretKind::Consent,
        SecretKind::AuthorizationCode,
    ];
    records.forget_secrets_of(&kinds, &principal.object_id.to_string()).await
}
