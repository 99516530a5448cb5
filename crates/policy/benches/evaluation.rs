//! A full evaluation: resources × 50 policies, of which most are about some of the resources' types. The bar is 100,000
//! resources in less than 10 s of one core; `resources` runs a hundredth of them, so its bar is 100 ms.

use std::sync::Arc;

use bartizan_base::{ResourceId, Ticks};
use bartizan_policy::{Assignment, Definition, Parts, Policies, Request, Target};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

/// Types of the resources; the policies are spread over them, and one in five is about all.
const TYPES: [&str; 5] = ["machines", "extensions", "workspaces", "rules", "disks"];

fn rule(at: usize) -> Value {
    let ty = TYPES[at % TYPES.len()];
    let about = if at.is_multiple_of(5) {
        json!({"field": "type", "like": "A.B/*"})
    } else {
        json!({"field": "type", "equals": format!("A.B/{ty}")})
    };
    let alias = format!("A.B/{ty}");
    let tests = [
        json!({"field": "tags.env", "notIn": ["prod", "test", "[parameters('more')]"]}),
        json!({"field": format!("{alias}/osType"), "equals": "[parameters('os')]"}),
        json!({"count": {"field": format!("{alias}/disks[*]"), "where": {"field": format!("{alias}/disks[*].size"), "greater": 100}}, "greater": 0}),
        json!({"value": "[toLower(concat(field('name'), '-', field('location')))]", "like": "m1*-local"}),
        json!({"anyOf": [{"field": "location", "equals": "north"}, {"field": format!("{alias}/version"), "less": "2.0"}]}),
    ];
    let effect = if at.is_multiple_of(7) {
        json!({"effect": "auditIfNotExists", "details": {"type": "A.B/machines/parts", "existenceCondition": {"field": "A.B/machines/parts/state", "equals": "Succeeded"}}})
    } else {
        json!({"effect": "[parameters('effect')]"})
    };
    json!({
        "mode": "Indexed",
        "parameters": {
            "effect": {"type": "String", "defaultValue": if at.is_multiple_of(2) { "deny" } else { "audit" }},
            "os": {"type": "String", "defaultValue": "Linux"}, "more": {"type": "String", "defaultValue": "dev"},
        },
        "policyRule": {"if": {"allOf": [about, tests[at / 5 % tests.len()], tests[at % tests.len()]]}, "then": effect},
    })
}

fn policies() -> Policies {
    let mut parts = Parts::default();
    for at in 0..50 {
        let id = format!("/providers/Microsoft.Authorization/policyDefinitions/d{at}");
        parts.definitions.push(Arc::new(Definition::parse(&id, &rule(at)).expect("a definition")));
        let assignment =
            format!("/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/a{at}");
        let body = json!({"properties": {"policyDefinitionId": id}});
        let assignment = ResourceId::parse(&assignment).expect("an id");
        parts.assignments.push(Assignment::parse(&assignment, &body).expect("an assignment"));
    }
    Policies::new(parts)
}

fn targets(count: usize) -> Vec<Target> {
    let one = |at: usize| {
        let id = format!(
            "/subscriptions/s/resourceGroups/g{}/providers/A.B/{}/m{at}",
            at % 50,
            TYPES[at % TYPES.len()]
        );
        let body = json!({
            "location": "local", "tags": {"env": if at.is_multiple_of(3) { "prod" } else { "other" }, "owner": "team"},
            "properties": {
                "osType": "linux", "version": format!("{}.{}", at % 4, at % 10), "provisioningState": "Succeeded",
                "disks": [{"size": at % 300, "kind": "ssd"}, {"size": 64, "kind": "hdd"}],
                "status": {"state": "Connected", "since": "2026-01-02T03:04:05Z"},
            },
        });
        Target::new(ResourceId::parse(&id).expect("an id"), body)
    };
    (0..count).map(one).collect()
}

fn now() -> Ticks {
    Ticks::parse("2026-03-02T10:00:00Z").expect("a moment")
}

#[divan::bench(args = [1_000, 100_000], sample_count = 3)]
fn resources(bencher: divan::Bencher<'_, '_>, count: usize) {
    let (policies, targets) = (policies(), targets(count));
    bencher.bench_local(|| {
        targets.iter().map(|target| policies.evaluate(target, &|_| Vec::new(), now()).len()).sum::<usize>()
    });
}

#[divan::bench]
fn one_write(bencher: divan::Bencher<'_, '_>) {
    let (policies, targets) = (policies(), targets(5));
    bencher.bench_local(|| {
        targets.iter().filter(|target| policies.admit(target, &Request::default(), now()).is_ok()).count()
    });
}

#[divan::bench]
fn reading_fifty_definitions() {
    divan::black_box(policies());
}
