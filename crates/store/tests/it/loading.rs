//! Large bodies go straight to files: durable, visible, once and in order like all others.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use bartizan_base::{BatchId, Clock, ErrorKind, Timespan};
use bartizan_store::layout::SEQ_COLUMN;
use bartizan_store::{Ack, AppendTarget, FileEntry, Store, StoreError};
use bytes::Bytes;
use uuid::Uuid;

use crate::fixture::{Fixture, OTHER, TABLE, cell};
use crate::sim_disk::SimDisk;

/// Bodies of this size go to files here.
const LARGE: usize = 2_000;

async fn fixture() -> Fixture {
    let mut fixture = Fixture::new().await;
    fixture.options.load_bytes_min = LARGE;
    fixture
}

async fn simulated(disk: &SimDisk) -> Fixture {
    let mut fixture = Fixture::on(PathBuf::from("/sim"), Arc::new(disk.clone())).await;
    fixture.options.load_bytes_min = LARGE;
    fixture
}

/// Rows numbered from `from` up to `to`, as a body that is large, or small.
fn body(from: i64, to: i64, is_large: bool) -> Bytes {
    let rows: Vec<String> = (from..to)
        .map(|n| format!(r#"{{"N":{n},"Text":"row {n}","Computer":"host {}","Facts":{{"n":{n}}}}}"#, n % 3))
        .collect();
    let size = if is_large { LARGE } else { 0 };
    Bytes::from(format!("{:size$}", rows.join("\n")))
}

async fn send(store: &Store, to: AppendTarget, rows: Bytes) -> Result<Ack, StoreError> {
    store.append_json(to, rows).await
}

fn files(fixture: &Fixture, store: &Store) -> Vec<Arc<FileEntry>> {
    let snapshot = store.snapshot(fixture.workspace, &[TABLE]).unwrap();
    snapshot.tables[TABLE].files.iter().cloned().collect()
}

/// Bytes in the log beside the headers of its segments.
fn logged(fixture: &Fixture) -> u64 {
    let segments = fs::read_dir(fixture.options.dir.join("wal")).unwrap();
    segments.map(|segment| segment.unwrap().metadata().unwrap().len() - 28).sum()
}

#[tokio::test]
async fn they_are_not_logged_and_read_as_if_they_were() {
    let fixture = fixture().await;
    let store = fixture.open().await;
    let by_log = send(&store, fixture.target(OTHER), body(0, 10, false)).await.unwrap();
    let before = logged(&fixture);
    let by_file = send(&store, fixture.target(TABLE), body(0, 10, true)).await.unwrap();
    assert_eq!(logged(&fixture), before);
    assert_eq!(by_file, Ack { seq: 2, ..by_log });
    assert_eq!(store.committed_seq(), 2);
    let raw = files(&fixture, &store);
    assert_eq!(raw.len(), 1);
    assert!(raw[0].sorted_by.is_empty());
    assert_eq!((raw[0].rows, raw[0].seq_min, raw[0].seq_max), (10, 2, 2));
    let shown = |table: &str| {
        let batches = fixture.batches(&store, table);
        let columns = [
            "N",
            "Text",
            "Computer",
            "Facts",
            "TimeGenerated",
            "_BilledSize",
            "_TimeReceived",
            "_IsBillable",
        ];
        let row = |at: usize| columns.map(|column| cell(&batches[0], column, at));
        (0..batches[0].num_rows()).map(row).collect::<Vec<_>>()
    };
    assert_eq!(shown(TABLE), shown(OTHER));
    // sorted later, and the file is gone
    store.maintain(fixture.clock.now()).await.unwrap();
    let sorted = files(&fixture, &store);
    assert_eq!((sorted.len(), sorted[0].sorted_by.len(), sorted[0].seq_max), (1, 3, 2));
    assert_eq!(fixture.numbers(&store, TABLE), (0..10).collect::<Vec<_>>());
    let path = raw[0].path.clone();
    drop(raw);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_repeat_is_known_at_once_and_after_a_restart() {
    let fixture = fixture().await;
    let store = fixture.open().await;
    assert!(!send(&store, fixture.batch(TABLE, 1), body(0, 5, true)).await.unwrap().duplicate);
    let again = send(&store, fixture.batch(TABLE, 1), body(0, 5, true)).await.unwrap();
    assert_eq!((again.duplicate, again.rows), (true, 0));
    let twice = [fixture.batch(TABLE, 2), fixture.batch(TABLE, 2)];
    let [one, other] = twice.map(|to| send(&store, to, body(5, 9, true)));
    let (one, other) = tokio::join!(one, other);
    assert!(one.unwrap().duplicate != other.unwrap().duplicate, "at the same time");
    drop(store);
    let store = fixture.open().await;
    assert!(send(&store, fixture.batch(TABLE, 2), body(5, 9, false)).await.unwrap().duplicate);
    assert!(!send(&store, fixture.batch(OTHER, 2), body(5, 9, true)).await.unwrap().duplicate);
    assert_eq!(fixture.numbers(&store, TABLE), (0..9).collect::<Vec<_>>());
}

/// The manifest's number of a source must not stand for a batch that only the log has.
#[tokio::test]
async fn a_source_with_batches_in_the_log_stays_there() {
    let fixture = fixture().await;
    let store = fixture.open().await;
    send(&store, fixture.batch(TABLE, 1), body(0, 2, false)).await.unwrap();
    send(&store, fixture.batch(TABLE, 2), body(2, 5, true)).await.unwrap();
    assert!(files(&fixture, &store).is_empty(), "both are in the log");
    let other = BatchId { source: Uuid::from_u128(2), seq: 7 };
    let other = AppendTarget { batch: Some(other), ..fixture.target(TABLE) };
    send(&store, other, body(5, 8, true)).await.unwrap();
    assert_eq!(files(&fixture, &store).len(), 1, "that of another source is not");
    drop(store);
    let store = fixture.open().await;
    assert_eq!(store.recovery().replayed_batches, 2, "what is older than the file is not taken for covered");
    assert_eq!(fixture.numbers(&store, TABLE), (0..8).collect::<Vec<_>>());
    store.flush().await.unwrap();
    send(&store, fixture.batch(TABLE, 3), body(8, 9, true)).await.unwrap();
    assert_eq!(files(&fixture, &store).len(), 3, "and to files again when they have all");
    drop(store);
    let store = fixture.open().await;
    assert_eq!(fixture.numbers(&store, TABLE), (0..9).collect::<Vec<_>>());
}

#[tokio::test]
async fn numbers_are_never_used_twice() {
    let fixture = fixture().await;
    let mut last = 0;
    for round in 0..4 {
        let store = fixture.open().await;
        assert_eq!(store.committed_seq(), last, "round {round}");
        last = send(&store, fixture.target(TABLE), body(round, round + 1, true)).await.unwrap().seq;
        assert!(last > round as u64);
        match round {
            // no file of these numbers is left
            1 => store.drop_table(fixture.workspace, TABLE).await.unwrap(),
            2 => {
                fixture.clock.advance(Timespan::from_seconds(60 * 86_400));
                store.maintain(fixture.clock.now()).await.unwrap();
                assert!(files(&fixture, &store).is_empty(), "expired");
            }
            _ => {}
        }
    }
}

/// Readers that go on from the number they have seen miss nothing, whichever way rows take.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_follows_the_numbers_misses_no_row() {
    const SENDERS: i64 = 4;
    const BATCHES: i64 = 30;
    let fixture = Arc::new(fixture().await);
    let store = fixture.open().await;
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (store, fixture) = (store.clone(), Arc::clone(&fixture));
            tokio::spawn(async move {
                for batch in 0..BATCHES {
                    let from = (sender * BATCHES + batch) * 3;
                    let is_large = (batch + sender) % 2 == 0;
                    let ack =
                        send(&store, fixture.target(TABLE), body(from, from + 3, is_large)).await.unwrap();
                    assert!(ack.seq <= store.committed_seq());
                    if batch == 20 {
                        store.flush().await.unwrap();
                        store.maintain(fixture.clock.now()).await.unwrap();
                    }
                }
            })
        })
        .collect();
    let (mut cursor, mut seen) = (0, BTreeSet::new());
    loop {
        let finished = senders.iter().all(|sender| sender.is_finished());
        let upto = store.snapshot(fixture.workspace, &[TABLE]).unwrap().seq;
        for batch in fixture.batches(&store, TABLE) {
            let numbers = batch.column_by_name("N").unwrap().as_primitive::<Int64Type>();
            let seqs = batch.column_by_name(SEQ_COLUMN).unwrap().as_primitive::<Int64Type>();
            for (number, seq) in numbers.values().iter().zip(seqs.values()) {
                if (cursor..upto as i64).contains(&(seq - 1)) {
                    assert!(seen.insert(*number), "{number} was seen before");
                }
            }
        }
        cursor = upto as i64;
        if finished {
            break;
        }
        tokio::task::yield_now().await;
    }
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), (0..SENDERS * BATCHES * 3).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_file_without_its_commit_is_removed_and_its_batch_taken_again() {
    // every step between the body and its acknowledgement
    for is_power_cut in [false, true] {
        let mut steps = 0;
        loop {
            let disk = SimDisk::new(steps);
            let mut fixture = simulated(&disk).await;
            let store = fixture.open().await;
            send(&store, fixture.batch(TABLE, 1), body(0, 2, false)).await.unwrap();
            store.flush().await.unwrap();
            disk.crash_after(steps);
            let sent = send(&store, fixture.batch(TABLE, 2), body(2, 5, true)).await;
            let case = format!("{steps} steps, power cut: {is_power_cut}");
            fixture.options.disk = Arc::new(disk.restart(is_power_cut));
            drop(store);
            let store = fixture.open().await;
            assert_eq!(store.missing(), (0, 0), "{case}");
            let expected = if sent.is_ok() { 5 } else { 2 };
            assert_eq!(fixture.numbers(&store, TABLE), (0..expected).collect::<Vec<_>>(), "{case}");
            let again = send(&store, fixture.batch(TABLE, 2), body(2, 5, true)).await.unwrap();
            assert_eq!(again.duplicate, sent.is_ok(), "{case}");
            assert_eq!(fixture.numbers(&store, TABLE), (0..5).collect::<Vec<_>>(), "{case}");
            if sent.is_ok() {
                assert!(steps > 3, "{case}");
                break;
            }
            steps += 1;
        }
    }
}

#[tokio::test]
async fn a_damaged_one_is_set_aside_and_told_of() {
    for is_torn in [false, true] {
        let fixture = fixture().await;
        let store = fixture.open().await;
        send(&store, fixture.target(TABLE), body(0, 5, true)).await.unwrap();
        send(&store, fixture.target(TABLE), body(5, 9, true)).await.unwrap();
        let path = files(&fixture, &store)[0].path.clone();
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 4;
        bytes.truncate(if is_torn { at } else { bytes.len() });
        fs::write(&path, &bytes).unwrap();
        // found by the merge that was to sort it
        store.maintain(fixture.clock.now()).await.unwrap();
        assert_eq!(fixture.numbers(&store, TABLE), (5..9).collect::<Vec<_>>());
        assert_eq!(store.missing(), (1, 5));
        assert_eq!(store.take_notices().len(), 1);
        store.maintain(fixture.clock.now()).await.unwrap();
        assert!(
            files(&fixture, &store).iter().all(|file| !file.sorted_by.is_empty()),
            "the other one is sorted"
        );
    }
}

#[tokio::test]
async fn a_full_disk_refuses_them_and_leaves_nothing_behind() {
    let disk = SimDisk::new(3);
    let mut fixture = simulated(&disk).await;
    let store = fixture.open().await;
    for room in [0, 1, 300] {
        disk.set_free_bytes(room);
        let error = send(&store, fixture.batch(TABLE, 1), body(0, 5, true)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("a file cannot be written"), "{error}");
        assert_eq!(fixture.numbers(&store, TABLE), [0_i64; 0]);
    }
    disk.set_free_bytes(u64::MAX);
    assert!(!send(&store, fixture.batch(TABLE, 1), body(0, 5, true)).await.unwrap().duplicate);
    drop(store);
    fixture.options.disk = Arc::new(disk.restart(true));
    let store = fixture.open().await;
    assert_eq!(store.recovery().orphans_removed, 0, "no half files");
    assert_eq!(fixture.numbers(&store, TABLE), (0..5).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_not_sorted_yet_is_bounded() {
    let mut fixture = fixture().await;
    fixture.options.raw_bytes_max = 1;
    let store = fixture.open().await;
    send(&store, fixture.target(TABLE), body(0, 5, true)).await.unwrap();
    send(&store, fixture.target(TABLE), body(5, 9, true)).await.unwrap();
    let snapshot = store.snapshot(fixture.workspace, &[TABLE]).unwrap();
    let part = &snapshot.tables[TABLE];
    assert_eq!((part.files.len(), part.memory.len()), (1, 1), "the second goes through the log");
    store.maintain(fixture.clock.now()).await.unwrap();
    send(&store, fixture.target(TABLE), body(9, 11, true)).await.unwrap();
    assert_eq!(files(&fixture, &store).len(), 2, "and to files again when they are sorted");
    assert_eq!(fixture.numbers(&store, TABLE), (0..11).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_several_days_they_are_one_file_until_they_are_sorted() {
    let fixture = fixture().await;
    let store = fixture.open().await;
    let rows: Vec<String> = (0..40)
        .map(|n| {
            format!(
                r#"{{"TimeGenerated":"2026-02-{:02}T08:00:00Z","N":{n},"Text":"a row of a day"}}"#,
                1 + n % 4
            )
        })
        .collect();
    send(&store, fixture.target(TABLE), Bytes::from(rows.join("\n"))).await.unwrap();
    let raw = files(&fixture, &store);
    assert_eq!((raw.len(), (raw[0].time_max - raw[0].time_min) / 864_000_000_000), (1, 3));
    store.maintain(fixture.clock.now()).await.unwrap();
    assert_eq!(files(&fixture, &store).len(), 4, "one for each day");
    assert_eq!(fixture.numbers(&store, TABLE), (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_bad_body_and_a_table_that_is_gone_store_nothing() {
    let fixture = fixture().await;
    let store = fixture.open().await;
    let broken = Bytes::from(format!("{:LARGE$}{{", r#"{"N":1}"#));
    let error = send(&store, fixture.target(TABLE), broken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let empty = send(&store, fixture.target(TABLE), Bytes::from(" ".repeat(LARGE))).await.unwrap();
    assert_eq!((empty.rows, empty.seq), (0, 0));
    assert!(files(&fixture, &store).is_empty());
    store.drop_table(fixture.workspace, TABLE).await.unwrap();
    let error = send(&store, fixture.target(TABLE), body(0, 1, true)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn they_are_published_before_and_after_they_are_sorted() {
    let fixture = fixture().await;
    let store = fixture.open().await;
    send(&store, fixture.target(TABLE), body(0, 5, true)).await.unwrap();
    store.publish().await.unwrap();
    let log = files(&fixture, &store)[0].path.parent().unwrap().parent().unwrap().join("_delta_log");
    let commits = |log: &PathBuf| fs::read_dir(log).unwrap().count();
    assert_eq!(commits(&log), 1);
    let raw = files(&fixture, &store)[0].path.clone();
    store.maintain(fixture.clock.now()).await.unwrap();
    store.publish().await.unwrap();
    assert_eq!(commits(&log), 2);
    assert!(raw.exists(), "for readers of the first commit");
    assert_eq!(fixture.numbers(&store, TABLE), (0..5).collect::<Vec<_>>());
}
