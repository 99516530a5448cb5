//! Custom tables: declared, kept, widened, refused.

use bartizan_base::{ErrorKind, WorkspaceId};
use bartizan_schema::{Column, KqlType};
use uuid::Uuid;

use crate::fixture::{Fixture, TABLE, cell, table};

#[tokio::test]
async fn a_table_gains_columns_and_keeps_its_rows() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    let ack = fixture.append(&store, r#"{"N":1,"Added":"too early"}"#).await.unwrap();
    assert_eq!(ack.unknown_fields, 1);
    store.flush().await.unwrap();
    let mut wider = table(TABLE);
    wider.columns = vec![Column::new("Added", KqlType::String)];
    store.create_table(fixture.workspace, wider).await.unwrap();
    fixture.append(&store, r#"{"N":2,"Added":"in time"}"#).await.unwrap();
    drop(store);
    let store = fixture.open().await;
    let declared = store.table(fixture.workspace, "everything_cl").unwrap();
    assert!(declared.column("Added").is_some() && declared.column("Exact").is_some());
    let batches = fixture.batches(&store, TABLE);
    assert!(batches[0].column_by_name("Added").is_none(), "the file is as it was");
    assert_eq!(cell(&batches[1], "Added", 0), "in time");
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2]);
}

#[tokio::test]
async fn tables_belong_to_their_workspace() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    let elsewhere = WorkspaceId(Uuid::from_u128(0xE));
    assert!(store.table(elsewhere, TABLE).is_none());
    assert!(store.table(elsewhere, "SecurityEvent").is_some());
    assert_eq!(store.tables(fixture.workspace).len(), store.tables(elsewhere).len() + 2);
    let error = store.snapshot(elsewhere, &["Heartbeat", TABLE]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn bad_declarations_are_refused() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    let with = |name: &str, columns: &[(&str, KqlType)]| {
        let mut table = table(name);
        table.columns = columns.iter().map(|(name, ty)| Column::new(*name, *ty)).collect();
        table
    };
    let long = KqlType::Long;
    for (declaration, kind) in [
        (with("Plain", &[]), ErrorKind::Invalid),
        (with("../up_CL", &[]), ErrorKind::Invalid),
        (with("T_CL", &[("a", long), ("a", long)]), ErrorKind::Invalid),
        (with("T_CL", &[("__seq", long)]), ErrorKind::Invalid),
        (with("T_CL", &[("a b", long)]), ErrorKind::Invalid),
        (with("T_CL", &[("TimeGenerated", long)]), ErrorKind::Invalid),
        (with("T_CL", &[("_BilledSize", long)]), ErrorKind::Invalid),
        (with("EVERYTHING_CL", &[]), ErrorKind::Invalid),
        (with(TABLE, &[("N", KqlType::String)]), ErrorKind::Conflict),
    ] {
        let shown = format!("{} {:?}", declaration.name, declaration.columns);
        let error = store.create_table(fixture.workspace, declaration).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{shown}: {error}");
    }
}

#[tokio::test]
async fn a_dropped_table_leaves_nothing_and_can_be_made_again() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    for n in 0..4 {
        fixture.append(&store, &format!("{{\"N\":{n}}}")).await.unwrap();
        if n == 1 {
            store.flush().await.unwrap();
            store.publish().await.unwrap();
        }
    }
    let seq = store.committed_seq();
    store.drop_table(fixture.workspace, TABLE).await.unwrap();
    assert_eq!(store.snapshot(fixture.workspace, &[TABLE]).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fixture.append(&store, "{}").await.unwrap_err().kind(), ErrorKind::NotFound);
    let folder = fixture.options.dir.join("data").join(fixture.workspace.to_string()).join(TABLE);
    let left = fixture.options.disk.list(&folder).unwrap();
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
    drop(store);
    // The fixture declares it again.
    let store = fixture.open().await;
    assert!(store.recovery().quarantined.is_empty());
    assert_eq!(fixture.numbers(&store, TABLE), Vec::<i64>::new());
    assert_eq!(
        fixture.append(&store, r#"{"N":7}"#).await.unwrap().seq,
        seq + 1,
        "numbers are never used twice"
    );
    store.flush().await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), [7]);
    let error = store.drop_table(fixture.workspace, "Heartbeat").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}
