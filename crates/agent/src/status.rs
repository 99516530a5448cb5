//! `bartizan-agent status`: what is known here without asking the server.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use bartizan_wire::AgentStatus;
use serde_json::json;

use crate::files;
use crate::identity::Identity;
use crate::supervisor;

/// Identity, whether the agent runs, and its last own report.
#[derive(Debug)]
pub struct Report {
    identity: Option<Identity>,
    running: bool,
    status: Option<AgentStatus>,
}

impl Report {
    /// Reads the state folder.
    ///
    /// # Errors
    /// When the identity is there and unreadable.
    pub fn read(state: &Path) -> Result<Self> {
        Ok(Self {
            identity: Identity::load(state)?,
            running: supervisor::is_running(state),
            status: files::read_json(&state.join("status.json")).ok().flatten(),
        })
    }

    /// For programs.
    pub fn to_json(&self) -> String {
        let identity = self.identity.as_ref();
        let value = json!({
            "connected": identity.is_some(),
            "running": self.running,
            "server": identity.map(|identity| &identity.server),
            "direct": identity.map(|identity| identity.direct),
            "machineId": identity.map(|identity| &identity.machine_id),
            "certificateExpires": identity.map(|identity| identity.certificate_expires),
            "status": self.status,
        });
        format!("{value:#}")
    }

    /// For people.
    pub fn to_table(&self) -> String {
        let Some(identity) = &self.identity else { return "not connected".to_owned() };
        let mut out = String::new();
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            writeln!(out, "{name:<20} {value}").expect("a string takes all");
        };
        line("machine", &identity.machine_id);
        line("server", &identity.server);
        if identity.direct {
            line("onboarding", &"direct: the sensor only");
        }
        line("certificate until", &identity.certificate_expires);
        line("agent", &if self.running { "running" } else { "not running" });
        line("version", &crate::VERSION);
        let Some(status) = self.status.as_ref().filter(|_| self.running) else { return out };
        out.push_str("\nextension                 state       since                 restarts  message\n");
        for extension in &status.extensions {
            let state = format!("{:?}", extension.state);
            let since = extension.since.to_string();
            let issues = extension.health.as_ref().map(|health| health.issues.join("; ")).unwrap_or_default();
            let message = if issues.is_empty() { &extension.message } else { &issues };
            writeln!(
                out,
                "{:<25} {state:<11} {:<21} {:<9} {message}",
                extension.name,
                since.split('.').next().unwrap_or_default(),
                extension.restarts,
            )
            .expect("a string takes all");
        }
        out
    }
}
