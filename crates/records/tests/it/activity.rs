//! The activity outbox: one entry a write, numbered batches, nothing lost between.

use bartizan_records::{Actor, Write};
use serde_json::json;

use crate::{fixture, id, write};

const PLAN: &str = "/subscriptions/s/providers/Microsoft.Security/pricings/VirtualMachines";

#[tokio::test]
async fn a_batch_is_repeated_until_it_is_acknowledged() {
    let f = fixture().await;
    f.records.put(write(PLAN, json!({"a": 1}))).await.unwrap();
    f.records.put(Write { audit: false, ..write(PLAN, json!({"a": 2})) }).await.unwrap();
    let first = f.records.next_activity(10).await.unwrap().unwrap();
    assert_eq!(first.entries.len(), 1);
    assert_eq!(first.entries[0].operation, "Microsoft.Security/pricings/write");
    assert_eq!(first.entries[0].before, None);
    // More arrives, then the server stops before it acknowledged: the same batch comes again.
    f.records.delete(&id(PLAN), &Actor::system("test"), None).await.unwrap();
    assert_eq!(f.records.next_activity(10).await.unwrap().unwrap(), first);
    f.records.acknowledge_activity(first.id).await.unwrap();
    let second = f.records.next_activity(10).await.unwrap().unwrap();
    assert_eq!(second.entries[0].operation, "Microsoft.Security/pricings/delete");
    assert_eq!(second.entries[0].before, Some(json!({"a": 2})));
    assert_eq!(second.id.source, first.id.source);
    assert!(second.id.seq > first.id.seq);
    f.records.acknowledge_activity(second.id).await.unwrap();
    assert_eq!(f.records.next_activity(10).await.unwrap(), None);
}
