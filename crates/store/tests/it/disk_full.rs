//! A full disk refuses rows with a reason, keeps what it has, and takes rows again when there is room.

use std::path::PathBuf;
use std::sync::Arc;

use bartizan_base::time::TICKS_PER_SECOND;
use bartizan_base::{ErrorKind, Timespan};
use bartizan_store::{ROWS_REFUSED, ROWS_TAKEN};

use crate::fixture::{Fixture, TABLE};
use crate::sim_disk::SimDisk;

#[tokio::test]
async fn in_the_middle_of_a_record() {
    let disk = SimDisk::new(1);
    let mut fixture = Fixture::on(PathBuf::from("/sim"), Arc::new(disk.clone())).await;
    let store = fixture.open().await;
    fixture.append(&store, r#"{"N":1}"#).await.unwrap();
    for room in [0, 1, 50] {
        disk.set_free_bytes(room);
        let error = fixture.append(&store, r#"{"N":2}"#).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("log cannot be written"), "{error}");
    }
    assert_eq!(fixture.numbers(&store, TABLE), [1], "reading goes on");
    disk.set_free_bytes(u64::MAX);
    let ack = fixture.append(&store, r#"{"N":3}"#).await.unwrap();
    assert_eq!(ack.seq, 2);
    drop(store);
    fixture.options.disk = Arc::new(disk.restart(true));
    let store = fixture.open().await;
    assert_eq!(fixture.numbers(&store, TABLE), [1, 3]);
    assert_eq!(store.recovery().torn_bytes, 0);
    assert!(store.recovery().quarantined.is_empty());
}

#[tokio::test]
async fn before_the_reserve_is_touched() {
    let disk = SimDisk::new(1);
    let mut fixture = Fixture::on(PathBuf::from("/sim"), Arc::new(disk.clone())).await;
    fixture.options.reserve_bytes = 1 << 20;
    let store = fixture.open().await;
    fixture.append(&store, r#"{"N":1}"#).await.unwrap();
    disk.set_free_bytes((1 << 20) - 1);
    let error = fixture.append(&store, r#"{"N":2}"#).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("disk is full"), "{error}");
    store.flush().await.unwrap();
    fixture.append(&store, r#"{"N":2}"#).await.unwrap_err();
    let told = store.take_notices();
    assert_eq!(told.len(), 1, "once for all that is refused: {told:?}");
    assert!(told[0].key == ROWS_REFUSED && told[0].detail.contains("disk is full"), "{told:?}");
    disk.set_free_bytes(1 << 30);
    fixture.append(&store, r#"{"N":2}"#).await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2]);
    assert!(store.take_notices().is_empty(), "it may come back");
    fixture.clock.advance(Timespan(61 * TICKS_PER_SECOND));
    let told = store.take_notices();
    assert!(told.len() == 1 && told[0].key == ROWS_TAKEN, "{told:?}");
}

#[tokio::test]
async fn during_a_flush() {
    let disk = SimDisk::new(1);
    let mut fixture = Fixture::on(PathBuf::from("/sim"), Arc::new(disk.clone())).await;
    let store = fixture.open().await;
    fixture.append(&store, r#"{"N":1}"#).await.unwrap();
    disk.set_free_bytes(300);
    store.flush().await.unwrap_err();
    assert_eq!(fixture.numbers(&store, TABLE), [1], "still served from memory");
    disk.set_free_bytes(u64::MAX);
    fixture.append(&store, r#"{"N":2}"#).await.unwrap();
    store.flush().await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2]);
    drop(store);
    fixture.options.disk = Arc::new(disk.restart(true));
    let store = fixture.open().await;
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2]);
    assert_eq!(store.recovery().orphans_removed, 1, "the file that did not fit");
}
