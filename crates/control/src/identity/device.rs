//! Device codes (RFC 8628): a program without a browser shows a code, a person types it on any other device.
//!
//! Requests wait in memory: they are short-lived, and whoever loses one starts again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, Ticks, Timespan};
use http::StatusCode;
use parking_lot::Mutex;
use rand::Rng;
use serde_json::json;
use uuid::Uuid;

use crate::access::{PeerAddress, random_secret};
use crate::app::App;
use crate::http::{Failure, base_url};
use crate::identity::browser::{self, Answered};
use crate::identity::discovery::check_tenant;
use crate::identity::form::{self, Form};

const LIFE_SECONDS: i64 = 900;
/// How often a program may ask.
const INTERVAL_SECONDS: i64 = 5;
/// Requests that wait at one time, and those of one address.
const WAITING_MAX: usize = 1000;
const WAITING_OF_ADDRESS_MAX: usize = 50;
/// Letters that are not mistaken for one another and make no words (RFC 8628, section 6.1): 20^8 codes.
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LENGTH: usize = 8;

/// Requests that wait for a person.
#[derive(Default)]
pub(crate) struct DeviceDesk(Mutex<HashMap<String, Waiting>>);

#[derive(Clone)]
struct Waiting {
    user_code: String,
    client: String,
    scope: String,
    from: Option<IpAddr>,
    expires: Ticks,
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Asked,
    Refused,
    Agreed(Uuid),
}

/// What a program that asks is told.
pub(super) enum Polled {
    /// Whose it is now, and the scope that was asked for.
    Agreed(Uuid, String),
    Refused,
    Pending,
    /// Unknown, or too late.
    Expired,
}

impl DeviceDesk {
    fn put(&self, device_code: String, waiting: Waiting, now: Ticks) -> Result<(), Failure> {
        let mut all = self.0.lock();
        all.retain(|_, waiting| waiting.expires > now);
        let of_address = all.values().filter(|other| other.from == waiting.from).count();
        if all.len() >= WAITING_MAX || of_address >= WAITING_OF_ADDRESS_MAX {
            return Err(Failure(ApiError::new(
                ErrorKind::TooMany,
                "Too many device codes wait for an answer; try again later.",
            )));
        }
        all.insert(device_code, waiting);
        Ok(())
    }

    /// The program asks. An answer is given once.
    pub(super) fn poll(&self, device_code: &str, client: &str, now: Ticks) -> Polled {
        let mut all = self.0.lock();
        let Some(waiting) = all.get(device_code).filter(|it| it.client == client && it.expires > now) else {
            return Polled::Expired;
        };
        match waiting.progress {
            Progress::Asked => Polled::Pending,
            Progress::Refused => {
                all.remove(device_code);
                Polled::Refused
            }
            Progress::Agreed(person) => {
                let scope = all.remove(device_code).map(|waiting| waiting.scope).unwrap_or_default();
                Polled::Agreed(person, scope)
            }
        }
    }

    fn find(&self, user_code: &str, now: Ticks) -> Option<Waiting> {
        let wanted = plain(user_code);
        let all = self.0.lock();
        all.values()
            .find(|it| it.user_code == wanted && it.expires > now && it.progress == Progress::Asked)
            .cloned()
    }

    fn answer(&self, user_code: &str, progress: Progress, now: Ticks) -> bool {
        let mut all = self.0.lock();
        let found = all
            .values_mut()
            .find(|it| it.user_code == user_code && it.expires > now && it.progress == Progress::Asked);
        found.map(|waiting| waiting.progress = progress).is_some()
    }
}

/// As it was typed, without what people add.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// `POST /{tenant}/oauth2/v2.0/devicecode`.
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    check_tenant(&app, &tenant)?;
    let form = form::read(&parts.headers, body).await?;
    let client = form.get("client_id");
    if client.is_empty() || client.len() > 200 || form.get("scope").len() > 4096 {
        let text = "`client_id` is missing or too long.";
        let body = json!({"error": "invalid_request", "error_description": text});
        return Ok((StatusCode::BAD_REQUEST, Json(body)).into_response());
    }
    let now = app.clock.now();
    let mut random = rand::rng();
    let letter = |_| char::from(LETTERS[random.random_range(0..LETTERS.len())]);
    let user_code: String = (0..CODE_LENGTH).map(letter).collect();
    let device_code = random_secret();
    let waiting = Waiting {
        user_code: user_code.clone(),
        client: client.to_owned(),
        scope: form.get("scope").to_owned(),
        from: PeerAddress::ip(&parts.extensions),
        expires: now + Timespan::from_seconds(LIFE_SECONDS),
        progress: Progress::Asked,
    };
    app.devices.put(device_code.clone(), waiting, now)?;
    let shown = format!("{}-{}", &user_code[..4], &user_code[4..]);
    let page = format!("{}/device", base_url(&parts.headers, &parts.uri, &app.public_url));
    Ok(Json(json!({
        "user_code": shown,
        "device_code": device_code,
        "verification_uri": page,
        // The v1.0 name.
        "verification_url": page,
        "expires_in": LIFE_SECONDS,
        "interval": INTERVAL_SECONDS,
        "message": format!("To sign in, open the page {page} in a browser and enter the code {shown}."),
    }))
    .into_response())
}

/// `GET /device`: where the code is typed.
pub(super) async fn page(State(app): State<Arc<App>>, parts: Parts) -> Result<Response, Failure> {
    let form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
    if browser::session(&app, &parts.headers).await?.is_none() {
        let next = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        return Ok(browser::sign_in_form(&app, &next, "", ""));
    }
    Ok(entry(form.get("code"), ""))
}

fn entry(code: &str, wrong: &str) -> Response {
    let note = if wrong.is_empty() {
        String::new()
    } else {
        format!("<p class=\"wrong\" role=\"alert\">{}</p>", browser::escape(wrong))
    };
    let inside = format!(
        "{note}<form method=\"post\" action=\"/device\"><label for=\"code\">The code that the program shows</label>\
         <input id=\"code\" name=\"user_code\" autocomplete=\"off\" value=\"{}\"><button>Next</button></form>",
        browser::escape(code)
    );
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    browser::page(status, "Sign a program in", &inside, "")
}

/// `POST /device`: a code, or the answer to the question that follows it.
pub(super) async fn decide(
    State(app): State<Arc<App>>,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    browser::check_site(&parts.headers)?;
    let form = form::read(&parts.headers, body).await?;
    if !form.get("consent").is_empty() {
        return answered(&app, &parts, &form).await;
    }
    let Some(principal) = browser::session(&app, &parts.headers).await? else {
        return Ok(browser::sign_in_form(&app, "/device", "", "The session has ended; sign in again."));
    };
    let (from, now) = (PeerAddress::ip(&parts.extensions), app.clock.now());
    app.throttle.check(from, now)?;
    let Some(waiting) = app.devices.find(form.get("user_code"), now) else {
        app.throttle.failed(from, now);
        return Ok(entry("", "No program waits with this code. Codes are good for 15 minutes."));
    };
    let data = json!({"for": "device", "userCode": waiting.user_code});
    let place = waiting.from.map_or_else(|| "an unknown address".to_owned(), |ip| ip.to_string());
    let question = format!(
        "{} at the address <strong>{}</strong> wants to do everything you may do here.",
        browser::program(&waiting.client),
        browser::escape(&place),
    );
    browser::ask(&app, &principal, data, "/device", &question, "").await
}

async fn answered(app: &App, parts: &Parts, form: &Form) -> Result<Response, Failure> {
    let answered = browser::answered(app, &parts.headers, form).await?;
    let Some(Answered { principal, data, agreed }) = answered.filter(|it| it.data["for"] == "device") else {
        return Ok(entry("", "The page is too old; type the code again."));
    };
    let state = if agreed { Progress::Agreed(principal.object_id) } else { Progress::Refused };
    let user_code = data["userCode"].as_str().unwrap_or_default();
    if !app.devices.answer(user_code, state, app.clock.now()) {
        return Ok(entry("", "The program does not wait any more."));
    }
    let text = if agreed {
        "The program is signed in. You can close this page."
    } else {
        "The program was refused. You can close this page."
    };
    Ok(browser::page(StatusCode::OK, "Done", &format!("<p>{text}</p>"), ""))
}
