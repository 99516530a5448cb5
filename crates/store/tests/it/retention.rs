//! How long rows stay in queries and on disk.

use bartizan_base::{Clock, Timespan};
use bartizan_store::Retention;
use serde_json::json;

use crate::fixture::{Fixture, OTHER, TABLE};

fn days(days: i64) -> Timespan {
    Timespan::from_seconds(days * 86_400)
}

/// A row of each of the days `-29`, `-1` and `0`, flushed.
async fn three_days() -> (Fixture, bartizan_store::Store) {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    let now = fixture.clock.now();
    let row = |n: i64, age: i64| json!({"N": n, "TimeGenerated": format!("{}", now - days(age))});
    for (n, age) in [(1, 29), (2, 1), (3, 0)] {
        // Each arrives when it is generated.
        fixture.clock.set(now - days(age));
        fixture.append(&store, &row(n, age).to_string()).await.unwrap();
        store.flush().await.unwrap();
    }
    (fixture, store)
}

#[tokio::test]
async fn files_past_the_declared_retention_go_and_wait_for_their_readers() {
    let (fixture, store) = three_days().await;
    store.maintain(fixture.clock.now()).await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2, 3]);
    fixture.clock.advance(days(2));
    let before = {
        // Out of sight at once, whether or not upkeep ran.
        assert_eq!(fixture.numbers(&store, TABLE), [2, 3]);
        store
            .set_retention(fixture.workspace, Some(TABLE), Some(Retention { days: 40, total_days: 40 }))
            .await
            .unwrap();
        store.snapshot(fixture.workspace, &[TABLE]).unwrap()
    };
    let path = before.tables[TABLE].files.iter().next().unwrap().path.clone();
    store.set_retention(fixture.workspace, Some(TABLE), None).await.unwrap();
    store.maintain(fixture.clock.now()).await.unwrap();
    assert!(path.exists(), "a snapshot still reads it");
    drop(before);
    assert!(!path.exists());
    assert_eq!(fixture.numbers(&store, TABLE), [2, 3]);
    drop(store);
    let store = fixture.open().await;
    assert_eq!(fixture.numbers(&store, TABLE), [2, 3]);
}

#[tokio::test]
async fn rows_between_interactive_and_total_retention_come_back_when_it_is_raised() {
    let (fixture, store) = three_days().await;
    let set = |days, total_days| {
        store.set_retention(fixture.workspace, Some(TABLE), Some(Retention { days, total_days }))
    };
    set(1, 60).await.unwrap();
    store.maintain(fixture.clock.now()).await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), [2, 3]);
    set(30, 60).await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2, 3]);
    set(1, 20).await.unwrap();
    store.maintain(fixture.clock.now()).await.unwrap();
    set(30, 60).await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), [2, 3], "what was dropped stays so");
}

#[tokio::test]
async fn a_workspace_has_a_default_and_settings_survive_a_restart() {
    let (fixture, store) = three_days().await;
    let short = Retention { days: 4, total_days: 8 };
    store.set_retention(fixture.workspace, None, Some(short)).await.unwrap();
    let own = Retention { days: 10, total_days: 10 };
    store.set_retention(fixture.workspace, Some("other_cl"), Some(own)).await.unwrap();
    for store in [store, fixture.open().await] {
        assert_eq!(store.retention(fixture.workspace, TABLE).unwrap(), short);
        assert_eq!(store.retention(fixture.workspace, OTHER).unwrap(), own);
        assert_eq!(fixture.numbers(&store, TABLE), [2, 3]);
        let elsewhere = bartizan_base::WorkspaceId(uuid::Uuid::from_u128(0xE));
        assert_eq!(store.retention(elsewhere, "Heartbeat").unwrap().days, 90);
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let (fixture, store) = three_days().await;
    for (days, total_days) in [(0, 5), (5, 4), (5, 5000)] {
        let set = Some(Retention { days, total_days });
        let error = store.set_retention(fixture.workspace, Some(TABLE), set).await.unwrap_err();
        assert_eq!(error.kind(), bartizan_base::ErrorKind::Invalid, "{error}");
    }
    let error = store.set_retention(fixture.workspace, Some("None_CL"), None).await.unwrap_err();
    assert_eq!(error.kind(), bartizan_base::ErrorKind::NotFound);
}

#[tokio::test]
async fn evidence_imported_late_is_kept_from_its_arrival() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    fixture.append(&store, r#"{"N":1,"TimeGenerated":"2019-05-01T00:00:00Z"}"#).await.unwrap();
    store.flush().await.unwrap();
    fixture.clock.advance(days(29));
    store.maintain(fixture.clock.now()).await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), [1]);
    fixture.clock.advance(days(2));
    store.maintain(fixture.clock.now()).await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), Vec::<i64>::new());
}
