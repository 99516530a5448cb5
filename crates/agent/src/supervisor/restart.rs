//! How often a crashing extension is started again.

use std::collections::VecDeque;
use std::time::Duration;

use bartizan_base::{Ticks, Timespan};

/// Bounds on restarts.
#[derive(Clone, Copy, Debug)]
pub struct RestartLimits {
    /// Restarts allowed within `window` …
    pub restarts_max: usize,
    pub window: Duration,
    /// … and the rest taken when they are used up.
    pub rest: Duration,
    /// Pause before each restart, so that a program failing at once does not spin.
    pub pause: Duration,
}

impl Default for RestartLimits {
    fn default() -> Self {
        Self {
            restarts_max: 5,
            window: Duration::from_secs(600),
            rest: Duration::from_secs(600),
            pause: Duration::from_secs(1),
        }
    }
}

/// What to do after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Start again at this moment.
    Soon(Ticks),
    /// Too many crashes; start again only at this moment.
    AfterRest(Ticks),
}

/// The crash history of one extension.
#[derive(Clone, Debug, Default)]
pub struct RestartHistory(VecDeque<Ticks>);

impl RestartHistory {
    /// Notes a crash at `now` and says when to start again.
    pub fn crashed(&mut self, limits: &RestartLimits, now: Ticks) -> Restart {
        let window_start = Ticks(now.0.saturating_sub(ticks(limits.window).0));
        // A clock set back leaves times ahead of now; they would never age out, so they go too.
        self.0.retain(|crash| *crash > window_start && *crash <= now);
        self.0.push_back(now);
        if self.0.len() > limits.restarts_max {
            self.0.clear();
            return Restart::AfterRest(now.saturating_add(ticks(limits.rest)));
        }
        Restart::Soon(now.saturating_add(ticks(limits.pause)))
    }

    /// Forgets all crashes; used when the settings or the version changed.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// A duration on the clock's scale.
pub(super) fn ticks(duration: Duration) -> Timespan {
    Timespan(i64::try_from(duration.as_nanos() / 100).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RestartLimits = RestartLimits {
        restarts_max: 3,
        window: Duration::from_secs(60),
        rest: Duration::from_secs(100),
        pause: Duration::from_secs(1),
    };

    fn second(n: i64) -> Ticks {
        Ticks::from_unix_millis(1_700_000_000_000 + n * 1000)
    }

    #[test]
    fn crashes_in_quick_succession_end_in_a_rest_and_then_start_afresh() {
        let mut history = RestartHistory::default();
        for n in 0..3 {
            assert_eq!(history.crashed(&LIMITS, second(n)), Restart::Soon(second(n + 1)));
        }
        assert_eq!(history.crashed(&LIMITS, second(3)), Restart::AfterRest(second(103)));
        assert_eq!(history.crashed(&LIMITS, second(103)), Restart::Soon(second(104)));
    }

    #[test]
    fn slow_crashes_never_rest() {
        let mut history = RestartHistory::default();
        for n in 0..50 {
            assert_eq!(history.crashed(&LIMITS, second(n * 30)), Restart::Soon(second(n * 30 + 1)));
        }
    }

    #[test]
    fn a_clock_set_back_does_not_hold_old_crashes_against_it() {
        let mut history = RestartHistory::default();
        for n in 0..3 {
            history.crashed(&LIMITS, second(10_000 + n));
        }
        assert_eq!(history.crashed(&LIMITS, second(0)), Restart::Soon(second(1)));
    }
}
