//! Long operations: stopped after any step and opened again, they end the same, each step once.

use std::collections::BTreeMap;

use bartizan_base::{ErrorKind, Ticks};
use bartizan_records::{Actor, Agent, OperationState, Records, RecordsError, Work};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Fixture, fixture, id, write};

const SOURCE: &str = "/subscriptions/s/resourceGroups/From";
const TARGET: &str = "/subscriptions/t/resourceGroups/To";

fn machine(group: &str, name: &str) -> String {
    format!("{group}/providers/Microsoft.HybridCompute/machines/{name}")
}

/// Two groups; three machines in one of them with what hangs on them, and resources elsewhere that point to them.
async fn filled() -> Fixture {
    let f = fixture().await;
    for group in [SOURCE, TARGET] {
        f.records
            .put(write(group, json!({"location": "local", "properties": {"provisioningState": "Succeeded"}})))
            .await
            .unwrap();
    }
    for name in ["a", "b", "c"] {
        let of = machine(SOURCE, name);
        let bodies = [
            (of.clone(), json!({"tags": {"n": name}, "properties": {"status": "Connected"}})),
            (format!("{of}/extensions/MDE.Linux"), json!({"properties": {"type": "MDE.Linux"}})),
            (
                format!("{of}/extensions/AzureMonitorLinuxAgent"),
                json!({"properties": {"type": "AzureMonitorLinuxAgent"}}),
            ),
            (
                format!("{of}/providers/Microsoft.Authorization/roleAssignments/r"),
                json!({"properties": {"scope": of}}),
            ),
            (
                format!("{of}/providers/Microsoft.Security/assessments/k"),
                json!({"properties": {"resourceDetails": {"id": of.to_uppercase()}}}),
            ),
        ];
        for (text, body) in bodies {
            f.records.put(write(&text, body)).await.unwrap();
        }
        f.records.put_evidence(&id(&of), "ssh.config", json!({"root": true}), Ticks(1)).await.unwrap();
        let agent = Agent {
            vm_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            machine: id(&of),
            serial: name.to_owned(),
            previous_serial: String::new(),
            enrolled: Ticks(1),
            last_seen: Ticks(1),
            agent_version: "1".to_owned(),
        };
        f.records.put_agent(&agent).await.unwrap();
    }
    let pointer = json!({"properties": {"related": [machine(SOURCE, "a"), machine(SOURCE, "ab"), "/no"], "text": SOURCE}});
    f.records.put(write("/subscriptions/s/providers/N/t/pointer", pointer)).await.unwrap();
    f
}

async fn acknowledged(records: &Records) -> Vec<Value> {
    let mut out = Vec::new();
    while let Some(batch) = records.next_activity(500).await.unwrap() {
        for entry in &batch.entries {
            out.push(json!([entry.operation, entry.resource_id]));
        }
        records.acknowledge_activity(batch.id).await.unwrap();
    }
    out
}

/// Everything that can be seen from outside, but etags and times.
async fn seen(records: &Records) -> (BTreeMap<String, Value>, Vec<Value>, Vec<Value>) {
    let page = bartizan_records::ListQuery {
        scope: bartizan_records::ListQuery::tenant(),
        resource_type: None,
        direct: false,
        after: None,
        limit: 1000,
    };
    let all = records.list(page).await.unwrap().items;
    let mut agents: Vec<Value> = Vec::new();
    for agent in records.agents().await.unwrap() {
        let evidence = records.evidence(&agent.machine).await.unwrap();
        agents.push(json!([agent.serial, agent.machine, evidence.keys().collect::<Vec<_>>()]));
    }
    agents.sort_by_key(Value::to_string);
    let resources = all.into_iter().map(|resource| (resource.id.to_string(), resource.body)).collect();
    (resources, agents, acknowledged(records).await)
}

async fn to_the_end(records: &Records, operation: Uuid) -> u32 {
    loop {
        let now = records.step_operation(operation).await.unwrap();
        if now.state != OperationState::Running {
            assert_eq!(now.state, OperationState::Succeeded, "{}", now.error);
            return now.step;
        }
    }
}

fn moving() -> Work {
    Work::Move {
        resources: ["a", "b"].iter().map(|name| id(&machine(SOURCE, name))).collect(),
        target: id(TARGET),
        left_behind: vec!["mde.linux".to_owned()],
    }
}

#[tokio::test]
async fn stopped_anywhere_and_opened_again_it_ends_the_same() {
    for work in [Work::DeleteGroup, moving()] {
        let whole = filled().await;
        acknowledged(&whole.records).await;
        let started =
            whole.records.start_operation(&id(SOURCE), work.clone(), &Actor::system("test")).await.unwrap();
        let steps = to_the_end(&whole.records, started.id).await;
        assert_eq!(steps, if work == Work::DeleteGroup { 3 + 1 } else { 2 + 1 });
        let expected = seen(&whole.records).await;
        for stop in 0..=steps {
            let f = filled().await;
            acknowledged(&f.records).await;
            let started =
                f.records.start_operation(&id(SOURCE), work.clone(), &Actor::system("test")).await.unwrap();
            for _ in 0..stop {
                f.records.step_operation(started.id).await.unwrap();
            }
            f.records.close().await;
            let again = f.other().await;
            let running = again.running_operations().await.unwrap();
            assert_eq!(running.len(), usize::from(stop < steps), "after {stop} steps of {work:?}");
            to_the_end(&again, started.id).await;
            // A step too many does nothing.
            assert_eq!(again.step_operation(started.id).await.unwrap().step, steps);
            assert_eq!(seen(&again).await, expected, "stopped after {stop} steps of {work:?}");
        }
    }
}

#[tokio::test]
async fn a_move_takes_along_what_hangs_on_a_resource() {
    let f = filled().await;
    let mut changes = f.records.subscribe();
    let started = f.records.start_operation(&id(SOURCE), moving(), &Actor::system("test")).await.unwrap();
    to_the_end(&f.records, started.id).await;
    let (resources, agents, activity) = seen(&f.records).await;
    for name in ["a", "b"] {
        assert!(resources.keys().all(|key| !id(key).is_within(&id(&machine(SOURCE, name)))));
        let place = machine(TARGET, name);
        assert_eq!(resources[&place]["tags"], json!({"n": name}));
        let role = &resources[&format!("{place}/providers/Microsoft.Authorization/roleAssignments/r")];
        assert_eq!(role["properties"]["scope"], place.as_str());
        assert!(resources.contains_key(&format!("{place}/extensions/AzureMonitorLinuxAgent")));
        assert!(!resources.contains_key(&format!("{place}/extensions/MDE.Linux")), "it stays behind");
        let gone = json!([
            "Microsoft.HybridCompute/machines/extensions/delete",
            format!("{}/extensions/MDE.Linux", machine(SOURCE, name))
        ]);
        assert!(activity.contains(&gone), "{activity:?}");
    }
    assert_eq!(
        agents,
        [
            json!(["a", machine(TARGET, "a"), ["ssh.config"]]),
            json!(["b", machine(TARGET, "b"), ["ssh.config"]]),
            json!(["c", machine(SOURCE, "c"), ["ssh.config"]]),
        ]
    );
    // References follow; what only begins alike, and the group's own id, do not.
    let pointer = &resources["/subscriptions/s/providers/N/t/pointer"]["properties"];
    assert_eq!(pointer["related"], json!([machine(TARGET, "a"), machine(SOURCE, "ab"), "/no"]));
    assert_eq!(pointer["text"], SOURCE);
    let assessment =
        &resources[&format!("{}/providers/Microsoft.Security/assessments/k", machine(TARGET, "a"))];
    let detail = assessment["properties"]["resourceDetails"]["id"].as_str().unwrap();
    assert_eq!(id(detail), id(&machine(TARGET, "a")));
    let mut told = Vec::new();
    while let Ok(change) = changes.try_recv() {
        told.push((change.op, change.id));
    }
    let put = told.iter().position(|(_, id)| *id == self::id(&machine(TARGET, "a"))).unwrap();
    let gone = told.iter().position(|(_, id)| *id == self::id(&machine(SOURCE, "a"))).unwrap();
    assert!(gone < put, "who follows changes forgets before it learns");
}

#[tokio::test]
async fn one_at_a_time_and_a_place_that_was_taken() {
    let f = filled().await;
    let by = Actor::system("test");
    let first = f.records.start_operation(&id(SOURCE), moving(), &by).await.unwrap();
    let again = f.records.start_operation(&id(&SOURCE.to_uppercase()), moving(), &by).await.unwrap();
    assert_eq!(first.id, again.id, "the same work is the same operation");
    for group in [SOURCE, TARGET] {
        let refused = f.records.start_operation(&id(group), Work::DeleteGroup, &by).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict, "{group}");
    }
    // Somebody was quicker with the second one's place.
    f.records.put(write(&machine(TARGET, "B"), json!({"properties": {}}))).await.unwrap();
    f.records.step_operation(first.id).await.unwrap();
    let failed = f.records.step_operation(first.id).await.unwrap();
    assert_eq!(failed.state, OperationState::Failed);
    assert!(failed.error.contains("cannot be moved"), "{}", failed.error);
    assert!(f.records.get(&id(&machine(TARGET, "a"))).await.unwrap().is_some());
    assert!(f.records.get(&id(&machine(SOURCE, "b"))).await.unwrap().is_some(), "nothing of it is lost");
    assert_eq!(f.records.operation(first.id).await.unwrap().unwrap(), failed);
    // One that is gone when its turn comes is passed over.
    let work = Work::Move {
        resources: vec![id(&machine(SOURCE, "c"))],
        target: id(TARGET),
        left_behind: Vec::new(),
    };
    let second = f.records.start_operation(&id(SOURCE), work, &by).await.unwrap();
    f.records.delete(&id(&machine(SOURCE, "c")), &by, None).await.unwrap();
    to_the_end(&f.records, second.id).await;
    let nowhere =
        f.records.start_operation(&id("/subscriptions/s/resourceGroups/no"), Work::DeleteGroup, &by).await;
    assert_eq!(nowhere.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_decides_access_is_counted() {
    use bartizan_records::Generation::{Access, Policy};
    let f = fixture().await;
    let both =
        async || (f.records.generation(Access).await.unwrap(), f.records.generation(Policy).await.unwrap());
    let start = both().await;
    f.records.put(write(&machine(SOURCE, "a"), json!({}))).await.unwrap();
    assert_eq!(both().await, start, "a machine decides nothing");
    let role = "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/r";
    f.records.put(write(role, json!({"properties": {}}))).await.unwrap();
    f.records.put(write(role, json!({"properties": {"a": 1}}))).await.unwrap();
    assert_eq!(both().await, (start.0 + 2, start.1));
    // Another program's change counts as well.
    let other = f.other().await;
    other.delete(&id(role), &Actor::system("test"), None).await.unwrap();
    other.put(write("/subscriptions/s", json!({}))).await.unwrap();
    assert_eq!(both().await, (start.0 + 4, start.1 + 1));
    f.records
        .put(write("/subscriptions/s/providers/Microsoft.Authorization/policyExemptions/e", json!({})))
        .await
        .unwrap();
    assert_eq!(both().await, (start.0 + 4, start.1 + 2));
}

#[tokio::test]
async fn nothing_is_written_into_a_group_on_its_way_out() {
    let f = filled().await;
    let new = || write(&machine(SOURCE, "late"), json!({"properties": {}}));
    assert!(f.records.put_in_group(new()).await.is_ok());
    let operation =
        f.records.start_operation(&id(SOURCE), Work::DeleteGroup, &Actor::system("test")).await.unwrap();
    for _ in 0..100 {
        let now = f.records.step_operation(operation.id).await.unwrap();
        let refused = f.records.put_in_group(new()).await.unwrap_err();
        if now.state == OperationState::Succeeded {
            // Whoever asked for the group before it went is told now.
            assert!(matches!(refused, RecordsError::GroupMissing(_)), "{refused}");
            let left = f.records.list_all(&id(SOURCE), "Microsoft.HybridCompute/machines").await.unwrap();
            assert_eq!(left, []);
            return;
        }
        assert!(matches!(refused, RecordsError::GroupLeaving(_)), "{refused}");
        assert_eq!(refused.kind(), ErrorKind::Conflict);
    }
    panic!("the group is still there");
}
