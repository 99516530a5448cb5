//! One holder at a time.

use bartizan_base::Timespan;

use crate::fixture;

#[tokio::test]
async fn a_lease_is_kept_by_its_holder_and_passes_on_when_it_ends() {
    let f = fixture().await;
    let other = f.other().await;
    let minute = seconds(60);
    assert!(f.records.hold_lease("work", minute).await.unwrap());
    assert!(!other.hold_lease("work", minute).await.unwrap());
    assert!(other.hold_lease("other work", minute).await.unwrap());
    f.clock.advance(seconds(50));
    assert!(f.records.hold_lease("work", minute).await.unwrap(), "the holder keeps it");
    f.clock.advance(seconds(50));
    assert!(!other.hold_lease("work", minute).await.unwrap(), "it was kept");
    f.clock.advance(seconds(10));
    assert!(other.hold_lease("work", minute).await.unwrap(), "it has ended");
    assert!(!f.records.hold_lease("work", minute).await.unwrap());
    other.release_lease("work").await.unwrap();
    assert!(f.records.hold_lease("work", minute).await.unwrap(), "it was given back");
}

#[tokio::test]
async fn of_many_that_ask_at_once_one_gets_it() {
    let f = fixture().await;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(f.other().await);
    }
    let asked = others.iter().map(|records| records.hold_lease("work", seconds(1)));
    let got: Vec<bool> = futures::future::try_join_all(asked).await.unwrap();
    assert_eq!(got.iter().filter(|held| **held).count(), 1, "{got:?}");
}

fn seconds(n: i64) -> Timespan {
    Timespan::from_seconds(n)
}
