//! Test alerts: from the button to the incident, and each hop that can break on the way.

use bartizan_testkit::in_process::{Caller, InProcess, Machine, facts};
use bartizan_wire::{DesiredState, TEST_ALERT_COMMAND, TEST_ALERT_MARKER, TestAlertReport, TestAlertState};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, rows, server};

const RULE: &str = "6f0a3f0e-8f5c-4d0e-9a53-4a1f4d7d1c07";

/// A machine with the plan on and a sensor that runs.
async fn protected(s: &InProcess, caller: &Caller, name: &str) -> Machine {
    let machine = s.enrol(name).await.unwrap();
    protect(s, caller, &machine, name).await;
    machine
}

async fn protect(s: &InProcess, caller: &Caller, machine: &Machine, name: &str) {
    let subscription = s.server.app.home.subscription_id();
    let plan = format!("{subscription}/providers/Microsoft.Security/pricings/VirtualMachines");
    let body = json!({"properties": {"pricingTier": "Standard", "subPlan": "P2"}});
    assert_eq!(caller.put(&plan, body).await.unwrap().status, 200);
    let sensor = format!("{}/extensions/MDE.Linux", machine.id);
    eventually("the sensor's extension", || async { caller.get(&sensor).await.unwrap().status == 200 }).await;
    told(machine, name, "running").await;
}

async fn told(machine: &Machine, name: &str, state: &str) {
    let status = json!({
        "agentVersion": "0.1.0", "generation": 1, "time": "2026-01-01T00:00:00Z", "facts": facts(name),
        "extensions": [{"name": "MDE.Linux", "version": "1.0", "state": state, "message": state, "since": "2026-01-01T00:00:00Z",
                        "health": {"healthy": true, "tier": "ebpf", "mode": "passive"}}],
    });
    let answer = machine.caller.post("/agent/v1/status", status).await.unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text);
}

fn path(machine: &Machine) -> String {
    format!("{}/providers/Bartizan.Security/testAlerts/latest", machine.id)
}

fn report(properties: &Value) -> TestAlertReport {
    serde_json::from_value(properties.clone()).unwrap_or_else(|error| panic!("{error}: {properties}"))
}

async fn start(caller: &Caller, machine: &Machine) -> TestAlertReport {
    let answer = caller.post(&format!("{}/start", path(machine)), json!({})).await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text);
    report(&answer.json()["properties"])
}

async fn latest(caller: &Caller, machine: &Machine) -> TestAlertReport {
    let answer = caller.get(&path(machine)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    report(&answer.json()["properties"])
}

/// The agent's part: it is told at once, starts the process, and the sensor's row follows.
async fn play(s: &InProcess, machine: &Machine, test: &TestAlertReport) -> u16 {
    let answer = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap();
    let desired: DesiredState = serde_json::from_str(&answer.text).unwrap();
    let command = desired.commands.first().expect("the agent is told");
    assert_eq!((command.id, command.kind.as_str()), (test.id, TEST_ALERT_COMMAND));
    let time = s.server.app.clock.now();
    let started = json!({"id": test.id, "time": time});
    assert_eq!(machine.caller.post("/agent/v1/test-alerts/started", started).await.unwrap().status, 204);
    let row = json!({
        "TimeGenerated": time, "ActionType": "ProcessCreated", "FileName": "echo", "ProcessId": 4711,
        "ProcessCommandLine": format!("/bin/echo {TEST_ALERT_MARKER} {}", test.id.simple()),
    });
    upload(s, machine, row).await
}

async fn upload(s: &InProcess, machine: &Machine, row: Value) -> u16 {
    let app = &s.server.app;
    let rule = app.records.get(&app.home.default_rule).await.unwrap().unwrap();
    let rule = rule.property("immutableId").unwrap().as_str().unwrap().to_owned();
    let door =
        format!("/dataCollectionRules/{rule}/streams/Microsoft-DeviceProcessEvents?api-version=2023-01-01");
    machine.caller.post(&door, json!([row])).await.unwrap().status
}

/// How the test ended: its state and the hop that broke.
async fn ended(caller: &Caller, machine: &Machine) -> TestAlertReport {
    eventually("the end of the test", || async {
        latest(caller, machine).await.state != TestAlertState::Running
    })
    .await;
    latest(caller, machine).await
}

#[tokio::test]
async fn from_the_button_to_the_incident_with_every_moment() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = protected(&s, &caller, "web-1").await;
    assert_eq!(outcome(caller.get(&path(&machine)).await.unwrap()), "404 ResourceNotFound", "none yet");

    let all = format!("{}/providers/Bartizan.Security/testAlerts", machine.id);
    assert_eq!(caller.get(&all).await.unwrap().json(), json!({"value": []}));

    let test = start(&caller, &machine).await;
    assert_eq!(test.state, TestAlertState::Running, "{test:#?}");
    assert!(test.summary.contains("waiting for the hop `agent`"), "{}", test.summary);
    assert_eq!(play(&s, &machine, &test).await, 204);
    let done = ended(&caller, &machine).await;
    assert_eq!((done.state, done.id), (TestAlertState::Succeeded, test.id), "{done:#?}");
    let names: Vec<&str> = done.hops.iter().map(|hop| hop.name.as_str()).collect();
    assert_eq!(names, ["plan", "agent", "sensor", "received", "stored", "rule", "alert", "incident"]);
    let times: Vec<_> = done.hops.iter().map(|hop| hop.time.expect("each hop has its moment")).collect();
    assert!(times.is_sorted(), "{done:#?}");
    assert!(done.hops[2].detail.contains("by ebpf; the sensor is passive"), "{done:#?}");

    assert_eq!(caller.get(&all).await.unwrap().json()["value"][0]["properties"]["state"], "Succeeded");

    // What it points to is there, and about this machine.
    let alert = caller.get(done.alert_id.as_ref().unwrap().as_str()).await.unwrap();
    assert_eq!(alert.json()["properties"]["compromisedEntity"], "web-1", "{}", alert.text);
    let incident = caller.get(done.incident_id.as_ref().unwrap().as_str()).await.unwrap();
    assert_eq!(incident.json()["properties"]["title"], "Detection test on web-1", "{}", incident.text);
    // The agent is told once, and starting a test is in the activity log.
    let answer = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap();
    assert_eq!(answer.json()["commands"], json!([]), "{}", answer.text);
    eventually("its entry in AzureActivity", || async {
        let query = "AzureActivity | where OperationNameValue has 'testAlerts/start' | project Caller";
        rows(&s, &caller, query).await.as_array().is_some_and(|rows| rows.len() == 1)
    })
    .await;

    // The next one joins the incident, and has an alert of its own.
    let second = start(&caller, &machine).await;
    assert_eq!(play(&s, &machine, &second).await, 204);
    let second = ended(&caller, &machine).await;
    assert_eq!(second.state, TestAlertState::Succeeded, "{second:#?}");
    assert_eq!(second.incident_id, done.incident_id);
    assert_ne!(second.alert_id, done.alert_id);
}

#[tokio::test]
async fn a_machine_that_cannot_pass_fails_at_once_and_names_the_hop() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = s.enrol("web-1").await.unwrap();
    told(&machine, "web-1", "running").await;
    let broken = async |caller: &Caller| {
        let report = start(caller, &machine).await;
        assert_eq!(report.state, TestAlertState::Failed, "{report:#?}");
        let hop = report.broken().unwrap().clone();
        assert!(!hop.fix.is_empty(), "{hop:?}");
        // Who asks later hears the same.
        assert_eq!(latest(caller, &machine).await, report);
        (hop.name, hop.detail)
    };
    let (hop, detail) = broken(&caller).await;
    assert_eq!(hop, "plan");
    assert!(detail.contains("is off for this machine"), "{detail}");

    protect(&s, &caller, &machine, "web-1").await;
    let edit = |body: &mut Value| {
        body["properties"]["status"] = "Disconnected".into();
        true
    };
    let actor = bartizan_records::Actor::system("test");
    s.server.app.records.modify(&machine.id, &actor, false, edit).await.unwrap();
    let (hop, detail) = broken(&caller).await;
    assert_eq!(hop, "agent");
    assert!(detail.contains("status Disconnected"), "{detail}");
}

#[tokio::test]
async fn breaks_behind_the_agent_are_named_too() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = protected(&s, &caller, "web-1").await;

    // The sensor was stopped by hand.
    told(&machine, "web-1", "failed").await;
    let test = start(&caller, &machine).await;
    let time = s.server.app.clock.now();
    let started = json!({"id": test.id, "time": time});
    machine.caller.post("/agent/v1/test-alerts/started", started).await.unwrap();
    let done = ended(&caller, &machine).await;
    assert_eq!(done.broken().unwrap().name, "sensor", "{done:#?}");
    told(&machine, "web-1", "running").await;

    // The process could not be started.
    let test = start(&caller, &machine).await;
    let started =
        json!({"id": test.id, "time": time, "error": "`/bin/echo` cannot be started: no such file"});
    machine.caller.post("/agent/v1/test-alerts/started", started).await.unwrap();
    let done = ended(&caller, &machine).await;
    assert_eq!(done.broken().unwrap().name, "agent", "{done:#?}");
    assert!(done.summary.contains("no such file"), "{}", done.summary);

    // The rule is off.
    let rule =
        s.server.app.home.workspace.join(&format!("providers/Microsoft.SecurityInsights/alertRules/{RULE}"));
    let rule = rule.unwrap();
    let mut body = caller.get(rule.as_str()).await.unwrap().json();
    body["properties"]["enabled"] = false.into();
    let answer = caller.put(rule.as_str(), body.clone()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    let test = start(&caller, &machine).await;
    assert_eq!(play(&s, &machine, &test).await, 204);
    let done = ended(&caller, &machine).await;
    let hop = done.broken().unwrap();
    assert_eq!((hop.name.as_str(), hop.detail.contains("disabled")), ("rule", true), "{done:#?}");
    body["properties"]["enabled"] = true.into();
    body.as_object_mut().unwrap().remove("etag");
    assert_eq!(caller.put(rule.as_str(), body).await.unwrap().status, 200);

    // The workspace takes no more rows today.
    let cap = json!({"properties": {"workspaceCapping": {"dailyQuotaGb": 0.023}}});
    let workspace = s.server.app.home.workspace.as_str();
    let answer = caller.send(reqwest::Method::PATCH, workspace, Some(&cap)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    let filler =
        |bytes: usize| json!({"ActionType": "ProcessCreated", "ProcessCommandLine": "x".repeat(bytes)});
    assert_eq!(upload(&s, &machine, filler(24_000_000)).await, 204, "what crosses the line is still taken");
    assert_eq!(upload(&s, &machine, filler(1)).await, 429);
    let test = start(&caller, &machine).await;
    assert_eq!(play(&s, &machine, &test).await, 429);
    let done = ended(&caller, &machine).await;
    let hop = done.broken().unwrap();
    assert_eq!(hop.name, "stored", "{done:#?}");
    assert!(hop.detail.contains("refuses the rows"), "{hop:?}");
}

#[tokio::test]
async fn simulate_tests_every_connected_machine_and_refuses_what_has_nothing_to_try() {
    let s = server().await;
    let caller = owner(&s).await;
    let machines = [protected(&s, &caller, "web-1").await, protected(&s, &caller, "web-2").await];
    let subscription = s.server.app.home.subscription_id();
    let path = format!("{subscription}/providers/Microsoft.Security/locations/local/alerts/default/simulate");
    let body = |bundles: Value| json!({"properties": {"kind": "Bundles", "bundles": bundles}});
    for (bundles, word) in [(json!(["DNS"]), "DNS"), (json!([]), "at least one")] {
        let answer = caller.post(&path, body(bundles)).await.unwrap();
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.text.contains(word) && answer.text.contains("VirtualMachines"), "{}", answer.text);
    }
    let answer = caller.post(&path, body(json!(["VirtualMachines"]))).await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text);
    for machine in &machines {
        let test = latest(&caller, machine).await;
        assert_eq!(play(&s, machine, &test).await, 204);
        assert_eq!(ended(&caller, machine).await.state, TestAlertState::Succeeded);
    }
}

#[tokio::test]
async fn who_may_start_and_see_a_test() {
    let s = server().await;
    let machine = protected(&s, &owner(&s).await, "web-1").await;
    let other = s.enrol("web-2").await.unwrap();
    let begin = format!("{}/start", path(&machine));
    for (role, starts, sees) in [
        ("Security Admin", "202", "200"),
        ("Contributor", "202", "200"),
        ("Security Reader", "403 AuthorizationFailed", "200"),
        ("Reader", "403 AuthorizationFailed", "200"),
        ("Microsoft Sentinel Responder", "403 AuthorizationFailed", "403 AuthorizationFailed"),
    ] {
        let caller = s.principal(role).await.unwrap();
        assert_eq!(outcome(caller.post(&begin, json!({})).await.unwrap()), starts, "{role}");
        assert_eq!(outcome(caller.get(&path(&machine)).await.unwrap()), sees, "{role}");
    }
    // A machine starts and sees its own, and no other's.
    assert_eq!(other.caller.get("/agent/v1/test-alerts/latest").await.unwrap().status, 404);
    let own = report(&other.caller.post("/agent/v1/test-alerts", json!({})).await.unwrap().json());
    assert_eq!(own.machine_id, other.id);
    let answer = other.caller.post(&begin, json!({})).await.unwrap();
    assert_eq!(answer.status, 403, "machines have their own doors: {}", answer.text);
    // And a test is of a machine that is there.
    let caller = owner(&s).await;
    let nobody = begin.replace("web-1", "web-9");
    assert_eq!(outcome(caller.post(&nobody, json!({})).await.unwrap()), "404 ResourceNotFound");
    let subscription = s.server.app.home.subscription_id();
    let nowhere = format!("{subscription}/providers/Bartizan.Security/testAlerts/latest/start");
    assert_eq!(outcome(caller.post(&nowhere, json!({})).await.unwrap()), "404 InvalidScope");
}
