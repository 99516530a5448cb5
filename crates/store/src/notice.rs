//! What the store has to tell its operators: damage found, limits reached. Kept until somebody has
//! written it down, up to a bound.

use std::collections::VecDeque;

use bartizan_base::{Ticks, WorkspaceId, counters};
use parking_lot::Mutex;

/// Notices kept; the oldest go first, counted.
const NOTICES_MAX: usize = 1000;
const DROPPED: &str = "bartizan_store_notices_dropped_total";

/// Something an operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub at: Ticks,
    /// `None` when it concerns every workspace.
    pub workspace: Option<WorkspaceId>,
    /// A short fixed name, such as `FileDamaged`.
    pub key: &'static str,
    /// Names the thing, the place and what can be done.
    pub detail: String,
}

/// Notices that wait to be written down, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<VecDeque<Notice>>);

impl Notices {
    pub(crate) fn push(&self, notice: Notice) {
        let mut waiting = self.0.lock();
        if waiting.len() >= NOTICES_MAX {
            waiting.pop_front();
            counters::count(DROPPED, notice.key, 1);
        }
        waiting.push_back(notice);
    }

    /// Hands over all that wait.
    pub(crate) fn take(&self) -> Vec<Notice> {
        self.0.lock().drain(..).collect()
    }

    /// Puts notices back that could not be written down.
    pub(crate) fn put_back(&self, notices: Vec<Notice>) {
        let mut waiting = self.0.lock();
        for notice in notices.into_iter().rev() {
            if waiting.len() < NOTICES_MAX {
                waiting.push_front(notice);
            } else {
                counters::count(DROPPED, notice.key, 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let notices = Notices::default();
        let notice = |n: i64| Notice { at: Ticks(n), workspace: None, key: "Test", detail: String::new() };
        (0..NOTICES_MAX as i64 + 2).for_each(|n| notices.push(notice(n)));
        let taken = notices.take();
        assert_eq!((taken.len(), taken[0].at), (NOTICES_MAX, Ticks(2)));
        notices.push(notice(5000));
        notices.put_back(taken);
        let again = notices.take();
        assert_eq!((again.len(), again.last().map(|last| last.at)), (NOTICES_MAX, Some(Ticks(5000))));
    }
}
