//! What only PostgreSQL has: other servers on the same records, and the way there and back.

use std::sync::Arc;

use bartizan_base::{ManualClock, ResourceId, Ticks};
use bartizan_records::{Actor, ListQuery, NewSecret, Principal, PrincipalKind, Records, SecretKind};
use serde_json::json;
use uuid::Uuid;

use crate::{id, postgres, write};

const GROUP: &str = "/subscriptions/s/resourceGroups/rg";

/// Two servers on one database; `None`, said, where there is no PostgreSQL.
async fn two() -> Option<(Records, Records, tempfile::TempDir)> {
    let Some(url) = postgres().await else {
        println!("skipped: BARTIZAN_TEST_POSTGRES names no server");
        return None;
    };
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Ticks(1)));
    let one = Records::open_postgres(&dir.path().join("1.db"), &url, clock.clone()).await.unwrap();
    let two = Records::open_postgres(&dir.path().join("2.db"), &url, clock).await.unwrap();
    Some((one, two, dir))
}

#[tokio::test]
async fn a_server_hears_of_the_others_changes_and_of_its_own_once() {
    let Some((one, two, _dir)) = two().await else { return };
    let (mut at_one, mut at_two) = (one.subscribe(), two.subscribe());
    one.put(write(GROUP, json!({"a": 1}))).await.unwrap();
    assert_eq!(at_two.recv().await.unwrap().id, id(GROUP));
    two.delete(&id(GROUP), &Actor::system("test"), None).await.unwrap();
    assert_eq!(at_one.recv().await.unwrap().id, id(GROUP), "its own, once");
    let deleted = at_one.recv().await.unwrap();
    assert_eq!(deleted.op, bartizan_records::ChangeOp::Delete);
    assert!(at_one.try_recv().is_err());
}

#[tokio::test]
async fn the_longest_id_is_told_and_evidence_by_its_own_type() {
    let Some((one, two, _dir)) = two().await else { return };
    let mut at_two = two.subscribe();
    let prefix = format!("{GROUP}/providers/Microsoft.Security/assessments/");
    let long = format!("{prefix}{}", "ä".repeat((2048 - prefix.len()) / 2));
    one.put(write(&long, json!({}))).await.unwrap();
    let told = at_two.recv().await.unwrap();
    assert_eq!((told.id, told.resource_type.as_str()), (id(&long), "Microsoft.Security/assessments"));
    one.put_evidence(&id(GROUP), "ssh", json!({}), Ticks(1)).await.unwrap();
    assert_eq!(at_two.recv().await.unwrap().resource_type, bartizan_records::EVIDENCE_CHANGE_TYPE);
}

#[tokio::test]
async fn writers_of_two_servers_lose_no_update() {
    let Some((one, two, _dir)) = two().await else { return };
    one.put(write(GROUP, json!({"n": 0}))).await.unwrap();
    let group: ResourceId = id(GROUP);
    let add = |records: Records| {
        let group = group.clone();
        async move {
            for _ in 0..20 {
                records
                    .modify(&group, &Actor::system("test"), false, |body| {
                        body["n"] = (body["n"].as_i64().unwrap() + 1).into();
                        true
                    })
                    .await
                    .unwrap();
            }
        }
    };
    tokio::join!(add(one.clone()), add(two.clone()), add(one.clone()), add(two));
    assert_eq!(one.get(&group).await.unwrap().unwrap().body["n"], 80);
}

#[tokio::test]
async fn records_move_to_postgres_and_back_whole() {
    let Some(url) = postgres().await else {
        println!("skipped: BARTIZAN_TEST_POSTGRES names no server");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Ticks(7)));
    let file = Records::open(&dir.path().join("control.db"), clock.clone()).await.unwrap();
    for n in 0..30 {
        file.put(write(&format!("{GROUP}/providers/A.B/things/{n}"), json!({"n": n, "text": "ä\n\"'"})))
            .await
            .unwrap();
    }
    let who = Principal {
        object_id: Uuid::new_v4(),
        app_id: None,
        name: "Owner".to_owned(),
        kind: PrincipalKind::User,
        created: Ticks(3),
        disabled: true,
        tokens_from: Ticks(5),
    };
    file.put_principal(&who).await.unwrap();
    file.set_password(who.object_id, "hash").await.unwrap();
    file.put_state("home", json!({"complete": true})).await.unwrap();
    let secret = NewSecret {
        kind: SecretKind::OnboardingToken,
        subject: String::new(),
        data: json!({}),
        expires: Ticks(9),
        uses: None,
    };
    file.put_secret("abc", secret).await.unwrap();
    let sent = file.next_activity(1000).await.unwrap().unwrap();
    file.acknowledge_activity(sent.id).await.unwrap();

    let there = Records::open_postgres(&dir.path().join("there.db"), &url, clock.clone()).await.unwrap();
    assert!(there.is_empty().await.unwrap());
    file.copy_to(&there).await.unwrap();
    same(&file, &there, &who).await;
    // Numbers of activity batches go on: the log store would take a smaller one for a repeat.
    there.put(write(GROUP, json!({}))).await.unwrap();
    let next = there.next_activity(10).await.unwrap().unwrap();
    assert_eq!(next.id.source, sent.id.source);
    assert!(next.id.seq > sent.id.seq, "{} after {}", next.id.seq, sent.id.seq);

    // A copy beside the running server has the records as well, and is a way back.
    let copy = dir.path().join("copy.db");
    there.snapshot_to(&copy).await.unwrap();
    let back = Records::open(&copy, clock).await.unwrap();
    same(&there, &back, &who).await;
    assert_eq!(back.next_activity(10).await.unwrap().unwrap(), next);
    file.clear().await.unwrap();
    assert!(file.is_empty().await.unwrap());
    assert_eq!(file.see_secret(SecretKind::OnboardingToken, "abc").await.unwrap(), None);
}

async fn same(one: &Records, two: &Records, who: &Principal) {
    let all = |records: &Records| {
        let records = records.clone();
        async move { records.list_all(&ListQuery::tenant(), "A.B/things").await.unwrap() }
    };
    assert_eq!(all(one).await, all(two).await);
    assert_eq!(all(two).await.len(), 30);
    assert_eq!(two.principal(who.object_id).await.unwrap().as_ref(), Some(who));
    assert_eq!(two.user_by_name("OWNER").await.unwrap().as_ref(), Some(who));
    assert_eq!(two.credential(who.object_id).await.unwrap().unwrap().password, "hash");
    assert_eq!(two.get_state("home").await.unwrap(), Some(json!({"complete": true})));
    assert!(two.see_secret(SecretKind::OnboardingToken, "abc").await.unwrap().is_some());
}
