//! The clock is passed in, so that tests and replays can hold it still.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use crate::time::{Ticks, Timespan};

/// Where "now" comes from.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The current moment, UTC.
    fn now(&self) -> Ticks;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Ticks {
        Ticks::from_system_time(SystemTime::now())
    }
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock standing at `start`.
    pub fn new(start: Ticks) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves the clock forward (or back, for a clock-jump test).
    pub fn advance(&self, by: Timespan) {
        self.0.fetch_add(by.0, Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, now: Ticks) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Ticks {
        Ticks(self.0.load(Ordering::SeqCst))
    }
}
