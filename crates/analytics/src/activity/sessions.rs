//! Sessions, and ids that are active often enough.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::{Bins, Event, Row, by_slice};

/// How many sessions begin in each bin between two moments. An id seen again within `lookback` goes on with
/// its session.
pub fn sessions(events: &[Event], bins: Bins, from: i64, to: i64, lookback: i64) -> Vec<Row<i64>> {
    let mut rows = Vec::new();
    for slice in by_slice(events, i64::MIN, to) {
        let mut last: HashMap<u32, i64> = HashMap::new();
        let mut begun: BTreeMap<i64, i64> = BTreeMap::new();
        for event in &slice {
            let goes_on =
                last.insert(event.id, event.at).is_some_and(|last| event.at.saturating_sub(last) <= lookback);
            if event.at >= from && !goes_on {
                *begun.entry(bins.start_of(event.at)).or_default() += 1;
            }
        }
        rows.extend(begun.into_iter().map(|(bin, value)| Row { slice: slice[0].slice, bin, value }));
    }
    rows
}

/// When an id counts as active.
#[derive(Clone, Copy, Debug)]
struct Activity {
    /// The time that is looked back over, up to and including an appearance.
    lookback: i64,
    periods: Bins,
    /// Different periods that the id must appear in.
    least: usize,
}

/// How many ids were active at one of their appearances in each bin between two moments.
pub fn active_users(
    events: &[Event],
    bins: Bins,
    (from, to): (i64, i64),
    lookback: i64,
    periods: Bins,
    least: usize,
) -> Vec<Row<i64>> {
    let activity = Activity { lookback, periods, least };
    let mut rows = Vec::new();
    for slice in by_slice(events, i64::MIN, to) {
        let mut times: HashMap<u32, VecDeque<i64>> = HashMap::new();
        let mut active: BTreeMap<i64, HashSet<u32>> = BTreeMap::new();
        for event in &slice {
            let recent = times.entry(event.id).or_default();
            if activity.appears(recent, event.at) && event.at >= from {
                active.entry(bins.start_of(event.at)).or_default().insert(event.id);
            }
        }
        let counted = active.into_iter().map(|(bin, ids)| (bin, ids.len() as i64));
        rows.extend(counted.map(|(bin, value)| Row { slice: slice[0].slice, bin, value }));
    }
    rows
}

impl Activity {
    /// Notes an appearance and says whether the id is active at it. `recent` has the last appearance of each
    /// period that is still in reach.
    fn appears(&self, recent: &mut VecDeque<i64>, at: i64) -> bool {
        let same = |a: i64, b: i64| self.periods.start_of(a) == self.periods.start_of(b);
        if recent.back().is_some_and(|last| same(*last, at)) {
            recent.pop_back();
        }
        recent.push_back(at);
        while recent.front().is_some_and(|first| at.saturating_sub(*first) >= self.lookback.max(1)) {
            recent.pop_front();
        }
        recent.len() >= self.least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(of: &[(u32, i64)]) -> Vec<Event> {
        of.iter().map(|(id, at)| Event { slice: 0, at: *at, id: *id }).collect()
    }

    #[test]
    fn a_long_pause_begins_a_session() {
        let events = events(&[(1, 0), (1, 5), (1, 11), (2, 3), (2, 14)]);
        let bins = Bins::Steps { origin: 0, step: 10 };
        let rows = sessions(&events, bins, 0, 100, 6);
        assert_eq!(rows.iter().map(|row| (row.bin, row.value)).collect::<Vec<_>>(), [(0, 2), (10, 1)]);
    }

    #[test]
    fn ids_are_active_by_periods_not_by_appearances() {
        let events = events(&[(1, 0), (1, 1), (1, 10), (2, 0), (2, 1), (2, 2), (1, 25)]);
        let bins = Bins::Steps { origin: 0, step: 10 };
        let rows = active_users(&events, bins, (0, 100), 20, bins, 2);
        assert_eq!(rows.iter().map(|row| (row.bin, row.value)).collect::<Vec<_>>(), [(10, 1), (20, 1)]);
    }
}
