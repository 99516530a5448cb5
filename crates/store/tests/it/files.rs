//! Flushed files, merges, retention, and snapshots across all of them.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use bartizan_base::{Clock, Timespan};
use bytes::Bytes;
use serde_json::json;

use crate::fixture::{Fixture, OTHER, TABLE, numbers_of, read_file};

#[tokio::test]
async fn a_flush_makes_one_sorted_file_a_day_and_trims_the_log() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    let rows: Vec<_> = (0..200)
        .map(|n| json!({"N": n, "Computer": format!("host{}", n % 3), "TimeGenerated": format!("2026-02-{:02}T10:00:00Z", 10 + n % 2)}))
        .collect();
    fixture.append(&store, &json!(rows).to_string()).await.unwrap();
    store.flush().await.unwrap();
    let snapshot = store.snapshot(fixture.workspace, &[TABLE]).unwrap();
    let part = &snapshot.tables[TABLE];
    assert!(part.memory.is_empty());
    assert_eq!(part.files.len(), 2);
    for file in &part.files {
        assert_eq!(file.rows, 100);
        assert_eq!(file.time_min, file.time_max);
        assert_eq!((file.seq_min, file.seq_max), (1, 1));
        assert_eq!(*file.sorted_by, ["Computer", "TimeGenerated", "__seq"]);
        assert_eq!(file.size_bytes, std::fs::metadata(&file.path).unwrap().len());
        let batch = &read_file(&*fixture.options.disk, &file.path)[0];
        let computers = batch.column_by_name("Computer").unwrap().as_string_view();
        assert!(computers.iter().is_sorted());
        assert!(batch.column_by_name("Facts").is_none(), "columns without values are left out");
        for field in batch.schema().fields() {
            assert_eq!(Some(field), part.schema.fields().find(field.name()).map(|(_, field)| field));
        }
    }
    assert_eq!(fixture.numbers(&store, TABLE), (0..200).collect::<Vec<i64>>());
    drop(store);
    let store = fixture.open().await;
    assert_eq!(store.recovery().replayed_batches, 0);
    assert_eq!(fixture.numbers(&store, TABLE), (0..200).collect::<Vec<i64>>());
    assert_eq!(store.committed_seq(), 1, "numbers go on where they were");
}

#[tokio::test]
async fn small_files_merge_and_the_old_ones_wait_for_their_readers() {
    let mut fixture = Fixture::new().await;
    fixture.options.merge_files_min = 4;
    let store = fixture.open().await;
    for n in 0..4 {
        fixture.append(&store, &format!("{{\"N\":{n}}}")).await.unwrap();
        store.flush().await.unwrap();
    }
    let before = store.snapshot(fixture.workspace, &[TABLE]).unwrap();
    let old: Vec<_> = before.tables[TABLE].files.iter().map(|file| file.path.clone()).collect();
    assert_eq!(old.len(), 4);
    store.maintain(fixture.clock.now()).await.unwrap();
    let after = store.snapshot(fixture.workspace, &[TABLE]).unwrap();
    let merged: Vec<_> = after.tables[TABLE].files.iter().collect();
    assert_eq!(merged.len(), 1);
    assert_eq!((merged[0].rows, merged[0].seq_min, merged[0].seq_max), (4, 1, 4));
    assert_eq!(fixture.numbers(&store, TABLE), [0, 1, 2, 3]);
    assert!(old.iter().all(|path| path.exists()), "a snapshot still reads them");
    drop(before);
    assert!(old.iter().all(|path| !path.exists()));
    drop((after, store));
    let store = fixture.open().await;
    assert_eq!(fixture.numbers(&store, TABLE), [0, 1, 2, 3]);
    assert_eq!(store.recovery().orphans_removed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_snapshot_is_one_moment_of_all_tables() {
    const BATCHES: i64 = 150;
    let mut fixture = Fixture::new().await;
    fixture.options.merge_files_min = 3;
    let store = fixture.open().await;
    let writer = tokio::spawn({
        let (store, one, two) = (store.clone(), fixture.target(TABLE), fixture.target(OTHER));
        async move {
            // Number n goes to the first table before it goes to the second.
            for n in 0..BATCHES {
                let body = Bytes::from(format!("{{\"N\":{n}}}"));
                store.append_json(one.clone(), body.clone()).await.unwrap();
                store.append_json(two.clone(), body).await.unwrap();
            }
        }
    });
    let keeper = tokio::spawn({
        let (store, now) = (store.clone(), fixture.clock.now());
        async move {
            while store.committed_seq() < 2 * BATCHES as u64 {
                store.flush().await.unwrap();
                store.maintain(now).await.unwrap();
            }
        }
    });
    while !writer.is_finished() || !keeper.is_finished() {
        let snapshot = store.snapshot(fixture.workspace, &[OTHER, TABLE]).unwrap();
        let count = |table: &str| {
            let part = &snapshot.tables[table];
            let mut numbers: Vec<i64> = part.memory.iter().flat_map(numbers_of).collect();
            for file in &part.files {
                numbers.extend(read_file(&*fixture.options.disk, &file.path).iter().flat_map(numbers_of));
            }
            numbers.sort_unstable();
            assert_eq!(numbers, (0..numbers.len() as i64).collect::<Vec<_>>(), "{table} at {}", snapshot.seq);
            numbers.len() as u64
        };
        let (one, two) = (count(TABLE), count(OTHER));
        assert!(one == two || one == two + 1, "{one} and {two}");
        assert_eq!(one + two, snapshot.seq, "every batch has one row and one number");
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
    keeper.await.unwrap();
    let whole: Vec<i64> = (0..BATCHES).collect();
    assert_eq!((fixture.numbers(&store, TABLE), fixture.numbers(&store, OTHER)), (whole.clone(), whole));
}

#[tokio::test]
async fn rows_of_many_days_do_not_make_a_file_each() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    let rows: Vec<_> =
        (0..500).map(|n| json!({"N": n, "TimeGenerated": format!("{:04}-05-05", 1000 + n)})).collect();
    fixture.append(&store, &json!(rows).to_string()).await.unwrap();
    store.flush().await.unwrap();
    let files = store.snapshot(fixture.workspace, &[TABLE]).unwrap().tables[TABLE].files.len();
    assert!(files <= 32, "{files} files");
    let batch = &fixture.batches(&store, TABLE)[0];
    assert!(batch.column_by_name("TimeGenerated").unwrap().as_primitive::<Int64Type>().values().is_sorted());
    assert_eq!(fixture.numbers(&store, TABLE).len(), 500);
}

#[tokio::test]
async fn tables_are_flushed_by_size_and_by_age_each_for_itself() {
    let mut fixture = Fixture::new().await;
    fixture.options.flush_bytes = 30_000;
    let store = fixture.open().await;
    let files = |store: &bartizan_store::Store, table: &str| {
        let snapshot = store.snapshot(fixture.workspace, &[table]).unwrap();
        snapshot.tables[table].files.len()
    };
    store.append_json(fixture.target(OTHER), Bytes::from_static(b"{\"N\":1}")).await.unwrap();
    fixture.append(&store, &json!([{"N": 2, "Text": "x".repeat(30_000)}]).to_string()).await.unwrap();
    store.flush_due().await.unwrap();
    assert_eq!((files(&store, TABLE), files(&store, OTHER)), (1, 0), "by size");
    drop(store);
    let store = fixture.open().await;
    assert_eq!(store.recovery().replayed_batches, 1, "the log still has both tables' rows");
    assert_eq!((fixture.numbers(&store, TABLE), fixture.numbers(&store, OTHER)), (vec![2], vec![1]));
    fixture.clock.advance(Timespan::from_duration(fixture.options.flush_age));
    store.flush_due().await.unwrap();
    assert_eq!((files(&store, TABLE), files(&store, OTHER)), (1, 1), "by age");
}

#[tokio::test]
async fn closing_flushes_and_refuses_more() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    fixture.append(&store, r#"{"N":1}"#).await.unwrap();
    store.close().await;
    let error = fixture.append(&store, r#"{"N":2}"#).await.unwrap_err();
    assert_eq!(error.kind(), bartizan_base::ErrorKind::Unavailable);
    let store = fixture.open().await;
    assert_eq!(store.recovery().replayed_batches, 0);
    assert_eq!(fixture.numbers(&store, TABLE), [1]);
}
