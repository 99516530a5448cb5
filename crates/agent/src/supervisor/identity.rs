//! Who this machine is, while the agent runs: the certificate is renewed in time, and what `connect` or `reconnect`
//! stored meanwhile is taken over.
//!
//! One task does both, because both write and read the one file: a renewal must not replace what a person has just
//! stored by a new certificate for what was there before.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::Clock;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::control::Control;
use super::{Event, until};
use crate::backoff::Backoff;
use crate::identity::Identity;

/// Between two looks at the stored identity.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Which file the identity was read from; each write makes another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    inode: u64,
    seconds: i64,
    nanos: i64,
}

impl Version {
    fn of(state: &Path) -> Option<Self> {
        let found = fs::metadata(Identity::path(state)).ok()?;
        Some(Self { inode: found.ino(), seconds: found.mtime(), nanos: found.mtime_nsec() })
    }
}

/// What the task knows of the stored identity.
struct Keeper {
    control: Arc<dyn Control>,
    identity: Identity,
    state: PathBuf,
    /// Of the file that was looked at last.
    seen: Option<Version>,
}

impl Keeper {
    /// The identity that somebody stored since the last look, if it is one to go on with.
    fn stored_meanwhile(&mut self) -> Option<Identity> {
        let version = Version::of(&self.state);
        if version.is_none() || version == self.seen {
            return None;
        }
        self.seen = version;
        let stored = Identity::load(&self.state)
            .inspect_err(
                |error| tracing::warn!(%error, "the stored identity cannot be read; going on with ours"),
            )
            .ok()??;
        let same = |which: fn(&Identity) -> &str| which(&stored) == which(&self.identity);
        if same(|it| &it.certificate) && same(|it| &it.server) && stored.proxy == self.identity.proxy {
            return None;
        }
        if stored.vm_id != self.identity.vm_id {
            tracing::warn!(
                machine = %stored.machine_id,
                "this machine was connected as another one; restart the agent to become it"
            );
            return None;
        }
        match self.control.adopt(&stored) {
            Ok(()) => Some(stored),
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the stored identity cannot be used; going on with ours"
                );
                None
            }
        }
    }

    /// The next certificate; `None` when another identity was stored while it was asked for.
    async fn renewed(&mut self, clock: &dyn Clock) -> anyhow::Result<Option<Identity>> {
        let renewed = self.control.renew(&self.identity, clock).await?;
        if Version::of(&self.state) != self.seen {
            return Ok(None);
        }
        if let Err(error) = renewed.store(&self.state) {
            tracing::error!(%error, "cannot store the renewed certificate; it is lost at the next start");
        }
        self.seen = Version::of(&self.state);
        Ok(Some(renewed))
    }
}

/// Renews the certificate when two thirds of its life are over, and takes over what is stored by somebody else.
pub(super) async fn keep_identity(
    control: Arc<dyn Control>,
    identity: Identity,
    state: PathBuf,
    clock: Arc<dyn Clock>,
    events: mpsc::Sender<Event>,
) {
    // What was stored between the start and now is looked at in the first round.
    let mut keeper = Keeper { control, identity, state, seen: None };
    let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(600));
    let mut next_renewal = Instant::now();
    loop {
        let mut new = keeper.stored_meanwhile();
        let due = until(clock.now(), keeper.identity.renew_at()).is_zero() && Instant::now() >= next_renewal;
        if let Some(stored) = &new {
            tracing::info!(machine = %stored.machine_id, server = stored.server, "going on with the identity that was stored");
        } else if due {
            match keeper.renewed(clock.as_ref()).await {
                Ok(renewed) => {
                    backoff.reset();
                    if let Some(renewed) = &renewed {
                        tracing::info!(expires = %renewed.certificate_expires, "certificate renewed");
                    }
                    new = renewed;
                }
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "cannot renew the certificate");
                    next_renewal = Instant::now() + backoff.next_wait();
                }
            }
        }
        if let Some(new) = new {
            keeper.identity = new.clone();
            if events.send(Event::Identity(Box::new(new))).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
