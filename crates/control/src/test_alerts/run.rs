//! The tests that run, and what was noted of them.
//!
//! They are kept in memory, because ingestion looks here for each batch of a machine, and in the records, so that a
//! restart of the server in the middle of a test loses nothing but the two moments at the door.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use bartizan_base::{ResourceId, Ticks, Timespan};
use bartizan_records::{Records, RecordsError};
use bartizan_wire::{AgentCommand, TEST_ALERT_COMMAND, TestAlertReport, TestAlertStarted};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::hops::AGENT_LIMIT;

/// Tests that run at one time; each is a comparison for every batch of its machine.
const RUNNING_MAX: usize = 1_000;
/// A test that nobody asked about any more is forgotten here, and lives on in the records.
const FORGET_AFTER: Timespan = Timespan::from_seconds(600);

/// One test of one machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub(super) id: Uuid,
    pub(super) machine: ResourceId,
    pub(super) requested: Ticks,
    pub(super) requested_by: String,
    /// Somebody at the machine starts the process; otherwise the agent is told to.
    pub(super) on_machine: bool,
    /// When the process was started, by the machine's clock.
    #[serde(default)]
    pub(super) started: Option<Ticks>,
    /// Why it was not.
    #[serde(default)]
    pub(super) not_started: Option<String>,
    /// When the batch with its row came, and was on disk.
    #[serde(default)]
    pub(super) received: Option<Ticks>,
    #[serde(default)]
    pub(super) stored: Option<Ticks>,
    /// What the door said instead.
    #[serde(default)]
    pub(super) refused: Option<String>,
    /// How it ended.
    #[serde(default)]
    pub(super) finished: Option<TestAlertReport>,
}

impl Run {
    /// A test of `machine` that begins now.
    pub(super) fn new(
        id: Uuid,
        machine: ResourceId,
        requested: Ticks,
        requested_by: String,
        on_machine: bool,
    ) -> Self {
        Self {
            id,
            machine,
            requested,
            requested_by,
            on_machine,
            started: None,
            not_started: None,
            received: None,
            stored: None,
            refused: None,
            finished: None,
        }
    }

    /// The id as it stands in the command line.
    pub(super) fn word(&self) -> String {
        self.id.simple().to_string()
    }
}

/// The tests of this server.
#[derive(Debug, Default)]
pub(crate) struct TestAlerts {
    running: Mutex<HashMap<String, Run>>,
    /// How many there are, so that ingestion need not take the lock when there are none.
    count: AtomicUsize,
}

fn key(machine: &ResourceId) -> String {
    format!("testalert/{}", machine.key())
}

impl TestAlerts {
    /// Begins a test, in place of one of the same machine that runs. `false` when too many run.
    pub(super) async fn begin(&self, records: &Records, run: &Run) -> Result<bool, RecordsError> {
        {
            let mut running = self.running.lock();
            running.retain(|_, other| run.requested - other.requested < FORGET_AFTER);
            if running.len() >= RUNNING_MAX && !running.contains_key(run.machine.key()) {
                return Ok(false);
            }
            running.insert(run.machine.key().to_owned(), run.clone());
            self.count.store(running.len(), Ordering::Release);
        }
        save(records, run).await?;
        Ok(true)
    }

    /// The machine's last test. One that was running when the server stopped runs again.
    pub(super) async fn last(
        &self,
        records: &Records,
        machine: &ResourceId,
    ) -> Result<Option<Run>, RecordsError> {
        if let Some(run) = self.running.lock().get(machine.key()) {
            return Ok(Some(run.clone()));
        }
        let kept = records.get_state(&key(machine)).await?;
        Ok(kept.and_then(|kept| serde_json::from_value(kept).ok()))
    }

    /// Notes how a test ended.
    pub(super) async fn finish(
        &self,
        records: &Records,
        run: &Run,
        report: TestAlertReport,
    ) -> Result<(), RecordsError> {
        {
            let mut running = self.running.lock();
            if running.get(run.machine.key()).is_some_and(|other| other.id == run.id) {
                running.remove(run.machine.key());
            }
            self.count.store(running.len(), Ordering::Release);
        }
        save(records, &Run { finished: Some(report), ..run.clone() }).await
    }

    /// Notes that the process was started, or why it was not.
    pub(super) async fn started(
        &self,
        records: &Records,
        machine: &ResourceId,
        told: TestAlertStarted,
    ) -> Result<(), RecordsError> {
        // After a restart the test is only in the records.
        let Some(run) = self.last(records, machine).await? else { return Ok(()) };
        if run.id != told.id || run.finished.is_some() {
            return Ok(());
        }
        let note = |run: &mut Run| {
            run.started = run.started.or(told.error.is_none().then_some(told.time));
            run.not_started.clone_from(&told.error);
        };
        let noted = self.note(machine, note);
        let run = noted.unwrap_or_else(|| {
            let mut run = run;
            note(&mut run);
            run
        });
        save(records, &run).await
    }

    /// The command for a machine whose agent is to start the process. It is there for as long as the agent may take.
    pub(crate) fn commands(&self, machine: &ResourceId, now: Ticks) -> Vec<AgentCommand> {
        let running = self.running.lock();
        let run = running.get(machine.key()).filter(|run| {
            let open = run.started.is_none() && run.not_started.is_none();
            !run.on_machine && open && now - run.requested < AGENT_LIMIT
        });
        run.map(|run| AgentCommand { id: run.id, kind: TEST_ALERT_COMMAND.to_owned(), arguments: json!({}) })
            .into_iter()
            .collect()
    }

    /// The word that a batch of the machine has when it brings the row of its test; mostly there is none.
    pub(crate) fn awaited(&self, machine: &ResourceId) -> Option<String> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let running = self.running.lock();
        running.get(machine.key()).filter(|run| run.stored.is_none()).map(Run::word)
    }

    /// Notes that the row of the machine's test came at `received`, and how that ended: on disk by now, or refused with
    /// words.
    pub(crate) fn note_arrival(&self, machine: &ResourceId, received: Ticks, ended: Result<Ticks, String>) {
        self.note(machine, |run| {
            run.received = run.received.or(Some(received));
            match ended {
                Ok(stored) => run.stored = Some(stored),
                Err(words) => run.refused = Some(words),
            }
        });
    }

    fn note(&self, machine: &ResourceId, change: impl FnOnce(&mut Run)) -> Option<Run> {
        let mut running = self.running.lock();
        let run = running.get_mut(machine.key())?;
        change(run);
        Some(run.clone())
    }
}

async fn save(records: &Records, run: &Run) -> Result<(), RecordsError> {
    records.put_state(&key(&run.machine), json!(run)).await
}
