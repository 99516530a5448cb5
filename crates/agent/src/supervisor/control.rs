//! The supervisor's talks with the server, each a task of its own: what should run, how it goes, the certificate.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use arc_swap::ArcSwap;
use bartizan_base::Clock;
use bartizan_wire::{
    AgentStatus, ConnectivityReport, DesiredState, ExtensionStatus, PackageManifest, RenewRequest,
    TestAlertStarted, UpgradeReport,
};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use super::Event;
use crate::backoff::Backoff;
use crate::connectivity::{self, History, Limits};
use crate::identity::{Identity, KeyRequest};
use crate::server::{CallError, ServerClient};
use crate::upgrade::{Packages, Take};

const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// A server that answers the long poll at once and without change is not asked more often than this.
const POLL_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Several changes within this time are one report.
const REPORT_GATHER: Duration = Duration::from_millis(100);
/// The way to the server is looked at this often …
const LOOK_INTERVAL: Duration = Duration::from_secs(600);
/// … and this often while it is broken.
const LOOK_INTERVAL_BROKEN: Duration = Duration::from_secs(60);

/// The server as the supervisor needs it.
#[async_trait::async_trait]
pub trait Control: Packages {
    /// Waits for a desired state other than `generation`.
    async fn desired(&self, generation: Option<u64>) -> Result<Option<DesiredState>, CallError>;
    /// Reports.
    async fn status(&self, status: &AgentStatus) -> Result<(), CallError>;
    /// Gets the next certificate with a new key and uses it from now on.
    async fn renew(&self, identity: &Identity, clock: &dyn Clock) -> Result<Identity>;
    /// Uses another identity of this machine from now on: one that a person made, while we run.
    ///
    /// # Errors
    /// When it cannot be used; what was used before still is.
    fn adopt(&self, identity: &Identity) -> Result<()>;
    /// Tells that the process of a test alert was started, or why not.
    async fn test_alert_started(&self, started: &TestAlertStarted) -> Result<(), CallError>;
    /// Takes the way to the server hop by hop; `None` when there is no such way to take.
    async fn look(&self, clock: &dyn Clock) -> Option<ConnectivityReport>;
}

/// The real server.
#[derive(Debug)]
pub struct ServerControl {
    client: ArcSwap<ServerClient>,
    identity: ArcSwap<Identity>,
}

impl ServerControl {
    /// Connects as the machine.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn new(identity: &Identity) -> Result<Self> {
        let client = ArcSwap::from_pointee(ServerClient::for_machine(identity)?);
        Ok(Self { client, identity: ArcSwap::from_pointee(identity.clone()) })
    }
}

#[async_trait::async_trait]
impl Packages for ServerControl {
    async fn fetch(
        &self,
        manifest: &PackageManifest,
        number: usize,
        take: &mut Take<'_>,
    ) -> Result<(), CallError> {
        let path = format!("{}/{}/{number}", manifest.version, manifest.platform);
        self.client.load_full().package(&path, take).await
    }
}

#[async_trait::async_trait]
impl Control for ServerControl {
    async fn desired(&self, generation: Option<u64>) -> Result<Option<DesiredState>, CallError> {
        self.client.load_full().desired(generation).await
    }

    async fn status(&self, status: &AgentStatus) -> Result<(), CallError> {
        self.client.load_full().status(status).await
    }

    async fn renew(&self, identity: &Identity, clock: &dyn Clock) -> Result<Identity> {
        let request = KeyRequest::generate(identity.machine_id.name())?;
        let answer = self.client.load_full().renew(&RenewRequest { csr: request.csr }).await?;
        let renewed = Identity {
            key: request.key,
            certificate: answer.certificate,
            certificate_obtained: clock.now(),
            certificate_expires: answer.certificate_expires,
            ..identity.clone()
        };
        self.adopt(&renewed)?;
        Ok(renewed)
    }

    fn adopt(&self, identity: &Identity) -> Result<()> {
        self.client.store(Arc::new(ServerClient::for_machine(identity)?));
        self.identity.store(Arc::new(identity.clone()));
        Ok(())
    }

    async fn test_alert_started(&self, started: &TestAlertStarted) -> Result<(), CallError> {
        self.client.load_full().test_alert_started(started).await
    }

    async fn look(&self, clock: &dyn Clock) -> Option<ConnectivityReport> {
        let report = connectivity::look_as(&self.identity.load_full(), Limits::default(), clock).await;
        report
            .inspect_err(|error| {
                tracing::warn!(error = format!("{error:#}"), "cannot look at the way to the server")
            })
            .ok()
    }
}

/// Follows the desired state by long polls.
pub(super) async fn follow_desired(
    control: Arc<dyn Control>,
    mut generation: Option<u64>,
    events: mpsc::Sender<Event>,
    unreached: Arc<Notify>,
    mut identities: watch::Receiver<u64>,
) {
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
    let mut first = true;
    loop {
        let asked = Instant::now();
        // The first question does not wait, so that the loop learns at once whether the kept state is still right.
        let known = if first { None } else { generation };
        let answer = tokio::select! {
            answer = control.desired(known) => answer,
            // As another resource, or at another address: generations of before mean nothing there.
            Ok(()) = identities.changed() => {
                first = true;
                backoff.reset();
                unreached.notify_one();
                continue;
            }
        };
        match answer {
            Ok(Some(desired)) => {
                backoff.reset();
                let changed = generation != Some(desired.generation);
                generation = Some(desired.generation);
                if (changed || first) && events.send(Event::Desired(desired)).await.is_err() {
                    return;
                }
                first = false;
                if !changed {
                    tokio::time::sleep_until(asked + POLL_INTERVAL_MIN).await;
                }
            }
            Ok(None) => {
                backoff.reset();
                first = false;
                tokio::time::sleep_until(asked + POLL_INTERVAL_MIN).await;
            }
            Err(error) => {
                let wait = backoff.next_wait();
                // The machine goes on with what it last knew; one line per outage is enough.
                if backoff.failures() == 1 {
                    tracing::warn!(error = error.chain(), "cannot ask for the desired state");
                    unreached.notify_one();
                }
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    Ok(()) = identities.changed() => {
                        first = true;
                        unreached.notify_one();
                    }
                }
            }
        }
    }
}

/// Looks at the way to the server: at start, every ten minutes, at once when a call fails, and each minute while
/// the way is broken.
pub(super) async fn watch_connectivity(
    control: Arc<dyn Control>,
    clock: Arc<dyn Clock>,
    events: mpsc::Sender<Event>,
    unreached: Arc<Notify>,
) {
    let mut history = History::default();
    while let Some(mut report) = control.look(clock.as_ref()).await {
        let broken = report.failure().map(|(endpoint, hop)| {
            format!("{} fails at {:?}: {}; {}", endpoint.url, hop.hop, hop.detail, hop.fix)
        });
        let was_broken = history.is_failing();
        history.note(&mut report);
        match &broken {
            Some(problem) if !was_broken => tracing::warn!(problem, "the way to the server is broken"),
            None if was_broken => tracing::info!("the way to the server is mended"),
            _ => {}
        }
        if events.send(Event::Connectivity(Box::new(report))).await.is_err() {
            return;
        }
        let wait = if broken.is_some() { LOOK_INTERVAL_BROKEN } else { LOOK_INTERVAL };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = unreached.notified() => {}
        }
    }
}

/// What makes a status worth sending at once; counters alone are not.
fn essence(status: &AgentStatus) -> (u64, Vec<ExtensionStatus>, Option<UpgradeReport>) {
    let mut extensions = status.extensions.clone();
    for health in extensions.iter_mut().filter_map(|extension| extension.health.as_mut()) {
        health.counters.clear();
    }
    (status.generation, extensions, status.upgrade.clone())
}

/// Sends the status on every change and at least every `interval`.
pub(super) async fn report_status(
    control: Arc<dyn Control>,
    mut status: watch::Receiver<Option<AgentStatus>>,
    interval: Duration,
    clock: Arc<dyn Clock>,
    mut identities: watch::Receiver<u64>,
) {
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
    let mut sent = None;
    let mut due = Instant::now();
    loop {
        tokio::select! {
            changed = status.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(due) => {}
            // The server may know nothing yet of who we are now.
            Ok(()) = identities.changed() => sent = None,
        }
        let current = status.borrow_and_update().clone();
        let Some(current) = current else { continue };
        if sent.as_ref() == Some(&essence(&current)) && Instant::now() < due {
            continue;
        }
        tokio::time::sleep(REPORT_GATHER).await;
        let newest = status.borrow_and_update().clone().unwrap_or(current);
        let newest = AgentStatus { time: clock.now(), ..newest };
        match control.status(&newest).await {
            Ok(()) => {
                backoff.reset();
                sent = Some(essence(&newest));
                due = Instant::now() + interval;
            }
            Err(error) => {
                let wait = backoff.next_wait();
                if backoff.failures() == 1 {
                    tracing::warn!(error = error.chain(), "cannot report the status");
                }
                sent = None;
                due = Instant::now() + wait;
                tokio::time::sleep(wait).await;
            }
        }
    }
}
