//! `GET /{tenant}/oauth2/v2.0/authorize`: a program on this person's machine asks for a code (RFC 6749 with PKCE,
//! RFC 8252). Programs need no registration, so the code goes to loopback addresses only.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use bartizan_base::Timespan;
use bartizan_records::{NewSecret, Principal, SecretKind};
use serde_json::{Value, json};
use url::{Host, Url};
use uuid::Uuid;

use crate::access::random_secret;
use crate::app::App;
use crate::http::Failure;
use crate::identity::browser::{self, Answered};
use crate::identity::discovery::check_tenant;
use crate::identity::form::{self, Form};

/// A code is exchanged at once (RFC 6749 recommends ten minutes at most).
const CODE_SECONDS: i64 = 60;
/// Longest value of a field that is carried along.
const FIELD_MAX: usize = 4096;

pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    parts: Parts,
) -> Result<Response, Failure> {
    check_tenant(&app, &tenant)?;
    let form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
    let redirect = match redirect_uri(form.get("redirect_uri")) {
        Ok(redirect) => redirect,
        // Nobody is told but the person: the address may be an attacker's.
        Err(why) => return Ok(browser::refused(why)),
    };
    if let Err((error, text)) = check(&form) {
        return Ok(answer(
            &redirect,
            form.get("response_mode"),
            &[
                ("error", error.to_owned()),
                ("error_description", text.to_owned()),
                ("state", form.get("state").to_owned()),
            ],
        ));
    }
    let Some(principal) = browser::session(&app, &parts.headers).await? else {
        if form.get("prompt") == "none" {
            return Ok(answer(
                &redirect,
                form.get("response_mode"),
                &[("error", "login_required".to_owned()), ("state", form.get("state").to_owned())],
            ));
        }
        let next = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        return Ok(browser::sign_in_form(&app, &next, form.get("login_hint"), ""));
    };
    let data = json!({
        "for": "authorize",
        "client": form.get("client_id"),
        "redirect": redirect.as_str(),
        // As it was written: the token request must repeat it.
        "redirectText": form.get("redirect_uri"),
        "challenge": form.get("code_challenge"),
        "scope": form.get("scope"),
        "state": form.get("state"),
        "nonce": form.get("nonce"),
        "mode": form.get("response_mode"),
    });
    let question = format!(
        "{} wants to do everything you may do here. The answer goes to <strong>{}</strong>.",
        browser::program(form.get("client_id")),
        browser::escape(redirect.as_str()),
    );
    let origin = redirect.origin().ascii_serialization();
    browser::ask(&app, &principal, data, parts.uri.path(), &question, &origin).await
}

/// `POST` of the page: agreed or refused.
pub(super) async fn decide(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    check_tenant(&app, &tenant)?;
    let form = form::read(&parts.headers, body).await?;
    let answered = browser::answered(&app, &parts.headers, &form).await?;
    let Some(Answered { principal, data, agreed }) = answered.filter(|it| it.data["for"] == "authorize")
    else {
        return Ok(browser::refused("The page is too old; start again from the program."));
    };
    let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    let Ok(redirect) = redirect_uri(&text("redirect")) else {
        return Ok(browser::refused("The program's address is not one."));
    };
    if !agreed {
        return Ok(answer(
            &redirect,
            &text("mode"),
            &[
                ("error", "access_denied".to_owned()),
                ("error_description", "The person refused.".to_owned()),
                ("state", text("state")),
            ],
        ));
    }
    let code = new_code(&app, &principal, &data).await?;
    let info = super::token::client_info(&app, &principal);
    let fields = [
        ("code", code),
        ("state", text("state")),
        ("client_info", info),
        ("session_state", Uuid::new_v4().to_string()),
    ];
    Ok(answer(&redirect, &text("mode"), &fields))
}

async fn new_code(app: &App, principal: &Principal, data: &Value) -> Result<String, Failure> {
    let code = random_secret();
    let family = Uuid::new_v4().to_string();
    let mut data = data.clone();
    data["family"] = family.as_str().into();
    let secret = NewSecret {
        kind: SecretKind::AuthorizationCode,
        subject: principal.object_id.to_string(),
        data,
        expires: app.clock.now() + Timespan::from_seconds(CODE_SECONDS),
        uses: None,
    };
    app.records.put_token(&code, secret, &family).await?;
    Ok(code)
}

/// What must be right before a person is asked: the error and its description.
fn check(form: &Form) -> Result<(), (&'static str, &'static str)> {
    if form.get("response_type") != "code" {
        return Err(("unsupported_response_type", "Only `response_type=code` is supported."));
    }
    if form.get("client_id").is_empty() {
        return Err(("invalid_request", "`client_id` is missing."));
    }
    // A code that anybody could exchange is none.
    if form.get("code_challenge_method") != "S256" || form.get("code_challenge").len() != 43 {
        return Err((
            "invalid_request",
            "PKCE is required: `code_challenge` with `code_challenge_method=S256`.",
        ));
    }
    if !matches!(form.get("response_mode"), "" | "query" | "form_post") {
        return Err(("invalid_request", "`response_mode` is `query` or `form_post`."));
    }
    let fields = ["client_id", "scope", "state", "nonce", "redirect_uri"];
    if fields.iter().any(|name| form.get(name).len() > FIELD_MAX) {
        return Err(("invalid_request", "A field is longer than 4096 bytes."));
    }
    Ok(())
}

/// Loopback over HTTP, any port, as RFC 8252 has it for programs on the person's own machine.
fn redirect_uri(text: &str) -> Result<Url, &'static str> {
    let refused = "The program's `redirect_uri` is not an address of this computer (http://localhost or \
                   http://127.0.0.1), so no code is sent there.";
    let url = Url::parse(text).map_err(|_| refused)?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if loopback && plain && url.scheme() == "http" { Ok(url) } else { Err(refused) }
}

fn answer(redirect: &Url, mode: &str, fields: &[(&str, String)]) -> Response {
    let fields: Vec<(&str, String)> = fields.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
    if mode == "form_post" {
        return browser::hand_over(redirect, &fields);
    }
    let mut to = redirect.clone();
    to.query_pairs_mut().extend_pairs(&fields);
    browser::redirect(to.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_to_loopback_only() {
        for good in ["http://localhost:8400/", "http://localhost", "http://127.0.0.1:1/x", "http://[::1]:99"]
        {
            assert!(redirect_uri(good).is_ok(), "{good}");
        }
        for wrong in [
            "https://evil.example/",
            "http://localhost.evil.example/",
            "http://localhost@evil.example/",
            "http://user@localhost/",
            "http://evil.example/?localhost",
            "http://localhost:80/#x",
            "javascript:alert(1)",
            "http://10.0.0.1/",
            "",
        ] {
            assert!(redirect_uri(wrong).is_err(), "{wrong}");
        }
    }
}
