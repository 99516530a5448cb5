//! When agents were heard of last.
//!
//! Each reports at least once a minute. A write for each would be most of what the server writes, so they are noted in
//! memory and written together some seconds later. What a killed server forgets, the next reports tell.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::Ticks;
use bartizan_records::{Records, RecordsError};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::app::App;
use crate::http::chain;

/// Between two writes. Short beside a machine's silence (`App::silence`) and the hours that are metered.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// Agents that were heard of since the last write, by `vmId`: when, and the version of their program. Never more than
/// are enrolled.
#[derive(Debug, Default)]
pub(crate) struct LastHeard(Mutex<HashMap<Uuid, (Ticks, String)>>);

impl LastHeard {
    pub(super) fn note(&self, agent: Uuid, at: Ticks, version: &str) {
        self.0.lock().insert(agent, (at, version.to_owned()));
    }

    /// When the agent was heard of, if that is not written yet.
    pub(super) fn of(&self, agent: Uuid) -> Option<Ticks> {
        self.0.lock().get(&agent).map(|(at, _)| *at)
    }

    /// Writes what was noted. Whoever reads the records' own times does this first.
    pub(super) async fn write(&self, records: &Records) -> Result<(), RecordsError> {
        let noted = std::mem::take(&mut *self.0.lock());
        if noted.is_empty() {
            return Ok(());
        }
        let agents: Vec<(Uuid, Ticks, &str)> =
            noted.iter().map(|(agent, (at, version))| (*agent, *at, version.as_str())).collect();
        let written = records.touch_agents(&agents).await;
        if written.is_err() {
            let mut newer = self.0.lock();
            for (agent, word) in noted {
                newer.entry(agent).or_insert(word);
            }
        }
        written
    }
}

/// Writes when agents were heard of until the server stops, and once more then.
pub(crate) async fn write_last_heard(app: Arc<App>) {
    loop {
        let stops = tokio::select! {
            () = tokio::time::sleep(WRITE_EVERY) => false,
            () = app.stop.cancelled() => true,
        };
        if let Err(error) = app.heard.write(&app.records).await {
            tracing::warn!(error = chain(&error), "cannot note when machines were heard of; trying again");
        }
        if stops {
            return;
        }
    }
}
