//! Files of cases: a list of objects, each with its input and, in `gives`, what comes out.

use std::path::PathBuf;

use bartizan_base::{ResourceId, Ticks};
use bartizan_policy::Target;
use serde_json::{Value, json};

/// 2026-03-02T10:00:00Z, the moment of every case.
pub(crate) fn now() -> Ticks {
    Ticks::parse("2026-03-02T10:00:00.1234567Z").unwrap()
}

/// The folder of the cases.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Runs every case of the file called `name` and compares what comes out with its `gives`.
pub(crate) fn check(name: &str, run: impl Fn(&Value) -> Value) {
    let path = folder().join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for case in &mut cases {
        let gives = run(case);
        if case.get("gives") != Some(&gives) {
            wrong.push(format!("{case}\n  gives {gives}"));
            case["gives"] = gives;
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let lines: Vec<String> = cases.iter().map(|case| format!("  {case}")).collect();
        std::fs::write(&path, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
        return;
    }
    assert!(wrong.is_empty(), "{name}: {} cases differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(!cases.is_empty(), "{name} has no cases");
}

/// The machine that conditions and expressions are tried on.
pub(crate) fn machine() -> Target {
    let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/web-01";
    let body = json!({
        "location": "local",
        "kind": "server",
        "tags": {"env": "prod", "empty": "", "Cost Center": "7"},
        "identity": {"type": "SystemAssigned", "principalId": "p1"},
        "properties": {
            "osType": "linux", "cores": 4, "on": true, "nothing": null, "ratio": 0.5, "since": "2026-01-02T03:04:05Z",
            "disks": [{"size": 10, "kind": "ssd", "parts": [1, 2]}, {"size": 200, "kind": "hdd", "parts": [3]}],
            "names": ["a", "B"], "empty": [], "nested": {"x": {"y": "z"}}
        }
    });
    let group = json!({"location": "north", "tags": {"owner": "team-a", "env": "shared"}});
    let subscription = json!({"displayName": "Main", "tenantId": "t1", "tags": {"sub": "yes"}});
    Target::new(ResourceId::parse(id).unwrap(), body).within(Some(group.into()), Some(subscription.into()))
}
