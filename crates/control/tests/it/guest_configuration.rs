//! From what a machine tells of its accounts to the results of audits, in every place where they are looked for.

use bartizan_testkit::in_process::{Caller, Machine};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, server};

const ASSIGNMENTS: &str = "providers/Microsoft.GuestConfiguration/guestConfigurationAssignments";
const VERSION: &str = "?api-version=2022-01-25";
const PASSWD: &str = "PasswordPolicy_msid121";
const ACCOUNTS: &str = "PasswordPolicy_msid232";
const REMOTE: &str = "PasswordPolicy_msid110";
/// "Audit Linux machines that have accounts without passwords".
const POLICY: &str = "f6ec09a3-78bf-4f8f-99dc-6c77182d0f99";

fn accounts(mode: &str, without: &[&str]) -> Value {
    json!({
        "status": "known", "withoutPasswordCount": without.len(), "withoutPassword": without,
        "rootCount": 1, "roots": ["root"],
        "files": [{"path": "/etc/passwd", "mode": mode, "uid": 0, "gid": 0}],
    })
}

async fn told(machine: &Machine, topic: &str, facts: Value) {
    let report = json!({"time": "2026-01-01T00:00:00Z", "topics": {topic: facts}});
    assert_eq!(machine.caller.post("/agent/v1/evidence", report).await.unwrap().status, 204);
}

async fn result(caller: &Caller, machine: &Machine, name: &str) -> Value {
    let answer = caller.get(&format!("{}/{ASSIGNMENTS}/{name}{VERSION}", machine.id)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["properties"].clone()
}

async fn graph(caller: &Caller) -> Value {
    let query = "guestconfigurationresources | where type =~ 'microsoft.guestconfiguration/guestconfigurationassignments' \
                 | project machine = tostring(split(id, '/')[8]), name, status = tostring(properties.complianceStatus) \
                 | order by machine asc, name asc";
    let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";
    caller.post(path, json!({"query": query})).await.unwrap().json()["data"].clone()
}

#[tokio::test]
async fn what_a_machine_tells_becomes_results_with_reasons() {
    let s = server().await;
    let caller = owner(&s).await;
    let (machine, other) = (s.enrol("web-1").await.unwrap(), s.enrol("web-2").await.unwrap());
    told(&machine, "accounts", accounts("0666", &["bob"])).await;
    told(&machine, "ssh.config", json!({"installed": true, "permitEmptyPasswords": "no", "matchBlocks": {}}))
        .await;
    told(&other, "accounts", json!({"status": "unknown", "reason": "`/etc/shadow` cannot be read"})).await;

    let found = result(&caller, &machine, ACCOUNTS).await;
    assert_eq!(found["complianceStatus"], "NonCompliant", "{found:#}");
    assert_eq!(found["guestConfiguration"]["name"], ACCOUNTS);
    let reason = &found["latestAssignmentReport"]["resources"][0]["reasons"][0];
    assert_eq!(
        reason,
        &json!({"code": "AccountPassword:Empty", "phrase": "The account `bob` has no password."})
    );
    assert!(result(&caller, &machine, PASSWD).await.to_string().contains("0666"));
    let unknown = result(&caller, &other, ACCOUNTS).await;
    assert_eq!(unknown["complianceStatus"], "Pending");
    assert!(unknown.to_string().contains("cannot be read"), "{unknown}");

    let row =
        |machine: &str, name: &str, status: &str| json!({"machine": machine, "name": name, "status": status});
    let wanted = json!([
        row("web-1", REMOTE, "Compliant"),
        row("web-1", PASSWD, "NonCompliant"),
        row("web-1", ACCOUNTS, "NonCompliant"),
        row("web-2", PASSWD, "Pending"),
        row("web-2", ACCOUNTS, "Pending"),
    ]);
    eventually("Resource Graph has them", || async { graph(&caller).await == wanted }).await;

    let list = caller.get(&format!("{}/{ASSIGNMENTS}{VERSION}", machine.id)).await.unwrap().json();
    assert_eq!(list["value"].as_array().unwrap().len(), 3, "{list:#}");
    let reports = format!("{}/{ASSIGNMENTS}/{ACCOUNTS}/reports", machine.id);
    let report = caller.get(&format!("{reports}{VERSION}")).await.unwrap().json()["value"][0].clone();
    assert_eq!(report["properties"]["details"]["complianceStatus"], "NonCompliant", "{report:#}");
    let one = caller.get(&format!("{}{VERSION}", report["id"].as_str().unwrap())).await.unwrap();
    assert_eq!(one.json()["properties"]["reportId"], found["latestReportId"], "{}", one.text);
}

#[tokio::test]
async fn a_result_changes_when_what_it_says_does_and_only_machines_write_it() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = s.enrol("web-1").await.unwrap();
    told(&machine, "accounts", accounts("0644", &[])).await;
    let path = format!("{}/{ASSIGNMENTS}/{PASSWD}{VERSION}", machine.id);
    let first = caller.get(&path).await.unwrap().json();
    assert_eq!(first["properties"]["complianceStatus"], "Compliant");
    // The same again is no write; another account concerns the other audit alone.
    told(&machine, "accounts", accounts("0644", &["bob"])).await;
    assert_eq!(caller.get(&path).await.unwrap().json(), first);
    told(&machine, "accounts", accounts("0600", &[])).await;
    let second = caller.get(&path).await.unwrap().json();
    assert_eq!(second["properties"]["complianceStatus"], "NonCompliant");
    assert_ne!(second["properties"]["latestReportId"], first["properties"]["latestReportId"]);
    assert_eq!(result(&caller, &machine, ACCOUNTS).await["complianceStatus"], "Compliant");

    // Nobody else says what a machine's settings are, and a machine does not write by this door.
    for refused in [
        caller.put(&path, first.clone()).await,
        caller.delete(&path).await,
        machine.caller.put(&path, first).await,
    ] {
        let refused = refused.unwrap();
        assert!(refused.status >= 400, "{}", refused.text);
    }
    assert_eq!(caller.get(&path).await.unwrap().json(), second);
    let report = json!({"time": "2026-01-01T00:00:00Z", "topics": {"accounts": accounts("0644", &[])}});
    assert_eq!(
        outcome(caller.post("/agent/v1/evidence", report).await.unwrap()).split(' ').next(),
        Some("403")
    );
    // A machine that goes takes its results along.
    assert_eq!(machine.caller.post("/agent/v1/disconnect", json!({})).await.unwrap().status, 204);
    assert_eq!(caller.get(&path).await.unwrap().status, 404);
}

#[tokio::test]
async fn the_policy_follows_the_result() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = s.enrol("web-1").await.unwrap();
    let sub = s.server.app.home.subscription_id();
    let assignment = format!("{sub}/providers/Microsoft.Authorization/policyAssignments/accounts");
    let definition = format!("/providers/Microsoft.Authorization/policyDefinitions/{POLICY}");
    let body = json!({"properties": {"policyDefinitionId": definition}});
    assert_eq!(caller.put(&assignment, body).await.unwrap().status, 201);
    let states =
        format!("{}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults", machine.id);
    let is = async |wanted: &str| {
        let answer = caller.post(&states, json!({})).await.unwrap().json();
        let rows = answer["value"].as_array().cloned().unwrap_or_default();
        rows.iter().any(|row| row["policyDefinitionName"] == POLICY && row["complianceState"] == wanted)
    };
    for (without, wanted) in [(&["bob"][..], "NonCompliant"), (&[], "Compliant"), (&["eve"], "NonCompliant")]
    {
        told(&machine, "accounts", accounts("0644", without)).await;
        eventually(wanted, || is(wanted)).await;
    }
}
