//! A database of a former version, opened by this one.

use std::sync::Arc;

use bartizan_base::SystemClock;
use bartizan_records::Records;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use super::{id, write};

const MACHINE: &str = "/subscriptions/S1/resourceGroups/G/providers/Microsoft.HybridCompute/machines/Web-1";
const ROLE: &str = "/subscriptions/S1/providers/Microsoft.Authorization/roleAssignments/r1";

/// The schema as version 5 had it: steps are never edited once they are released.
const STEPS: [&str; 5] = [
    include_str!("../../migrations/sqlite/1.sql"),
    include_str!("../../migrations/sqlite/2.sql"),
    include_str!("../../migrations/sqlite/3.sql"),
    include_str!("../../migrations/sqlite/4.sql"),
    include_str!("../../migrations/sqlite/5.sql"),
];

async fn of_version_5(pool: &SqlitePool) {
    sqlx::raw_sql("CREATE TABLE records_schema (version BIGINT NOT NULL)").execute(pool).await.unwrap();
    for (version, step) in (1_i64..).zip(STEPS) {
        sqlx::raw_sql(step).execute(pool).await.unwrap();
        sqlx::query("INSERT INTO records_schema (version) VALUES (?)")
            .bind(version)
            .execute(pool)
            .await
            .unwrap();
    }
    let key = MACHINE.to_ascii_lowercase();
    let body = json!({"location": "local", "properties": {"notes": "x".repeat(9_000)}}).to_string();
    sqlx::query("INSERT INTO resources VALUES (?, ?, ?, ?, ?, 'e1', ?, 1, 2)")
        .bind(&key)
        .bind(MACHINE)
        .bind("/subscriptions/s1/resourcegroups/g")
        .bind("Microsoft.HybridCompute/machines")
        .bind("microsoft.hybridcompute/machines")
        .bind(body)
        .execute(pool)
        .await
        .unwrap();
    sqlx::query("INSERT INTO evidence VALUES (?, 'ssh.config', 7, '{\"installed\":true}')")
        .bind(&key)
        .execute(pool)
        .await
        .unwrap();
    sqlx::query("INSERT INTO policy_events VALUES ('p1', 7, ?, '{}')")
        .bind(&key)
        .execute(pool)
        .await
        .unwrap();
}

async fn generation(pool: &SqlitePool) -> i64 {
    sqlx::query_scalar("SELECT value FROM generations WHERE name = 'access'").fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn rows_of_a_former_version_are_there_and_found_by_their_keys() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let old = SqlitePool::connect_with(options).await.unwrap();
    of_version_5(&old).await;
    old.close().await;

    let records = Records::open(&path, Arc::new(SystemClock)).await.unwrap();
    let machine = records.get(&id(MACHINE)).await.unwrap().unwrap();
    assert_eq!((machine.id.name(), machine.etag.as_str(), machine.created.0), ("Web-1", "e1", 1));
    assert_eq!(machine.property("notes").unwrap().as_str().unwrap().len(), 9_000);
    let evidence = records.evidence(&machine.id).await.unwrap();
    assert_eq!(evidence.len(), 1);
    let pool = records.pool();
    let events: i64 =
        sqlx::query_scalar("SELECT count(*) FROM policy_events").fetch_one(&pool).await.unwrap();
    assert_eq!(events, 1);

    // Long rows lie apart from what is searched.
    let own_index: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%WITHOUT ROWID%' AND name IN
         ('resources', 'evidence', 'policy_events')",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(own_index, Vec::<String>::new());
    // The statement of `list_children_of_each`, on the rows of which a fleet's work waits.
    let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(
        "EXPLAIN QUERY PLAN SELECT asked.key AS owner, found.id FROM (SELECT value AS key FROM json_each($1)) AS asked
         CROSS JOIN resources AS found WHERE found.parent_key = asked.key AND found.type_key || '' = $2
         ORDER BY found.key",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let plan: Vec<&str> = plan.iter().map(|step| step.3.as_str()).collect();
    assert!(plan.iter().any(|step| step.contains("resources_by_parent (parent_key=?)")), "{plan:?}");

    // What is derived from resources still hears of changes.
    let before = generation(&pool).await;
    records.put(write(ROLE, json!({"properties": {}}))).await.unwrap();
    assert_eq!(generation(&pool).await, before + 1);
    records.close().await;

    // The second opening finds nothing to do.
    let again = Records::open(&path, Arc::new(SystemClock)).await.unwrap();
    assert!(again.get(&id(ROLE)).await.unwrap().is_some());
    again.close().await;
}
