//! The way to the server, hop by hop: name, connection, proxy, certificate, answer.
//!
//! "The agent does not connect" has five causes that different people mend. A look takes the same way as the
//! agent's calls (same proxy, same pinned authority) but by hand, so that it can say which hop fails, and what the
//! others took. It needs no identity and changes nothing at the server.

mod answer;
mod history;
mod probe;

use std::time::Duration;

use anyhow::{Context, Result};
use bartizan_base::{Clock, Ticks, time::TICKS_PER_SECOND};
use bartizan_wire::ConnectivityReport;
use url::Url;

use crate::identity::Identity;
use crate::tls::{self, Trust};

pub use answer::{Answer, parse as parse_answer};
pub use history::History;
pub use probe::Probe;

/// How long each hop may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub dns: Duration,
    /// For each address of the name.
    pub tcp: Duration,
    pub proxy: Duration,
    pub tls: Duration,
    pub http: Duration,
}

impl Limits {
    /// The same time for each hop.
    pub fn each(time: Duration) -> Self {
        Self { dns: time, tcp: time, proxy: time, tls: time, http: time }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::each(Duration::from_secs(10))
    }
}

/// Looks at every endpoint that the agent needs. There is one today: desired state, status, evidence and rows all go
/// to the server's one address.
///
/// # Errors
/// When the address, the proxy or the trust cannot be used at all.
pub async fn look(
    server: &str,
    proxy: Option<&str>,
    trust: &Trust,
    limits: Limits,
    clock: &dyn Clock,
) -> Result<ConnectivityReport> {
    let url = Url::parse(server).with_context(|| format!("the server address `{server}` is not a URL"))?;
    let probe = Probe::new("server", url, proxy, tls::client_config(trust, None)?, limits)?;
    let (endpoint, answer) = probe.run().await;
    let now = clock.now();
    let ahead = |server: Ticks| (now.0 - server.0) / TICKS_PER_SECOND;
    Ok(ConnectivityReport {
        time: now,
        endpoints: vec![endpoint],
        clock_ahead_seconds: answer.and_then(|answer| answer.date).map(ahead),
        past_failures: Vec::new(),
    })
}

/// Looks with the address, proxy and authority that `connect` stored.
///
/// # Errors
/// As [`look`].
pub async fn look_as(identity: &Identity, limits: Limits, clock: &dyn Clock) -> Result<ConnectivityReport> {
    let trust = Trust::Ca(identity.server_ca.clone());
    look(&identity.server, identity.proxy.as_deref(), &trust, limits, clock).await
}
