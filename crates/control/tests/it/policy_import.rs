//! `bartizan policy import`: a folder of published definitions, file by file, and what is served of them.

use std::path::Path;

use bartizan_control::policy::import::{Outcome, import};
use bartizan_records::Actor;
use serde_json::{Value, json};

use crate::{eventually, owner, server};

const DEFINITIONS: &str = "/providers/Microsoft.Authorization/policyDefinitions";
const MACHINE: &str = "Microsoft.HybridCompute/machines";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn rule(kind: &str, effect: &str) -> Value {
    json!({"mode": "Indexed", "displayName": kind, "policyRule": {
        "if": {"field": "type", "equals": kind}, "then": {"effect": effect},
    }})
}

fn wrapped(name: &str, properties: Value) -> String {
    json!({"properties": properties, "id": format!("{DEFINITIONS}/{name}"), "name": name,
           "type": "Microsoft.Authorization/policyDefinitions"})
    .to_string()
}

#[tokio::test]
async fn a_folder_is_imported_and_each_file_told_of() {
    let s = server().await;
    let by = owner(&s).await;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let here = "11111111-aaaa-4bbb-8ccc-000000000001";
    let elsewhere = "11111111-aaaa-4bbb-8ccc-000000000002";
    write(dir, "Compute/here.json", &wrapped(here, rule(MACHINE, "audit")));
    write(
        dir,
        "Compute/disks.json",
        &format!("\u{feff}{}", wrapped(elsewhere, rule("Microsoft.Compute/disks", "audit"))),
    );
    write(dir, "raw.json", &rule(MACHINE, "deny").to_string());
    let mut pods = rule("x", "deny");
    pods["mode"] = "Microsoft.Kubernetes.Data".into();
    write(dir, "pods.json", &pods.to_string());
    write(dir, "broken.json", "{");
    write(dir, "wrong.json", &wrapped("wrong", rule(MACHINE, "mutate")));
    write(dir, "other.json", "{\"properties\": {}}");
    write(dir, "notes.txt", "not looked at");
    let member = |name: &str| json!({"policyDefinitionId": format!("{DEFINITIONS}/{name}"), "policyDefinitionReferenceId": name});
    let set = |members: Value| {
        json!({"value": [{"name": "both", "properties": {"policyDefinitions": members}}]}).to_string()
    };
    write(dir, "a-set.json", &set(json!([member(here), member(elsewhere)])));
    write(
        dir,
        "sets/lacking.json",
        &json!({"policyDefinitions": [member(here), member("nowhere")]}).to_string(),
    );

    let actor = Actor::system("test");
    let records = &s.server.app.records;
    let all = import(records, dir, &actor).await.unwrap();
    let mut shown: Vec<String> = all
        .iter()
        .map(|one| {
            let outcome = match &one.outcome {
                Outcome::Evaluates => "evaluates".to_owned(),
                Outcome::NeverApplies(reason) => format!("never: {reason}"),
                Outcome::Refused(reason) => format!("refused: {reason}"),
            };
            format!("{} {outcome}{}", one.file, if one.written { " (written)" } else { "" })
        })
        .collect();
    shown.sort();
    let expected = [
        "Compute/disks.json never: resources of type `Microsoft.Compute/disks` are not evaluated here (written)",
        "Compute/here.json evaluates (written)",
        "a-set.json#0 evaluates (written)",
        "broken.json refused: it is not JSON",
        "other.json refused: it has neither `policyRule` nor `policyDefinitions`",
        "pods.json never: mode `Microsoft.Kubernetes.Data` is evaluated by that service",
        "raw.json evaluates (written)",
        "sets/lacking.json refused: `/properties/policyDefinitions/1/policyDefinitionId`: there is no definition",
        "wrong.json refused: effect `mutate` at `/properties/policyRule/then/effect`",
    ];
    assert_eq!(shown.len(), expected.len(), "{shown:#?}");
    for (shown, expected) in shown.iter().zip(expected) {
        assert!(shown.starts_with(expected), "{shown}\n{expected}");
    }
    assert!(
        import(records, dir, &actor).await.unwrap().iter().all(|one| !one.written),
        "a repeat writes nothing"
    );

    // Whoever is signed in reads them, and the running server evaluates them.
    let found = by.get(&format!("{DEFINITIONS}/{here}")).await.unwrap();
    assert_eq!(found.json()["properties"]["policyType"], "BuiltIn", "{}", found.text);
    let sets = by.get("/providers/Microsoft.Authorization/policySetDefinitions").await.unwrap().json();
    assert_eq!(sets["value"][0]["name"], "both", "{sets}");
    let sub = s.server.app.home.subscription_id();
    let machine = format!("{}/providers/{MACHINE}/m1", s.server.app.home.group_id());
    assert_eq!(by.put(&machine, json!({"location": "local", "properties": {}})).await.unwrap().status, 200);
    let body = json!({"properties": {"policyDefinitionId": "/providers/Microsoft.Authorization/policySetDefinitions/both"}});
    let assigned = by
        .put(&format!("{sub}/providers/Microsoft.Authorization/policyAssignments/both"), body)
        .await
        .unwrap();
    assert_eq!(assigned.status, 201, "{}", assigned.text);
    let states = format!("{machine}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults");
    eventually("the imported definition to be evaluated", || async {
        let answer = by.post(&states, json!({})).await.unwrap().json();
        let rows = answer["value"].as_array().cloned().unwrap_or_default();
        rows.iter().any(|row| row["policyDefinitionName"] == here && row["complianceState"] == "NonCompliant")
    })
    .await;
    assert!(import(records, &dir.join("none"), &actor).await.unwrap_err().to_string().contains("none"));
}
