//! Machines that fall silent become `Disconnected`.

use std::sync::Arc;
use std::time::Duration;

use bartizan_base::Timespan;
use bartizan_records::{Actor, Agent, RecordsError};
use bartizan_wire::DESIRED_WAIT_SECONDS_MAX;

use crate::agents::resource;
use crate::app::App;
use crate::http::chain;

/// Agents report at least once a minute; three missed reports are silence, unless the server is set otherwise.
pub const SILENCE: Duration = Duration::from_secs(180);
/// The shortest silence that may be set: an agent that lost its server tries again after up to half a minute.
pub const SILENCE_SHORTEST: Duration = Duration::from_secs(45);
/// The longest; a machine that counts as connected for longer than that is believed too much.
pub const SILENCE_LONGEST: Duration = Duration::from_secs(3600);
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Silent machines that are read together.
const LOOK_AT: usize = 256;

/// Looks for silent machines until the server stops.
pub(crate) async fn watch_presence(app: Arc<App>) {
    let started = app.clock.now();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = app.stop.cancelled() => return,
        }
        // A server that was away hears nobody: agents get their time from its start.
        let now = app.clock.now();
        if now - started < Timespan::from_duration(app.silence) {
            continue;
        }
        if let Err(error) = look(&app).await {
            tracing::warn!(error = chain(&error), "cannot check which machines are silent");
        }
        if let Err(error) = app.records.sweep_secrets().await {
            tracing::warn!(error = chain(&error), "cannot remove expired secrets");
        }
    }
}

/// How long a poll waits at most: where silence is short, machines have to be heard of more often than they report.
pub(super) fn poll_max(silence: Duration) -> Duration {
    Duration::from_secs(DESIRED_WAIT_SECONDS_MAX).min(silence / 3)
}

/// Notes a poll where reports, one a minute, are too rare to tell silence by.
pub(super) fn heard_by_poll(app: &App, agent: &Agent) {
    if app.silence < SILENCE {
        app.heard.note(agent.vm_id, app.clock.now(), &agent.agent_version);
    }
}

async fn look(app: &App) -> Result<(), RecordsError> {
    app.heard.write(&app.records).await?;
    let now = app.clock.now();
    let silent = app.records.silent_agents(now - Timespan::from_duration(app.silence)).await?;
    for machines in silent.chunks(LOOK_AT) {
        for machine in app.records.get_many(machines).await? {
            // Only those that are new: a machine that is off for weeks costs a read, not a write.
            if !resource::set_status(&mut machine.body.clone(), "Disconnected", now) {
                continue;
            }
            let edit = |body: &mut serde_json::Value| resource::set_status(body, "Disconnected", now);
            match app.records.modify(&machine.id, &Actor::system("presence"), false, edit).await {
                Ok(_) | Err(RecordsError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
