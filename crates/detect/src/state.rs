//! What a rule remembers between runs, and what it still has to deliver.

use std::collections::VecDeque;

use bartizan_base::{RuleId, Ticks, Timespan};
use bartizan_records::Records;
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::error::DetectError;

/// Runs remembered per rule: a period of five minutes at one run a second, with room to spare.
const HISTORY_MAX: usize = 512;
/// Results remembered per NRT rule, to tell new ones from those already alerted on.
const SEEN_MAX: usize = 10_000;

/// Least time between two alerts of one NRT rule about the same entities, as in Sentinel, whose NRT rules run
/// once a minute. Without it a password-guessing run would raise an alert a second.
pub(crate) const ENTITY_PAUSE: Timespan = Timespan::from_seconds(60);
/// Entity sets remembered for [`ENTITY_PAUSE`].
const RAISED_MAX: usize = 1_000;

/// The persistent state of one rule.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RuleState {
    /// Runs so far. Numbers alert batches, so that a repeated delivery is recognised.
    pub(crate) run: u64,
    /// When past runs were, and up to which store sequence number they saw, oldest first.
    pub(crate) history: VecDeque<(Ticks, u64)>,
    /// Hashes of results that an NRT rule has already raised, oldest first.
    pub(crate) seen: VecDeque<u64>,
    /// When an NRT rule last raised which entities, oldest first.
    pub(crate) raised: VecDeque<(Ticks, String)>,
    /// A result was held back by [`ENTITY_PAUSE`]: look again then.
    #[serde(skip)]
    pub(crate) look_again: Option<Ticks>,
    /// Alerts of run `run` that are decided but perhaps not delivered.
    pub(crate) pending: Vec<Alert>,
    /// No new alerts before this moment.
    pub(crate) suppressed_until: Option<Ticks>,
}

impl RuleState {
    /// Loads the state of `rule`; a new rule starts empty.
    pub(crate) async fn load(records: &Records, rule: RuleId) -> Result<Self, DetectError> {
        let key = key(rule);
        match records.get_state(&key).await? {
            Some(value) => serde_json::from_value(value).map_err(|source| DetectError::State { key, source }),
            None => Ok(Self::default()),
        }
    }

    /// Makes the state durable.
    pub(crate) async fn save(&self, records: &Records, rule: RuleId) -> Result<(), DetectError> {
        let key = key(rule);
        let value =
            serde_json::to_value(self).map_err(|source| DetectError::State { key: key.clone(), source })?;
        Ok(records.put_state(&key, value).await?)
    }

    /// The store sequence number after which rows belong to a run at `now`: the point that the last run at
    /// least `period` ago had reached. A rule that has no such run looks at everything that is stored, and
    /// its first run is bounded by time instead.
    pub(crate) fn window_start(&self, now: Ticks, period: Timespan) -> Option<u64> {
        let edge = now - period;
        self.history.iter().rev().find(|(time, _)| *time <= edge).map(|(_, seq)| *seq)
    }

    /// Remembers a run, and forgets what no later run of this `period` can need.
    pub(crate) fn remember_run(&mut self, now: Ticks, upto: u64, period: Timespan) {
        self.history.push_back((now, upto));
        let edge = now - period;
        while self.history.len() > HISTORY_MAX || self.history.get(1).is_some_and(|(time, _)| *time <= edge) {
            self.history.pop_front();
        }
    }

    /// Whether an NRT result is to be raised now: it was not raised before, and no alert about the same
    /// entities was raised just now. Remembers what it lets through.
    pub(crate) fn admit(&mut self, hash: u64, entities: &str, now: Ticks) -> bool {
        if self.seen.contains(&hash) {
            return false;
        }
        let edge = now - ENTITY_PAUSE;
        while self.raised.front().is_some_and(|(time, _)| *time <= edge) || self.raised.len() >= RAISED_MAX {
            self.raised.pop_front();
        }
        if let Some((time, _)) =
            self.raised.iter().find(|(_, raised)| !raised.is_empty() && raised == entities)
        {
            let free = *time + ENTITY_PAUSE;
            self.look_again = Some(self.look_again.map_or(free, |other| other.min(free)));
            return false;
        }
        self.raised.push_back((now, entities.to_owned()));
        self.seen.push_back(hash);
        while self.seen.len() > SEEN_MAX {
            self.seen.pop_front();
        }
        true
    }
}

fn key(rule: RuleId) -> String {
    format!("detect/rule/{rule}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Ticks {
        Ticks(630_000_000_000_000_000) + Timespan::from_seconds(second)
    }

    #[test]
    fn equal_period_and_frequency_see_each_row_once() {
        let mut state = RuleState::default();
        let period = Timespan::from_seconds(300);
        assert_eq!(state.window_start(at(300), period), None);
        state.remember_run(at(300), 17, period);
        assert_eq!(state.window_start(at(600), period), Some(17));
        state.remember_run(at(600), 40, period);
        assert_eq!(state.window_start(at(900), period), Some(40));
        // A late run misses nothing: it starts where the last one ended.
        assert_eq!(state.window_start(at(1300), period), Some(40));
    }

    #[test]
    fn longer_periods_overlap_by_whole_runs() {
        let mut state = RuleState::default();
        let period = Timespan::from_seconds(600);
        for (second, seq) in [(300, 1), (600, 2), (900, 3), (1200, 4)] {
            state.remember_run(at(second), seq, period);
        }
        assert_eq!(state.window_start(at(1500), period), Some(3));
        assert!(state.history.len() <= 4);
    }

    #[test]
    fn the_same_entities_wait_a_minute_and_are_not_forgotten() {
        let mut state = RuleState::default();
        assert!(state.admit(1, "ip|192.0.2.1", at(0)));
        assert!(!state.admit(2, "ip|192.0.2.1", at(10)), "count went up");
        assert_eq!(state.look_again, Some(at(60)));
        assert!(state.admit(3, "ip|192.0.2.2", at(10)), "somebody else");
        assert!(state.admit(2, "ip|192.0.2.1", at(60)));
        assert!(!state.admit(2, "ip|192.0.2.1", at(200)), "unchanged");
    }

    #[test]
    fn memory_is_bounded() {
        let mut state = RuleState::default();
        for n in 0..20_000 {
            assert!(state.admit(n, "", at(n as i64)));
            state.remember_run(at(n as i64), n, Timespan::from_seconds(1_000_000));
        }
        assert_eq!((state.seen.len(), state.history.len()), (SEEN_MAX, HISTORY_MAX));
        assert!(state.raised.len() <= RAISED_MAX);
        assert!(!state.admit(19_999, "", at(20_000)));
    }
}
