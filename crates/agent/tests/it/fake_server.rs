//! A server with the agent's door and the logs ingestion call, in memory, over plain HTTP on loopback.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bartizan_base::{BatchId, ResourceId, SystemClock, TenantId, Timespan, clock::Clock};
use bartizan_wire::{AgentStatus, BATCH_HEADER, DesiredState, EnrolRequest, EnrolResponse, EvidenceReport};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

/// What arrived, and what to answer.
pub(crate) struct FakeServer {
    pub(crate) url: String,
    pub(crate) desired: watch::Sender<DesiredState>,
    pub(crate) seen: Mutex<Seen>,
    /// Files of packages by `version/platform/number`.
    pub(crate) packages: Mutex<BTreeMap<String, Vec<u8>>>,
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) enrolled: Vec<EnrolRequest>,
    pub(crate) statuses: Vec<AgentStatus>,
    pub(crate) evidence: BTreeMap<String, Value>,
    /// Stream → rows.
    pub(crate) rows: BTreeMap<String, Vec<Value>>,
    highest: BTreeMap<(uuid::Uuid, String), u64>,
    pub(crate) disconnects: u64,
}

type Shared = State<Arc<FakeServer>>;

impl FakeServer {
    pub(crate) async fn start(desired: DesiredState) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Arc::new(Self {
            url,
            desired: watch::Sender::new(desired),
            seen: Mutex::default(),
            packages: Mutex::default(),
        });
        let router = Router::new()
            .route("/agent/v1/enrol", post(enrol))
            .route("/agent/v1/desired", get(desired_state))
            .route("/agent/v1/status", post(status))
            .route("/agent/v1/evidence", post(evidence))
            .route("/agent/v1/disconnect", post(disconnect))
            .route("/agent/v1/packages/{*path}", get(package))
            .route("/dataCollectionRules/{rule}/streams/{stream}", post(ingest))
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// The rows of a stream so far.
    pub(crate) fn rows(&self, stream: &str) -> Vec<Value> {
        self.seen.lock().rows.get(stream).cloned().unwrap_or_default()
    }
}

async fn enrol(State(server): Shared, headers: HeaderMap, Json(request): Json<EnrolRequest>) -> Response {
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some("Bearer good-token") {
        let body =
            serde_json::json!({"error": {"code": "InvalidToken", "message": "the token is not known"}});
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::from_params(&params, ca_key);
    let csr = rcgen::CertificateSigningRequestParams::from_pem(&request.csr).unwrap();
    let certificate = csr.signed_by(&issuer).unwrap();
    let answer = EnrolResponse {
        machine_id: ResourceId::parse(&format!(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/machines/{}",
            request.resource_name
        ))
        .unwrap(),
        vm_id: uuid::Uuid::new_v4(),
        tenant_id: TenantId::random(),
        certificate: format!("{}{}", certificate.pem(), ca.pem()),
        server_ca: ca.pem(),
        certificate_expires: SystemClock.now().saturating_add(Timespan(86_400 * 10_000_000)),
        direct: false,
    };
    server.seen.lock().enrolled.push(request);
    Json(answer).into_response()
}

async fn desired_state(State(server): Shared, Query(query): Query<BTreeMap<String, u64>>) -> Response {
    let known = query.get("generation").copied();
    let mut desired = server.desired.subscribe();
    let changed = desired.wait_for(|state| Some(state.generation) != known);
    let wait = Duration::from_secs(query.get("wait").copied().unwrap_or(0));
    match tokio::time::timeout(wait.max(Duration::from_millis(1)), changed).await {
        Ok(Ok(state)) => Json(state.clone()).into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn status(State(server): Shared, Json(status): Json<AgentStatus>) -> StatusCode {
    server.seen.lock().statuses.push(status);
    StatusCode::NO_CONTENT
}

async fn evidence(State(server): Shared, Json(report): Json<EvidenceReport>) -> StatusCode {
    server.seen.lock().evidence.extend(report.topics);
    StatusCode::NO_CONTENT
}

async fn package(State(server): Shared, Path(path): Path<String>) -> Response {
    match server.packages.lock().get(&path) {
        Some(file) => file.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn disconnect(State(server): Shared) -> StatusCode {
    server.seen.lock().disconnects += 1;
    StatusCode::NO_CONTENT
}

async fn ingest(
    State(server): Shared,
    Path((_rule, stream)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let batch: BatchId = headers[BATCH_HEADER].to_str().unwrap().parse().unwrap();
    assert_eq!(headers["content-encoding"], "zstd");
    let rows: Vec<Value> = serde_json::from_slice(&zstd::decode_all(&body[..]).unwrap()).unwrap();
    let mut seen = server.seen.lock();
    let highest = seen.highest.entry((batch.source, stream.clone())).or_default();
    if batch.seq > *highest {
        *highest = batch.seq;
        seen.rows.entry(stream).or_default().extend(rows);
    }
    StatusCode::NO_CONTENT
}
