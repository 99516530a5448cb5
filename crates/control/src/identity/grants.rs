//! The grants of the token endpoint: what is shown, and whose token comes of it.

use axum::http::request::Parts;
use bartizan_base::Timespan;
use bartizan_records::{Exchange, Principal, SecretKind};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::app::App;
use crate::http::Failure;
use crate::identity::assertion;
use crate::identity::device::Polled;
use crate::identity::form::Form;

/// Programs of one person share a token cache and may ask at the same time with the same token.
const REFRESH_GRACE_SECONDS: i64 = 30;

/// A token to be made.
pub(super) struct Granted {
    pub(super) principal: Principal,
    /// The program that it is for.
    pub(super) client: String,
    pub(super) scope: String,
    pub(super) nonce: String,
    /// Everything that comes of the same sign-in.
    pub(super) family: String,
}

/// Why there is none (RFC 6749, section 5.2).
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: &'static str,
    pub(super) description: String,
    /// Counts as a wrong attempt of its address.
    pub(super) guess: bool,
}

impl Refusal {
    /// The request is wrong or too early.
    pub(super) fn bad(error: &'static str, description: &str) -> Self {
        Self { status: 400, error, description: description.to_owned(), guess: false }
    }

    /// What was shown opens nothing.
    fn guess(status: u16, error: &'static str, description: &str) -> Self {
        Self { status, error, description: description.to_owned(), guess: true }
    }

    fn client() -> Self {
        Self::guess(
            401,
            "invalid_client",
            "The client id, secret, certificate or token is wrong or has expired.",
        )
    }

    fn grant(description: &str) -> Self {
        Self::guess(400, "invalid_grant", description)
    }
}

type Outcome = Result<Result<Granted, Refusal>, Failure>;

/// A program with its own account, by secret or by certificate.
pub(super) async fn client_credentials(app: &App, parts: &Parts, form: &Form) -> Outcome {
    let Some(principal) = client(app, parts, form).await? else { return Ok(Err(Refusal::client())) };
    let scope = form.get("scope").to_owned();
    Ok(Ok(of(principal, form.get("client_id"), scope, Uuid::new_v4().to_string())))
}

/// The code that a browser brought to the program.
pub(super) async fn authorization_code(app: &App, form: &Form) -> Outcome {
    let exchanged = app
        .records
        .exchange(SecretKind::AuthorizationCode, form.get("code"), Timespan::from_seconds(0))
        .await?;
    let code = match exchanged {
        Exchange::Good(code) => code,
        // Whoever has a copy gets nothing, and what the first one got is withdrawn (RFC 6749, section 4.1.2).
        Exchange::Replayed(_) => return Ok(Err(Refusal::grant("The code was used already."))),
        Exchange::Unknown => return Ok(Err(Refusal::grant("The code is wrong or has expired."))),
    };
    let text = |name: &str| code.data[name].as_str().unwrap_or_default().to_owned();
    if text("client") != form.get("client_id") || text("redirectText") != form.get("redirect_uri") {
        return Ok(Err(Refusal::grant("The code was made for another program or address.")));
    }
    if challenge(form.get("code_verifier")) != text("challenge") {
        return Ok(Err(Refusal::grant("The `code_verifier` is not the one of the code's challenge.")));
    }
    let Some(principal) = person(app, &code.subject).await? else {
        return Ok(Err(Refusal::grant("The account does not exist any more.")));
    };
    // The token request may narrow the scope, but clients send it to name what they ask for.
    let scope = if form.get("scope").is_empty() { text("scope") } else { form.get("scope").to_owned() };
    let nonce = text("nonce");
    Ok(Ok(Granted { nonce, ..of(principal, form.get("client_id"), scope, text("family")) }))
}

/// RFC 7636, section 4.6.
fn challenge(verifier: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.as_ref())
}

/// A program that waits for a person with a browser.
pub(super) async fn device_code(app: &App, form: &Form) -> Outcome {
    // The second name is that of v1.0.
    let code = [form.get("device_code"), form.get("code")].into_iter().find(|text| !text.is_empty());
    let now = app.clock.now();
    match app.devices.poll(code.unwrap_or_default(), form.get("client_id"), now) {
        Polled::Pending => Ok(Err(Refusal::bad("authorization_pending", "Nobody has typed the code yet."))),
        Polled::Refused => Ok(Err(Refusal::bad("authorization_declined", "The person refused."))),
        Polled::Expired => Ok(Err(Refusal::guess(
            400,
            "expired_token",
            "The device code is wrong, was used already or has expired.",
        ))),
        Polled::Agreed(id, scope) => {
            let Some(principal) = person(app, &id.to_string()).await? else {
                return Ok(Err(Refusal::grant("The account does not exist any more.")));
            };
            Ok(Ok(of(principal, form.get("client_id"), scope, Uuid::new_v4().to_string())))
        }
    }
}

/// A refresh token is used once: its answer has the next one. A program with an account of its own shows that it
/// is the one (RFC 6749, section 6); a person's program cannot, so a token that is used twice ends the sign-in.
pub(super) async fn refresh_token(app: &App, parts: &Parts, form: &Form) -> Outcome {
    let client_id = form.get("client_id");
    let own = match Uuid::parse_str(client_id) {
        Ok(app_id) => app.records.principal_by_app(app_id).await?.is_some(),
        Err(_) => false,
    };
    if (own || client_id.is_empty()) && client(app, parts, form).await?.is_none() {
        return Ok(Err(Refusal::client()));
    }
    let grace = if own { 0 } else { REFRESH_GRACE_SECONDS };
    let exchanged = app
        .records
        .exchange(SecretKind::RefreshToken, form.get("refresh_token"), Timespan::from_seconds(grace))
        .await?;
    let token = match exchanged {
        Exchange::Good(token) => token,
        _ if own => return Ok(Err(Refusal::client())),
        Exchange::Replayed(token) => {
            tracing::warn!(subject = token.subject, "a refresh token came twice; its sign-in is ended");
            return Ok(Err(Refusal::grant("The refresh token was used already; sign in again.")));
        }
        Exchange::Unknown => {
            return Ok(Err(Refusal::grant("The refresh token is wrong, was withdrawn or has expired.")));
        }
    };
    let text = |name: &str| token.data[name].as_str().unwrap_or_default().to_owned();
    if !text("client").eq_ignore_ascii_case(client_id) {
        return Ok(Err(Refusal::grant("The refresh token was given to another program.")));
    }
    let Some(principal) = person(app, &token.subject).await? else {
        return Ok(Err(Refusal::grant("The account does not exist any more.")));
    };
    let scope = if form.get("scope").is_empty() { text("scope") } else { form.get("scope").to_owned() };
    Ok(Ok(of(principal, client_id, scope, text("family"))))
}

fn of(principal: Principal, client: &str, scope: String, family: String) -> Granted {
    Granted { principal, client: client.to_owned(), scope, nonce: String::new(), family }
}

async fn person(app: &App, object_id: &str) -> Result<Option<Principal>, Failure> {
    let id = Uuid::parse_str(object_id).unwrap_or_default();
    Ok(app.records.principal(id).await?.filter(|principal| !principal.disabled))
}

/// The service principal that shows its secret or an assertion signed with its key.
async fn client(app: &App, parts: &Parts, form: &Form) -> Result<Option<Principal>, Failure> {
    if form.get("client_assertion").is_empty() {
        return principal_by_secret(app, form.get("client_id"), form.get("client_secret")).await;
    }
    if form.get("client_assertion_type") != assertion::TYPE {
        return Ok(None);
    }
    assertion::principal(app, parts, form.get("client_id"), form.get("client_assertion")).await
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
    Ok(principal.filter(|principal| {
        !principal.disabled && secret.is_some_and(|secret| secret.subject == principal.object_id.to_string())
    }))
}
