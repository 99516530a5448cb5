//! The way from a machine to its server, hop by hop, as the agent last found it.

use bartizan_base::Ticks;
use serde::{Deserialize, Serialize};

/// Past failures that an agent keeps and tells.
pub const FAILURES_KEPT_MAX: usize = 10;

/// One look at every endpoint that the agent needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectivityReport {
    pub time: Ticks,
    pub endpoints: Vec<EndpointReport>,
    /// By how many seconds this machine's clock is ahead of the server's; absent when no answer came.
    #[serde(default)]
    pub clock_ahead_seconds: Option<i64>,
    /// What failed before, newest first: a machine that was cut off can tell only afterwards.
    #[serde(default)]
    pub past_failures: Vec<PastFailure>,
}

impl ConnectivityReport {
    /// The first hop that failed, with its endpoint.
    pub fn failure(&self) -> Option<(&EndpointReport, &HopReport)> {
        self.endpoints.iter().find_map(|endpoint| Some((endpoint, endpoint.failure()?)))
    }
}

/// The way to one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointReport {
    /// What it is for: `server`.
    pub name: String,
    /// `https://host:port`.
    pub url: String,
    /// `http://host:port` of the proxy, without credentials.
    #[serde(default)]
    pub proxy: Option<String>,
    /// In the order in which they are passed. The first failure is the last that was tried.
    pub hops: Vec<HopReport>,
}

impl EndpointReport {
    /// The hop that failed.
    pub fn failure(&self) -> Option<&HopReport> {
        self.hops.iter().find(|hop| hop.outcome == HopOutcome::Failed)
    }
}

/// One hop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HopReport {
    pub hop: Hop,
    pub outcome: HopOutcome,
    #[serde(default)]
    pub milliseconds: u64,
    /// What was found: addresses, protocol, status, or the error.
    #[serde(default)]
    pub detail: String,
    /// What to do; empty unless it failed.
    #[serde(default)]
    pub fix: String,
}

/// The hops that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hop {
    /// The name becomes addresses.
    Dns,
    /// A connection to the server, or to its proxy.
    Tcp,
    /// The proxy connects on.
    Proxy,
    /// The server shows a certificate that is trusted.
    Tls,
    /// The server answers.
    Http,
    #[serde(other)]
    Unknown,
}

/// How a hop came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HopOutcome {
    Passed,
    Failed,
    /// Not tried, because one before it failed.
    NotTried,
    #[serde(other)]
    Unknown,
}

/// A failure of before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastFailure {
    /// From the first failed look …
    pub from: Ticks,
    /// … to the first good one; absent while it lasts.
    #[serde(default)]
    pub to: Option<Ticks>,
    pub endpoint: String,
    pub hop: Hop,
    pub detail: String,
}
