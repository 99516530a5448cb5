//! A batch sent twice is stored once, whatever happened in between.

use bytes::Bytes;

use crate::fixture::{Fixture, OTHER, TABLE};

#[tokio::test]
async fn at_once_after_a_flush_and_after_a_restart() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    let send = |store: &bartizan_store::Store, table: &str, seq: u64| {
        let (store, target) = (store.clone(), fixture.batch(table, seq));
        async move { store.append_json(target, Bytes::from(format!("[{{\"N\":{seq}}}]"))).await.unwrap() }
    };
    let first = send(&store, TABLE, 1).await;
    assert!(!first.duplicate);
    let again = send(&store, TABLE, 1).await;
    assert!(again.duplicate);
    assert_eq!(again.rows, 0);
    assert!(!send(&store, OTHER, 1).await.duplicate, "tables count for themselves");
    send(&store, TABLE, 2).await;
    store.flush().await.unwrap();
    assert!(send(&store, TABLE, 2).await.duplicate);
    drop(store);

    let store = fixture.open().await;
    assert!(send(&store, TABLE, 2).await.duplicate, "from the manifest");
    send(&store, TABLE, 3).await;
    drop(store);

    let store = fixture.open().await;
    assert_eq!(store.recovery().replayed_batches, 1);
    assert!(send(&store, TABLE, 3).await.duplicate, "from the log");
    assert!(send(&store, TABLE, 1).await.duplicate, "an older one, too");
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2, 3]);
    assert_eq!(fixture.numbers(&store, OTHER), [1]);
}

#[tokio::test]
async fn in_the_same_instant() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    let mut tasks: tokio::task::JoinSet<bool> =
        (0..20)
            .map(|_| {
                let (store, target) = (store.clone(), fixture.batch(TABLE, 1));
                async move {
                    store.append_json(target, Bytes::from_static(b"[{\"N\":1}]")).await.unwrap().duplicate
                }
            })
            .collect();
    let mut duplicates = 0;
    while let Some(duplicate) = tasks.join_next().await {
        duplicates += usize::from(duplicate.unwrap());
    }
    assert_eq!(duplicates, 19);
    assert_eq!(fixture.numbers(&store, TABLE), [1]);
}
