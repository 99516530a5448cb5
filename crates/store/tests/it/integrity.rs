//! Damage to files at rest: found before a byte of them is served, set aside, reported, and lived with.

use std::fs;

use bartizan_base::Timespan;
use bartizan_store::Fault;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::fixture::{Fixture, OTHER, TABLE};

/// Three files of ten rows each.
async fn three_files() -> (Fixture, bartizan_store::Store) {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    for file in 0..3 {
        let rows: Vec<String> = (0..10)
            .map(|n| format!(r#"{{"N":{},"Text":"a text of row {n} in file {file}"}}"#, file * 10 + n))
            .collect();
        fixture.append(&store, &rows.join("\n")).await.unwrap();
        store.flush().await.unwrap();
    }
    (fixture, store)
}

#[tokio::test]
async fn a_byte_flipped_anywhere_is_found_and_costs_that_file_only() {
    let mut rng = StdRng::seed_from_u64(4);
    for round in 0..12 {
        let (fixture, store) = three_files().await;
        let files = store.snapshot(fixture.workspace, &[TABLE]).unwrap().tables[TABLE]
            .files
            .iter()
            .cloned()
            .collect::<Vec<_>>();
        let hit = rng.random_range(0..3_usize);
        let path = files[hit].path.clone();
        let mut bytes = fs::read(&path).unwrap();
        let at = rng.random_range(0..bytes.len());
        bytes[at] ^= 1 << rng.random_range(0..8);
        fs::write(&path, &bytes).unwrap();
        for (n, file) in files.iter().enumerate() {
            match file.check() {
                Ok(()) => assert_ne!(n, hit, "round {round}: byte {at}"),
                Err(Fault::Checksum { .. }) => assert_eq!(n, hit, "round {round}: byte {at}"),
                Err(fault) => panic!("round {round}: {fault}"),
            }
        }
        drop(files);
        assert_eq!(store.examine(&[(fixture.workspace, TABLE.to_owned())]).await.unwrap(), 1);
        let expected: Vec<i64> = (0..30).filter(|n| n / 10 != hit as i64).collect();
        assert_eq!(fixture.numbers(&store, TABLE), expected, "round {round}");
        assert_eq!(store.missing(), (1, 10));
        let kept = fixture.options.dir.join("quarantine").join(path.file_name().unwrap());
        assert_eq!(fs::read(kept).unwrap(), bytes, "the evidence is kept");
        let notices = store.take_notices();
        assert_eq!(notices.len(), 1);
        assert_eq!(notices[0].key, "FileDamaged");
        for part in ["10 rows of `Everything_CL`", "checksum", "quarantine"] {
            assert!(notices[0].detail.contains(part), "{}", notices[0].detail);
        }
        // It stays so after a restart, and new rows come in.
        drop(store);
        let store = fixture.open().await;
        fixture.append(&store, r#"{"N":100}"#).await.unwrap();
        store.flush().await.unwrap();
        let snapshot = store.snapshot(fixture.workspace, &[TABLE, OTHER]).unwrap();
        assert_eq!(snapshot.tables[TABLE].damaged.len(), 1);
        assert!(snapshot.tables[OTHER].damaged.is_empty());
        assert_eq!(fixture.numbers(&store, TABLE).len(), 21);
    }
}

#[tokio::test]
async fn a_cut_file_and_a_lost_one() {
    let (fixture, store) = three_files().await;
    let files = store.snapshot(fixture.workspace, &[TABLE]).unwrap().tables[TABLE]
        .files
        .iter()
        .cloned()
        .collect::<Vec<_>>();
    fs::OpenOptions::new().write(true).open(&files[0].path).unwrap().set_len(100).unwrap();
    fs::remove_file(&files[1].path).unwrap();
    assert!(matches!(files[0].check(), Err(Fault::Length { found: 100, .. })));
    assert!(matches!(files[1].check(), Err(Fault::Lost)));
    assert_eq!(store.examine(&[(fixture.workspace, TABLE.to_owned())]).await.unwrap(), 2);
    assert_eq!(fixture.numbers(&store, TABLE), (20..30).collect::<Vec<i64>>());
    assert_eq!(store.missing(), (2, 20));
}

#[tokio::test]
async fn a_file_lost_while_the_store_was_down_is_missed_until_it_is_put_back() {
    let (fixture, store) = three_files().await;
    let path = store.snapshot(fixture.workspace, &[TABLE]).unwrap().tables[TABLE]
        .files
        .iter()
        .nth(1)
        .unwrap()
        .path
        .clone();
    drop(store);
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let store = fixture.open().await;
    assert_eq!(store.recovery().missing_files, std::slice::from_ref(&path));
    assert_eq!(store.missing(), (1, 10));
    assert_eq!(store.take_notices()[0].key, "FileDamaged");
    drop(store);
    fs::write(&path, bytes).unwrap();
    let store = fixture.open().await;
    assert_eq!((store.missing(), fixture.numbers(&store, TABLE).len()), ((0, 0), 30));
}

#[tokio::test]
async fn old_files_are_looked_at_again_within_a_week() {
    let (fixture, store) = three_files().await;
    let files = store.snapshot(fixture.workspace, &[TABLE]).unwrap().tables[TABLE]
        .files
        .iter()
        .cloned()
        .collect::<Vec<_>>();
    assert_eq!(store.scrub(u64::MAX).await.unwrap(), 0);
    assert!(files.iter().all(|file| file.is_checked()));
    let mut bytes = fs::read(&files[2].path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&files[2].path, &bytes).unwrap();
    assert_eq!(store.scrub(u64::MAX).await.unwrap(), 0, "all were checked just now");
    fixture.clock.advance(Timespan::from_seconds(8 * 86_400));
    assert_eq!(store.scrub(1).await.unwrap(), 0, "one file a time, by its budget");
    assert_eq!(store.scrub(u64::MAX).await.unwrap(), 1);
    assert_eq!(fixture.numbers(&store, TABLE), (0..20).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_merge_leaves_a_damaged_file_out() {
    let (mut fixture, store) = three_files().await;
    drop(store);
    fixture.options.merge_files_min = 2;
    let store = fixture.open().await;
    let path = store.snapshot(fixture.workspace, &[TABLE]).unwrap().tables[TABLE]
        .files
        .iter()
        .next()
        .unwrap()
        .path
        .clone();
    let mut bytes = fs::read(&path).unwrap();
    bytes[60] ^= 2;
    fs::write(&path, &bytes).unwrap();
    let now = bartizan_base::Ticks::parse(crate::fixture::START).unwrap();
    store.maintain(now).await.unwrap();
    assert_eq!(store.missing(), (1, 10));
    store.maintain(now).await.unwrap();
    assert_eq!(store.snapshot(fixture.workspace, &[TABLE]).unwrap().tables[TABLE].files.len(), 1);
    assert_eq!(fixture.numbers(&store, TABLE), (10..30).collect::<Vec<i64>>());
}
