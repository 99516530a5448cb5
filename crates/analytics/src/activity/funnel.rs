//! Ids on their way through states: what came before and after a sequence, and how far they got.

use std::collections::{BTreeMap, BTreeSet};

use super::Bins;

/// A state that an id is in from a moment on. `None` is a state outside the sequence's own list of states.
pub type State = u32;

/// The ids that came from one state, went through the sequence, and went on to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funnel {
    pub bin: i64,
    pub previous: Option<State>,
    pub next: Option<State>,
    pub ids: BTreeSet<u32>,
}

/// One id's stay in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stay {
    id: u32,
    bin: i64,
    at: i64,
    /// Rows of one moment keep their order.
    row: usize,
    state: State,
}

fn stays(events: &[(u32, i64, State)], bins: Bins, from: i64, to: i64) -> Vec<Stay> {
    let inside = events.iter().enumerate().filter(|(_, (_, at, _))| (from..=to).contains(at));
    let mut stays: Vec<Stay> = inside
        .map(|(row, (id, at, state))| Stay { id: *id, bin: bins.start_of(*at), at: *at, row, state: *state })
        .collect();
    stays.sort_unstable();
    stays
}

/// Finds the sequence in what each id did in each bin. Events are of an id, a moment and a state. A state that
/// is repeated counts once; steps follow one another directly, and within `step_max`.
pub fn funnels(
    events: &[(u32, i64, State)],
    bins: Bins,
    (from, to): (i64, i64),
    step_max: i64,
    sequence: &[State],
) -> Vec<Funnel> {
    let mut found: BTreeMap<(i64, Option<State>, Option<State>), BTreeSet<u32>> = BTreeMap::new();
    let stays = stays(events, bins, from, to);
    if sequence.is_empty() {
        return Vec::new();
    }
    for path in stays.chunk_by(|a, b| (a.id, a.bin) == (b.id, b.bin)) {
        let mut path = path.to_vec();
        path.dedup_by_key(|stay| stay.state);
        let near = |a: &Stay, b: &Stay| b.at.saturating_sub(a.at) <= step_max;
        for (at, window) in path.windows(sequence.len()).enumerate() {
            let meets = window.iter().zip(sequence).all(|(stay, state)| stay.state == *state)
                && window.windows(2).all(|pair| near(&pair[0], &pair[1]));
            if !meets {
                continue;
            }
            let (first, last) = (at, at + sequence.len() - 1);
            let previous = first.checked_sub(1).map(|before| path[before]);
            let previous = previous.filter(|before| near(before, &path[first])).map(|stay| stay.state);
            let next = path.get(last + 1).filter(|next| near(&path[last], next)).map(|stay| stay.state);
            found.entry((path[0].bin, previous, next)).or_default().insert(path[0].id);
        }
    }
    let funnels = found.into_iter();
    funnels.map(|((bin, previous, next), ids)| Funnel { bin, previous, next, ids }).collect()
}

/// How many ids reached a step of the sequence within a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    pub bin: i64,
    /// Index of the length among those asked for.
    pub window: usize,
    /// Index of the step in the sequence.
    pub step: usize,
    pub ids: i64,
}

/// How far ids got through the sequence in each bin, for each length of time from the first step to the one
/// reached. Other states may lie between.
pub fn completions(
    events: &[(u32, i64, State)],
    bins: Bins,
    (from, to): (i64, i64),
    sequence: &[State],
    windows: &[i64],
) -> Vec<Completion> {
    let stays = stays(events, bins, from, to);
    let mut counts: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for path in stays.chunk_by(|a, b| (a.id, a.bin) == (b.id, b.bin)) {
        let shortest = shortest_ways(path, sequence);
        let counts = counts.entry(path[0].bin).or_insert_with(|| vec![0; windows.len() * sequence.len()]);
        for (window, most) in windows.iter().enumerate() {
            for (step, way) in shortest.iter().enumerate() {
                let reached = way.is_some_and(|way| way <= *most);
                counts[window * sequence.len() + step] += i64::from(reached);
            }
        }
    }
    let mut rows = Vec::new();
    for (bin, counts) in counts {
        for (at, ids) in counts.into_iter().enumerate() {
            let (window, step) = (at / sequence.len(), at % sequence.len());
            rows.push(Completion { bin, window, step, ids });
        }
    }
    rows
}

/// The shortest time from the first step to each step of the sequence, where it was reached.
fn shortest_ways(path: &[Stay], sequence: &[State]) -> Vec<Option<i64>> {
    // for each step, the latest start of a way that has reached it
    let mut latest: Vec<Option<i64>> = vec![None; sequence.len()];
    let mut shortest: Vec<Option<i64>> = vec![None; sequence.len()];
    for stay in path {
        for step in (0..sequence.len()).rev().filter(|step| sequence[*step] == stay.state) {
            let start = if step == 0 { Some(stay.at) } else { latest[step - 1] };
            let Some(start) = start else { continue };
            latest[step] = latest[step].max(Some(start));
            let way = stay.at.saturating_sub(start);
            shortest[step] = Some(shortest[step].map_or(way, |known| known.min(way)));
        }
    }
    shortest
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINS: Bins = Bins::Steps { origin: 0, step: 1000 };

    #[test]
    fn what_came_before_and_after() {
        let events = [
            (1, 0, 10),
            (1, 5, 20),
            (1, 6, 20),
            (1, 9, 30),
            (2, 0, 20),
            (3, 0, 10),
            (3, 100, 20),
            (3, 105, 10),
        ];
        let found = funnels(&events, BINS, (0, 999), 50, &[20]);
        let found: Vec<_> = found.iter().map(|one| (one.previous, one.next, one.ids.len())).collect();
        assert_eq!(found, [(None, None, 1), (None, Some(10), 1), (Some(10), Some(30), 1)]);
        assert_eq!(funnels(&events, BINS, (0, 999), 50, &[10, 20]).len(), 1);
    }

    #[test]
    fn the_shortest_way_counts() {
        let events = [(1, 0, 1), (1, 10, 1), (1, 12, 9), (1, 15, 2), (1, 90, 3), (2, 0, 2), (2, 5, 1)];
        let rows = completions(&events, BINS, (0, 999), &[1, 2, 3], &[5, 100]);
        let counts: Vec<_> = rows.iter().map(|row| row.ids).collect();
        assert_eq!(counts, [2, 1, 0, 2, 1, 1]);
    }
}
