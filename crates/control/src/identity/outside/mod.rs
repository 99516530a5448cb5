//! People of an outside OpenID Connect provider: the company's own sign-in, by the operator's setting.
//!
//! The authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9207).
//! The provider says who somebody is; whether they get in is said here: only those whom somebody with the right to
//! make users has invited. What they may do is said by roles, as for everybody.

mod claims;
mod invitations;
mod provider;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bartizan_base::{ErrorKind, Timespan};
use bartizan_records::{Activity, Actor, ActorKind, NewSecret, Principal, RecordsError, SecretKind};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use uuid::Uuid;

use crate::access::{PeerAddress, random_secret};
use crate::app::App;
use crate::http::{Failure, header as header_text};
use crate::identity::browser;
use crate::identity::form::Form;

pub(super) use invitations::{Invited, invite};
pub use provider::{OutsideError, OutsideOptions, OutsideProvider};

pub(super) const START_PATH: &str = "/identity/outside/start";
/// Where the provider sends browsers back to; to be registered with it.
pub(super) const CALLBACK_PATH: &str = "/identity/outside/callback";
/// Time to sign in at the provider.
const ROUND_SECONDS: i64 = 600;
/// Ties the way there and the way back to one browser. `Lax`, because the way back begins at the provider.
const COOKIE: &str = "__Host-bartizan-outside";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route(START_PATH, get(start)).route(CALLBACK_PATH, get(back)).merge(invitations::routes())
}

/// The link of the sign-in page, as HTML; empty without a provider.
pub(super) fn link(app: &App, next: &str) -> String {
    let Some(provider) = &app.outside else { return String::new() };
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!(
        "<p><a href=\"{START_PATH}?next={next}\">Sign in with {}</a></p>",
        browser::escape(provider.name())
    )
}

fn address(app: &App) -> String {
    format!("{}{CALLBACK_PATH}", app.public_url)
}

async fn start(State(app): State<Arc<App>>, parts: Parts) -> Result<Response, Failure> {
    let Some(provider) = &app.outside else { return Ok(none()) };
    let form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
    app.throttle.check(PeerAddress::ip(&parts.extensions), app.clock.now())?;
    let (state, nonce, verifier, cookie) =
        (random_secret(), random_secret(), random_secret(), random_secret());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    let challenge = URL_SAFE_NO_PAD.encode(digest.as_ref());
    let to = match provider.sign_in_url(&address(&app), &state, &nonce, &challenge, app.clock.now()).await {
        Ok(to) => to,
        Err(error) => return Ok(unreachable(&app, &error)),
    };
    let round = NewSecret {
        kind: SecretKind::OutsideRound,
        subject: String::new(),
        data: json!({"nonce": nonce, "verifier": verifier, "cookie": cookie, "next": browser::local(form.get("next"))}),
        expires: app.clock.now() + Timespan::from_seconds(ROUND_SECONDS),
        uses: Some(1),
    };
    app.records.put_secret(&state, round).await?;
    let mut response = browser::redirect(to.as_str());
    set_cookie(&mut response, &cookie, ROUND_SECONDS);
    Ok(response)
}

async fn back(State(app): State<Arc<App>>, parts: Parts) -> Result<Response, Failure> {
    let Some(provider) = &app.outside else { return Ok(none()) };
    let from = PeerAddress::ip(&parts.extensions);
    app.throttle.check(from, app.clock.now())?;
    let form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
    match signed_in(&app, provider, &parts.headers, &form).await {
        Ok((principal, next)) => {
            let ip = from.map(|ip| ip.to_string());
            note(&app, &principal, ip).await?;
            tracing::info!(
                name = principal.name,
                provider = provider.issuer(),
                "signed in at the outside provider"
            );
            let session = browser::open_session(&app, &principal).await?;
            let mut response = onward(&next);
            browser::set_session(&mut response, &session);
            set_cookie(&mut response, "", 0);
            Ok(response)
        }
        Err(Refused::Failure(failure)) => Err(failure),
        Err(Refused::Unreachable(error)) => Ok(unreachable(&app, &error)),
        Err(Refused::No { shown, why }) => {
            app.throttle.failed(from, app.clock.now());
            tracing::warn!(
                provider = provider.issuer(),
                why,
                "a sign-in at the outside provider was refused"
            );
            let mut response = browser::refused(&shown);
            set_cookie(&mut response, "", 0);
            Ok(response)
        }
    }
}

/// Why nobody was signed in.
enum Refused {
    Failure(Failure),
    Unreachable(OutsideError),
    /// `shown` to the person, `why` for the log.
    No {
        shown: String,
        why: String,
    },
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<RecordsError> for Refused {
    fn from(error: RecordsError) -> Self {
        Self::Failure(error.into())
    }
}

fn no(shown: impl Into<String>, why: impl Into<String>) -> Refused {
    Refused::No { shown: shown.into(), why: why.into() }
}

/// Who came back from the provider, and where they wanted to go.
async fn signed_in(
    app: &App,
    provider: &OutsideProvider,
    headers: &HeaderMap,
    form: &Form,
) -> Result<(Principal, String), Refused> {
    const OLD: &str = "This sign-in is too old or was used already; start again from the sign-in page.";
    // Used up whatever follows: an answer is good once.
    let round = app.records.use_secret(SecretKind::OutsideRound, form.get("state")).await?;
    let round = round.ok_or_else(|| no(OLD, "the state is unknown, old or used"))?;
    let kept = |name: &str| round.data[name].as_str().unwrap_or_default().to_owned();
    let cookie = cookie_of(headers);
    if cookie.is_none_or(|cookie| cookie != kept("cookie")) {
        return Err(no(OLD, "the state is another browser's"));
    }
    let iss = form.get("iss");
    if !iss.is_empty() && iss != provider.issuer() {
        return Err(no("The answer is from another provider.", "the answer names another issuer"));
    }
    if !form.get("error").is_empty() {
        let shown: String = form.get("error").chars().take(80).collect();
        return Err(no(
            format!("{} did not sign you in: {shown}.", provider.name()),
            format!("error {shown}"),
        ));
    }
    let now = app.clock.now();
    let token = provider.exchange(&address(app), form.get("code"), &kept("verifier"), now).await;
    let token = match token {
        Ok(token) => token,
        Err(error @ OutsideError::Refused(_)) => {
            return Err(no(format!("{} did not confirm the sign-in.", provider.name()), error.to_string()));
        }
        Err(error) => return Err(Refused::Unreachable(error)),
    };
    let claims = match provider.check(&token, &kept("nonce"), now).await {
        Ok(claims) => claims,
        Err(OutsideError::Token(why)) => {
            return Err(no(format!("What {} says cannot be believed: {why}.", provider.name()), why));
        }
        Err(error) => return Err(Refused::Unreachable(error)),
    };
    let found = invitations::person(app, provider.issuer(), &claims).await?;
    let who = found.ok_or_else(|| {
        let email: String = claims.email.chars().take(128).collect();
        no(
            "You have no account here. Ask who runs this server to invite you.",
            format!(
                "nobody invited subject `{}`, e-mail `{email}`, verified: {}",
                claims.sub, claims.email_verified
            ),
        )
    })?;
    if who.disabled {
        return Err(no("The account is disabled.", format!("`{}` is disabled", who.name)));
    }
    Ok((who, kept("next")))
}

/// Goes on from a page of our own: a cookie that is `Strict` does not come along with a way that began elsewhere.
fn onward(next: &str) -> Response {
    let inside = format!(
        "<meta http-equiv=\"refresh\" content=\"0;url={0}\"><p><a href=\"{0}\">Continue</a></p>",
        browser::escape(next)
    );
    browser::page(StatusCode::OK, "You are signed in", &inside, "")
}

fn none() -> Response {
    (StatusCode::NOT_FOUND, "No outside provider is set; see `bartizan serve --oidc-issuer`.").into_response()
}

fn unreachable(app: &App, error: &OutsideError) -> Response {
    let name = app.outside.as_ref().map_or("", |provider| provider.name());
    tracing::warn!(error = crate::http::chain(error), "the outside provider cannot be used");
    let text =
        format!("{name} cannot be used now; the server's log says why. Sign in with a password or a link.");
    let inside = format!("<p class=\"wrong\" role=\"alert\">{}</p>", browser::escape(&text));
    browser::page(StatusCode::BAD_GATEWAY, "Sign in", &inside, "")
}

/// A row in `AzureActivity`.
async fn note(app: &App, who: &Principal, ip: Option<String>) -> Result<(), Failure> {
    let actor = Actor { name: who.name.clone(), object_id: who.object_id, kind: ActorKind::User, ip };
    Ok(app
        .records
        .note(&Activity {
            time: app.clock.now(),
            operation: "Microsoft.Authorization/users/signIn/action".to_owned(),
            resource_id: format!("/providers/Microsoft.Authorization/users/{}", who.object_id),
            resource_type: "Microsoft.Authorization/users".to_owned(),
            actor,
            correlation_id: Uuid::new_v4(),
            before: None,
            after: None,
        })
        .await?)
}

fn set_cookie(response: &mut Response, value: &str, seconds: i64) {
    let cookie = format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    let cookie = HeaderValue::from_str(&cookie).expect("a secret has only URL-safe characters");
    response.headers_mut().append(header::SET_COOKIE, cookie);
}

fn cookie_of(headers: &HeaderMap) -> Option<&str> {
    header_text(headers, header::COOKIE.as_str()).split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

/// For the directory: a person can be invited only where there is a provider to come from.
pub(super) fn provider(app: &App) -> Result<&OutsideProvider, Failure> {
    app.outside.as_ref().ok_or_else(|| {
        Failure(bartizan_api::ApiError::coded(
            ErrorKind::Invalid,
            "OutsideProviderNotSet",
            "No outside provider is set; start the server with `--oidc-issuer` and `--oidc-client-id`.",
        ))
    })
}
