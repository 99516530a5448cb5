//! Starting, reading and stopping the sensor.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bartizan_base::ErrorKind;

use crate::audit;
use crate::complete::Completer;
use crate::connector;
use crate::counters::Counters;
use crate::ebpf;
use crate::event::ProcessEvent;
use crate::hash::Hasher;
use crate::observation::Opened;
use crate::pipeline::{Pending, Pipeline};
use crate::queue::EventQueue;
use crate::waker;

/// Where the events come from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Kernel programs on scheduler tracepoints: every event, with arguments, exact loss counters.
    Ebpf,
    /// The audit subsystem: every execution with arguments; its loss counter cannot be trusted.
    Audit,
    /// The process connector: every event, but what it says must be completed from `/proc`, which is often
    /// too late for short-lived processes.
    Connector,
}

impl Tier {
    /// All tiers, best first.
    pub const ALL: [Tier; 3] = [Tier::Ebpf, Tier::Audit, Tier::Connector];

    /// The name used in status reports and settings.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Ebpf => "ebpf",
            Tier::Audit => "audit",
            Tier::Connector => "connector",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How to run the sensor.
#[derive(Clone, Debug)]
pub struct SensorOptions {
    /// Use this tier or fail, instead of the best that works.
    pub tier: Option<Tier>,
    /// Also hand out forks that have not executed anything.
    pub forks: bool,
    /// Processes remembered.
    pub table_entries_max: usize,
    /// Bytes the kernel holds for us while we are busy (eBPF): a power of two, at least one page. A process
    /// takes some 500 bytes from fork to exit.
    pub ring_bytes: u32,
    /// Events waiting for `recv_batch`.
    pub queue_events_max: usize,
    /// Images larger than this are not hashed; zero turns hashing off.
    pub hash_bytes_max: u64,
    /// Longest time an event waits for the hash of its image.
    pub hash_wait: Duration,
}

impl Default for SensorOptions {
    fn default() -> Self {
        Self {
            tier: None,
            forks: false,
            table_entries_max: 32_768,
            ring_bytes: 4 << 20,
            queue_events_max: 16_384,
            hash_bytes_max: 64 << 20,
            hash_wait: Duration::from_millis(200),
        }
    }
}

/// How the sensor is doing.
#[derive(Clone, Debug)]
pub struct SensorStatus {
    pub tier: Tier,
    /// Why better tiers are not in use, and what the one in use misses.
    pub reasons: Vec<String>,
    pub counters: BTreeMap<String, u64>,
}

/// No tier can run.
#[derive(Debug, thiserror::Error)]
pub enum SensorError {
    #[error("no source of process events works here: {}", reasons.join("; "))]
    NoSource { reasons: Vec<String> },
    #[error("cannot start the sensor thread")]
    Thread(#[source] std::io::Error),
}

impl SensorError {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            SensorError::NoSource { .. } | SensorError::Thread(_) => ErrorKind::Unavailable,
        }
    }
}

/// A running sensor. Dropping it stops it.
#[derive(Debug)]
pub struct Sensor {
    tier: Tier,
    reasons: Vec<String>,
    queue: Arc<EventQueue>,
    counters: Arc<Counters>,
    stop: Arc<AtomicBool>,
    wake: UnixStream,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Sensor {
    /// Probes the tiers and starts the best. Takes some tenths of a second, in the kernel's verifier.
    ///
    /// # Errors
    /// When no tier works, or the forced one does not.
    pub fn start(options: SensorOptions) -> Result<Sensor, SensorError> {
        let (opened, reasons) = probe(&options)?;
        let (wake, woken) = waker::pair().map_err(SensorError::Thread)?;
        let hasher = wake.try_clone().and_then(Hasher::start).map_err(SensorError::Thread)?;
        let queue = Arc::new(EventQueue::new(options.queue_events_max));
        let counters = Arc::new(Counters::default());
        let stop = Arc::new(AtomicBool::new(false));
        let pipeline = Pipeline {
            source: opened.source,
            completer: Completer::new(options.table_entries_max),
            hasher,
            options,
            queue: Arc::clone(&queue),
            counters: Arc::clone(&counters),
            stop: Arc::clone(&stop),
            wake: woken,
            pending: Pending::default(),
        };
        let thread = std::thread::Builder::new()
            .name("sensor".to_owned())
            .spawn(move || pipeline.run())
            .map_err(SensorError::Thread)?;
        let thread = Mutex::new(Some(thread));
        tracing::info!(tier = %opened.tier, "the process sensor runs");
        Ok(Sensor { tier: opened.tier, reasons, queue, counters, stop, wake, thread })
    }

    /// Up to `max` events in order; waits up to `timeout` for the first one.
    pub fn recv_batch(&self, max: usize, timeout: Duration) -> Vec<ProcessEvent> {
        self.queue.pop(max, timeout)
    }

    /// The tier, its limits and the counters.
    pub fn status(&self) -> SensorStatus {
        SensorStatus { tier: self.tier, reasons: self.reasons.clone(), counters: self.counters.snapshot() }
    }

    /// Detaches from the kernel and ends the threads. Events already received can still be read.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        waker::wake(&self.wake);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the sensor thread ended with a panic");
        }
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Opens the forced tier, or the first that works; with it, why the better ones do not.
fn probe(options: &SensorOptions) -> Result<(Opened, Vec<String>), SensorError> {
    let mut reasons = Vec::new();
    for tier in Tier::ALL {
        if options.tier.is_some_and(|forced| forced != tier) {
            continue;
        }
        match open(tier, options) {
            Ok(mut opened) => {
                reasons.append(&mut opened.notes);
                return Ok((opened, reasons));
            }
            Err(reason) => {
                tracing::info!(%tier, %reason, "a source of process events cannot be used");
                reasons.push(format!("{tier} is not used: {reason}"));
            }
        }
    }
    Err(SensorError::NoSource { reasons })
}

fn open(tier: Tier, options: &SensorOptions) -> Result<Opened, String> {
    match tier {
        Tier::Ebpf => ebpf::open(options.ring_bytes),
        Tier::Audit => audit::open(),
        Tier::Connector => connector::open(),
    }
}
