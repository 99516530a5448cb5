//! Several workspaces in one store: apart from one another, deleted alone, read together when asked.

use bartizan_base::{ErrorKind, WorkspaceId};
use bartizan_schema::{Column, KqlType};
use bartizan_store::{AppendTarget, Retention, Store};
use uuid::Uuid;

use crate::fixture::{Fixture, TABLE, numbers_of, read_file, table};

const OTHER: WorkspaceId = WorkspaceId(Uuid::from_u128(0xE));

fn target(fixture: &Fixture, table: &str) -> AppendTarget {
    AppendTarget { workspace: OTHER, ..fixture.target(table) }
}

/// The values of column `N` of a table of the other workspace, sorted.
fn numbers(fixture: &Fixture, store: &Store, workspace: WorkspaceId, table: &str) -> Vec<i64> {
    let snapshot = store.snapshot(workspace, &[table]).unwrap();
    let part = &snapshot.tables[table];
    let files = part.files.iter().flat_map(|file| read_file(&*fixture.options.disk, &file.path));
    let mut numbers: Vec<i64> =
        files.chain(part.memory.iter().cloned()).flat_map(|batch| numbers_of(&batch)).collect();
    numbers.sort_unstable();
    numbers
}

/// Rows of the other workspace in files and in memory, of a custom table and of a standard one; and some that stay.
async fn two(fixture: &Fixture) -> Store {
    let store = fixture.open().await;
    store.create_table(OTHER, table(TABLE)).await.unwrap();
    fixture.append(&store, r#"{"N":1}"#).await.unwrap();
    for n in [10, 11] {
        let row = format!(r#"{{"N":{n},"Computer":"c"}}"#);
        store.append_json(target(fixture, TABLE), row.into()).await.unwrap();
        let row = r#"{"Computer":"c","SyslogMessage":"x"}"#;
        store.append_json(target(fixture, "Syslog"), row.into()).await.unwrap();
        if n == 10 {
            store.flush().await.unwrap();
            store.publish().await.unwrap();
        }
    }
    store
}

#[tokio::test]
async fn a_deleted_workspace_is_gone_and_others_stay() {
    let fixture = Fixture::new().await;
    let store = two(&fixture).await;
    let kept = Retention { days: 5, total_days: 9 };
    store.set_retention(OTHER, None, Some(kept)).await.unwrap();
    assert_eq!(numbers(&fixture, &store, OTHER, TABLE), [10, 11]);
    let folder = fixture.options.dir.join("data").join(OTHER.to_string());
    let files = || {
        let tables = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path());
        let below =
            |dir: std::path::PathBuf| std::fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path());
        tables.flat_map(below).flat_map(below).filter(|path| path.is_file()).count()
    };
    assert!(files() > 0);

    assert_eq!(store.drop_workspace(OTHER).await.unwrap(), 2, "two tables had rows");
    assert_eq!(store.drop_workspace(OTHER).await.unwrap(), 0);
    assert_eq!(files(), 0, "data and published log are gone from the disk");
    assert!(store.tables(OTHER).is_empty());
    assert_eq!(store.snapshot(OTHER, &["Syslog"]).unwrap_err().kind(), ErrorKind::NotFound);
    for table_name in [TABLE, "Syslog"] {
        let late = store.append_json(target(&fixture, table_name), r#"{"N":12}"#.into()).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::NotFound, "{table_name}");
    }
    assert_eq!(store.create_table(OTHER, table(TABLE)).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(fixture.numbers(&store, TABLE), [1]);
    fixture.append(&store, r#"{"N":2}"#).await.unwrap();
    store.flush().await.unwrap();
    drop(store);

    let store = fixture.open().await;
    assert_eq!(store.recovery().quarantined, Vec::<std::path::PathBuf>::new());
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2]);
    assert!(store.table(OTHER, TABLE).is_none(), "its declarations are gone");
    let syslog = store.snapshot(OTHER, &["Syslog"]).unwrap();
    assert!(syslog.tables["Syslog"].files.is_empty() && syslog.tables["Syslog"].memory.is_empty());
    assert_ne!(store.retention(OTHER, "Syslog").unwrap(), kept);
}

/// The process ends right after the deletion was asked for, before anything was removed: the next start does it.
#[tokio::test]
async fn a_deletion_is_made_up_for_after_a_restart() {
    let fixture = Fixture::new().await;
    drop(two(&fixture).await);
    let store = fixture.open().await;
    assert_eq!(numbers(&fixture, &store, OTHER, TABLE), [10, 11], "read back from files and the log");
    assert_eq!(store.drop_workspace(OTHER).await.unwrap(), 2);
    drop(store);
    let store = fixture.open().await;
    assert!(store.table(OTHER, TABLE).is_none());
    assert_eq!(fixture.numbers(&store, TABLE), [1]);
}

#[tokio::test]
async fn tables_of_one_name_are_read_together() {
    let fixture = Fixture::new().await;
    let store = two(&fixture).await;
    let mut wider = table(TABLE);
    wider.columns = vec![Column::new("Added", KqlType::String)];
    store.create_table(OTHER, wider).await.unwrap();
    let part = |workspace| store.snapshot(workspace, &[TABLE]).unwrap().tables.remove(TABLE).unwrap();
    let joined = part(fixture.workspace).joined(part(OTHER)).unwrap();
    assert!(joined.table.column("Added").is_some(), "what one of them has besides");
    assert!(joined.memory.iter().all(|batch| batch.schema() == joined.schema));
    let files = joined.files.iter().flat_map(|file| read_file(&*fixture.options.disk, &file.path));
    let mut all: Vec<i64> =
        files.chain(joined.memory.iter().cloned()).flat_map(|batch| numbers_of(&batch)).collect();
    all.sort_unstable();
    assert_eq!(all, [1, 10, 11]);

    let mut odd = table("Odd_CL");
    odd.columns = vec![Column::new("N", KqlType::String)];
    store.create_table(OTHER, odd).await.unwrap();
    store.create_table(fixture.workspace, table("Odd_CL")).await.unwrap();
    let part = |workspace| store.snapshot(workspace, &["Odd_CL"]).unwrap().tables.remove("Odd_CL").unwrap();
    assert_eq!(part(fixture.workspace).joined(part(OTHER)).unwrap_err(), "N");
}
