//! What browsers see of the issuer: small pages without scripts, the sign-in form, and whose session it is.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, Timespan};
use bartizan_records::{NewSecret, Principal, SecretKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::{PeerAddress, SESSION_COOKIE, random_secret, session_cookie};
use crate::app::App;
use crate::http::{Failure, header as header_text};
use crate::identity::form::{self, Form};
use crate::identity::users::Attempt;
use crate::identity::{outside, users};

/// A working day.
const SESSION_SECONDS: i64 = 12 * 3600;
/// Time to read a page and agree.
const CONSENT_SECONDS: i64 = 600;
const STYLE: &str = "body{font:15px system-ui,sans-serif;max-width:26rem;margin:10vh auto;padding:0 1rem;\
    color:#1b1a19;background:#fff}h1{font-size:1.3rem}label{display:block;margin:.8rem 0 .2rem}\
    input{font:inherit;width:100%;padding:.45rem;box-sizing:border-box}\
    button{font:inherit;margin:1.2rem .5rem 0 0;padding:.45rem 1.2rem}.wrong{color:#a4262c}\
    @media(prefers-color-scheme:dark){body{color:#f3f2f1;background:#1b1a19}.wrong{color:#f1707b}}";
/// Sends the form of a page that only hands over: `response_mode=form_post`.
const SUBMIT: &str = "document.forms[0].submit()";

/// Where the sign-in form is sent.
pub(super) const SIGN_IN_PATH: &str = "/identity/signin";

/// A page: `inside` is HTML whose variable parts went through [`escape`].
pub(super) fn page(status: StatusCode, title: &str, inside: &str, form_action: &str) -> Response {
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} - Bartizan</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{inside}</main></body></html>",
        title = escape(title),
    );
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; form-action 'self'{}{form_action}; base-uri 'none'; \
         frame-ancestors 'none'",
        hash(STYLE),
        hash(SUBMIT),
        if form_action.is_empty() { "" } else { " " },
    );
    let mut response = (status, axum::response::Html(body)).into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// A page that hands `fields` over to a program at `target`, by itself where scripts run.
pub(super) fn hand_over(target: &url::Url, fields: &[(&str, String)]) -> Response {
    let inputs: String = fields
        .iter()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value)))
        .collect();
    let inside = format!(
        "<form method=\"post\" action=\"{}\">{inputs}<button>Continue</button></form><script>{SUBMIT}</script>",
        escape(target.as_str())
    );
    page(StatusCode::OK, "Back to the program", &inside, &target.origin().ascii_serialization())
}

/// Says what is wrong, and nothing else.
pub(super) fn refused(message: &str) -> Response {
    let inside = format!("<p class=\"wrong\" role=\"alert\">{}</p>", escape(message));
    page(StatusCode::BAD_REQUEST, "This cannot be done", &inside, "")
}

fn hash(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    format!("sha256-{}", STANDARD.encode(digest.as_ref()))
}

/// Text for HTML, in and out of attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Whose session the browser's cookie is.
pub(super) async fn session(app: &App, headers: &HeaderMap) -> Result<Option<Principal>, Failure> {
    let Some(cookie) = session_cookie(headers) else { return Ok(None) };
    let Some(secret) = app.records.see_secret(SecretKind::Session, cookie).await? else { return Ok(None) };
    let id = Uuid::parse_str(&secret.subject).unwrap_or_default();
    Ok(app.records.principal(id).await?.filter(|principal| !principal.disabled))
}

/// A page of another site can send our forms, with its visitor's cookie where the browser is old.
pub(super) fn check_site(headers: &HeaderMap) -> Result<(), Failure> {
    let site = header_text(headers, "sec-fetch-site");
    if matches!(site, "" | "none" | "same-origin") {
        return Ok(());
    }
    Err(Failure(ApiError::coded(
        ErrorKind::Forbidden,
        "CrossSiteSignIn",
        "Sign-in works from the server's own pages only.",
    )))
}

/// The sign-in form, which comes back to `next`, a path of this server.
pub(super) fn sign_in_form(app: &App, next: &str, name: &str, wrong: &str) -> Response {
    form_page(app, next, name, wrong, false)
}

/// The same form, which asks for a new password too when one is `due`.
fn form_page(app: &App, next: &str, name: &str, wrong: &str, due: bool) -> Response {
    let new_password = if due {
        "<label for=\"new\">New password, 12 characters or more</label>\
         <input id=\"new\" name=\"new\" type=\"password\" autocomplete=\"new-password\">\
         <label for=\"again\">The new password again</label>\
         <input id=\"again\" name=\"again\" type=\"password\" autocomplete=\"new-password\">"
    } else {
        ""
    };
    let note = if wrong.is_empty() {
        String::new()
    } else {
        format!("<p class=\"wrong\" role=\"alert\">{}</p>", escape(wrong))
    };
    let inside = format!(
        "{note}<form method=\"post\" action=\"{SIGN_IN_PATH}\"><input type=\"hidden\" name=\"next\" value=\"{}\">\
         <label for=\"name\">Name</label><input id=\"name\" name=\"name\" autocomplete=\"username\" value=\"{}\">\
         <label for=\"password\">Password</label>\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\">{new_password}\
         <label for=\"code\">Code of your authenticator app, if you have one</label>\
         <input id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\">\
         <label for=\"link\">Or the code of a sign-in link</label>\
         <input id=\"link\" name=\"link\" autocomplete=\"off\"><button>Sign in</button></form>{}",
        escape(next),
        escape(name),
        outside::link(app, next),
    );
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    page(status, "Sign in", &inside, "")
}

/// `GET /identity/signin`: the form by itself, which leads to the portal.
pub(super) async fn sign_in_page(State(app): State<Arc<App>>) -> Response {
    sign_in_form(&app, "/", "", "")
}

/// `POST /identity/signin`.
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    check_site(&parts.headers)?;
    let from = PeerAddress::ip(&parts.extensions);
    app.throttle.check(from, app.clock.now())?;
    let form = form::read(&parts.headers, body).await?;
    let next = local(form.get("next"));
    match person(&app, &form).await {
        Ok(principal) => {
            let mut response = redirect(&next);
            let token = open_session(&app, &principal).await?;
            set_cookie(&mut response, &token, SESSION_SECONDS);
            Ok(response)
        }
        Err(Failure(error)) if matches!(error.kind, ErrorKind::Unauthenticated | ErrorKind::Invalid) => {
            let asked = error.code == users::CHANGE_REQUIRED;
            // Where only a new password was missing, nobody guessed.
            if error.kind == ErrorKind::Unauthenticated && !asked {
                app.throttle.failed(from, app.clock.now());
            }
            let due = asked || !form.get("new").is_empty();
            Ok(form_page(&app, &next, form.get("name"), &error.message, due))
        }
        Err(error) => Err(error),
    }
}

async fn person(app: &App, form: &Form) -> Result<Principal, Failure> {
    let link = form.get("link").trim();
    if link.is_empty() {
        if form.get("new") != form.get("again") {
            return Err(ApiError::field("newPassword", "the two new passwords are not the same").into());
        }
        let attempt = Attempt {
            name: form.get("name"),
            password: form.get("password"),
            code: form.get("code"),
            new_password: form.get("new"),
        };
        return users::sign_in(app, attempt).await;
    }
    by_link(app, link.rsplit('#').next().unwrap_or_default()).await
}

/// The person that a one-time code was made for.
pub(crate) async fn by_link(app: &App, code: &str) -> Result<Principal, Failure> {
    let Some(code) = app.records.use_secret(SecretKind::SignInCode, code).await? else {
        return Err(Failure(ApiError::coded(
            ErrorKind::Unauthenticated,
            "InvalidSignInCode",
            "The sign-in link was used already or has expired; `bartizan sign-in` prints a new one.",
        )));
    };
    let id = Uuid::parse_str(&code.subject).unwrap_or_default();
    let principal = app.records.principal(id).await?.filter(|principal| !principal.disabled);
    principal.ok_or_else(|| Failure::unauthenticated("The account does not exist any more."))
}

/// A path of this server that the sign-in form may lead to; anything else leads to the portal.
pub(super) fn local(next: &str) -> String {
    let plain = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    let path = next.split('?').next().unwrap_or_default();
    let known =
        path == "/device" || path.ends_with("/oauth2/v2.0/authorize") || path.ends_with("/oauth2/authorize");
    if plain && known { next.to_owned() } else { "/".to_owned() }
}

/// Opens a session and gives what the cookie holds.
pub(crate) async fn open_session(app: &App, principal: &Principal) -> Result<String, Failure> {
    let token = random_secret();
    let session = NewSecret {
        kind: SecretKind::Session,
        subject: principal.object_id.to_string(),
        data: json!({}),
        expires: app.clock.now() + Timespan::from_seconds(SESSION_SECONDS),
        uses: None,
    };
    app.records.put_secret(&token, session).await?;
    Ok(token)
}

/// Sets the session's cookie, for as long as a session lasts.
pub(crate) fn set_session(response: &mut Response, token: &str) {
    set_cookie(response, token, SESSION_SECONDS);
}

/// Takes the cookie away.
pub(crate) fn clear_session(response: &mut Response) {
    set_cookie(response, "", 0);
}

fn set_cookie(response: &mut Response, value: &str, seconds: i64) {
    let cookie =
        format!("{SESSION_COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}");
    let cookie = HeaderValue::from_str(&cookie).expect("a secret has only URL-safe characters");
    response.headers_mut().append(header::SET_COOKIE, cookie);
}

/// 303, so that a form's sender comes back with a GET.
pub(super) fn redirect(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    match HeaderValue::from_str(to) {
        Ok(location) => drop(response.headers_mut().insert(header::LOCATION, location)),
        Err(_) => return refused("The address to go to is not one."),
    }
    response
}

/// Asks a person to agree: a page whose form has nothing but a secret, so that what is agreed to is what was
/// shown, by whom it was shown to.
pub(super) async fn ask(
    app: &App,
    principal: &Principal,
    data: Value,
    action: &str,
    question: &str,
    form_action: &str,
) -> Result<Response, Failure> {
    let consent = random_secret();
    let secret = NewSecret {
        kind: SecretKind::Consent,
        subject: principal.object_id.to_string(),
        data,
        expires: app.clock.now() + Timespan::from_seconds(CONSENT_SECONDS),
        uses: Some(1),
    };
    app.records.put_secret(&consent, secret).await?;
    let inside = format!(
        "<p>{question}</p><p>You are signed in as <strong>{}</strong>. Agree only if you started this yourself, \
         just now.</p><form method=\"post\" action=\"{}\">\
         <input type=\"hidden\" name=\"consent\" value=\"{consent}\">\
         <button name=\"decision\" value=\"agree\">Agree</button>\
         <button name=\"decision\" value=\"refuse\">Refuse</button></form>",
        escape(&principal.name),
        escape(action),
    );
    Ok(page(StatusCode::OK, "Let a program act for you?", &inside, form_action))
}

/// What was agreed to or refused by the person whose session this is; `None` when the page is old or another's.
pub(super) async fn answered(
    app: &App,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Option<Answered>, Failure> {
    check_site(headers)?;
    let Some(principal) = session(app, headers).await? else { return Ok(None) };
    let Some(consent) = app.records.use_secret(SecretKind::Consent, form.get("consent")).await? else {
        return Ok(None);
    };
    if consent.subject != principal.object_id.to_string() {
        return Ok(None);
    }
    Ok(Some(Answered { principal, data: consent.data, agreed: form.get("decision") == "agree" }))
}

/// An answer to a question of [`ask`].
pub(super) struct Answered {
    pub(super) principal: Principal,
    pub(super) data: Value,
    pub(super) agreed: bool,
}

/// Programs by their well-known ids; others are shown by id.
const PROGRAMS: &[(&str, &str)] = &[
    ("04b07795-8ddb-461a-bbee-02f9e1bf7b46", "Azure CLI"),
    ("1950a258-227b-4e31-a9cf-717495945fc2", "Azure PowerShell"),
    ("aebc6443-996d-45c2-90f0-388ff96faa56", "Visual Studio Code"),
];

/// How a program is called on a page, as HTML.
pub(super) fn program(client_id: &str) -> String {
    let name = PROGRAMS.iter().find(|(id, _)| id.eq_ignore_ascii_case(client_id)).map(|(_, name)| *name);
    let shown: String = client_id.chars().take(80).collect();
    format!("<strong>{}</strong> (client {})", name.unwrap_or("an unknown program"), escape(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_leads_nowhere_else() {
        assert_eq!(local("/t/oauth2/v2.0/authorize?a=b"), "/t/oauth2/v2.0/authorize?a=b");
        assert_eq!(local("/device?code=X"), "/device?code=X");
        for wrong in [
            "//evil.example/device",
            "https://evil.example/device",
            "/\\evil/device",
            "/portal",
            "",
            "/device\r\nX: y",
        ] {
            assert_eq!(local(wrong), "/", "{wrong}");
        }
        assert_eq!(escape("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    }
}
