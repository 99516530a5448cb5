//! Rows on their way to the log store, in bodies that it takes.
//!
//! A round over many machines tells more than the store takes at once, so rows are sent as soon as there are enough of
//! them. What the store has no room for now waits, within a bound, and is sent before what is told later.

use std::collections::VecDeque;
use std::sync::Arc;

use bartizan_base::counters;

use crate::rows::{Row, RowSink};

/// Rows that are sent together, as JSON. The store takes 32 MiB; less waits less and takes less memory.
const TOGETHER_BYTES: usize = 4 << 20;
/// Rows that wait, as JSON; beyond it the oldest are given up and counted.
const WAITING_BYTES: usize = 64 << 20;

/// Rows of one table.
#[derive(Debug)]
struct Parcel {
    table: &'static str,
    rows: Vec<Row>,
    bytes: usize,
}

/// Rows that were told and are not stored yet.
#[derive(Debug)]
pub(crate) struct Outbox {
    sink: Arc<dyn RowSink>,
    parcels: VecDeque<Parcel>,
    bytes: usize,
    /// The store had no room; it is asked again at the end of a round, not for each machine in it.
    is_stuck: bool,
}

impl Outbox {
    pub(crate) fn new(sink: Arc<dyn RowSink>) -> Self {
        Self { sink, parcels: VecDeque::new(), bytes: 0, is_stuck: false }
    }

    /// Takes rows, and sends when they are enough for a body.
    pub(crate) async fn add(&mut self, table: &'static str, rows: Vec<Row>) {
        for row in rows {
            self.push(table, row);
        }
        if self.bytes >= TOGETHER_BYTES && !self.is_stuck {
            self.send().await;
        }
    }

    fn push(&mut self, table: &'static str, row: Row) {
        let bytes = serde_json::to_vec(&row).map_or(0, |json| json.len() + 1);
        self.bytes += bytes;
        match self.parcels.back_mut() {
            Some(last) if last.table == table && last.bytes + bytes <= TOGETHER_BYTES => {
                last.bytes += bytes;
                last.rows.push(row);
            }
            _ => self.parcels.push_back(Parcel { table, rows: vec![row], bytes }),
        }
        while self.bytes > WAITING_BYTES
            && let Some(oldest) = self.parcels.pop_front()
        {
            self.give_up(&oldest, "too many rows wait");
        }
    }

    /// Sends what waits, oldest first, until the store has no room. What it will never take is given up.
    pub(crate) async fn send(&mut self) {
        self.is_stuck = false;
        while let Some(parcel) = self.parcels.front() {
            let Err(error) = self.sink.append(parcel.table, parcel.rows.clone()).await else {
                self.bytes -= parcel.bytes;
                self.parcels.pop_front();
                continue;
            };
            if error.kind.retryable() {
                self.is_stuck = true;
                tracing::warn!(
                    waiting_bytes = self.bytes,
                    error = &error as &dyn std::error::Error,
                    "posture rows wait for the log store"
                );
                return;
            }
            if let Some(refused) = self.parcels.pop_front() {
                self.give_up(&refused, &error.to_string());
            }
        }
    }

    /// The resources are the truth; the rows beside them are a history, which now has a gap that is counted.
    fn give_up(&mut self, parcel: &Parcel, reason: &str) {
        self.bytes -= parcel.bytes;
        counters::count("bartizan_posture_rows_refused_total", parcel.table, parcel.rows.len() as u64);
        tracing::error!(
            table = parcel.table,
            rows = parcel.rows.len(),
            reason,
            "posture rows were not stored"
        );
    }
}

#[cfg(test)]
mod tests {
    use bartizan_base::ErrorKind;
    use parking_lot::Mutex;
    use serde_json::json;

    use super::*;
    use crate::rows::RowsRefused;

    /// A store: what it holds, what it says to each call, and the largest body that it was sent.
    #[derive(Debug, Default)]
    struct Store {
        rows: Mutex<Vec<u64>>,
        answer: Mutex<Option<ErrorKind>>,
        largest: Mutex<usize>,
    }

    #[async_trait::async_trait]
    impl RowSink for Store {
        async fn append(&self, table: &str, rows: Vec<Row>) -> Result<(), RowsRefused> {
            let bytes = serde_json::to_vec(&rows).unwrap().len();
            let mut largest = self.largest.lock();
            *largest = bytes.max(*largest);
            if let Some(kind) = *self.answer.lock() {
                return Err(RowsRefused { table: table.to_owned(), reason: "no".to_owned(), kind });
            }
            self.rows.lock().extend(rows.iter().map(|row| row["n"].as_u64().unwrap()));
            Ok(())
        }
    }

    /// Rows of a little more than 1 MiB each.
    fn rows(numbers: std::ops::Range<u64>) -> Vec<Row> {
        let text = "x".repeat(1 << 20);
        let row = |n: u64| json!({"n": n, "text": text}).as_object().unwrap().clone();
        numbers.map(row).collect()
    }

    #[tokio::test]
    async fn more_than_the_store_takes_at_once_goes_in_several_bodies() {
        let store = Arc::new(Store::default());
        let mut outbox = Outbox::new(store.clone());
        outbox.add("A", rows(0..40)).await;
        outbox.add("B", rows(40..41)).await;
        outbox.send().await;
        assert_eq!(*store.rows.lock(), (0..41).collect::<Vec<_>>(), "all, and in their order");
        assert!(*store.largest.lock() <= TOGETHER_BYTES + 2, "{}", store.largest.lock());
        assert_eq!((outbox.bytes, outbox.parcels.len()), (0, 0));
    }

    #[tokio::test]
    async fn what_finds_no_room_waits_in_its_order_and_within_a_bound() {
        let store = Arc::new(Store::default());
        let mut outbox = Outbox::new(store.clone());
        *store.answer.lock() = Some(ErrorKind::TooMany);
        outbox.add("A", rows(0..10)).await;
        outbox.send().await;
        assert!(store.rows.lock().is_empty());
        *store.answer.lock() = None;
        outbox.add("A", rows(10..11)).await;
        outbox.send().await;
        assert_eq!(*store.rows.lock(), (0..11).collect::<Vec<_>>());

        store.rows.lock().clear();
        *store.answer.lock() = Some(ErrorKind::Unavailable);
        for from in 0..10 {
            outbox.add("A", rows(from * 10..from * 10 + 10)).await;
        }
        assert!(outbox.bytes <= WAITING_BYTES, "{}", outbox.bytes);
        *store.answer.lock() = None;
        outbox.send().await;
        let kept = store.rows.lock().clone();
        assert_eq!(kept.last(), Some(&99), "the newest are kept");
        assert!(kept.len() > 50 && kept.windows(2).all(|two| two[1] == two[0] + 1), "{kept:?}");
    }

    #[tokio::test]
    async fn what_the_store_never_takes_stops_nothing_that_comes_after() {
        let store = Arc::new(Store::default());
        let mut outbox = Outbox::new(store.clone());
        *store.answer.lock() = Some(ErrorKind::Invalid);
        outbox.add("A", rows(0..1)).await;
        outbox.send().await;
        assert_eq!(outbox.bytes, 0);
        *store.answer.lock() = None;
        outbox.add("A", rows(1..2)).await;
        outbox.send().await;
        assert_eq!(*store.rows.lock(), [1]);
    }
}
