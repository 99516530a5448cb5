//! Whether a version on trial is healthy: it reached the server, and what ran before runs again, for a while.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bartizan_base::Ticks;
use bartizan_wire::{ExtensionState, ExtensionStatus, UpgradeState};

use super::{Record, stage};

/// How long it has to be healthy without a break.
const SETTLE: Duration = Duration::from_secs(5);

/// The trial of the running version.
#[derive(Debug)]
pub struct Trial {
    state: PathBuf,
    record: Record,
    healthy_since: Option<Instant>,
}

impl Trial {
    /// The trial under way, if this process is the one on trial.
    pub fn of_this_process(state: &Path) -> Option<Self> {
        std::env::var_os(super::TRIAL_PARENT_VARIABLE)?;
        let record = Record::load(state).filter(Record::is_trial)?;
        Some(Self { state: state.to_owned(), record, healthy_since: None })
    }

    /// Looks at how it goes; true when the trial is passed, which is kept on disk.
    pub fn look(&mut self, reached_server: bool, extensions: &[ExtensionStatus], now: Ticks) -> bool {
        if self.missing(reached_server, extensions).is_some() {
            self.healthy_since = None;
            return false;
        }
        let since = *self.healthy_since.get_or_insert_with(Instant::now);
        if since.elapsed() < SETTLE {
            return false;
        }
        let report = &mut self.record.report;
        report.state = UpgradeState::Succeeded;
        report.message = "reached the server, and what ran before runs again".to_owned();
        report.time = now;
        if let Err(error) = self.record.store(&self.state) {
            tracing::error!(%error, "cannot keep that the upgrade succeeded; it will be taken back");
            return false;
        }
        let former = self.record.former.as_deref();
        let kept: Vec<&str> = std::iter::once(self.record.report.version.as_str()).chain(former).collect();
        stage::keep_only(&self.state, &kept);
        true
    }

    /// What it still lacks.
    fn missing(&self, reached_server: bool, extensions: &[ExtensionStatus]) -> Option<String> {
        if !reached_server {
            return Some("it has not reached the server".to_owned());
        }
        // One that is no longer wanted is in no list.
        let idle = extensions.iter().find(|extension| {
            self.record.expected.contains(&extension.name)
                && (extension.state != ExtensionState::Running || extension.health.is_none())
        });
        idle.map(|extension| format!("`{}` does not run", extension.name))
    }
}
