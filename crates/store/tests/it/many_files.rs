//! A manifest with more files than are read from it at once.

use std::path::Path;

use crate::fixture::{Fixture, TABLE};

const FILES: u64 = 10_000;

#[tokio::test]
async fn all_files_are_read_in_order_and_compared_with_the_disk() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    fixture.append(&store, r#"{"N":1}"#).await.unwrap();
    store.flush().await.unwrap();
    store.close().await;
    drop(store);
    // Ids with gaps, as years of merges leave them, of files that only the manifest has.
    let copies = "INSERT INTO store_files (id, workspace, table_name, path, day, size_bytes, rows, time_min, time_max,
                                           seq_min, seq_max, sorted_by, crc, received)
                  WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
                  SELECT 100 + n * 7, workspace, table_name, printf('data/gone/%d.parquet', n), day, size_bytes, n,
                         time_min, time_max, seq_min, seq_max, sorted_by, NULL, NULL
                  FROM store_files, n";
    sqlx::query(copies).bind(FILES as i64).execute(&fixture.options.pool).await.unwrap();
    // Files that left the published table, the last of which is still on disk, and one that nobody knows.
    let left = "INSERT INTO store_delta_files (path, workspace, table_name, size_bytes, rows, added, removed)
                WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
                SELECT printf('data/left/%08d.parquet', n), workspace, table_name, 1, 1, 0, 1 FROM n,
                       (SELECT workspace, table_name FROM store_files LIMIT 1)";
    sqlx::query(left).bind(FILES as i64).execute(&fixture.options.pool).await.unwrap();
    let data = fixture.options.dir.join("data");
    let (kept, orphan) = (format!("left/{FILES:08}.parquet"), "left/nobody.parquet");
    std::fs::create_dir(data.join("left")).unwrap();
    for name in [&kept, orphan] {
        std::fs::write(data.join(name), b"x").unwrap();
    }

    let store = fixture.open().await;
    let recovery = store.recovery();
    let expected = (1..=FILES).map(|n| data.join(format!("gone/{n}.parquet")));
    assert!(recovery.missing_files.iter().cloned().eq(expected), "{} missing", recovery.missing_files.len());
    assert_eq!(store.missing(), (FILES, FILES * (FILES + 1) / 2));
    assert_eq!(recovery.orphans_removed, 1);
    let is_there = |name: &str| Path::new(&data.join(name)).exists();
    assert!(is_there(&kept) && !is_there(orphan));
    assert_eq!(fixture.numbers(&store, TABLE), [1]);
}
