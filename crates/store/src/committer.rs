//! The one thread that writes the log. It takes whatever batches are waiting, gives them sequence
//! numbers, writes and syncs them together, makes them visible in order, and only then answers. While
//! one group syncs the next one gathers, so groups grow with load and a lone batch waits for nobody.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bartizan_base::counters;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::append::{Ack, Appended};
use crate::decode::{Decoded, Layout, Tally};
use crate::error::StoreError;
use crate::loading;
use crate::manifest::TableKey;
use crate::raw_file::RawRows;
use crate::record::Record;
use crate::segment;
use crate::shared::Shared;
use crate::state::TableState;
use crate::wal::Wal;

/// A group takes no more batches once its frames have this size. It bounds the memory a group needs and
/// the time the first of its senders waits for the last one's bytes.
const GROUP_BYTES_MAX: usize = 8 << 20;
/// The same for bodies that go to files: what of a group is written is a fraction of it.
const LOAD_BYTES_MAX: usize = 32 << 20;
/// Batches that may wait for the committer; senders beyond that wait to hand over theirs.
pub(crate) const QUEUE_BATCHES_MAX: usize = 1024;

const GROUPS: &str = "bartizan_store_log_groups_total";
const BATCHES: &str = "bartizan_store_log_batches_total";
const REFUSED: &str = "bartizan_store_batches_refused_total";

/// What the committer is told.
#[derive(Debug)]
pub(crate) enum Event {
    Append(Box<Job>),
    /// Files cover the log up to `covered_seq`.
    Trim {
        covered_seq: u64,
        done: oneshot::Sender<()>,
    },
    Stop {
        done: oneshot::Sender<()>,
    },
}

/// One decoded batch that waits to become durable.
#[derive(Debug)]
pub(crate) struct Job {
    /// Its sequence number is given here.
    pub(crate) record: Record,
    pub(crate) layout: Arc<Layout>,
    pub(crate) rows: Rows,
    pub(crate) reply: oneshot::Sender<Result<Ack, StoreError>>,
}

/// The rows of a batch, as they are wanted where it goes.
#[derive(Debug)]
pub(crate) enum Rows {
    /// The log, and memory.
    Log(Decoded),
    /// A file.
    File(Box<RawRows>),
    /// Handed over to a file that is being written.
    Written(Tally),
}

impl Rows {
    pub(crate) fn tally(&self) -> Tally {
        match self {
            Self::Log(decoded) => decoded.tally(),
            Self::File(raw) => raw.tally,
            Self::Written(tally) => *tally,
        }
    }

    fn are_for_file(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// Runs until it is told to stop or nobody is left who could tell it anything.
pub(crate) fn run(shared: &Shared, mut wal: Wal, mut events: mpsc::Receiver<Event>) {
    let mut frames = Vec::new();
    let mut next = events.blocking_recv();
    while let Some(event) = next.take() {
        match event {
            Event::Append(job) => {
                let is_load = job.rows.are_for_file();
                let (group, after) = gather(job, &mut events);
                if is_load {
                    loading::commit(shared, &mut wal, &mut frames, group);
                } else {
                    commit(shared, &mut wal, &mut frames, group);
                }
                wal.rotate_if_full();
                next = after;
            }
            Event::Trim { covered_seq, done } => {
                wal.trim(covered_seq);
                answer(done, ());
            }
            Event::Stop { done } => {
                answer(done, ());
                return;
            }
        }
        if next.is_none() {
            next = events.blocking_recv();
        }
    }
}

/// Takes the batches that wait already, up to the next event of another sort, which is returned.
fn gather(first: Box<Job>, events: &mut mpsc::Receiver<Event>) -> (Vec<Job>, Option<Event>) {
    let is_load = first.rows.are_for_file();
    let bytes_max = if is_load { LOAD_BYTES_MAX } else { GROUP_BYTES_MAX };
    let mut bytes = first.record.body.len();
    let mut group = vec![*first];
    while bytes < bytes_max {
        match events.try_recv() {
            Ok(Event::Append(job)) if job.rows.are_for_file() == is_load => {
                bytes += job.record.body.len();
                group.push(*job);
            }
            Ok(other) => return (group, Some(other)),
            Err(_) => break,
        }
    }
    (group, None)
}

pub(crate) fn commit(shared: &Shared, wal: &mut Wal, frames: &mut Vec<u8>, group: Vec<Job>) {
    let (mut fresh, repeats) = split_repeats(shared, group);
    let result = if fresh.is_empty() { Ok(()) } else { write(shared, wal, frames, &mut fresh) };
    match result {
        Ok(()) => {
            let tables = publish(shared, fresh);
            answer_repeats(shared, repeats);
            tidy(shared, &tables);
        }
        // A repeat may repeat a batch of this very group, which is not durable.
        Err(reason) => refuse(fresh.into_iter().chain(repeats).collect(), "log", &reason),
    }
}

/// Answers batches that are durable already.
pub(crate) fn answer_repeats(shared: &Shared, repeats: Vec<Job>) {
    let seq = shared.state.lock().seq;
    for job in repeats {
        counters::count(BATCHES, "repeated", 1);
        answer(job.reply, Ok(Ack { duplicate: true, seq, ..Ack::default() }));
    }
}

/// Answers batches that could not be made durable, for want of a place in `place`.
pub(crate) fn refuse(jobs: Vec<Job>, place: &'static str, reason: &str) {
    counters::count(REFUSED, place, jobs.len() as u64);
    for job in jobs {
        answer(job.reply, Err(StoreError::Unavailable { reason: reason.to_owned() }));
    }
}

/// Sets batches aside that are durable already or that an earlier one of the group repeats.
pub(crate) fn split_repeats(shared: &Shared, group: Vec<Job>) -> (Vec<Job>, Vec<Job>) {
    let state = shared.state.lock();
    let mut in_group: HashMap<(TableKey, Uuid), u64> = HashMap::new();
    group.into_iter().partition(|job| {
        let Some(batch) = job.record.to.batch else { return true };
        let key: TableKey = (job.record.to.workspace, Arc::from(job.layout.table.name.as_str()));
        if state.contents.get(&key).is_some_and(|table| table.has(batch)) {
            return false;
        }
        let highest = in_group.entry((key, batch.source)).or_default();
        let is_fresh = batch.seq > *highest;
        *highest = (*highest).max(batch.seq);
        is_fresh
    })
}

/// Numbers the batches and makes them durable; says why when that fails.
///
/// `frames` is scratch space from group to group: memory that is new each time costs more than the copying.
fn write(shared: &Shared, wal: &mut Wal, frames: &mut Vec<u8>, jobs: &mut [Job]) -> Result<(), String> {
    shared.check_space()?;
    let mut seq = shared.state.lock().seq;
    frames.clear();
    // One large batch must not keep its memory for ever.
    frames.shrink_to(2 * GROUP_BYTES_MAX);
    frames.reserve(jobs.iter().map(|job| job.record.body.len() + 256).sum());
    for job in jobs {
        seq += 1;
        job.record.seq = seq;
        segment::put_frame(&job.record, frames);
    }
    wal.append(frames, seq).map_err(|error| {
        tracing::error!(%error, "cannot write the log");
        format!("the log cannot be written: {error}")
    })?;
    counters::count(GROUPS, "", 1);
    Ok(())
}

/// Makes the rows visible and answers. Returns the tables they are in.
fn publish(shared: &Shared, jobs: Vec<Job>) -> BTreeSet<TableKey> {
    let mut sound = Vec::with_capacity(jobs.len());
    let mut state = shared.state.lock();
    for job in jobs {
        let Record { seq, received, to, .. } = &job.record;
        let published = match &job.rows {
            Rows::Log(decoded) => {
                state.publish(to.workspace, &job.layout, decoded, *seq, *received, to.batch)
            }
            Rows::File(_) | Rows::Written(_) => Ok(()),
        };
        match published.map_err(StoreError::arrow(&job.layout.table.name)) {
            Ok(()) => sound.push(job),
            Err(error) => answer(job.reply, Err(error)),
        }
    }
    let is_large = state.contents.values().any(|table| table.active.bytes >= shared.options.flush_bytes);
    drop(state);
    if is_large {
        shared.flush_due.notify_one();
    }
    acknowledge(shared, sound)
}

/// Answers batches that are durable and visible, and tells who listens. Returns the tables they are in.
pub(crate) fn acknowledge(shared: &Shared, jobs: Vec<Job>) -> BTreeSet<TableKey> {
    let mut tables = BTreeSet::new();
    counters::count(BATCHES, "stored", jobs.len() as u64);
    for Job { record, layout, rows, reply } in jobs {
        let Tally { rows, rejected_cells, unknown_fields, billed_bytes } = rows.tally();
        let (rows, seq, workspace) = (rows as u64, record.seq, record.to.workspace);
        let table: Arc<str> = Arc::from(layout.table.name.as_str());
        let key = (workspace, Arc::clone(&table));
        shared.rejected.add(&key, rejected_cells, unknown_fields);
        let ack = Ack { rows, duplicate: false, rejected_cells, unknown_fields, seq, billed_bytes };
        answer(reply, Ok(ack));
        if shared.appended.send(Appended { workspace, table, rows, seq }).is_err() {
            tracing::trace!("nobody listens for new rows");
        }
        tables.insert(key);
    }
    tables
}

/// Gathers the small commits of some tables. The copying goes on without the lock: nobody else adds rows, and a
/// flush that takes them away meanwhile is noticed.
fn tidy(shared: &Shared, tables: &BTreeSet<TableKey>) {
    for key in tables {
        let untidy = shared.state.lock().contents.get(key).and_then(TableState::untidy);
        let Some((layout, tail)) = untidy else { continue };
        match tail.merge(&layout) {
            Ok(merged) => {
                if let Some(table) = shared.state.lock().contents.get_mut(key) {
                    table.active.replace(&tail, merged);
                }
            }
            // They stay as they are, and a flush meets the same rows.
            Err(error) => tracing::error!(table = %key.1, %error, "small batches cannot be gathered"),
        }
    }
}

/// The asker may have gone, for instance with its connection; the work stays done.
pub(crate) fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    if reply.send(value).is_err() {
        tracing::trace!("the asker left before the answer");
    }
}
