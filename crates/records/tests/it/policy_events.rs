//! Policy events: kept, read newest first page by page, purged by age and by count.

use bartizan_base::{Ticks, Timespan};
use bartizan_records::NewPolicyEvent;
use serde_json::json;

use crate::{fixture, id};

fn event(resource: &str, time: Ticks, number: u64) -> NewPolicyEvent {
    NewPolicyEvent { time, resource: id(resource), event: json!({"number": number}) }
}

#[tokio::test]
async fn events_are_read_by_scope_and_time_and_purged() {
    let f = fixture().await;
    let start = f.records.now();
    let later = |seconds: i64| start.saturating_add(Timespan::from_seconds(seconds));
    let (one, two) = ("/subscriptions/s/resourceGroups/A/x/m", "/subscriptions/s/resourceGroups/AB/x/m");
    let made: Vec<NewPolicyEvent> = (0..1203_u64)
        .map(|number| event(if number % 3 == 0 { two } else { one }, later(number as i64 / 4), number))
        .collect();
    f.records.add_policy_events(&made).await.unwrap();
    f.records.add_policy_events(&[]).await.unwrap();
    let all = |scope: &str| {
        let (records, scope) = (f.records.clone(), id(scope));
        async move {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = records.policy_events(&scope, start, later(1000), after, 100).await.unwrap();
                let Some(last) = page.last() else { return found };
                after = Some((last.time, last.id));
                found.extend(page);
            }
        }
    };
    let found = all("/subscriptions/S").await;
    assert_eq!(found.len(), 1203, "each once, over the ends of pages");
    assert!(found.windows(2).all(|pair| pair[0].time >= pair[1].time));
    let in_a = all("/subscriptions/s/resourceGroups/a").await;
    assert_eq!(in_a.len(), 802, "a group whose name starts the same is another one");
    assert_eq!(all(two).await.len(), 401);
    assert_eq!(all("/").await.len(), 1203);
    let some = f.records.policy_events(&id("/"), later(10), later(10), None, 100).await.unwrap();
    assert_eq!(some.len(), 4, "both ends are meant");

    assert_eq!(f.records.purge_policy_events(later(100), 10_000).await.unwrap(), 400);
    assert_eq!(f.records.purge_policy_events(later(100), 50).await.unwrap(), 753);
    let kept = all("/").await;
    assert_eq!((kept.len(), kept[0].event["number"].as_u64().unwrap() / 4), (50, 300));
    assert_eq!(f.records.purge_policy_events(later(100), 50).await.unwrap(), 0);
}
