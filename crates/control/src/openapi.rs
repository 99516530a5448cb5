//! `GET /openapi`: the documents that describe this server's REST surface. Anybody may read them; they say nothing about
//! what is stored.

use std::sync::{Arc, OnceLock};

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bartizan_api::ApiError;
use bartizan_api::openapi::{Document, documents};
use http::header;
use serde_json::json;

use crate::app::App;
use crate::http::Failure;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/openapi", get(list)).route("/openapi/{document}", get(document))
}

/// Made at the first request.
fn all() -> &'static [Document] {
    static ALL: OnceLock<Vec<Document>> = OnceLock::new();
    ALL.get_or_init(documents)
}

async fn list() -> Response {
    let links = all()
        .iter()
        .map(|document| json!({"name": document.name, "url": format!("/openapi/{}.json", document.name)}));
    Json(json!({"value": links.collect::<Vec<_>>()})).into_response()
}

async fn document(Path(file): Path<String>) -> Result<Response, Failure> {
    let name = file.strip_suffix(".json").unwrap_or(&file);
    let found = all().iter().find(|document| document.name.eq_ignore_ascii_case(name));
    let found = found.ok_or_else(|| ApiError::not_found(&format!("/openapi/{file}")))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], found.text.as_str()).into_response())
}
