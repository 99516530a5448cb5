//! What a machine tells of itself reaches its resources and its diagnosis; what is sealed or offered reaches it alone.

use bartizan_seal::OpeningKey;
use bartizan_testkit::in_process::{Caller, InProcess, Machine, facts};
use bartizan_wire::{DesiredState, SealedText};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, server};

const SENSOR: &str = "MDE.Linux";
const MONITOR: &str = "AzureMonitorLinuxAgent";

/// A status in which the machine runs `os_version` of Debian and these extensions.
fn status(os_version: &str, extensions: Value) -> Value {
    let mut facts = facts("web-1");
    facts["osVersion"] = os_version.into();
    facts["osName"] = format!("Debian GNU/Linux {os_version}").into();
    facts["kernel"] = "6.1.0-28-amd64".into();
    facts["architecture"] = "x86_64".into();
    json!({
        "agentVersion": "0.1.0", "generation": 1, "time": "2026-01-01T00:00:00Z", "facts": facts, "extensions": extensions,
        "host": {"initSystem": "systemd", "root": true, "diskFreeBytes": (9_u64 << 30) + 12345, "kernelTypes": true},
        "connectivity": {
            "time": "2026-01-01T00:00:00Z", "clockAheadSeconds": 3,
            "endpoints": [{"name": "server", "url": "https://server.example:9443", "hops": [
                {"hop": "dns", "outcome": "passed", "milliseconds": 4, "detail": "192.0.2.1"},
            ]}],
            "pastFailures": [{"from": "2025-12-31T22:00:00Z", "to": "2025-12-31T23:00:00Z", "endpoint": "https://server.example:9443",
                              "hop": "tcp", "detail": "no answer within 10 s"}],
        },
    })
}

fn extension(name: &str, state: &str, message: &str) -> Value {
    let step = |name: &str, state: &str| json!({"name": name, "state": state, "message": message, "time": "2026-01-01T00:00:00Z"});
    json!({
        "name": name, "version": "1.0", "state": state, "message": message, "since": "2026-01-01T00:00:00Z",
        "steps": [step("prerequisites", "succeeded"), step("engine", if state == "running" { "succeeded" } else { "failed" })],
    })
}

async fn plan_on(s: &InProcess, caller: &Caller, machine: &Machine) {
    let subscription = s.server.app.home.subscription_id();
    let plan = format!("{subscription}/providers/Microsoft.Security/pricings/VirtualMachines");
    let body = json!({"properties": {"pricingTier": "Standard", "subPlan": "P1"}});
    assert_eq!(caller.put(&plan, body).await.unwrap().status, 200);
    for name in [SENSOR, MONITOR] {
        let id = format!("{}/extensions/{name}", machine.id);
        eventually("the extension", || async { caller.get(&id).await.unwrap().status == 200 }).await;
    }
}

async fn told(machine: &Machine, status: Value) {
    assert_eq!(machine.caller.post("/agent/v1/status", status).await.unwrap().status, 204);
}

async fn diagnosis(caller: &Caller, machine: &Machine) -> Value {
    let path = format!("{}/providers/Bartizan.Security/diagnosis/latest", machine.id);
    let answer = caller.get(&path).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["properties"].clone()
}

#[tokio::test]
async fn steps_become_substatuses_and_an_unsupported_system_is_diagnosed_with_its_alternative() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = s.enrol("web-1").await.unwrap();
    plan_on(&s, &caller, &machine).await;
    let both = json!([extension(SENSOR, "running", "running"), extension(MONITOR, "running", "running")]);
    told(&machine, status("12", both.clone())).await;
    let sensor = caller.get(&format!("{}/extensions/{SENSOR}", machine.id)).await.unwrap().json();
    let substatuses = &sensor["properties"]["instanceView"]["substatuses"];
    assert_eq!(substatuses[0]["code"], "ComponentStatus/prerequisites/succeeded");
    assert_eq!(substatuses[1]["code"], "ComponentStatus/engine/succeeded");
    let found = diagnosis(&caller, &machine).await;
    assert_eq!(found["status"], "Healthy", "{found:#}");
    assert_eq!(found["twoAgents"]["verdict"], "bothWork");
    let connectivity = found["checks"][3]["evidence"].to_string();
    assert!(connectivity.contains("cut off at tcp from 2025-12-31T22:00:00Z"), "{connectivity}");

    told(&machine, status("9", both)).await;
    let found = diagnosis(&caller, &machine).await;
    assert_eq!(found["firstFailure"]["name"], "operatingSystem", "{found:#}");
    assert!(found["firstFailure"]["fix"].as_str().unwrap().contains("upgrade to Debian 12"), "{found:#}");
    let unsupported = found["prerequisites"][0].clone();
    assert_eq!(
        (&unsupported["name"], &unsupported["outcome"]),
        (&"systemSupported".into(), &"failed".into())
    );
    // What a client writes is not what a machine reports.
    let own = caller.get(machine.id.as_str()).await.unwrap().json();
    assert_eq!(own["properties"]["agentReport"]["host"]["diskFreeBytes"], 9_u64 << 30, "in steps of 64 MiB");
    // It is heard from this host, and has no public address of its own.
    let location = &own["properties"]["agentReport"]["location"];
    assert!(location["country"].is_null() && location["reason"].is_string(), "{location}");
    let mut lie = own.clone();
    lie["properties"]["agentReport"]["location"]["country"] = "Atlantis".into();
    lie["properties"]["agentReport"]["host"]["root"] = false.into();
    assert_eq!(caller.put(machine.id.as_str(), lie).await.unwrap().status, 200);
    assert_eq!(
        caller.get(machine.id.as_str()).await.unwrap().json()["properties"]["agentReport"],
        own["properties"]["agentReport"]
    );
}

#[tokio::test]
async fn a_machine_has_the_country_of_its_address() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = s.enrol("web-1").await.unwrap();
    let other = s.enrol("web-2").await.unwrap();
    let mut abroad = status("12", json!([]));
    abroad["facts"]["addresses"] = json!([
        {"interface": "eth0", "mac": "", "address": "10.0.0.7", "prefixLength": 24},
        {"interface": "eth1", "mac": "", "address": "129.132.1.1", "prefixLength": 24},
    ]);
    told(&machine, abroad).await;
    told(&other, status("12", json!([]))).await;
    let own = caller.get(machine.id.as_str()).await.unwrap().json();
    assert_eq!(
        own["properties"]["agentReport"]["location"],
        json!({"address": "129.132.1.1", "country": "Switzerland", "countryCode": "CH", "reason": null})
    );
    let query = "healthresources | extend place = properties.agentLocation | project name = split(tostring(properties.targetResourceId), '/')[8], \
                 country = tostring(place.country), reason = tostring(place.reason) | order by tostring(name) asc";
    let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
    let answer = caller.post(path, json!({"query": query})).await.unwrap().json();
    assert_eq!(answer["data"][0]["country"], "Switzerland", "{answer:#}");
    assert_eq!(answer["data"][1]["country"], "", "{answer:#}");
    assert!(answer["data"][1]["reason"].as_str().unwrap().contains("private address"), "{answer:#}");
}

#[tokio::test]
async fn alerts_without_events_and_events_without_alerts_are_told_apart() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = s.enrol("web-1").await.unwrap();
    plan_on(&s, &caller, &machine).await;
    for (sensor, monitor, verdict, word) in [
        ("running", "failed", "alertsButNoEvents", "data collection rule"),
        ("failed", "running", "eventsButNoAlerts", "endpoint protection"),
        ("failed", "failed", "neitherWorks", "six checks"),
    ] {
        let message = |state: &str| if state == "failed" { "no kernel" } else { "running" };
        let both = json!([
            extension(SENSOR, sensor, message(sensor)),
            extension(MONITOR, monitor, message(monitor))
        ]);
        told(&machine, status("12", both)).await;
        let agents = diagnosis(&caller, &machine).await["twoAgents"].clone();
        assert_eq!(agents["verdict"], verdict, "{agents}");
        assert!(agents["fix"].as_str().unwrap().contains(word), "{agents}");
        let broken = if sensor == "failed" { &agents["sensor"] } else { &agents["monitor"] };
        assert!(broken["evidence"].as_str().unwrap().contains("no kernel"), "{agents}");
    }
}

#[tokio::test]
async fn protected_settings_are_sealed_to_the_agent_and_seen_by_nobody_else() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = s.enrol("web-1").await.unwrap();
    let id = format!("{}/extensions/Own", machine.id);
    let body = |protected: Value| {
        json!({"location": "local", "properties": {
            "publisher": "Microsoft.Azure.Monitor", "type": MONITOR, "typeHandlerVersion": "1.0", "enableAutomaticUpgrade": true,
            "settings": {"journal": false}, "protectedSettings": protected,
        }})
    };
    let secret = json!({"password": "correct-horse"});
    let early = caller.put(&id, body(secret.clone())).await.unwrap();
    assert_eq!(early.status, 400, "an agent that told no key: {}", early.text);
    assert!(early.text.contains("protectedSettings"), "{}", early.text);

    let key = OpeningKey::generate().unwrap();
    let mut with_key = status("12", json!([]));
    with_key["sealingKey"] = key.public().into();
    told(&machine, with_key).await;
    let written = caller.put(&id, body(secret)).await.unwrap();
    assert!(written.status < 300, "{}", written.text);
    let shown = caller.get(&id).await.unwrap();
    let extension: bartizan_base::ResourceId = id.parse().unwrap();
    let stored = s.server.app.records.get(&extension).await.unwrap().unwrap();
    for text in [&written.text, &shown.text, &stored.body.to_string()] {
        assert!(!text.contains("correct-horse"), "{text}");
    }
    assert_eq!(shown.json()["properties"]["enableAutomaticUpgrade"], true);
    let wanted = || async {
        let desired = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap().json();
        let desired: DesiredState = serde_json::from_value(desired).unwrap();
        desired.extensions.into_iter().find(|extension| extension.name == "Own").unwrap()
    };
    let sealed: SealedText = wanted().await.protected.unwrap();
    assert_eq!(key.open(&id, &sealed).unwrap(), br#"{"password":"correct-horse"}"#);
    assert!(OpeningKey::generate().unwrap().open(&id, &sealed).is_err());
    assert_eq!(wanted().await.settings, json!({"journal": false}));

    // A write without them keeps them, an empty object takes them away, anything else is refused.
    let mut without = body(Value::Null);
    without["properties"].as_object_mut().unwrap().remove("protectedSettings");
    assert!(caller.put(&id, without).await.unwrap().status < 300);
    assert!(wanted().await.protected.is_some());
    assert_eq!(caller.put(&id, body(json!("text"))).await.unwrap().status, 400);
    assert!(caller.put(&id, body(json!({}))).await.unwrap().status < 300);
    assert!(wanted().await.protected.is_none());
}

#[tokio::test]
async fn a_package_reaches_the_machines_that_should_run_it_and_nobody_else() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = s.enrol("web-1").await.unwrap();
    told(&machine, status("12", json!([]))).await;
    let program = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(program.path(), "a program").unwrap();
    let pki = &s.server.app.pki.dir;
    bartizan_control::packages::add(pki, program.path(), "1.5.0", "linux-x86_64").unwrap();
    let desired = || async {
        let desired = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap().json();
        serde_json::from_value::<DesiredState>(desired).unwrap()
    };
    let before = desired().await;
    assert_eq!(before.agent, None, "nobody asked for it");
    let patch = json!({"properties": {"agentUpgrade": {"desiredVersion": "1.5.0"}}});
    let patched = caller.send(reqwest::Method::PATCH, machine.id.as_str(), Some(&patch)).await.unwrap();
    assert_eq!(patched.status, 200, "{}", patched.text);
    let after = desired().await;
    assert!(after.generation > before.generation);
    let agent = after.agent.unwrap();
    let manifest = bartizan_seal::verify(&agent.package_key, &agent.manifest).unwrap();
    assert_eq!((manifest.version.as_str(), manifest.files.len()), ("1.5.0", 1));
    let path = "/agent/v1/packages/1.5.0/linux-x86_64/0";
    let file = machine.caller.get(path).await.unwrap();
    assert_eq!((file.status, file.text.as_str()), (200, "a program"));
    for wrong in
        ["1.5.0/linux-x86_64/1", "1.6.0/linux-x86_64/0", "1.5.0/linux-x86_64/manifest.json", "..%2fpki/x/0"]
    {
        let answer = machine.caller.get(&format!("/agent/v1/packages/{wrong}")).await.unwrap();
        assert!(matches!(answer.status, 400 | 404), "{wrong}: {}", answer.text);
    }
    assert_eq!(outcome(caller.get(path).await.unwrap()), "403 AuthorizationFailed");
    assert_eq!(outcome(s.anonymous().unwrap().get(path).await.unwrap()), "401 AuthenticationFailed");
}
