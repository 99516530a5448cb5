//! What the store's tasks and its committer thread have in common.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast};

use crate::append::Appended;
use crate::error::StoreError;
use crate::manifest::Manifest;
use crate::notice::Notices;
use crate::options::StoreOptions;
use crate::rejected::RejectedByTable;
use crate::state::State;

/// Notices that a slow subscriber may fall behind by; it is told how many it missed.
const NOTICES_MAX: usize = 4096;

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
    pub(crate) rejected: RejectedByTable,
    /// A purge was asked for, or a start may have found one.
    pub(crate) purge_due: AtomicBool,
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
            rejected: RejectedByTable::default(),
            purge_due: AtomicBool::new(true),
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
        let admission = Admission { shared: self, bytes };
        let in_flight_bytes = self.in_flight_bytes.fetch_add(bytes, Ordering::AcqRel) + bytes;
        let held_bytes = self.state.lock().buffered_bytes() + in_flight_bytes;
        if held_bytes > self.options.buffer_bytes_max {
            self.flush_due.notify_one();
            return Err(StoreError::Busy { held_bytes });
        }
        Ok(admission)
    }
}

/// A body's share of the buffer while it is in flight.
#[derive(Debug)]
pub(crate) struct Admission<'a> {
    shared: &'a Shared,
    bytes: usize,
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.shared.in_flight_bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
