//! Many resources at once: the same answers as one by one.

use bartizan_base::ResourceId;
use bartizan_records::{Actor, BulkWrite, Condition, Write};
use serde_json::json;

use crate::{fixture, id, write};

const GROUP: &str = "/subscriptions/s/resourceGroups/rg";
const EXTENSION: &str = "Microsoft.HybridCompute/machines/extensions";

fn machine(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.HybridCompute/machines/{name}")
}

#[tokio::test]
async fn many_are_read_as_one_by_one() {
    let f = fixture().await;
    for name in ["web", "web-2", "Db"] {
        f.records.put(write(&machine(name), json!({"name": name}))).await.unwrap();
        if name != "web-2" {
            f.records.put(write(&format!("{}/extensions/a", machine(name)), json!({}))).await.unwrap();
        }
    }
    let state = format!("{}/extensions/a/providers/Microsoft.PolicyInsights/policyStates/1", machine("web"));
    f.records.put(write(&state, json!({}))).await.unwrap();

    let asked: Vec<ResourceId> = ["web-2", "DB", "none", "web"].map(|name| id(&machine(name))).to_vec();
    let found = f.records.get_many(&asked).await.unwrap();
    let names: Vec<&str> = found.iter().map(|machine| machine.id.name()).collect();
    assert_eq!(names, ["Db", "web", "web-2"]);
    for machine in &found {
        assert_eq!(Some(machine), f.records.get(&machine.id).await.unwrap().as_ref());
    }
    for (resource_type, below, children) in
        [(EXTENSION, 2, 2), ("Microsoft.PolicyInsights/policyStates", 1, 0), ("No/such", 0, 0)]
    {
        let deep = f.records.list_below_each(&asked, resource_type).await.unwrap();
        assert_eq!(deep.len(), below, "{resource_type}");
        for (owner, found) in &deep {
            let alone = f.records.list_all(&id(owner), resource_type).await.unwrap();
            assert_eq!(found, &alone);
        }
        let direct = f.records.list_children_of_each(&asked, resource_type).await.unwrap();
        assert_eq!(direct.len(), children, "{resource_type}");
    }
    assert!(f.records.get_many(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn many_are_written_at_once_and_only_below_what_is_there() {
    let f = fixture().await;
    let by = Actor::system("test");
    f.records.put(write(&machine("web"), json!({}))).await.unwrap();
    f.records.put(write(&format!("{}/extensions/old", machine("web")), json!({}))).await.unwrap();
    f.records.put(write(&format!("{}/extensions/theirs", machine("web")), json!({"by": 1}))).await.unwrap();
    let of = |machine_name: &str, extension: &str| BulkWrite {
        write: Write {
            condition: Condition::IfNoneMatch,
            ..write(&format!("{}/extensions/{extension}", machine(machine_name)), json!({"by": 2}))
        },
        of: id(&machine(machine_name)),
    };
    let writes = vec![of("web", "new"), of("gone", "new"), of("web", "theirs")];
    let stale = [id(&format!("{}/extensions/old", machine("web")))];
    let mut changes = f.records.subscribe();
    f.records.put_many(writes, &stale, &by).await.unwrap();
    let left = f.records.list_all(&id(GROUP), EXTENSION).await.unwrap();
    let left: Vec<_> = left.iter().map(|e| (e.id.name(), e.body["by"].as_i64())).collect();
    assert_eq!(left, [("new", Some(2)), ("theirs", Some(1))]);
    assert_eq!(changes.try_recv().unwrap().id.name(), "new");
    assert_eq!(changes.try_recv().unwrap().id.name(), "old");
    assert!(changes.try_recv().is_err(), "what was left out is told to nobody");
}

#[tokio::test]
async fn more_than_share_a_statement_are_written_as_one_by_one() {
    let f = fixture().await;
    let by = Actor::system("test");
    let body = |number: usize| json!({"number": number, "text": "it's \"so\"\\\n\u{0}\u{1f600}", "half": 0.5, "no": null});
    let bulk = |name: &str, of: &str, body| BulkWrite {
        write: Write { audit: false, ..write(&machine(name), body) },
        of: id(of),
    };
    let mut writes = vec![bulk("First", GROUP, json!({}))];
    f.records.put(write(GROUP, json!({"location": "local"}))).await.unwrap();
    // Of one that is written in the same go, and twice.
    writes.push(bulk("twice", &machine("first"), json!({"number": 1})));
    writes.push(bulk("TWICE", &machine("first"), json!({"number": 2})));
    writes.extend((0..600).map(|number| bulk(&format!("m{number:03}"), &machine("FIRST"), body(number))));
    f.records.put_many(writes.clone(), &[], &by).await.unwrap();

    let twice = f.records.get(&id(&machine("twice"))).await.unwrap().unwrap();
    assert_eq!((twice.id.name(), &twice.body), ("twice", &json!({"number": 2})));
    for number in 0..600 {
        let name = format!("m{number:03}");
        let found = f.records.get(&id(&machine(&name))).await.unwrap().unwrap();
        assert_eq!(found.body, body(number));
        if number % 100 == 0 {
            let alone = format!("alone{number}");
            f.records.put(write(&machine(&alone), body(number))).await.unwrap();
            let alone = f.records.get(&id(&machine(&alone))).await.unwrap().unwrap();
            assert_eq!((&alone.body, &alone.resource_type), (&found.body, &found.resource_type));
            assert_eq!((alone.created, alone.modified), (found.created, found.modified));
        }
    }
    let type_of_machines = "Microsoft.HybridCompute/machines";
    assert_eq!(f.records.list_all(&id(GROUP), type_of_machines).await.unwrap().len(), 602 + 6);

    // Written over: the etag is new, the moment of creation is not.
    let before = f.records.get(&id(&machine("m000"))).await.unwrap().unwrap();
    f.records.put_many(vec![bulk("M000", GROUP, json!({"new": true}))], &[], &by).await.unwrap();
    let after = f.records.get(&before.id).await.unwrap().unwrap();
    assert_eq!((after.body, after.id.name(), after.created), (json!({"new": true}), "m000", before.created));
    assert_ne!(after.etag, before.etag);
}
