//! Plans: what can be bought, for whom, what it includes, and what is metered.

use std::sync::Arc;

use bartizan_base::time::TICKS_PER_SECOND;
use bartizan_base::{ManualClock, ResourceId, Ticks, Timespan};
use bartizan_control::meter_machines;
use bartizan_testkit::in_process::{Caller, InProcess, Machine};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, server};

const HOUR: Timespan = Timespan(3600 * TICKS_PER_SECOND);

fn pricing(scope: &ResourceId, name: &str) -> String {
    format!("{scope}/providers/Microsoft.Security/pricings/{name}")
}

/// Sets a plan; the answer's `properties`.
async fn set(by: &Caller, scope: &ResourceId, name: &str, properties: Value) -> Value {
    let answer = by.put(&pricing(scope, name), json!({"properties": properties})).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["properties"].clone()
}

/// What refuses to set a plan: code and message.
async fn refused(by: &Caller, scope: &ResourceId, name: &str, properties: Value) -> (String, String) {
    let answer = by.put(&pricing(scope, name), json!({"properties": properties})).await.unwrap();
    let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    (outcome(answer), message)
}

async fn shown(by: &Caller, scope: &ResourceId, name: &str) -> Value {
    by.get(&pricing(scope, name)).await.unwrap().json()["properties"].clone()
}

/// The machine's features, by name: state and remedy.
async fn feature(by: &Caller, scope: &ResourceId, name: &str) -> (String, String) {
    let path = format!("{scope}/providers/Bartizan.Security/features");
    let listed = by.get(&path).await.unwrap().json();
    let found = listed["value"].as_array().unwrap().iter().find(|feature| feature["name"] == name).unwrap();
    let text = |member: &str| found["properties"][member].as_str().unwrap().to_owned();
    (text("state"), text("remedy"))
}

/// The machine's agent is heard of now. Its certificate goes by this server's clock and TLS by the system's, so a test
/// with a clock of its own writes what the agent's door writes.
async fn heard_of(s: &InProcess, machine: &Machine) {
    let app = &s.server.app;
    app.records.touch_agent(machine.vm_id, app.clock.now(), "0.1.0").await.unwrap();
}

#[tokio::test]
async fn a_plan_says_what_it_does_and_what_it_lacks() {
    let s = server().await;
    let by = owner(&s).await;
    let sub = s.server.app.home.subscription_id();
    let plans = by.get(&format!("{sub}/providers/Microsoft.Security/pricings")).await.unwrap().json();
    let states: Vec<&Value> = plans["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plan| &plan["properties"]["protection"]["state"])
        .collect();
    assert_eq!(states.len(), 15);
    assert!(states.iter().all(|state| *state == "Off"));

    let servers = set(
        &by,
        &sub,
        "VirtualMachines",
        json!({"pricingTier": "Standard", "freeTrialRemainingTime": "P99D"}),
    )
    .await;
    assert_eq!(
        (&servers["subPlan"], &servers["resourcesCoverageStatus"]),
        (&json!("P2"), &json!("FullyCovered"))
    );
    let left = servers["freeTrialRemainingTime"].as_str().unwrap();
    assert!(left == "P30D" || left.starts_with("P29DT23H59M"), "{left}");
    assert!(servers["enablementTime"].is_string());
    let extensions = servers["extensions"].as_array().unwrap();
    let of = |name: &str| extensions.iter().find(|extension| extension["name"] == name).unwrap();
    assert_eq!(of("FileIntegrityMonitoring")["operationStatus"]["code"], "Succeeded");
    assert_eq!(of("AgentlessVmScanning")["isEnabled"], "False");
    let scanning = json!([{"name": "AgentlessVmScanning", "isEnabled": "True", "additionalExtensionProperties": {"ExclusionTags": "[]"}}]);
    let servers = set(
        &by,
        &sub,
        "VirtualMachines",
        json!({"pricingTier": "Standard", "subPlan": "P2", "extensions": scanning}),
    )
    .await;
    let scanning = &servers["extensions"][1];
    assert_eq!(
        (&scanning["isEnabled"], &scanning["operationStatus"]["code"]),
        (&json!("True"), &json!("Failed"))
    );
    assert_eq!(scanning["additionalExtensionProperties"]["ExclusionTags"], "[]");

    // It can be turned on, and does not pretend.
    let containers = set(&by, &sub, "Containers", json!({"pricingTier": "Standard"})).await;
    assert_eq!(containers["protection"]["state"], "NothingProtected");
    assert_eq!(containers["resourcesCoverageStatus"], "NotCovered");
    assert!(containers["protection"]["lacks"].as_str().unwrap().contains("no sensor for containers"));

    for (name, properties, code, says) in [
        ("KeyVaults", json!({"pricingTier": "Standard"}), "400 PricingNotAvailable", "protects nothing"),
        ("KubernetesService", json!({"pricingTier": "Standard"}), "400 PricingDeprecated", "`Containers`"),
        (
            "Containers",
            json!({"pricingTier": "Standard", "subPlan": "P1"}),
            "400 InvalidRequestContent",
            "no sub-plans",
        ),
        (
            "VirtualMachines",
            json!({"pricingTier": "Standard", "extensions": [{"name": "ContainerSensor", "isEnabled": "True"}]}),
            "400 InvalidRequestContent",
            "FileIntegrityMonitoring",
        ),
        (
            "SqlServers",
            json!({"pricingTier": "Standard", "extensions": [{"name": "X", "isEnabled": "True"}]}),
            "400 InvalidRequestContent",
            "no extensions",
        ),
    ] {
        let (found, message) = refused(&by, &sub, name, properties).await;
        assert_eq!(found, code, "{name}");
        assert!(message.contains(says), "{name}: {message}");
    }
    let dns = shown(&by, &sub, "Dns").await;
    assert_eq!((&dns["deprecated"], &dns["replacedBy"]), (&json!(true), &json!(["VirtualMachines"])));
    // Off and on again: the free time goes on.
    set(&by, &sub, "VirtualMachines", json!({"pricingTier": "Free"})).await;
    assert!(shown(&by, &sub, "VirtualMachines").await["enablementTime"].is_null());
    assert_ne!(shown(&by, &sub, "VirtualMachines").await["freeTrialRemainingTime"], "PT0S");
}

#[tokio::test]
async fn a_machine_may_have_a_plan_of_its_own_unless_the_subscription_enforces_its() {
    let s = server().await;
    let by = owner(&s).await;
    let sub = s.server.app.home.subscription_id();
    let machine = s.enrol("web-1").await.unwrap().id;
    set(
        &by,
        &sub,
        "VirtualMachines",
        json!({"pricingTier": "Standard", "subPlan": "P2", "enforce": "False"}),
    )
    .await;
    let inherited = shown(&by, &machine, "VirtualMachines").await;
    assert_eq!(
        (&inherited["subPlan"], &inherited["inherited"], &inherited["inheritedFrom"]),
        (&json!("P2"), &json!("True"), &json!(sub))
    );
    let own = set(&by, &machine, "VirtualMachines", json!({"pricingTier": "Standard"})).await;
    assert_eq!((&own["subPlan"], &own["inherited"]), (&json!("P1"), &json!("False")));
    set(&by, &machine, "VirtualMachines", json!({"pricingTier": "Free"})).await;
    assert_eq!(shown(&by, &sub, "VirtualMachines").await["resourcesCoverageStatus"], "PartiallyCovered");

    let gone = machine.parent().unwrap().join("providers/Microsoft.HybridCompute/machines/gone").unwrap();
    for (scope, name, properties, code) in [
        (
            &machine,
            "VirtualMachines",
            json!({"pricingTier": "Standard", "subPlan": "P2"}),
            "400 InvalidRequestContent",
        ),
        (
            &machine,
            "VirtualMachines",
            json!({"pricingTier": "Free", "enforce": "True"}),
            "400 InvalidRequestContent",
        ),
        (&machine, "Containers", json!({"pricingTier": "Standard"}), "400 InvalidScope"),
        (&machine.parent().unwrap(), "VirtualMachines", json!({"pricingTier": "Free"}), "400 InvalidScope"),
        (&gone, "VirtualMachines", json!({"pricingTier": "Free"}), "404 ParentResourceNotFound"),
    ] {
        assert_eq!(refused(&by, scope, name, properties).await.0, code, "{scope} {name}");
    }

    set(&by, &sub, "VirtualMachines", json!({"pricingTier": "Standard", "subPlan": "P2", "enforce": "True"}))
        .await;
    assert_eq!(shown(&by, &machine, "VirtualMachines").await["inherited"], "True", "what it had is gone");
    let (code, message) = refused(&by, &machine, "VirtualMachines", json!({"pricingTier": "Free"})).await;
    assert_eq!(code, "409 PricingEnforcedBySubscription");
    assert!(message.contains("`enforce` to `False`"), "{message}");
}

#[tokio::test]
async fn what_a_plan_lacks_is_off_and_says_what_would_turn_it_on() {
    let s = server().await;
    let by = owner(&s).await;
    let sub = s.server.app.home.subscription_id();
    let web = s.enrol("web-1").await.unwrap();
    let integrity = async || feature(&by, &web.id, "fileIntegrityMonitoring").await;
    let inventory = "ChangeTracking-Linux";
    let streams = async || {
        let desired = web.caller.get("/agent/v1/desired?wait=0").await.unwrap().json();
        let found =
            desired["extensions"].as_array().unwrap().iter().find(|wanted| wanted["name"] == inventory);
        found.map(|wanted| wanted["streams"].as_object().unwrap().keys().cloned().collect::<Vec<_>>())
    };
    assert_eq!(integrity().await, ("Off".to_owned(), "Turn on Defender for Servers P2.".to_owned()));
    assert_eq!(feature(&by, &web.id, "foundationalPosture").await.0, "On");
    assert_eq!(feature(&by, &web.id, "networkMap").await.0, "NotAvailable");

    // Defender CSPM brings the inventory and not the changes, P2 both.
    set(&by, &sub, "CloudPosture", json!({"pricingTier": "Standard"})).await;
    eventually("the inventory of Defender CSPM", async || streams().await.is_some()).await;
    assert_eq!(streams().await.unwrap(), ["Microsoft-ConfigurationData"]);
    assert_eq!(feature(&by, &web.id, "softwareInventory").await.0, "Pending");
    assert_eq!(integrity().await.0, "Off");
    set(&by, &sub, "VirtualMachines", json!({"pricingTier": "Standard", "subPlan": "P2"})).await;
    eventually("the changes of P2", async || streams().await.is_some_and(|streams| streams.len() == 2)).await;
    assert_eq!(integrity().await.0, "Pending");
    set(&by, &web.id, "VirtualMachines", json!({"pricingTier": "Standard", "subPlan": "P1"})).await;
    assert_eq!(streams().await.unwrap(), ["Microsoft-ConfigurationData"]);
    assert_eq!(integrity().await.0, "Off");
    // Of the subscription as a whole it is on.
    assert_eq!(feature(&by, &sub, "fileIntegrityMonitoring").await.0, "On");
    let group = web.id.parent().unwrap();
    let nowhere = by.get(&format!("{group}/providers/Bartizan.Security/features")).await.unwrap();
    assert_eq!(outcome(nowhere), "400 InvalidScope");
}

/// A server by a clock of its own, with the Servers plan on, out of its free time.
async fn metered() -> (InProcess, Arc<ManualClock>, ResourceId) {
    let clock = Arc::new(ManualClock::new(Ticks::parse("2026-03-01T10:10:00Z").unwrap()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    let sub = s.server.app.home.subscription_id();
    set(&owner(&s).await, &sub, "VirtualMachines", json!({"pricingTier": "Standard", "subPlan": "P2"})).await;
    (s, clock, sub)
}

async fn usage(s: &InProcess, name: &str) -> Value {
    let sub = s.server.app.home.subscription_id();
    let path = format!("{sub}/providers/Bartizan.Security/usageReports/{name}");
    let answer = owner(s).await.get(&path).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["properties"].clone()
}

#[tokio::test]
async fn hours_count_in_which_a_machine_was_heard_of_whatever_the_server_does() {
    let (s, clock, sub) = metered().await;
    let (web, quiet) = (s.enrol("web-1").await.unwrap(), s.enrol("quiet").await.unwrap());
    clock.advance(Timespan(60 * TICKS_PER_SECOND));
    heard_of(&s, &web).await;
    meter_machines(&s.server.app).await.unwrap();
    let report = usage(&s, "current").await;
    assert_eq!(report["total"]["freeHours"]["serversP2"], 1, "its first thirty days are free");
    assert_eq!(report["total"]["amount"], 0.0);
    assert_eq!(report["machines"].as_array().unwrap().len(), 1, "who never reported is Connecting: {report}");

    // The free time is over; nobody has heard of the machine for a month but in two hours.
    clock.set(Ticks::parse("2026-04-02T08:59:00Z").unwrap());
    heard_of(&s, &web).await;
    clock.advance(Timespan(120 * TICKS_PER_SECOND));
    heard_of(&s, &web).await;
    meter_machines(&s.server.app).await.unwrap();
    // The server is away: what was heard of last, before it could look, counts when it is back.
    clock.advance(HOUR);
    heard_of(&s, &web).await;
    let s = s.stopped().await;
    clock.advance(Timespan(5 * HOUR.0));
    let s = s.start().await.unwrap();
    for _ in 0..3 {
        meter_machines(&s.server.app).await.unwrap();
    }
    let april = usage(&s, "2026-04").await;
    // 08 was overwritten by 09 before anybody looked; 09 and 10 are there, once each.
    assert_eq!(april["total"]["hours"], json!({"serversP1": 0, "serversP2": 2, "posture": 0}), "{april}");
    assert_eq!(april["months"], json!(["2026-04", "2026-03"]));
    assert_eq!((&april["complete"], &usage(&s, "2026-03").await["complete"]), (&json!(false), &json!(true)));
    assert_eq!(april["days"][0]["date"], "2026-04-02");

    let by = owner(&s).await;
    let prices = format!("{sub}/providers/Bartizan.Security/prices/default");
    assert_eq!(by.get(&prices).await.unwrap().json()["properties"]["currency"], "USD");
    let set_prices = json!({"properties": {"currency": "EUR", "serversP2Hour": 0.25}});
    assert_eq!(by.put(&prices, set_prices).await.unwrap().status, 200);
    for wrong in [json!({"currency": "euro"}), json!({"serversP2Hour": -1}), json!({"coffee": 1})] {
        let answer = by.put(&prices, json!({"properties": wrong})).await.unwrap();
        assert_eq!(outcome(answer), "400 InvalidRequestContent", "{wrong}");
    }
    let april = usage(&s, "2026-04").await;
    assert_eq!(
        (&april["machines"][0]["name"], &april["machines"][0]["amount"]),
        (&json!("web-1"), &json!(0.5))
    );
    let path =
        format!("{sub}/providers/Bartizan.Security/usageReports/2026-04?api-version=2024-01-01&format=");
    let csv = by.get(&format!("{path}csv")).await.unwrap();
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 3, "{}", csv.text);
    assert!(
        lines[1].starts_with("web-1,") && lines[1].contains(",0,2,0,0,0,0,0.5,EUR,/subscriptions/"),
        "{}",
        lines[1]
    );
    assert!(csv.headers["content-disposition"].to_str().unwrap().contains("usage-2026-04.csv"));
    assert_eq!(outcome(by.get(&format!("{path}xls")).await.unwrap()), "400 BadRequest");
    let wrong = by.get(&format!("{sub}/providers/Bartizan.Security/usageReports/April")).await.unwrap();
    assert_eq!(outcome(wrong), "400 BadRequest");
    assert!(by.get(quiet.id.as_str()).await.unwrap().status == 200);
    let reader = s.principal("Security Reader").await.unwrap();
    assert_eq!(reader.get(&format!("{path}json")).await.unwrap().status, 200);
    let raised = reader.put(&prices, json!({"properties": {"currency": "EUR"}})).await.unwrap();
    assert_eq!(outcome(raised), "403 AuthorizationFailed");
}
