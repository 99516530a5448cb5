//! Counts per bin and over the bins before.

use std::collections::HashSet;

use super::{Bins, Event, Row, by_slice, distinct};

/// What happened in a bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BinCounts {
    pub count: i64,
    pub distinct: i64,
    /// Ids in no bin before.
    pub new: i64,
    /// Ids in this bin or any before.
    pub so_far: i64,
}

/// Counts of each bin with events between two moments.
pub fn bin_counts(events: &[Event], bins: Bins, from: i64, to: i64) -> Vec<Row<BinCounts>> {
    let mut rows = Vec::new();
    for slice in by_slice(events, from, to) {
        let mut seen = HashSet::new();
        for inside in slice.chunk_by(|a, b| bins.start_of(a.at) == bins.start_of(b.at)) {
            let before = seen.len();
            seen.extend(inside.iter().map(|event| event.id));
            let value = BinCounts {
                count: inside.len() as i64,
                distinct: distinct(inside.iter().map(|event| event.id)),
                new: (seen.len() - before) as i64,
                so_far: seen.len() as i64,
            };
            rows.push(Row { slice: inside[0].slice, bin: bins.start_of(inside[0].at), value });
        }
    }
    rows
}

/// What happened in the time before the end of a bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowCounts {
    pub count: i64,
    pub distinct: i64,
}

/// Counts over the `lookback` that ends with each of the bins that start at `starts`. Bins whose window holds
/// nothing have no row. Events before the first bin count where a window reaches them.
pub fn window_counts(events: &[Event], bins: Bins, starts: &[i64], lookback: i64) -> Vec<Row<WindowCounts>> {
    let mut rows = Vec::new();
    for slice in by_slice(events, i64::MIN, i64::MAX) {
        let mut ids = Occurrences::default();
        let (mut first, mut behind) = (0, 0);
        for start in starts {
            let end = bins.next(*start);
            while behind < slice.len() && slice[behind].at < end {
                ids.add(slice[behind].id);
                behind += 1;
            }
            while first < behind && slice[first].at < end.saturating_sub(lookback) {
                ids.remove(slice[first].id);
                first += 1;
            }
            if first < behind {
                let value = WindowCounts { count: (behind - first) as i64, distinct: ids.distinct() };
                rows.push(Row { slice: slice[0].slice, bin: *start, value });
            }
        }
    }
    rows
}

/// Ids in a moving window, with how often each is there.
#[derive(Default)]
pub(super) struct Occurrences(std::collections::HashMap<u32, usize>);

impl Occurrences {
    pub(super) fn add(&mut self, id: u32) {
        *self.0.entry(id).or_default() += 1;
    }

    pub(super) fn remove(&mut self, id: u32) {
        if let Some(count) = self.0.get_mut(&id) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&id);
            }
        }
    }

    pub(super) fn distinct(&self) -> i64 {
        self.0.len() as i64
    }
}

/// The sorted events of a slice, and for each bin's start the range of those in its window.
pub type Windows = (Vec<Event>, Vec<(i64, std::ops::Range<usize>)>);

/// Which events lie in the `count` bins up to each bin, from the first bin of all to the last: for each slice
/// and bin with any, their range in the sorted events of the slice, which are given too.
pub fn rolling(events: &[Event], bins: Bins, starts: &[i64], count: usize) -> Vec<Windows> {
    let mut out = Vec::new();
    for slice in by_slice(events, i64::MIN, i64::MAX) {
        let mut windows = Vec::new();
        let (mut first, mut behind) = (0, 0);
        for (at, start) in starts.iter().enumerate() {
            let from = starts[at.saturating_sub(count.saturating_sub(1))];
            while behind < slice.len() && slice[behind].at < bins.next(*start) {
                behind += 1;
            }
            while first < behind && slice[first].at < from {
                first += 1;
            }
            if first < behind {
                windows.push((*start, first..behind));
            }
        }
        out.push((slice, windows));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(of: &[(u32, i64)]) -> Vec<Event> {
        of.iter().map(|(id, at)| Event { slice: 0, at: *at, id: *id }).collect()
    }

    #[test]
    fn counts_of_bins() {
        let events = events(&[(1, 0), (2, 1), (1, 9), (1, 10), (3, 11), (9, 99)]);
        let bins = Bins::Steps { origin: 0, step: 10 };
        let rows = bin_counts(&events, bins, 0, 50);
        let values: Vec<_> = rows.iter().map(|row| (row.bin, row.value)).collect();
        assert_eq!(
            values,
            [
                (0, BinCounts { count: 3, distinct: 2, new: 2, so_far: 2 }),
                (10, BinCounts { count: 2, distinct: 2, new: 1, so_far: 3 }),
            ]
        );
    }

    #[test]
    fn windows_reach_back() {
        let events = events(&[(1, -5), (1, 5), (2, 15)]);
        let bins = Bins::Steps { origin: 0, step: 10 };
        let rows = window_counts(&events, bins, &[0, 10, 20, 30], 20);
        let values: Vec<_> = rows.iter().map(|row| (row.bin, row.value.count, row.value.distinct)).collect();
        assert_eq!(values, [(0, 2, 1), (10, 2, 2), (20, 1, 1)]);
    }

    #[test]
    fn rolling_windows_are_counted_in_bins() {
        let events = events(&[(0, 1), (0, 11), (0, 31)]);
        let bins = Bins::Steps { origin: 0, step: 10 };
        let all = rolling(&events, bins, &[0, 10, 20, 30], 2);
        assert_eq!(all[0].1, [(0, 0..1), (10, 0..2), (20, 1..2), (30, 2..3)]);
    }
}
