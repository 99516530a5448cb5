//! `bartizan-agent check`: whether this machine can run the agent, and how far it gets towards the server.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Result, bail};
use bartizan_base::Clock;
use bartizan_readiness::{Check, Facts, Outcome, Prerequisites};
use bartizan_wire::{ConnectivityReport, HopOutcome};
use serde_json::json;

use crate::connectivity::{self, Limits};
use crate::facts;
use crate::identity::Identity;
use crate::tls::Trust;

/// Where to look: a machine that is not connected yet has no stored server.
pub struct Target {
    pub server: String,
    pub trust: Trust,
    pub proxy: Option<String>,
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    checks: Vec<Check>,
    connectivity: ConnectivityReport,
}

impl Report {
    /// Looks at the machine, and takes the way to `target` or else to the stored server.
    ///
    /// # Errors
    /// When there is neither, or the address, proxy or identity cannot be used.
    pub async fn make(
        state: &Path,
        target: Option<Target>,
        limits: Limits,
        clock: &dyn Clock,
    ) -> Result<Self> {
        let mut connectivity = match (target, Identity::load(state)?) {
            (Some(target), _) => {
                let proxy = target.proxy.as_deref();
                connectivity::look(&target.server, proxy, &target.trust, limits, clock).await?
            }
            (None, Some(identity)) => connectivity::look_as(&identity, limits, clock).await?,
            (None, None) => {
                bail!(
                    "this machine is not connected; give --server with --ca or --ca-fingerprint to check before `connect`"
                )
            }
        };
        connectivity.past_failures.clear();
        let host = facts::collect_host(state);
        let facts = Facts::new(&facts::collect(), Some(&host), connectivity.clock_ahead_seconds);
        Ok(Self { checks: Prerequisites::shipped().evaluate(&facts), connectivity })
    }

    /// Whether nothing stands in the way: no blocking prerequisite and no hop failed.
    pub fn is_ready(&self) -> bool {
        bartizan_readiness::first_blocking(&self.checks).is_none() && self.connectivity.failure().is_none()
    }

    /// For programs.
    pub fn to_json(&self) -> String {
        let value = json!({"ready": self.is_ready(), "prerequisites": self.checks, "connectivity": self.connectivity});
        format!("{value:#}")
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut out = String::from("prerequisites\n");
        let mut line = |mark: &str, name: &str, found: &str, fix: &str| {
            writeln!(out, "  {mark:<9} {name:<18} {found}").expect("a string takes all");
            if !fix.is_empty() {
                writeln!(out, "{:32}-> {fix}", "").expect("a string takes all");
            }
        };
        for check in &self.checks {
            let mark = match (check.outcome, check.blocking) {
                (Outcome::Passed, _) => "passed",
                (Outcome::Failed, true) => "FAILED",
                (Outcome::Failed, false) => "advice",
                (Outcome::Unknown, _) => "unknown",
            };
            line(mark, &check.name, &check.evidence, &check.fix);
        }
        for endpoint in &self.connectivity.endpoints {
            let by = endpoint.proxy.as_ref().map(|proxy| format!(" by proxy {proxy}")).unwrap_or_default();
            line("", "", "", "");
            line("way to", &endpoint.name, &format!("{}{by}", endpoint.url), "");
            for hop in &endpoint.hops {
                let mark = match hop.outcome {
                    HopOutcome::Passed => "passed",
                    HopOutcome::Failed => "FAILED",
                    HopOutcome::NotTried | HopOutcome::Unknown => "not tried",
                };
                let took = match hop.outcome {
                    HopOutcome::NotTried => String::new(),
                    _ => format!("{} ms  ", hop.milliseconds),
                };
                let name = format!("{:?}", hop.hop).to_ascii_lowercase();
                line(mark, &name, &format!("{took}{}", hop.detail), &hop.fix);
            }
        }
        out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}
