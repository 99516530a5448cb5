//! One connection to the ingestion door.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bartizan_testkit::real::server::Server;
use bytes::Bytes;
use reqwest::StatusCode;

/// For one large body.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Batches that were refused for a moment (429), of all connections.
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// How often batches were refused since the last call.
pub(crate) fn take_refused() -> u64 {
    REFUSED.swap(0, Ordering::Relaxed)
}

/// A client with a connection of its own.
#[derive(Debug)]
pub(crate) struct Sender {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Sender {
    /// `rule` is the immutable id of a data collection rule, `token` a bearer token that may send to it.
    pub(crate) fn new(server: &Server, rule: &str, token: &str) -> anyhow::Result<Self> {
        let url = format!("{}/dataCollectionRules/{rule}/streams", server.url);
        Ok(Self { http: server.http()?, url, token: token.to_owned() })
    }

    /// The same, speaking HTTP/1.1: one large body at a time gains nothing by the frames and windows of HTTP/2, which
    /// cost both sides.
    pub(crate) fn of_large_bodies(server: &Server, rule: &str, token: &str) -> anyhow::Result<Self> {
        let ca = reqwest::Certificate::from_pem(&std::fs::read(&server.ca)?)?;
        let http = reqwest::Client::builder().tls_certs_only([ca]).timeout(TIMEOUT).no_proxy().http1_only();
        Ok(Self { http: http.build()?, ..Self::new(server, rule, token)? })
    }

    /// Sends rows until they are acknowledged. Returns the time from the first try to the acknowledgement.
    pub(crate) async fn send(
        &self,
        stream: &str,
        body: Bytes,
        batch: Option<&str>,
    ) -> anyhow::Result<Duration> {
        let url = format!("{}/{stream}?api-version=2023-01-01", self.url);
        let started = Instant::now();
        loop {
            let mut request = self.http.post(&url).bearer_auth(&self.token);
            if let Some(batch) = batch {
                request = request.header("x-bartizan-batch", batch);
            }
            let request = request.header("content-type", "application/json").body(body.clone());
            let answer = request.send().await?;
            let status = answer.status();
            if status == StatusCode::TOO_MANY_REQUESTS {
                // Backpressure is an answer: wait as long as it says, and send the same batch again.
                REFUSED.fetch_add(1, Ordering::Relaxed);
                let wait =
                    answer.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
                tokio::time::sleep(Duration::from_secs(wait.unwrap_or(1))).await;
                continue;
            }
            anyhow::ensure!(status.is_success(), "ingest: {status} {}", answer.text().await?);
            return Ok(started.elapsed());
        }
    }
}
