//! The resource store: conditions, listing, deletion, the change feed.

use bartizan_base::{ErrorKind, ManualClock, Ticks};
use bartizan_records::{Actor, ChangeOp, Condition, EVIDENCE_CHANGE_TYPE, ListQuery, Records, Write};
use serde_json::json;
use std::sync::Arc;

use crate::{fixture, id, write};

const MACHINE: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/Web01";

#[tokio::test]
async fn ids_ignore_case_and_keep_their_first_spelling() {
    let f = fixture().await;
    let first = f.records.put(write(MACHINE, json!({"location": "local"}))).await.unwrap();
    assert!(first.created);
    let again = f.records.put(write(&MACHINE.to_uppercase(), json!({"location": "x"}))).await.unwrap();
    assert!(!again.created);
    assert_eq!(again.resource.id.as_str(), MACHINE);
    assert_ne!(first.resource.etag, again.resource.etag);
    let arm = f.records.get(&id(&MACHINE.to_lowercase())).await.unwrap().unwrap().to_arm_json();
    assert_eq!(arm["name"], "Web01");
    assert_eq!(arm["type"], "Microsoft.HybridCompute/machines");
    assert_eq!(arm["location"], "x");
}

#[tokio::test]
async fn conditions_hold_or_refuse() {
    let f = fixture().await;
    let only_new = Write { condition: Condition::IfNoneMatch, ..write(MACHINE, json!({})) };
    let etag = f.records.put(only_new.clone()).await.unwrap().resource.etag;
    assert_eq!(f.records.put(only_new).await.unwrap_err().kind(), ErrorKind::Precondition);
    let with = |etag: &str| Write {
        condition: Condition::IfMatch(etag.to_owned()),
        ..write(MACHINE, json!({"a": 1}))
    };
    assert_eq!(f.records.put(with("\"other\"")).await.unwrap_err().kind(), ErrorKind::Precondition);
    // Clients send etags with and without their quotes.
    f.records.put(with(etag.trim_matches('"'))).await.unwrap();
    let refused = f.records.delete(&id(MACHINE), &Actor::system("test"), Some(&etag)).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Precondition);
    assert!(f.records.delete(&id(MACHINE), &Actor::system("test"), Some("*")).await.unwrap());
    assert!(!f.records.delete(&id(MACHINE), &Actor::system("test"), None).await.unwrap());
}

#[tokio::test]
async fn delete_takes_children_and_evidence_but_not_neighbours() {
    let f = fixture().await;
    for text in ["", "/extensions/MDE.Linux", "/providers/Microsoft.Security/assessments/k", "0"] {
        f.records.put(write(&format!("{MACHINE}{text}"), json!({}))).await.unwrap();
    }
    f.records.put_evidence(&id(MACHINE), "ssh.config", json!({"root": true}), Ticks(1)).await.unwrap();
    let mut changes = f.records.subscribe();
    f.records.delete(&id(MACHINE), &Actor::system("test"), None).await.unwrap();
    let left = f.records.list_all(&ListQuery::tenant(), "microsoft.hybridcompute/MACHINES").await.unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(f.records.evidence(&id(MACHINE)).await.unwrap().is_empty());
    for _ in 0..3 {
        assert_eq!(changes.try_recv().unwrap().op, ChangeOp::Delete);
    }
    assert!(changes.try_recv().is_err());
}

#[tokio::test]
async fn lists_page_in_order_and_by_parent() {
    let f = fixture().await;
    for n in 0..5 {
        f.records.put(write(&format!("{MACHINE}{n}"), json!({}))).await.unwrap();
        f.records.put(write(&format!("{MACHINE}{n}/extensions/e"), json!({}))).await.unwrap();
    }
    let query = |after| ListQuery {
        scope: id("/SUBSCRIPTIONS/s"),
        resource_type: Some("Microsoft.HybridCompute/machines"),
        direct: false,
        after,
        limit: 2,
    };
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = f.records.list(query(after)).await.unwrap();
        names.extend(page.items.iter().map(|item| item.id.name().to_owned()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["Web010", "Web011", "Web012", "Web013", "Web014"]);
    let children = f
        .records
        .list(ListQuery {
            scope: id(&format!("{MACHINE}0")),
            resource_type: None,
            direct: true,
            after: None,
            limit: 10,
        })
        .await
        .unwrap();
    assert_eq!(children.items.len(), 1);
    let none = f.records.list(ListQuery { direct: true, ..query(None) }).await.unwrap();
    assert!(none.items.is_empty(), "machines are children of the resource group");
}

#[tokio::test]
async fn unaudited_repeats_change_nothing() {
    let f = fixture().await;
    let quiet = || Write { audit: false, ..write(MACHINE, json!({"a": 1})) };
    let etag = f.records.put(quiet()).await.unwrap().resource.etag;
    let mut changes = f.records.subscribe();
    assert_eq!(f.records.put(quiet()).await.unwrap().resource.etag, etag);
    let by = Actor::system("test");
    f.records
        .modify(&id(MACHINE), &by, false, |body| {
            body["a"] = json!(1);
            true
        })
        .await
        .unwrap();
    assert!(changes.try_recv().is_err());
    f.records.put_evidence(&id(MACHINE), "t", json!(1), Ticks(1)).await.unwrap();
    f.records.put_evidence(&id(MACHINE), "t", json!(1), Ticks(2)).await.unwrap();
    assert_eq!(changes.try_recv().unwrap().resource_type, EVIDENCE_CHANGE_TYPE);
    assert!(changes.try_recv().is_err());
    assert_eq!(f.records.evidence(&id(MACHINE)).await.unwrap()["t"].0, Ticks(2));
}

#[tokio::test]
async fn concurrent_edits_all_arrive() {
    let f = fixture().await;
    f.records.put(write(MACHINE, json!({"n": 0}))).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let records = f.records.clone();
            tokio::spawn(async move {
                let by = Actor::system("test");
                records
                    .modify(&id(MACHINE), &by, true, |body| {
                        body["n"] = json!(body["n"].as_i64().unwrap() + 1);
                        true
                    })
                    .await
                    .unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(f.records.get(&id(MACHINE)).await.unwrap().unwrap().body["n"], 20);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    let clock = Arc::new(ManualClock::new(Ticks(0)));
    let records = Records::open(&path, clock.clone()).await.unwrap();
    sqlx::query("INSERT INTO records_schema (version) VALUES (999)").execute(&records.pool()).await.unwrap();
    records.close().await;
    let error = Records::open(&path, clock).await.unwrap_err();
    assert!(error.to_string().contains("999"), "{error}");
}
