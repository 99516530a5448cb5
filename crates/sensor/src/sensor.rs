//! Starting, reading and stopping the sensor.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bartizan_base::ErrorKind;

use crate::event::ProcessEvent;

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
pub struct Sensor {}

impl Sensor {
    /// Probes the tiers and starts the best.
    ///
    /// # Errors
    /// When no tier works, or the forced one does not.
    pub fn start(_options: SensorOptions) -> Result<Sensor, SensorError> {
        Err(SensorError::NoSource { reasons: vec!["not built yet".to_owned()] })
    }

    /// Up to `max` events in order; waits up to `timeout` for the first one.
    pub fn recv_batch(&self, _max: usize, _timeout: Duration) -> Vec<ProcessEvent> {
        Vec::new()
    }

    /// The tier, its limits and the counters.
    pub fn status(&self) -> SensorStatus {
        SensorStatus { tier: Tier::Ebpf, reasons: Vec::new(), counters: BTreeMap::new() }
    }

    /// Detaches from the kernel and ends the threads. Events already received can still be read.
    pub fn stop(&self) {}
}
