//! `POST /batch`: several requests in one, each answered as it would be by itself, in order.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bartizan_api::{ApiError, path, versions};
use http::{HeaderMap, HeaderName, Method, Request, Uri, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, base_url, query_value, read_json};

const BODY_MAX: usize = 8 << 20;
/// Azure answers up to 20 at once, and more of them later.
const REQUESTS_MAX: usize = 20;
const ANSWER_MAX: usize = 32 << 20;
/// Headers that a part may bring; who asks is said once, by the whole.
const HEADERS: [HeaderName; 2] = [header::IF_MATCH, header::IF_NONE_MATCH];

#[derive(Deserialize)]
struct Batch {
    requests: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    #[serde(default)]
    name: Option<String>,
    http_method: String,
    #[serde(alias = "relativeUrl")]
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    content: Value,
}

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/batch", axum::routing::post(run))
}

async fn run(
    State(app): State<Arc<App>>,
    caller: Caller,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    caller.principal()?;
    versions::check("Microsoft.Resources", query_value(&parts.uri, "api-version").as_deref())?;
    let batch: Batch = read_json(&parts.headers, body, BODY_MAX).await?;
    if batch.requests.len() > REQUESTS_MAX {
        let text = format!("a batch has up to {REQUESTS_MAX} requests; send the rest in another");
        return Err(ApiError::field("requests", text).into());
    }
    let mut responses = Vec::with_capacity(batch.requests.len());
    for part in batch.requests {
        let name = part.name.clone();
        let mut answer = answer(&app, &caller, &parts, part).await;
        if let Some(name) = name {
            answer["name"] = name.into();
        }
        responses.push(answer);
    }
    Ok(Json(json!({"responses": responses})).into_response())
}

/// One part's answer; what is wrong with it is an answer too.
async fn answer(app: &Arc<App>, caller: &Caller, whole: &Parts, part: Part) -> Value {
    let response = match request(app, whole, &part) {
        Ok((parts, body)) => match super::handle(State(Arc::clone(app)), caller.clone(), parts, body).await {
            Ok(response) => response,
            Err(failure) => failure.into_response(),
        },
        Err(failure) => failure.into_response(),
    };
    let (head, body) = response.into_parts();
    let content = axum::body::to_bytes(body, ANSWER_MAX).await.unwrap_or_default();
    let content: Value = serde_json::from_slice(&content).unwrap_or(Value::Null);
    let headers: Map<String, Value> = head
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())))
        .collect();
    let mut out = json!({"httpStatusCode": head.status.as_u16(), "headers": headers});
    if !content.is_null() {
        out["content"] = content;
    }
    out
}

fn request(app: &App, whole: &Parts, part: &Part) -> Result<(Parts, Body), Failure> {
    let shown: String = part.url.chars().take(120).collect();
    let wrong =
        || Failure(ApiError::field("requests.url", format!("`{shown}` is not a path of this server")));
    // Clients send whole addresses too; those of another server are not ours to ask.
    let base = base_url(&whole.headers, &whole.uri, &app.public_url);
    let relative = part.url.strip_prefix(&base).unwrap_or(&part.url);
    let uri: Uri = relative.parse().map_err(|_| wrong())?;
    if uri.authority().is_some() || !path::is_arm(uri.path()) {
        return Err(wrong());
    }
    let method = Method::from_bytes(part.http_method.to_ascii_uppercase().as_bytes()).map_err(|_| {
        Failure(ApiError::field(
            "requests.httpMethod",
            "`httpMethod` is GET, PUT, PATCH, POST, DELETE or HEAD",
        ))
    })?;
    let body = if part.content.is_null() { Vec::new() } else { part.content.to_string().into_bytes() };
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers(whole, part);
    *request.extensions_mut() = whole.extensions.clone();
    Ok((request.into_parts().0, Body::from(body)))
}

fn headers(whole: &Parts, part: &Part) -> HeaderMap {
    let mut out = HeaderMap::new();
    if let Some(host) = whole.headers.get(header::HOST) {
        out.insert(header::HOST, host.clone());
    }
    for (name, value) in &part.headers {
        let known = HEADERS.iter().find(|known| known.as_str().eq_ignore_ascii_case(name));
        let value = value.as_str().and_then(|text| text.parse().ok());
        if let (Some(known), Some(value)) = (known, value) {
            out.insert(known.clone(), value);
        }
    }
    out
}
