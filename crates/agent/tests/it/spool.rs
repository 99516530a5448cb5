//! The spool over crashes, full disks' policies and damage.

use std::fs;
use std::path::Path;

use bartizan_agent::spool::{Encoding, NewRecord, Positions, Spool, SpoolCounts, SpoolLimits};
use bytes::Bytes;
use serde_json::json;

fn record(text: &str, rows: u64, offset: u64) -> NewRecord {
    NewRecord {
        rows,
        encoding: Encoding::Zstd,
        body: Bytes::copy_from_slice(text.as_bytes()),
        positions: Positions::from([("file".to_owned(), json!(offset))]),
    }
}

fn small() -> SpoolLimits {
    SpoolLimits { bytes_max: 4096, segment_bytes: 512, rejected_bytes_max: 300 }
}

fn open(folder: &Path) -> Spool {
    Spool::open(folder, small()).unwrap()
}

/// Reads and acknowledges everything: (number, body).
fn drain(spool: &mut Spool) -> Vec<(u64, String)> {
    let mut out = Vec::new();
    while let Some(record) = spool.peek().unwrap() {
        out.push((record.seq, String::from_utf8_lossy(&record.body).into_owned()));
        spool.ack(record.seq).unwrap();
    }
    out
}

fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .collect();
    files.sort();
    files
}

#[test]
fn records_numbers_and_positions_survive_a_kill_after_any_append() {
    let folder = tempfile::tempdir().unwrap();
    for n in 1..=20_u64 {
        // Opened anew each time and never closed in order, as after kill -9.
        let mut spool = open(folder.path());
        assert_eq!(spool.append(&record(&format!("batch {n}"), 1, n * 10)).unwrap(), n);
        std::mem::forget(spool);
    }
    let mut spool = open(folder.path());
    assert_eq!(spool.position("file"), Some(&json!(200)));
    assert_eq!(spool.waiting_rows(), 20);
    let expected: Vec<_> = (1..=20_u64).map(|n| (n, format!("batch {n}"))).collect();
    assert_eq!(drain(&mut spool), expected);
    assert_eq!(segments(folder.path()).len(), 1, "delivered segments are gone");
}

#[test]
fn an_unacknowledged_record_comes_again_unchanged_under_its_number_and_source() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.append(&record("first", 1, 1)).unwrap();
    let before = (spool.peek().unwrap().unwrap(), spool.batch_id(1));
    drop(spool);
    let mut spool = open(folder.path());
    spool.append(&record("second", 1, 2)).unwrap();
    assert_eq!((spool.peek().unwrap().unwrap(), spool.batch_id(1)), before);
}

#[test]
fn numbers_go_on_and_positions_stay_after_everything_was_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    for n in 1..=30 {
        spool.append(&record(&"x".repeat(100), 1, n)).unwrap();
        drain(&mut spool);
    }
    drop(spool);
    let mut spool = open(folder.path());
    assert_eq!(spool.position("file"), Some(&json!(30)));
    assert_eq!(spool.append(&record("next", 1, 31)).unwrap(), 31);
}

#[test]
fn a_torn_last_write_is_cut_off_and_the_rest_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.append(&record("whole", 1, 1)).unwrap();
    let whole = fs::metadata(&segments(folder.path())[0]).unwrap().len();
    spool.append(&record("torn", 1, 2)).unwrap();
    drop(spool);
    let path = segments(folder.path()).remove(0);
    let full = fs::read(&path).unwrap();
    for length in whole..full.len() as u64 {
        fs::write(&path, &full[..length as usize]).unwrap();
        let mut spool = open(folder.path());
        assert_eq!(spool.position("file"), Some(&json!(1)), "cut at {length}");
        assert_eq!(spool.peek().unwrap().unwrap().body, "whole");
        assert_eq!(spool.append(&record("again", 1, 2)).unwrap(), 2);
    }
}

#[test]
fn a_flipped_bit_loses_only_what_follows_in_its_segment() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    for n in 1..=12 {
        spool.append(&record(&format!("{n} {}", "x".repeat(150)), 1, n)).unwrap();
    }
    drop(spool);
    let all = segments(folder.path());
    assert!(all.len() > 2);
    let mut bytes = fs::read(&all[1]).unwrap();
    let middle = bytes.len() - 10;
    bytes[middle] ^= 1;
    fs::write(&all[1], bytes).unwrap();
    let mut spool = open(folder.path());
    let numbers: Vec<u64> = drain(&mut spool).into_iter().map(|(seq, _)| seq).collect();
    assert!(numbers.len() < 12 && numbers.contains(&1) && numbers.contains(&12), "{numbers:?}");
    assert_eq!(spool.counts().damaged_records, 1);
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    let total = 200;
    for n in 1..=total {
        spool.append(&record(&"x".repeat(100), 3, n)).unwrap();
        assert!(spool.bytes() <= small().bytes_max + 1024);
    }
    let counts = spool.counts();
    assert!(counts.dropped_rows > 0);
    drop(spool);
    let mut spool = open(folder.path());
    assert_eq!(spool.counts(), counts, "counts survive a restart");
    let delivered = drain(&mut spool);
    assert_eq!(delivered.last().unwrap().0, total, "the newest is kept");
    assert_eq!(delivered.len() as u64 * 3 + counts.dropped_rows, total * 3);
}

#[test]
fn a_batch_dropped_on_its_way_and_delivered_all_the_same_is_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.append(&record("in flight", 5, 0)).unwrap();
    let in_flight = spool.peek().unwrap().unwrap();
    let total = 100;
    for n in 1..=total {
        spool.append(&record(&"x".repeat(100), 1, n)).unwrap();
    }
    let before = spool.counts().dropped_rows;
    spool.ack(in_flight.seq).unwrap();
    assert_eq!(spool.counts().dropped_rows, before - 5);
    let delivered = drain(&mut spool).len() as u64;
    assert_eq!(delivered + spool.counts().dropped_rows, total);
}

#[test]
fn a_refused_batch_is_put_aside_within_bounds_and_does_not_block() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    for n in 1..=10 {
        spool.append(&record(&"bad".repeat(20), 2, n)).unwrap();
    }
    for _ in 0..9 {
        let record = spool.peek().unwrap().unwrap();
        spool.reject(&record, "400: no").unwrap();
    }
    assert_eq!(drain(&mut spool).len(), 1);
    assert_eq!(spool.counts(), SpoolCounts { rejected_rows: 18, ..SpoolCounts::default() });
    let kept: u64 = fs::read_dir(folder.path().join("rejected"))
        .unwrap()
        .map(|e| e.unwrap().metadata().unwrap().len())
        .sum();
    assert!(kept > 0 && kept <= small().rejected_bytes_max);
}

#[test]
fn a_position_without_rows_is_kept_and_never_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.append(&record("", 0, 77)).unwrap();
    assert_eq!(spool.peek().unwrap(), None);
    drop(spool);
    assert_eq!(open(folder.path()).position("file"), Some(&json!(77)));
}

#[test]
fn garbage_in_the_folder_does_not_stop_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("00000000000000000001.seg"), "no segment at all").unwrap();
    fs::write(folder.path().join("progress.json"), "{half").unwrap();
    fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    let mut spool = open(folder.path());
    spool.append(&record("works", 1, 1)).unwrap();
    assert_eq!(drain(&mut spool).len(), 1);
    assert!(folder.path().join("00000000000000000001.damaged").exists());
}
