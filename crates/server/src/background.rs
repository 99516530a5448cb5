//! What runs beside the doors, while this server leads: tasks, posture, detection, syslog.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bartizan_control::{App, turn};
use bartizan_detect::{DetectContext, DetectHandle, Workspace};
use bartizan_posture::{PostureContext, PostureHandle};
use tokio::task::{JoinHandle, JoinSet};

use crate::rows::WorkspaceRows;
use crate::syslog::{self, Listeners, SyslogAddresses, SyslogOptions};

/// Between two looks at whose turn it is: several fit into a lease.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The running work.
struct Background {
    tasks: JoinSet<()>,
    detect: DetectHandle,
    posture: PostureHandle,
    syslog: Listeners,
}

/// Starts the work when it is this server's turn.
#[derive(Debug)]
pub(crate) struct Turns(JoinHandle<Option<Background>>);

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Background")
    }
}

impl Turns {
    /// Takes the turn if nobody else has it; otherwise waits for it beside the caller. Also says where syslog
    /// is listened for, which is nowhere before the turn has come.
    pub(crate) async fn start(
        app: &Arc<App>,
        syslog: SyslogOptions,
    ) -> anyhow::Result<(Self, SyslogAddresses)> {
        let leads = app.take_turn().await.context("cannot tell whose turn it is")?;
        let running = if leads { Some(Background::start(app, &syslog).await?) } else { None };
        let addresses = running.as_ref().map(|running| running.syslog.addresses.clone()).unwrap_or_default();
        Ok((Self(tokio::spawn(watch(Arc::clone(app), syslog, running))), addresses))
    }

    /// Ends the work; `app.stop` is cancelled.
    pub(crate) async fn stop(self, app: &App) {
        match self.0.await {
            Ok(Some(running)) => running.stop().await,
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the background work ended badly"),
        }
        if let Err(error) = app.end_turn().await {
            tracing::warn!(%error, "the next server must wait for the end of this one's lease");
        }
    }
}

/// Keeps the turn, or waits for it, until the server stops. A server that loses its turn stops: what it does
/// and what the next one does must not overlap.
async fn watch(app: Arc<App>, syslog: SyslogOptions, mut running: Option<Background>) -> Option<Background> {
    if !app.records.is_shared() {
        app.stop.cancelled().await;
        return running;
    }
    let mut kept = app.clock.now();
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return running,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let asked = app.clock.now();
        match app.take_turn().await {
            Ok(true) => {
                kept = asked;
                if running.is_none() {
                    tracing::info!("this server leads from now on");
                    match Background::start(&app, &syslog).await {
                        Ok(started) => running = Some(started),
                        Err(error) => {
                            tracing::error!(%error, "this server cannot lead");
                            app.stop.cancel();
                            return None;
                        }
                    }
                }
            }
            Ok(false) if running.is_some() => {
                tracing::error!("another server took over; stopping");
                app.stop.cancel();
                return running;
            }
            Ok(false) => {}
            Err(error) if running.is_some() && app.clock.now() - kept >= turn::LEASE_TIME => {
                tracing::error!(%error, "the database was away for longer than a turn lasts; stopping");
                app.stop.cancel();
                return running;
            }
            Err(error) => tracing::warn!(%error, "cannot tell whose turn it is"),
        }
    }
}

impl Background {
    async fn start(app: &Arc<App>, syslog: &SyslogOptions) -> anyhow::Result<Self> {
        let home = &app.home;
        // `TenantId` of a row is the id of its workspace.
        let rows_tenant = home.target("").tenant;
        let tasks = bartizan_control::start_leading_tasks(app);
        let posture = bartizan_posture::start(PostureContext {
            records: app.records.clone(),
            rows: Arc::new(WorkspaceRows {
                store: app.store.clone(),
                workspace: home.customer,
                tenant: rows_tenant,
            }),
            clock: Arc::clone(&app.clock),
            workspace_id: home.workspace.to_string(),
            stop: app.stop.clone(),
        });
        let detect = bartizan_detect::start(DetectContext {
            records: app.records.clone(),
            store: app.store.clone(),
            engine: app.engine.clone(),
            clock: Arc::clone(&app.clock),
            workspace: Workspace { id: home.customer, tenant: rows_tenant, resource: home.workspace.clone() },
            portal_url: app.public_url.clone(),
        })
        .await
        .context("cannot start detection")?;
        let syslog = syslog::start(app, syslog, &app.stop).await?;
        Ok(Self { tasks, detect, posture, syslog })
    }

    async fn stop(mut self) {
        self.syslog.stopped().await;
        self.detect.stop().await;
        self.posture.stop().await;
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a background task ended badly");
            }
        }
    }
}
