//! The portal's files. Any path that is no file is the single page, which does its own routing.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use tokio_util::io::ReaderStream;

use crate::app::App;
use crate::http::Failure;

/// Monaco runs its language services in workers made from blobs, and sets styles on elements.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; worker-src 'self' blob:; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; \
    object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";
/// Files whose name has a hash of their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

const TYPES: &[(&str, &str)] = &[
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
];

/// Serves a file of the portal, or its page.
pub(crate) async fn serve(app: &App, method: &Method, uri: &Uri) -> Result<Response, Failure> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let text = format!("Nothing takes {method} at `{}`.", uri.path());
        return Err(ApiError::coded(ErrorKind::NotFound, "InvalidPath", text).into());
    }
    let Some(dir) = &app.portal_dir else {
        return Err(ApiError::coded(
            ErrorKind::NotFound,
            "NoPortal",
            "This server was started without --portal.",
        )
        .into());
    };
    let relative = uri.path().trim_start_matches('/');
    let asked = plain(relative).map(|path| dir.join(path));
    if let Some(path) = asked.filter(|path| path.is_file()) {
        let cache = if relative.starts_with("assets/") { IMMUTABLE } else { "no-cache" };
        return send(&path, cache).await;
    }
    // A missing script must not be answered by a page: the browser would report nonsense.
    if relative.starts_with("assets/") {
        return Err(ApiError::not_found(uri.path()).into());
    }
    let page = dir.join("index.html");
    if !page.is_file() {
        tracing::warn!(dir = %dir.display(), "there is no portal");
        let text = "The portal's files are missing; the server's log says where they should be.";
        return Err(ApiError::coded(ErrorKind::NotFound, "NoPortal", text).into());
    }
    send(&page, "no-cache").await
}

/// The agent, for the onboarding script.
pub(super) async fn agent_binary(State(app): State<Arc<App>>) -> Result<Response, Failure> {
    match &app.agent_binary {
        Some(path) if path.is_file() => {
            let mut response = send(path, "no-cache").await?;
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            Ok(response)
        }
        _ => Err(ApiError::coded(
            ErrorKind::NotFound,
            "NoAgent",
            "This server was started without --agent-binary.",
        )
        .into()),
    }
}

/// The authority that signed the server's certificate, for people to trust.
pub(super) async fn certificate(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, "application/x-pem-file")], app.pki.server_ca.clone()).into_response()
}

/// The path if it stays below where it starts.
fn plain(relative: &str) -> Option<PathBuf> {
    let path = Path::new(relative);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    (inside && !relative.is_empty() && !relative.contains('%')).then(|| path.to_owned())
}

/// Sends a file as it is.
pub(crate) async fn send(path: &Path, cache: &'static str) -> Result<Response, Failure> {
    let file = tokio::fs::File::open(path).await;
    let file =
        file.map_err(|_| ApiError::not_found(&path.file_name().unwrap_or_default().to_string_lossy()))?;
    let length = file.metadata().await.map(|metadata| metadata.len()).unwrap_or_default();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let content_type =
        TYPES.iter().find(|(known, _)| *known == extension).map_or("application/octet-stream", |(_, ty)| *ty);
    let mut response = (StatusCode::OK, Body::from_stream(ReaderStream::new(file))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    Ok(response)
}
