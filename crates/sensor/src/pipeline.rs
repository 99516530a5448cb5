//! The sensor thread: reads the source, completes what it saw, waits a little for hashes, hands events out.
//!
//! Events leave in the order they were read. Nothing here may block but the wait for the source: file
//! hashing has its own thread, and `/proc` is memory.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::boot::BootClock;
use crate::complete::Completer;
use crate::counters::{self, Counters};
use crate::event::{Action, Process, ProcessEvent};
use crate::hash::{FileKey, Hasher, Reply, Request};
use crate::observation::{Kind, Observation, Source};
use crate::queue::EventQueue;
use crate::sensor::SensorOptions;
use crate::waker;

/// Observations taken from the source in one go; bounds how long replies and losses wait for attention.
const BATCH: usize = 512;

/// Longest sleep without anything happening; the loss counters are read at least this often.
const IDLE: Duration = Duration::from_millis(200);

/// Longest time spent on reading what is left after being told to stop: on a busy machine it never ends.
const LAST_READS: Duration = Duration::from_secs(1);

/// Pause when the queue is full and the kernel keeps what is unread.
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// Events held back for hashes; beyond this the oldest leaves without.
const PENDING_MAX: usize = 4096;

pub(crate) struct Pipeline {
    pub(crate) source: Box<dyn Source>,
    pub(crate) completer: Completer,
    pub(crate) hasher: Hasher,
    pub(crate) options: SensorOptions,
    pub(crate) queue: Arc<EventQueue>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) wake: UnixStream,
    pub(crate) pending: Pending,
}

/// Events waiting for hashes, in order. The ticket of an event is its sequence number.
#[derive(Default)]
pub(crate) struct Pending {
    events: VecDeque<Held>,
    sequence: u64,
}

struct Held {
    event: ProcessEvent,
    deadline: Instant,
    hashes_missing: u32,
}

impl Pipeline {
    /// Runs until told to stop, then reads what is left and returns.
    pub(crate) fn run(mut self) {
        self.completer.fill_from_proc();
        let mut batch = Vec::with_capacity(BATCH);
        let mut stop_by = None;
        loop {
            let stopping = self.stop.load(Ordering::Acquire);
            if !stopping {
                self.wait();
            }
            waker::clear(&self.wake);
            let max = if stopping { BATCH } else { self.batch_size() };
            let count = self.source.drain(max, &mut |observation| batch.push(observation));
            self.completer.clock = BootClock::measure();
            for observation in batch.drain(..) {
                self.observe(observation);
            }
            self.take_replies();
            self.release(stopping);
            self.publish_levels();
            if stopping {
                let by = *stop_by.get_or_insert_with(|| Instant::now() + LAST_READS);
                if count == 0 || Instant::now() > by {
                    return;
                }
            }
        }
    }

    fn wait(&mut self) {
        if self.batch_size() == 0 {
            std::thread::sleep(FULL_PAUSE);
            return;
        }
        let deadline = self.pending.events.front().map(|held| held.deadline);
        let timeout = deadline.map_or(IDLE, |at| at.saturating_duration_since(Instant::now()).min(IDLE));
        // Rounded up: a wait of zero milliseconds before a deadline half a millisecond away would spin.
        if let Err(error) = self.source.wait(self.wake.as_fd(), timeout + Duration::from_millis(1)) {
            tracing::warn!(%error, "cannot wait for process events");
            std::thread::sleep(IDLE);
        }
    }

    /// Where the kernel keeps unread events, and counts those it cannot keep, a full queue stops the reading.
    fn batch_size(&self) -> usize {
        if self.source.keeps_unread() {
            BATCH.min(self.queue.room().saturating_sub(self.pending.events.len()))
        } else {
            BATCH
        }
    }

    fn observe(&mut self, observation: Observation) {
        counters::add(&self.counters.observed, 1);
        let time = self.completer.clock.ticks(observation.at_ns);
        let (action, process) = match observation.kind {
            Kind::Exec => (Action::Created, Some(self.completer.executed(observation))),
            Kind::Fork => {
                let child = self.completer.forked(&observation);
                (Action::Forked, child.filter(|_| self.options.forks))
            }
            Kind::Exit => {
                let status = observation.wait_status;
                let process = self.completer.exited(&observation);
                (terminated(status), process.filter(|process| process.executed || self.options.forks))
            }
        };
        let Some(process) = process else { return };
        let parent = process.parent.and_then(|key| self.completer.find(key));
        let grandparent = parent.as_ref().and_then(|parent| self.completer.find(parent.parent?));
        let sequence = self.pending.sequence;
        self.hold(ProcessEvent { sequence, time, action, process, parent, grandparent });
    }

    fn hold(&mut self, mut event: ProcessEvent) {
        let mut hashes_missing = 0;
        if event.action == Action::Created {
            hashes_missing += u32::from(self.hash(&mut event.process));
            if let Some(parent) = &mut event.parent {
                hashes_missing += u32::from(self.hash(parent));
            }
        }
        let deadline = Instant::now() + self.options.hash_wait;
        self.pending.sequence += 1;
        self.pending.events.push_back(Held { event, deadline, hashes_missing });
    }

    /// Adds hashes if known, else asks for them; answers whether a reply will come.
    fn hash(&mut self, process: &mut Arc<Process>) -> bool {
        if process.image.hashes.is_some() || self.options.hash_bytes_max == 0 {
            return false;
        }
        let Some(file) = FileKey::of(&process.image) else { return false };
        if let Some(hashes) = self.hasher.cached(file) {
            self.completer.table.learn_hashes(process.key, process.image.inode, &hashes);
            Arc::make_mut(process).image.hashes = Some(hashes);
            return false;
        }
        let small = process.image.size_bytes.is_some_and(|size| size <= self.options.hash_bytes_max);
        let asked = small
            && self.hasher.ask(Request {
                ticket: self.pending.sequence,
                process: process.key,
                parent_pid: process.parent.map(|key| key.pid),
                file,
                path: process.image.path.clone(),
            });
        if !asked {
            counters::add(&self.counters.hash_skipped, 1);
        }
        asked
    }

    fn take_replies(&mut self) {
        let replies: Vec<Reply> = self.hasher.replies().collect();
        for reply in replies {
            let first = self.pending.events.front().map_or(self.pending.sequence, |held| held.event.sequence);
            let index = reply.ticket.checked_sub(first).and_then(|offset| usize::try_from(offset).ok());
            let held = index.and_then(|index| self.pending.events.get_mut(index));
            if let Some(hashes) = &reply.hashes {
                counters::add(&self.counters.hashed, 1);
                self.completer.table.learn_hashes(reply.process, reply.inode, hashes);
            } else {
                counters::add(&self.counters.hash_skipped, 1);
            }
            if let Some(held) = held {
                held.hashes_missing = held.hashes_missing.saturating_sub(1);
                held.apply(&reply);
            }
        }
    }

    fn release(&mut self, all: bool) {
        let now = Instant::now();
        while let Some(held) = self.pending.events.front() {
            let ready = held.hashes_missing == 0;
            let due = all || held.deadline <= now || self.pending.events.len() > PENDING_MAX;
            if !ready && !due {
                return;
            }
            if !ready {
                counters::add(&self.counters.hash_late, 1);
            }
            let Some(held) = self.pending.events.pop_front() else { return };
            let counter = if self.queue.push(held.event) {
                &self.counters.events
            } else {
                &self.counters.queue_dropped
            };
            counters::add(counter, 1);
        }
    }

    fn publish_levels(&self) {
        let (losses, counters) = (self.source.losses(), &self.counters);
        counters::set(&counters.lost_exec, losses.exec);
        counters::set(&counters.lost_fork, losses.fork);
        counters::set(&counters.lost_exit, losses.exit);
        counters::set(&counters.malformed, losses.malformed);
        counters::set(&counters.overruns, losses.overruns);
        counters::set(&counters.arguments_missing, self.completer.arguments_missing);
        counters::set(&counters.table_entries, self.completer.table.len() as u64);
        counters::set(&counters.table_evicted, self.completer.table.evicted());
    }
}

impl Held {
    fn apply(&mut self, reply: &Reply) {
        let Some(hashes) = &reply.hashes else { return };
        for process in std::iter::once(&mut self.event.process).chain(self.event.parent.as_mut()) {
            if process.key == reply.process && process.image.inode == reply.inode {
                Arc::make_mut(process).image.hashes = Some(Arc::clone(hashes));
            }
        }
    }
}

/// Splits a wait status as `wait(2)` describes it.
fn terminated(status: Option<i32>) -> Action {
    let Some(status) = status else { return Action::Terminated { exit_code: None, signal: None } };
    match status & 0x7f {
        0 => Action::Terminated { exit_code: Some((status >> 8) & 0xff), signal: None },
        signal => Action::Terminated { exit_code: None, signal: Some(signal) },
    }
}
