//! Copies of a running store open as the store was.

use std::path::Path;

use bartizan_store::{Store, backup};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

use crate::fixture::{Fixture, OTHER, TABLE};

/// What `bartizan backup` does, in its order.
async fn copy(fixture: &Fixture, to: &Path) -> Vec<backup::Copied> {
    let mut files = backup::copy_log(&fixture.options.dir, to).unwrap();
    for n in 0.. {
        let database = to.join(format!("control-{n}.db"));
        sqlx::query("VACUUM INTO ?")
            .bind(database.to_string_lossy().into_owned())
            .execute(&fixture.options.pool)
            .await
            .unwrap();
        let manifest = open(&database).await;
        if let Some(copied) = backup::copy_files(&manifest, &fixture.options.dir, to).await.unwrap() {
            std::fs::rename(database, to.join("control.db")).unwrap();
            files.extend(copied);
            return files;
        }
    }
    unreachable!("a store at rest is copied in the end")
}

async fn open(path: &Path) -> SqlitePool {
    SqlitePool::connect_with(SqliteConnectOptions::new().filename(path).create_if_missing(true))
        .await
        .unwrap()
}

/// A fixture whose manifest is a file: SQLite copies a database in memory into memory.
async fn fixture_on_disk(dir: &tempfile::TempDir) -> Fixture {
    let mut fixture = Fixture::new().await;
    fixture.options.pool = open(&dir.path().join("control.db")).await;
    fixture
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_copy_made_under_load_has_every_row_acknowledged_before_it() {
    let database = tempfile::tempdir().unwrap();
    let mut fixture = fixture_on_disk(&database).await;
    fixture.options.merge_files_min = 2;
    fixture.options.delta = None;
    fixture.options.segment_bytes = 2000;
    let store = fixture.open().await;
    let writer = tokio::spawn({
        let (store, targets) = (store.clone(), [fixture.target(TABLE), fixture.target(OTHER)]);
        let now = bartizan_base::Ticks::parse(crate::fixture::START).unwrap();
        async move {
            for n in 0..400_i64 {
                let body = format!("{{\"N\":{n}}}");
                store.append_json(targets[(n % 2) as usize].clone(), body.into()).await.unwrap();
                if n % 7 == 0 {
                    store.flush().await.unwrap();
                }
                if n % 20 == 0 {
                    store.maintain(now).await.unwrap();
                }
            }
        }
    });
    let target = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let acknowledged = store.committed_seq();
        let to = target.path().join(round.to_string());
        std::fs::create_dir_all(&to).unwrap();
        let files = copy(&fixture, &to).await;
        backup::verify(&to, &files).unwrap();
        let options = bartizan_store::StoreOptions {
            background: false,
            reserve_bytes: 0,
            clock: fixture.options.clock.clone(),
            ..bartizan_store::StoreOptions::new(&to, open(&to.join("control.db")).await)
        };
        let restored = Store::open(options, Default::default()).await.unwrap();
        assert_eq!((restored.missing(), restored.recovery().quarantined.len()), ((0, 0), 0));
        let mut found = Vec::new();
        for table in [TABLE, OTHER] {
            if restored.table(fixture.workspace, table).is_some() {
                found.extend(fixture.numbers(&restored, table));
            }
        }
        found.sort_unstable();
        let mut once = found.clone();
        once.dedup();
        assert_eq!(found, once, "no row twice");
        // Row n has sequence number n + 1.
        let missing: Vec<i64> = (0..acknowledged as i64).filter(|n| !found.contains(n)).collect();
        assert_eq!(missing, Vec::<i64>::new(), "of {acknowledged} rows");
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn a_damaged_copy_is_known() {
    let database = tempfile::tempdir().unwrap();
    let fixture = fixture_on_disk(&database).await;
    let store = fixture.open().await;
    fixture.append(&store, r#"{"N":1}"#).await.unwrap();
    store.flush().await.unwrap();
    let target = tempfile::tempdir().unwrap();
    let files = copy(&fixture, target.path()).await;
    backup::verify(target.path(), &files).unwrap();
    let path = target.path().join(&files.last().unwrap().path);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = backup::verify(target.path(), &files).unwrap_err();
    assert!(error.to_string().contains("not what was written"), "{error}");
    // Nor is a damaged file of the store itself copied.
    let path = store.snapshot(fixture.workspace, &[TABLE]).unwrap().tables[TABLE]
        .files
        .iter()
        .next()
        .unwrap()
        .path
        .clone();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let other = tempfile::tempdir().unwrap();
    let error =
        backup::copy_files(&fixture.options.pool, &fixture.options.dir, other.path()).await.unwrap_err();
    assert!(error.to_string().contains("not what was written"), "{error}");
}
