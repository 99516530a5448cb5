//! All doors, and the tasks behind them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bartizan_api::{ApiError, path};
use bartizan_base::ErrorKind;
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::json;
use tokio::task::JoinSet;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, take_rest};
use crate::{
    activity, agents, arm, discovery, identity, logs, metering, openapi, operations, plans, policy, portal,
    turn,
};

/// The service that answers every request.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .merge(arm::routes())
        .merge(identity::routes())
        .merge(logs::routes().route_layer(from_fn_with_state(Arc::clone(&app), turn::leading_only)))
        .merge(agents::routes())
        .merge(portal::routes())
        .merge(openapi::routes())
        .fallback(other)
        .with_state(app)
        // As one layer: a router clones what it calls, and layers that are added one by one are cloned by each other.
        .layer(
            ServiceBuilder::new()
                .layer(axum::middleware::from_fn(take_rest))
                .map_response(with_fixed_headers)
                .layer(CatchPanicLayer::custom(panicked))
                .layer(CompressionLayer::new()),
        )
}

/// Headers that every answer has unless it brings its own.
static FIXED_HEADERS: [(HeaderName, &str); 8] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    // The portal's files bring their own; an answer of any other door is no page.
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (header::CACHE_CONTROL, "no-store"),
];

fn with_fixed_headers<B>(mut response: Response<B>) -> Response<B> {
    for (name, value) in &FIXED_HEADERS {
        response.headers_mut().entry(name).or_insert_with(|| HeaderValue::from_static(value));
    }
    response
}

/// Where clients ask what there is, without its slashes.
const ENDPOINTS: &str = "metadata/endpoints";

/// ARM paths compare without regard to case, which a router cannot; they are told apart here.
async fn other(State(app): State<Arc<App>>, mut parts: Parts, body: Body) -> Result<Response, Failure> {
    if path::is_arm(parts.uri.path()) {
        let caller = Caller::from_request_parts(&mut parts, &app).await?;
        return arm::handle(State(app), caller, parts, body).await;
    }
    // `az cloud register` joins the address it is given, which may end in a slash, with this path.
    if parts.method == Method::GET && parts.uri.path().trim_matches('/').eq_ignore_ascii_case(ENDPOINTS) {
        return Ok(identity::endpoints(State(app), parts.headers, parts.uri).await.into_response());
    }
    portal::serve(&app, &parts.method, &parts.uri).await
}

/// Alive, and whether all rows that were stored can be read.
async fn health(State(app): State<Arc<App>>) -> Response {
    let (files, rows) = app.store.missing();
    axum::Json(json!({
        "status": "ok", "version": env!("CARGO_PKG_VERSION"), "seq": app.store.committed_seq(),
        "leads": app.leads(),
        "storage": {"status": if files == 0 { "ok" } else { "damaged" }, "damagedFiles": files, "missingRows": rows},
    }))
    .into_response()
}

/// A defect in one request is that request's: 500, a log line, and on with the next.
fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text = cause
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| cause.downcast_ref::<String>().cloned());
    tracing::error!(cause = text.unwrap_or_default(), "a request handler panicked");
    Failure(ApiError::new(ErrorKind::Internal, "The server failed to do this. Its log says why."))
        .into_response()
}

/// Starts what every server does beside its doors; it ends when `app.stop` is cancelled.
pub fn start_tasks(app: &Arc<App>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(agents::wake_on_changes(Arc::clone(app)));
    tasks.spawn(agents::write_last_heard(Arc::clone(app)));
    tasks.spawn(identity::watch_signing_keys(Arc::clone(app)));
    tasks.spawn(logs::follow_saved_functions(Arc::clone(app)));
    tasks.spawn(arm::keep_graph_rows(Arc::clone(app)));
    tasks
}

/// Starts what only the leading server does; it ends when `app.stop` is cancelled.
pub fn start_leading_tasks(app: &Arc<App>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(activity::drain(Arc::clone(app)));
    tasks.spawn(operations::run(Arc::clone(app)));
    tasks.spawn(discovery::run(Arc::clone(app)));
    tasks.spawn(agents::watch_presence(Arc::clone(app)));
    tasks.spawn(logs::write_notices(Arc::clone(app)));
    tasks.spawn(logs::meter(Arc::clone(app)));
    tasks.spawn(metering::run(Arc::clone(app)));
    tasks.spawn(logs::daily_cap::watch(Arc::clone(app)));
    tasks.spawn(logs::write_notes(Arc::clone(app)));
    tasks.spawn(logs::export::run(Arc::clone(app)));
    tasks.spawn(logs::write_query_records(Arc::clone(app)));
    tasks.spawn(logs::sweep_workspaces(Arc::clone(app)));
    tasks.spawn(policy::run(Arc::clone(app)));
    tasks.spawn(policy::remediation::run(Arc::clone(app)));
    tasks.spawn(plans::start(plans::PlansContext {
        records: app.records.clone(),
        clock: Arc::clone(&app.clock),
        known: Arc::clone(&app.known_states),
        stop: app.stop.clone(),
    }));
    tasks
}
