//! Time since boot as wall-clock time.

use bartizan_base::Ticks;
use rustix::time::{ClockId, clock_gettime};

/// The distance between the two clocks. It is measured again for every batch, because the wall clock may
/// be set; a process keeps the creation time it was first given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BootClock {
    boot_unix_ns: i128,
}

impl BootClock {
    pub(crate) fn measure() -> Self {
        let wall = clock_gettime(ClockId::Realtime);
        Self { boot_unix_ns: nanos(wall) - i128::from(now_ns()) }
    }

    /// Wall-clock time of a moment after boot.
    pub(crate) fn ticks(self, boot_ns: u64) -> Ticks {
        Ticks::from_unix_nanos(self.boot_unix_ns + i128::from(boot_ns))
    }

    /// The moment after boot of a wall-clock time in milliseconds since 1970.
    pub(crate) fn boot_ns(self, unix_ms: u64) -> u64 {
        u64::try_from(i128::from(unix_ms) * 1_000_000 - self.boot_unix_ns).unwrap_or_default()
    }
}

/// Nanoseconds since boot, sleep included.
pub(crate) fn now_ns() -> u64 {
    u64::try_from(nanos(clock_gettime(ClockId::Boottime))).unwrap_or_default()
}

/// Nanoseconds the machine has slept: the boot clock runs on then, the monotonic one does not.
pub(crate) fn asleep_ns() -> u64 {
    let monotonic = u64::try_from(nanos(clock_gettime(ClockId::Monotonic))).unwrap_or_default();
    now_ns().saturating_sub(monotonic)
}

fn nanos(time: rustix::time::Timespec) -> i128 {
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}
