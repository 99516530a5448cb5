//! Test alerts: the harmless process, and `bartizan-agent test-alert`, which follows it to its incident.

use std::fmt::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bartizan_base::Clock;
use bartizan_wire::{
    AgentStatus, ExtensionState, TEST_ALERT_MARKER, TestAlertReport, TestAlertStarted, TestAlertState,
    TestHopOutcome,
};
use serde_json::json;
use tokio::process::Command;
use tokio::time::Instant;
use uuid::Uuid;

use crate::files;
use crate::identity::Identity;
use crate::server::{CallError, ServerClient};
use crate::supervisor;

/// What is started: on every Linux system, and it only prints. Anybody may start the same by hand.
const PROGRAM: &str = "/bin/echo";
/// How often the server is asked how far the test is.
const ASK_INTERVAL: Duration = Duration::from_millis(500);

/// Starts the harmless process of the test `id` and waits for its end.
pub async fn run_process(id: Uuid, clock: &dyn Clock) -> TestAlertStarted {
    let time = clock.now();
    let ended = Command::new(PROGRAM)
        .args([TEST_ALERT_MARKER, &id.simple().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
    let error = match ended {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("`{PROGRAM}` ended with {status}")),
        Err(error) => Some(format!("`{PROGRAM}` cannot be started: {error}")),
    };
    TestAlertStarted { id, time, error }
}

/// Whether a sensor watches: it runs, and says by what means. One that was only just started misses what happens before.
pub fn is_watched(status: &AgentStatus) -> bool {
    status.extensions.iter().any(|extension| {
        let tier = extension.health.as_ref().map_or("", |health| health.tier.as_str());
        extension.state == ExtensionState::Running && !tier.is_empty()
    })
}

/// What the agent on `state` last said of itself.
fn is_watched_at(state: &Path) -> bool {
    let status: Option<AgentStatus> = files::read_json(&state.join("status.json")).ok().flatten();
    status.as_ref().is_some_and(is_watched)
}

/// Runs a test from this machine and gives the server's last word on it. A test that the server has not settled within
/// `limit` is given as it is, still running.
///
/// # Errors
/// When this machine is not connected, no agent runs on it, or the server cannot be asked: each says what to do.
pub async fn follow(state: &Path, limit: Duration, clock: &dyn Clock) -> Result<TestAlertReport> {
    let identity = Identity::load(state).context("the stored identity cannot be read")?;
    let Some(identity) = identity else {
        bail!("the hop `agent` is broken: this machine is not connected; run `bartizan-agent connect` first");
    };
    if !supervisor::is_running(state) {
        bail!(
            "the hop `agent` is broken: no agent runs on `{}`; start it (`systemctl start bartizan-agent`)",
            state.display()
        );
    }
    let server = ServerClient::for_machine(&identity)?;
    let mut report = server.start_test_alert().await.map_err(|error| unreached(&identity, &error))?;
    let until = Instant::now() + limit;
    let mut watched = is_watched_at(state);
    if report.state == TestAlertState::Running {
        let started = run_process(report.id, clock).await;
        server.test_alert_started(&started).await.map_err(|error| unreached(&identity, &error))?;
    }
    let id = report.id;
    while report.state == TestAlertState::Running && Instant::now() < until {
        tokio::time::sleep(ASK_INTERVAL).await;
        if !watched && is_watched_at(state) {
            // The first process may have been over before the sensor looked. Only its row counts, so none is told of.
            watched = true;
            run_process(id, clock).await;
        }
        report = server.test_alert().await.map_err(|error| unreached(&identity, &error))?;
        if report.id != id {
            bail!(
                "another test of this machine was started meanwhile, by {}; try again",
                report.requested_by
            );
        }
    }
    Ok(report)
}

fn unreached(identity: &Identity, error: &CallError) -> anyhow::Error {
    let server = &identity.server;
    anyhow!(
        "the hop `server` is broken: {} ({server}); `bartizan-agent check` names what is in the way",
        error.chain()
    )
}

/// For programs.
pub fn to_json(report: &TestAlertReport) -> String {
    format!("{:#}", json!(report))
}

/// For people: each hop with its moment, and what to do about the broken one.
pub fn to_text(report: &TestAlertReport) -> String {
    let mut out = format!("test alert {} of {}\n", report.id.simple(), report.machine_id);
    for hop in &report.hops {
        let mark = match hop.outcome {
            TestHopOutcome::Passed => "passed",
            TestHopOutcome::Waiting => "waiting",
            TestHopOutcome::Failed => "FAILED",
            TestHopOutcome::NotReached | TestHopOutcome::Unknown => "-",
        };
        let time = hop.time.map(|time| time.to_string()).unwrap_or_default();
        let said = if hop.detail.is_empty() { &hop.display_name } else { &hop.detail };
        writeln!(out, "  {mark:<8} {:<9} {time:<29} {said}", hop.name).expect("a string takes all");
        if !hop.fix.is_empty() {
            writeln!(out, "{:20}-> {}", "", hop.fix).expect("a string takes all");
        }
    }
    let state = match report.state {
        TestAlertState::Succeeded => "succeeded",
        TestAlertState::Failed => "FAILED",
        TestAlertState::Running | TestAlertState::Unknown => "not done in time",
    };
    write!(out, "{state}: {}", report.summary).expect("a string takes all");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_watches_once_it_says_by_what_means() {
        let status = |state: &str, tier: &str| -> AgentStatus {
            let extension = json!({
                "name": "MDE.Linux", "version": "1.0", "state": state, "message": "", "since": "2026-01-01T00:00:00Z",
                "health": {"healthy": true, "tier": tier},
            });
            let status = json!({
                "agentVersion": "0.1.0", "generation": 1, "time": "2026-01-01T00:00:00Z", "facts": {},
                "extensions": [extension],
            });
            serde_json::from_value(status).unwrap()
        };
        assert!(is_watched(&status("running", "ebpf")));
        assert!(!is_watched(&status("running", "")), "it was started, and does not look yet");
        assert!(!is_watched(&status("backOff", "ebpf")), "it did, before it ended");
        assert!(!is_watched_at(Path::new("/nonexistent")));
    }
}
