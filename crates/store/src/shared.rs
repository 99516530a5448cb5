//! What the store's tasks and its committer thread have in common.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast};

use crate::append::Appended;
use crate::error::StoreError;
use crate::manifest::Manifest;
use crate::notice::Notices;
use crate::options::StoreOptions;
use crate::pressure::Pressure;
use crate::rejected::RejectedByTable;
use crate::state::State;

/// Notices that a slow subscriber may fall behind by; it is told how many it missed.
const NOTICES_MAX: usize = 4096;

/// How long a body waits when the buffer is nearly full.
const PAUSE_MAX: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: StoreOptions,
    pub(crate) manifest: Manifest,
    pub(crate) state: Mutex<State>,
    pub(crate) appended: broadcast::Sender<Appended>,
    /// A buffer is large enough to be flushed.
    pub(crate) flush_due: Notify,
    pub(crate) closed: AtomicBool,
    pub(crate) notices: Notices,
    pub(crate) pressure: Pressure,
    pub(crate) rejected: RejectedByTable,
    /// A purge was asked for, or a start may have found one.
    pub(crate) purge_due: AtomicBool,
    /// When rows went straight to a file last.
    pub(crate) loaded: Mutex<Option<Instant>>,
    /// Where the log's thread waits for the manifest.
    pub(crate) runtime: Handle,
    /// Bodies on their way through decoding and the log.
    in_flight_bytes: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(options: StoreOptions, manifest: Manifest, state: State) -> Self {
        Self {
            options,
            manifest,
            state: Mutex::new(state),
            appended: broadcast::channel(NOTICES_MAX).0,
            flush_due: Notify::new(),
            closed: AtomicBool::new(false),
            notices: Notices::default(),
            pressure: Pressure::default(),
            rejected: RejectedByTable::default(),
            purge_due: AtomicBool::new(true),
            loaded: Mutex::default(),
            runtime: Handle::current(),
            in_flight_bytes: AtomicUsize::new(0),
        }
    }

    /// Says why nothing may be written when the disk is nearly full.
    pub(crate) fn check_space(&self) -> Result<(), String> {
        let StoreOptions { disk, dir, reserve_bytes, .. } = &self.options;
        let free = disk.free_bytes(dir).map_err(|error| format!("free disk space is unknown: {error}"))?;
        if free >= *reserve_bytes {
            return Ok(());
        }
        Err(format!("the disk is full: {free} bytes are free and {reserve_bytes} are kept in reserve"))
    }

    /// Admits a body of `bytes`, unless too much is buffered already.
    ///
    /// A body in flight counts twice, as text and as the columns it becomes.
    pub(crate) fn admit(&self, bytes: usize) -> Result<Admission<'_>, StoreError> {
        let bytes = 2 * bytes;
        let mut admission = Admission { shared: self, bytes, pause: Duration::ZERO };
        let in_flight_bytes = self.in_flight_bytes.fetch_add(bytes, Ordering::AcqRel) + bytes;
        let held_bytes = self.state.lock().buffered_bytes() + in_flight_bytes;
        if held_bytes > self.options.buffer_bytes_max {
            self.flush_due.notify_one();
            return Err(StoreError::Busy { held_bytes });
        }
        admission.pause = pause(held_bytes, self.options.buffer_bytes_max);
        Ok(admission)
    }
}

/// How long a body waits while `held_bytes` of `max_bytes` are taken: not at all up to the half, and more and more
/// from there. Rows can come faster than files are written; senders then slow down to what files keep up with,
/// instead of running into a refusal that costs them a second.
fn pause(held_bytes: usize, max_bytes: usize) -> Duration {
    let half = (max_bytes / 2).max(1);
    let over = (held_bytes.saturating_sub(half) as f64 / half as f64).min(1.0);
    PAUSE_MAX.mul_f64(over * over)
}

/// A body's share of the buffer while it is in flight.
#[derive(Debug)]
pub(crate) struct Admission<'a> {
    shared: &'a Shared,
    bytes: usize,
    /// How long the body should wait before it is decoded.
    pub(crate) pause: Duration,
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.shared.in_flight_bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_slow_down_before_they_are_refused() {
        let of_hundred = |held| pause(held, 100);
        assert_eq!([0, 49, 50].map(of_hundred), [Duration::ZERO; 3]);
        assert!(of_hundred(60) < of_hundred(70) && of_hundred(70) < PAUSE_MAX / 4);
        assert_eq!([100, 1000].map(of_hundred), [PAUSE_MAX; 2]);
        assert_eq!(pause(0, 0), Duration::ZERO);
    }
}
