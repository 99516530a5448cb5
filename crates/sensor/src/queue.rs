//! The bounded queue between the sensor thread and whoever reads the events.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::event::ProcessEvent;

#[derive(Debug)]
pub(crate) struct EventQueue {
    events: Mutex<VecDeque<ProcessEvent>>,
    arrived: Condvar,
    max: usize,
}

impl EventQueue {
    pub(crate) fn new(max: usize) -> Self {
        Self { events: Mutex::default(), arrived: Condvar::new(), max: max.max(1) }
    }

    /// Room left.
    pub(crate) fn room(&self) -> usize {
        self.max.saturating_sub(self.lock().len())
    }

    /// Adds an event; answers whether there was room.
    #[must_use]
    pub(crate) fn push(&self, event: ProcessEvent) -> bool {
        let mut events = self.lock();
        if events.len() >= self.max {
            return false;
        }
        events.push_back(event);
        drop(events);
        self.arrived.notify_one();
        true
    }

    pub(crate) fn pop(&self, max: usize, timeout: Duration) -> Vec<ProcessEvent> {
        let deadline = Instant::now() + timeout;
        let mut events = self.lock();
        while events.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Vec::new();
            }
            events = match self.arrived.wait_timeout(events, left) {
                Ok((events, _)) => events,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        let count = max.min(events.len());
        events.drain(..count).collect()
    }

    /// The queue is valid after every step of its users, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, VecDeque<ProcessEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
