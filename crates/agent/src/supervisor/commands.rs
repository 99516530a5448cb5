//! One-time commands of the server, each run once.

use std::collections::VecDeque;
use std::sync::Arc;

use std::time::Duration;

use bartizan_base::Clock;
use bartizan_wire::{AgentCommand, AgentStatus, TEST_ALERT_COMMAND};
use tokio::sync::watch;
use uuid::Uuid;

use super::Control;
use crate::test_alert;

/// Commands remembered; the server repeats one only for as long as it may take to be run.
const REMEMBERED_MAX: usize = 64;
/// How long a test waits for a sensor that does not watch yet; the server gives up on it after as long.
const WATCH_LIMIT: Duration = Duration::from_secs(120);

/// The commands that were run.
#[derive(Debug, Default)]
pub(super) struct Commands {
    run: VecDeque<Uuid>,
}

impl Commands {
    /// Runs those that were not run before, each as a task of its own.
    pub(super) fn run(
        &mut self,
        commands: &[AgentCommand],
        control: &Arc<dyn Control>,
        clock: &Arc<dyn Clock>,
        status: &watch::Sender<Option<AgentStatus>>,
    ) {
        for command in commands {
            if self.run.contains(&command.id) {
                continue;
            }
            self.run.push_back(command.id);
            while self.run.len() > REMEMBERED_MAX {
                self.run.pop_front();
            }
            if command.kind == TEST_ALERT_COMMAND {
                tokio::spawn(test(command.id, Arc::clone(control), Arc::clone(clock), status.subscribe()));
            } else {
                tracing::warn!(id = %command.id, kind = command.kind, "this agent does not know the command");
            }
        }
    }
}

async fn test(
    id: Uuid,
    control: Arc<dyn Control>,
    clock: Arc<dyn Clock>,
    mut status: watch::Receiver<Option<AgentStatus>>,
) {
    let is_watched = |status: &Option<AgentStatus>| status.as_ref().is_some_and(test_alert::is_watched);
    let watched = is_watched(&status.borrow());
    let started = test_alert::run_process(id, clock.as_ref()).await;
    tracing::info!(%id, error = started.error, "test alert");
    // Not repeated: a server that is away misses it, and the row of the process proves the same later.
    if let Err(error) = control.test_alert_started(&started).await {
        tracing::warn!(%id, error = error.chain(), "cannot tell that the test alert was started");
    }
    // A process that was over before the sensor looked is started again once it does. Only its row counts.
    if !watched && matches!(tokio::time::timeout(WATCH_LIMIT, status.wait_for(is_watched)).await, Ok(Ok(_))) {
        test_alert::run_process(id, clock.as_ref()).await;
    }
}
