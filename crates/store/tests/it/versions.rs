//! Folders that earlier programs wrote: today's program reads them, upgrades them, and loses nothing.
//!
//! `tests/versions/N` was written by a program of manifest version N and is never changed. Thirty rows are in
//! three files, ten are in the log; `N` numbers them.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use bartizan_base::{BatchId, WorkspaceId};
use bartizan_store::{Store, StoreError};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{Fixture, cell, numbers_of};

const FROZEN: &str = "Frozen_CL";
const WORKSPACE: Uuid = Uuid::from_u128(0x0e49_a776_6794_439e_87a0_42d0_987f_5c1d);

/// A copy of a folder, because opening upgrades it.
async fn folder(version: &str) -> Fixture {
    let mut fixture = Fixture::new().await;
    fixture.workspace = WorkspaceId(WORKSPACE);
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/versions").join(version);
    copy(&from, &fixture.options.dir);
    let manifest = fs::read_to_string(from.join("manifest.sql")).unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(manifest)).execute(&fixture.options.pool).await.unwrap();
    fixture
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

async fn version(fixture: &Fixture) -> i64 {
    sqlx::query_scalar("SELECT value FROM store_meta WHERE key = 'version'")
        .fetch_one(&fixture.options.pool)
        .await
        .unwrap()
}

fn rows(fixture: &Fixture, store: &Store) -> Vec<RecordBatch> {
    fixture.batches(store, FROZEN)
}

fn numbers(fixture: &Fixture, store: &Store) -> Vec<i64> {
    let mut numbers: Vec<i64> = rows(fixture, store).iter().flat_map(numbers_of).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn version_1_is_read_and_upgraded() {
    let fixture = folder("1").await;
    let options = fixture.options.clone();
    let tables = bartizan_schema::TableRegistry::shipped().unwrap();
    let store = Store::open(options.clone(), tables.clone()).await.unwrap();
    assert_eq!(version(&fixture).await, 2);
    assert_eq!((store.recovery().replayed_batches, store.recovery().orphans_removed), (1, 0));
    assert_eq!(numbers(&fixture, &store), (0..40).collect::<Vec<i64>>());
    for batch in rows(&fixture, &store) {
        for (at, n) in numbers_of(&batch).into_iter().enumerate() {
            assert_eq!(cell(&batch, "Text", at), format!("row {n}"));
            let facts: serde_json::Value = serde_json::from_str(&cell(&batch, "Facts", at)).unwrap();
            assert_eq!(facts, json!({"n": n, "tags": ["a", "b"]}));
            assert_eq!(cell(&batch, "At", at), "637185764961234567");
        }
    }
    // Its files get the checksums they never had; a source's numbers go on.
    assert_eq!(store.scrub(u64::MAX).await.unwrap(), 0);
    let unknown: i64 = sqlx::query_scalar("SELECT count(*) FROM store_files WHERE crc IS NULL")
        .fetch_one(&fixture.options.pool)
        .await
        .unwrap();
    assert_eq!(unknown, 0);
    let source = Uuid::parse_str("42d277c5-4aa8-5f6f-ad89-65a2e99ba4f3").unwrap();
    let mut target = fixture.target(FROZEN);
    target.batch = Some(BatchId { source, seq: 2 });
    assert!(store.append_json(target.clone(), r#"{"N":1}"#.into()).await.unwrap().duplicate);
    target.batch = Some(BatchId { source, seq: 3 });
    assert!(!store.append_json(target, r#"{"N":40}"#.into()).await.unwrap().duplicate);
    store.flush().await.unwrap();
    drop(store);
    let store = Store::open(options, tables).await.unwrap();
    assert_eq!(numbers(&fixture, &store), (0..41).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_newer_version_is_left_alone() {
    let fixture = folder("1").await;
    sqlx::query("UPDATE store_meta SET value = 99").execute(&fixture.options.pool).await.unwrap();
    let error = fixture.try_open().await.unwrap_err();
    assert!(matches!(error, StoreError::Version { found: 99, supported: 2, .. }), "{error}");
    assert_eq!(version(&fixture).await, 99);
    let columns: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pragma_table_info('store_files') WHERE name = 'crc'")
            .fetch_one(&fixture.options.pool)
            .await
            .unwrap();
    assert_eq!(columns, 0, "nothing of it was upgraded");
}
