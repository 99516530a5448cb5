//! Machines with their extensions, edited together.

use bartizan_base::ResourceId;
use bartizan_records::{Actor, ChangeOp, Edit, Family};
use serde_json::json;

use crate::{fixture, id, write};

const EXTENSION: &str = "Microsoft.HybridCompute/machines/extensions";

fn machine(name: &str) -> String {
    format!("/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/{name}")
}

fn names(family: &Family) -> (String, Vec<&str>) {
    (family.parent.id.name().to_owned(), family.children.iter().map(|child| child.id.name()).collect())
}

#[tokio::test]
async fn edits_of_many_machines_are_one_change_and_tell_of_each() {
    let f = fixture().await;
    for name in ["a", "b", "c"] {
        f.records.put(write(&machine(name), json!({"n": 0}))).await.unwrap();
        for extension in ["x", "y"] {
            let extension = format!("{}/extensions/{extension}", machine(name));
            f.records.put(write(&extension, json!({"n": 0}))).await.unwrap();
        }
    }
    let asked: Vec<ResourceId> = ["c", "A", "none"].map(|name| id(&machine(name))).to_vec();
    let found = f.records.families(&asked, EXTENSION).await.unwrap();
    let found: Vec<_> = found.iter().map(names).collect();
    assert_eq!(found, [("a".to_owned(), vec!["x", "y"]), ("c".to_owned(), vec!["x", "y"])]);

    let mut changes = f.records.subscribe();
    let by = Actor::system("test");
    let mut edit = |family: &Family| {
        let of = |id: &ResourceId, body| Edit { id: id.clone(), body, actor: by.clone() };
        let elsewhere = id(&machine("b"));
        vec![
            of(&family.parent.id, Some(json!({"n": 0}))),
            of(&family.children[0].id, Some(json!({"n": 1}))),
            of(&family.children[1].id, None),
            of(&elsewhere, None),
        ]
    };
    f.records.edit_families(&asked, EXTENSION, &mut edit).await.unwrap();
    let mut told = Vec::new();
    while let Ok(change) = changes.try_recv() {
        told.push((change.id.to_string(), change.op));
    }
    let x = |name: &str| (format!("{}/extensions/x", machine(name)), ChangeOp::Put);
    let y = |name: &str| (format!("{}/extensions/y", machine(name)), ChangeOp::Delete);
    assert_eq!(
        told,
        [x("a"), y("a"), x("c"), y("c")],
        "the same body is no change, nor what is not asked for"
    );
    let after = f.records.families(&[id(&machine("a"))], EXTENSION).await.unwrap();
    assert_eq!(names(&after[0]), ("a".to_owned(), vec!["x"]));
    assert_eq!(after[0].children[0].body, json!({"n": 1}));
    assert!(f.records.get(&id(&machine("b"))).await.unwrap().is_some());
}
