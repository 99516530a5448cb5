//! What is asked at the same moment: the same answers as one by one.

use bartizan_base::Ticks;
use bartizan_records::{Agent, Condition, Principal, PrincipalKind, RecordsError, Write, Written};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::{fixture, id, write};

const GROUP: &str = "/subscriptions/s/resourceGroups/rg";

fn machine(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.HybridCompute/machines/{name}")
}

/// What became of a write, in short.
fn outcome(done: &Result<Written, RecordsError>) -> &'static str {
    match done {
        Ok(written) if written.created => "created",
        Ok(_) => "updated",
        Err(RecordsError::Exists(_)) => "exists",
        Err(RecordsError::EtagMismatch { .. }) => "changed",
        Err(RecordsError::GroupMissing(_)) => "no group",
        Err(RecordsError::GroupLeaving(_)) => "leaving group",
        Err(_) => "failed",
    }
}

#[tokio::test]
async fn each_write_has_its_own_outcome_and_its_own_entry() {
    let f = fixture().await;
    f.records.put(write(GROUP, json!({}))).await.unwrap();
    let leaving = GROUP.replace("/rg", "/leaving");
    f.records.put(write(&leaving, json!({"properties": {"provisioningState": "Deleting"}}))).await.unwrap();
    let before = f.records.put(write(&machine("old"), json!({"n": 0}))).await.unwrap().resource;
    let batch = f.records.next_activity(100).await.unwrap().unwrap();
    f.records.acknowledge_activity(batch.id).await.unwrap();
    let mut changes = f.records.subscribe();

    let with = |name: &str, condition: Condition, n: u64| Write {
        condition,
        ..write(&machine(name), json!({"n": n}))
    };
    let etag = || Condition::IfMatch(before.etag.clone());
    let mut asked = vec![
        with("old", etag(), 1),
        with("OLD", etag(), 2),
        with("new", Condition::IfNoneMatch, 3),
        with("NEW", Condition::IfNoneMatch, 4),
        with("any", Condition::None, 5),
        with("any", Condition::None, 6),
        Write { id: id(&machine("x").replace("/rg/", "/none/")), ..with("x", Condition::None, 7) },
        Write { id: id(&machine("x").replace("/rg/", "/leaving/")), ..with("x", Condition::None, 8) },
        Write { audit: false, body: before.body.clone(), ..with("quiet", Condition::None, 9) },
    ];
    asked.extend((0..300).map(|n| with(&format!("many-{n}"), Condition::IfNoneMatch, n)));
    let done = join_all(asked.into_iter().map(|write| f.records.put_in_group(write))).await;

    let outcomes: Vec<&str> = done.iter().map(outcome).collect();
    assert_eq!(
        outcomes[..9],
        [
            "updated",
            "changed",
            "created",
            "exists",
            "created",
            "updated",
            "no group",
            "leaving group",
            "created"
        ]
    );
    assert!(outcomes[9..].iter().all(|outcome| *outcome == "created"), "{outcomes:?}");
    for written in done.iter().flatten() {
        let stored = f.records.get(&written.resource.id).await.unwrap().unwrap();
        let last = written.resource.id != id(&machine("any")) || written.resource.body["n"] == 6;
        assert_eq!(stored == written.resource, last, "{}", stored.id);
    }
    assert_eq!(f.records.get(&id(&machine("new"))).await.unwrap().unwrap().id.name(), "new");

    // One entry and one change for each that was made, in their order; a quiet one has no entry.
    let entries = f.records.next_activity(1000).await.unwrap().unwrap().entries;
    assert_eq!(entries.len(), 4 + 300);
    let told: Vec<u64> =
        entries[..4].iter().filter_map(|entry| entry.after.as_ref()?["n"].as_u64()).collect();
    assert_eq!(told, [1, 3, 5, 6]);
    for _ in 0..5 + 300 {
        changes.try_recv().unwrap();
    }
    assert!(changes.try_recv().is_err());
}

#[tokio::test]
async fn each_reader_gets_what_it_asked_for() {
    let f = fixture().await;
    for n in 0..50_u128 {
        f.records.put(write(&machine(&format!("m{n}")), json!({"n": n as u64}))).await.unwrap();
        let agent = Agent {
            vm_id: Uuid::from_u128(n),
            machine: id(&machine(&format!("m{n}"))),
            serial: format!("{n:x}"),
            previous_serial: String::new(),
            enrolled: Ticks(1),
            last_seen: Ticks(1),
            agent_version: "1".to_owned(),
        };
        f.records.put_agent(&agent).await.unwrap();
        let principal = Principal {
            object_id: Uuid::from_u128(n),
            app_id: None,
            name: format!("p{n}"),
            kind: PrincipalKind::ServicePrincipal,
            created: Ticks(1),
            disabled: n % 2 == 0,
            tokens_from: Ticks(1),
        };
        f.records.put_principal(&principal).await.unwrap();
    }
    // Each twice, in another case, and as many that are not there.
    let resources = join_all((0..200_u64).map(async |n| {
        let name = machine(&format!("{}{}", if n < 100 { "m" } else { "M" }, n % 100));
        f.records.get(&id(&name)).await.unwrap().map(|found| found.body["n"].as_u64().unwrap())
    }));
    let agents = join_all((0..100).map(async |n| f.records.agent(Uuid::from_u128(n)).await.unwrap()));
    let principals = join_all((0..100).map(async |n| {
        let (principal, access) = f.records.principal_and_access(Uuid::from_u128(n)).await.unwrap();
        (principal.map(|principal| (principal.name, principal.disabled)), access)
    }));
    let (resources, agents, principals) = futures::join!(resources, agents, principals);
    for (n, found) in (0..200_u64).zip(resources) {
        assert_eq!(found, Some(n % 100).filter(|n| *n < 50), "{n}");
    }
    for (n, found) in (0..).zip(agents) {
        assert_eq!(found.map(|agent| agent.serial), Some(format!("{n:x}")).filter(|_| n < 50));
    }
    let access = principals[0].1;
    for (n, found) in (0..).zip(principals) {
        let wanted = Some((format!("p{n}"), n % 2 == 0)).filter(|_| n < 50);
        assert_eq!(found, (wanted, access));
    }
}

#[tokio::test]
async fn how_many_there_are_is_counted_where_one_looks() {
    let f = fixture().await;
    for name in ["a", "b", "a/extensions/x"] {
        f.records.put(write(&machine(name), json!({}))).await.unwrap();
    }
    let count = async |scope: &str, ty: &str| f.records.count(&id(scope), ty).await.unwrap();
    assert_eq!(count("/subscriptions/s", "microsoft.hybridcompute/MACHINES").await, 2);
    assert_eq!(count(&machine("a"), "Microsoft.HybridCompute/machines/extensions").await, 1);
    assert_eq!(count("/subscriptions/other", "Microsoft.HybridCompute/machines").await, 0);
}
