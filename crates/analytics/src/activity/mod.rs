//! Who was active when: counts of ids over a timeline, and how many stay, leave and come back.
//!
//! Times and ids are numbers. A slice is a combination of dimensions; slices never mix. Every function takes
//! events in any order and gives rows in order of slice, then time.

mod bins;
mod funnel;
mod sequence;
mod sessions;
mod stay;
mod window;

pub use bins::{Bins, CalendarUnit};
pub use funnel::{Completion, Funnel, State, completions, funnels};
pub use sequence::{Match, Span, sequences};
pub use sessions::{active_users, sessions};
pub use stay::{Cohort, Engagement, Stay, cohorts, engagement, stays};
pub use window::{BinCounts, WindowCounts, Windows, bin_counts, rolling, window_counts};

/// Something an id did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    pub slice: u32,
    pub at: i64,
    pub id: u32,
}

/// A row of a result: which slice, which bin, what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<T> {
    pub slice: u32,
    pub bin: i64,
    pub value: T,
}

/// The events of each slice between two moments, both included, in order of time.
fn by_slice(events: &[Event], from: i64, to: i64) -> Vec<Vec<Event>> {
    let mut sorted: Vec<Event> =
        events.iter().copied().filter(|event| (from..=to).contains(&event.at)).collect();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a.slice == b.slice).map(<[Event]>::to_vec).collect()
}

/// How many different ids there are.
fn distinct(ids: impl Iterator<Item = u32>) -> i64 {
    ids.collect::<std::collections::HashSet<u32>>().len() as i64
}
