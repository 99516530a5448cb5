//! Sequences of events that meet one condition after the other in time.

/// An event that meets some of the conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub slice: u32,
    pub at: i64,
    /// Bit `n` says whether condition `n` is met.
    pub steps: u64,
}

/// The limits of a sequence.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Between one event and the next.
    pub step_max: i64,
    /// Between the first and the last.
    pub total_max: i64,
}

/// All sequences of events, one for each of `steps` conditions, in one slice each: their slice and times.
/// Sequences of the same times are one. `None` when there are more than `most`.
pub fn sequences(events: &[Match], steps: usize, span: Span, most: usize) -> Option<Vec<(u32, Vec<i64>)>> {
    let mut sorted: Vec<&Match> = events.iter().filter(|event| event.steps != 0).collect();
    sorted.sort_by_key(|event| (event.slice, event.at));
    let mut found: Vec<(u32, Vec<i64>)> = Vec::new();
    for slice in sorted.chunk_by(|a, b| a.slice == b.slice) {
        let mut search =
            Search { slice, steps, span, most: most.saturating_sub(found.len()), found: Vec::new() };
        for (at, event) in slice.iter().enumerate() {
            if event.steps & 1 != 0 && !search.extend(&mut vec![event.at], at) {
                return None;
            }
        }
        let mut times = search.found;
        times.sort_unstable();
        times.dedup();
        found.extend(times.into_iter().map(|times| (slice[0].slice, times)));
    }
    Some(found)
}

struct Search<'a> {
    slice: &'a [&'a Match],
    steps: usize,
    span: Span,
    most: usize,
    found: Vec<Vec<i64>>,
}

impl Search<'_> {
    /// Continues a sequence whose last event is at index `last`; `false` when there are too many.
    fn extend(&mut self, times: &mut Vec<i64>, last: usize) -> bool {
        if times.len() == self.steps {
            // events of one moment give the same sequence again
            if self.found.last() != Some(times) {
                self.found.push(times.clone());
            }
            return self.found.len() <= self.most;
        }
        let (first, before) = (times[0], self.slice[last].at);
        for (ahead, event) in self.slice[last + 1..].iter().enumerate() {
            let within = event.at.saturating_sub(before) <= self.span.step_max
                && event.at.saturating_sub(first) <= self.span.total_max;
            if !within {
                break;
            }
            if event.steps >> times.len() & 1 == 0 {
                continue;
            }
            times.push(event.at);
            let goes_on = self.extend(times, last + 1 + ahead);
            times.pop();
            if !goes_on {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, steps: u64) -> Match {
        Match { slice: 0, at, steps }
    }

    #[test]
    fn every_way_through_the_conditions_is_found() {
        let events = [event(0, 0b01), event(2, 0b10), event(5, 0b10), event(20, 0b01), event(21, 0b11)];
        let span = Span { step_max: 6, total_max: 10 };
        let found: Vec<_> = sequences(&events, 2, span, 100).unwrap().into_iter().map(|one| one.1).collect();
        assert_eq!(found, [vec![0, 2], vec![0, 5], vec![20, 21]]);
    }

    #[test]
    fn the_whole_must_fit_too() {
        let events = [event(0, 0b001), event(5, 0b010), event(10, 0b100)];
        let of = |total_max| sequences(&events, 3, Span { step_max: 5, total_max }, 100).unwrap().len();
        assert_eq!((of(10), of(9)), (1, 0));
    }

    #[test]
    fn too_many_are_refused() {
        let events: Vec<Match> = (0..100).map(|at| event(at, 0b11)).collect();
        assert_eq!(sequences(&events, 2, Span { step_max: 100, total_max: 100 }, 1000), None);
    }
}
