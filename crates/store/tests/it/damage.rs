//! Torn and flipped bytes in the log on a real disk.

use std::fs;
use std::path::PathBuf;

use crate::fixture::{Fixture, TABLE};

fn newest_segment(fixture: &Fixture) -> PathBuf {
    let mut segments: Vec<PathBuf> = fs::read_dir(fixture.options.dir.join("wal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| fs::metadata(path).unwrap().len() > 100)
        .collect();
    segments.sort();
    segments.pop().unwrap()
}

async fn three_rows() -> Fixture {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    for n in 1..=3 {
        fixture.append(&store, &format!("[{{\"N\":{n},\"Text\":\"row {n}\"}}]")).await.unwrap();
    }
    fixture
}

#[tokio::test]
async fn rows_come_back_without_a_close() {
    let fixture = three_rows().await;
    for _ in 0..3 {
        let store = fixture.open().await;
        assert_eq!(fixture.numbers(&store, TABLE), [1, 2, 3]);
        assert_eq!((store.recovery().torn_bytes, store.committed_seq()), (0, 3));
    }
}

#[tokio::test]
async fn a_torn_end_is_cut_and_the_log_goes_on() {
    let fixture = three_rows().await;
    let segment = newest_segment(&fixture);
    let mut bytes = fs::read(&segment).unwrap();
    let torn = bytes.len() - 3;
    bytes.truncate(torn);
    fs::write(&segment, &bytes).unwrap();
    let store = fixture.open().await;
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2]);
    assert!(store.recovery().torn_bytes > 0);
    assert!(store.recovery().quarantined.is_empty());
    fixture.append(&store, r#"{"N":4}"#).await.unwrap();
    drop(store);
    let store = fixture.open().await;
    assert_eq!(store.recovery().torn_bytes, 0, "it was cut");
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2, 4]);
}

#[tokio::test]
async fn a_flipped_byte_sets_one_batch_aside() {
    let fixture = three_rows().await;
    let segment = newest_segment(&fixture);
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(5).position(|window| window == b"row 2").unwrap();
    bytes[at] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let store = fixture.open().await;
    assert_eq!(fixture.numbers(&store, TABLE), [1, 3]);
    let quarantined = &store.recovery().quarantined;
    assert_eq!(quarantined.len(), 1);
    let kept = fs::read(&quarantined[0]).unwrap();
    assert!(kept.windows(4).any(|window| window == b"ow 2"));
    store.flush().await.unwrap();
    drop(store);
    let store = fixture.open().await;
    assert_eq!(fixture.numbers(&store, TABLE), [1, 3]);
    assert!(store.recovery().quarantined.is_empty(), "the segment is gone, the copy stays");
}

#[tokio::test]
async fn a_newer_log_is_not_touched() {
    let fixture = three_rows().await;
    let segment = newest_segment(&fixture);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[8] = 9;
    let crc = crc32c::crc32c(&bytes[..24]).to_le_bytes();
    bytes[24..28].copy_from_slice(&crc);
    fs::write(&segment, &bytes).unwrap();
    let error = fixture.try_open().await.unwrap_err();
    assert!(error.to_string().contains("format version 9"), "{error}");
    assert_eq!(fs::read(&segment).unwrap(), bytes);
}
