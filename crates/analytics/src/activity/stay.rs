//! Who stays and who leaves: from one bin to the next, and for the ids that were first seen together.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::window::Occurrences;
use super::{Bins, Event, Row, by_slice, distinct};

/// A bin compared with the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stay {
    pub distinct: i64,
    /// Ids that were not in the bin before.
    pub new: i64,
    /// The share of the ids of the bin before that are in this one too. Not a number when there were none.
    pub retention: f64,
}

/// Compares each bin between two moments with the one before it. Bins without events have no row.
pub fn stays(events: &[Event], bins: Bins, from: i64, to: i64) -> Vec<Row<Stay>> {
    let mut rows = Vec::new();
    for slice in by_slice(events, from, to) {
        let mut before: (Option<i64>, HashSet<u32>) = (None, HashSet::new());
        for inside in slice.chunk_by(|a, b| bins.start_of(a.at) == bins.start_of(b.at)) {
            let bin = bins.start_of(inside[0].at);
            let ids: HashSet<u32> = inside.iter().map(|event| event.id).collect();
            let adjacent = before.0.is_some_and(|last| bins.next(last) == bin);
            let stayed = if adjacent { ids.intersection(&before.1).count() } else { 0 };
            let were = if adjacent { before.1.len() } else { 0 };
            let value = Stay {
                distinct: ids.len() as i64,
                new: (ids.len() - stayed) as i64,
                retention: stayed as f64 / were as f64,
            };
            rows.push(Row { slice: inside[0].slice, bin, value });
            before = (Some(bin), ids);
        }
    }
    rows
}

/// Ids active in an inner window and in the outer one that ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Engagement {
    pub inner: i64,
    pub outer: i64,
}

/// Engagement for each of the inner bins that start at `starts` and hold events. Events before the first bin
/// count for the outer window.
pub fn engagement(events: &[Event], inner: Bins, starts: &[i64], outer: i64) -> Vec<Row<Engagement>> {
    let mut rows = Vec::new();
    for slice in by_slice(events, i64::MIN, i64::MAX) {
        let mut ids = Occurrences::default();
        let (mut first, mut behind) = (0, 0);
        for start in starts {
            let end = inner.next(*start);
            while behind < slice.len() && slice[behind].at < end {
                ids.add(slice[behind].id);
                behind += 1;
            }
            while first < behind && slice[first].at < end.saturating_sub(outer) {
                ids.remove(slice[first].id);
                first += 1;
            }
            let from = slice[..behind].partition_point(|event| event.at < *start);
            let inside = distinct(slice[from..behind].iter().map(|event| event.id));
            if inside > 0 {
                let value = Engagement { inner: inside, outer: ids.distinct() };
                rows.push(Row { slice: slice[0].slice, bin: *start, value });
            }
        }
    }
    rows
}

/// The ids first seen in bin `from`, looked at in bin [`Row::bin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cohort {
    pub from: i64,
    /// Ids of the bin that no bin up to `from` had (in `from` itself, no bin before).
    pub new: i64,
    /// Ids of the cohort that are in the bin.
    pub retained: i64,
    /// The cohort's size.
    pub size: i64,
}

/// Follows the ids that are first seen in each of the bins through the bins behind. Ids in `known` are never
/// new. With `only`, there is just the cohort of the bin that starts there.
pub fn cohorts(
    events: &[Event],
    bins: Bins,
    starts: &[i64],
    known: &HashSet<u32>,
    only: Option<i64>,
) -> Vec<Row<Cohort>> {
    let mut rows = Vec::new();
    let (Some(first), Some(last)) = (starts.first(), starts.last()) else { return rows };
    for slice in by_slice(events, *first, bins.next(*last).saturating_sub(1)) {
        let mut by_bin: BTreeMap<i64, HashSet<u32>> = BTreeMap::new();
        let mut first_seen: HashMap<u32, i64> = HashMap::new();
        for event in slice.iter().filter(|event| !known.contains(&event.id)) {
            let bin = bins.start_of(event.at);
            by_bin.entry(bin).or_default().insert(event.id);
            first_seen.entry(event.id).or_insert(bin);
        }
        let mut sizes: BTreeMap<i64, i64> = BTreeMap::new();
        for bin in first_seen.values() {
            *sizes.entry(*bin).or_default() += 1;
        }
        for (from, size) in sizes {
            if only.is_some_and(|only| bins.start_of(only) != from) {
                continue;
            }
            for bin in starts.iter().filter(|bin| **bin >= from) {
                let (mut new, mut retained) = (0, 0);
                for id in by_bin.get(bin).into_iter().flatten() {
                    let seen = first_seen.get(id).copied().unwrap_or(*bin);
                    retained += i64::from(seen == from);
                    new += i64::from(seen > from || (seen == from && *bin == from));
                }
                let value = Cohort { from, new, retained, size };
                rows.push(Row { slice: slice[0].slice, bin: *bin, value });
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINS: Bins = Bins::Steps { origin: 0, step: 10 };

    fn events(of: &[(i64, &[u32])]) -> Vec<Event> {
        let events =
            of.iter().flat_map(|(at, ids)| ids.iter().map(|id| Event { slice: 0, at: *at, id: *id }));
        events.collect()
    }

    #[test]
    fn retention_is_of_the_bin_before() {
        let events = events(&[(0, &[1, 2, 3, 4]), (10, &[1, 5]), (30, &[1])]);
        let rows = stays(&events, BINS, 0, 100);
        assert!(rows[0].value.retention.is_nan());
        assert_eq!((rows[1].value.distinct, rows[1].value.new, rows[1].value.retention), (2, 1, 0.25));
        assert!(rows[2].value.retention.is_nan(), "a gap has nobody to stay");
    }

    #[test]
    fn engagement_looks_back() {
        let events = events(&[(-5, &[9]), (0, &[1, 2]), (10, &[1])]);
        let rows = engagement(&events, BINS, &[0, 10, 20], 20);
        let values: Vec<_> = rows.iter().map(|row| (row.bin, row.value.inner, row.value.outer)).collect();
        assert_eq!(values, [(0, 2, 3), (10, 1, 2)]);
    }

    #[test]
    fn cohorts_are_followed_through_empty_bins() {
        let events = events(&[(0, &[1, 2]), (10, &[2, 3]), (20, &[1, 3])]);
        let rows = cohorts(&events, BINS, &[0, 10, 20, 30], &HashSet::new(), None);
        let values: Vec<_> = rows
            .iter()
            .map(|row| (row.value.from, row.bin, row.value.new, row.value.retained, row.value.size))
            .collect();
        assert_eq!(
            values,
            [
                (0, 0, 2, 2, 2),
                (0, 10, 1, 1, 2),
                (0, 20, 1, 1, 2),
                (0, 30, 0, 0, 2),
                (10, 10, 1, 1, 1),
                (10, 20, 0, 1, 1),
                (10, 30, 0, 0, 1),
            ]
        );
        let known = HashSet::from([1, 2]);
        assert_eq!(cohorts(&events, BINS, &[0, 10], &known, Some(10)).len(), 1);
    }
}
