//! Direct onboarding: the sensor only, at the designated subscription; and the same machine when it is connected fully.

use bartizan_base::ResourceId;
use bartizan_control::portal;
use bartizan_control::subscription::{self, NewSubscription};
use bartizan_records::Actor;
use bartizan_testkit::in_process::{Answer, Caller, InProcess, enrol_body, facts, new_request};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, server};

const DESIGNATES: &str = "MdeDesignatedSubscription";

fn pricing(subscription: &ResourceId) -> String {
    format!("{subscription}/providers/Microsoft.Security/pricings/VirtualMachines")
}

fn plan(tier: &str, designated: bool) -> Value {
    let on = if designated { "True" } else { "False" };
    json!({"properties": {"pricingTier": tier, "extensions": [{"name": DESIGNATES, "isEnabled": on}]}})
}

async fn designate(s: &InProcess, by: &Caller, on: bool) {
    let answer = by.put(&pricing(&s.server.app.home.subscription_id()), plan("Standard", on)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// A machine with what it keeps of an enrolment.
struct Host {
    caller: Caller,
    id: ResourceId,
    vm_id: String,
}

impl Host {
    fn of(s: &InProcess, key: &str, answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = answer.json();
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        let caller = s.with_certificate(key, &text("certificate")).unwrap();
        Self { caller, id: text("machineId").parse().unwrap(), vm_id: text("vmId") }
    }

    async fn reports(&self, name: &str) {
        let status = json!({
            "agentVersion": "0.1.0", "generation": 1, "time": "2026-01-01T00:00:00Z", "facts": facts(name),
            "extensions": [{"name": "MDE.Linux", "version": "1.0", "state": "running", "message": "running",
                            "since": "2026-01-01T00:00:00Z", "health": {"healthy": true, "tier": "ebpf", "mode": "passive"}}],
        });
        assert_eq!(self.caller.post("/agent/v1/status", status).await.unwrap().status, 204);
    }

    async fn desired(&self) -> Vec<String> {
        let desired = self.caller.get("/agent/v1/desired?wait=0").await.unwrap().json();
        let names = desired["extensions"].as_array().unwrap().iter();
        names.map(|extension| extension["name"].as_str().unwrap().to_owned()).collect()
    }
}

async fn direct_token(s: &InProcess) -> String {
    let app = &s.server.app;
    portal::new_direct_token(&app.records, &app.home.owner.to_string(), &Default::default()).await.unwrap().0
}

async fn full_token(s: &InProcess) -> String {
    let app = &s.server.app;
    let (by, group) = (app.home.owner.to_string(), app.home.group_id());
    portal::new_token(&app.records, &app.home, &by, &group, &Default::default()).await.unwrap().0
}

/// Enrols with `token`, as `as_host` if that is given.
async fn enrol(s: &InProcess, token: &str, name: &str, as_host: Option<&Host>) -> (String, Answer) {
    let (key, csr) = new_request().unwrap();
    let caller = as_host.map_or_else(|| s.anonymous().unwrap(), |host| host.caller.clone());
    let body = enrol_body(name, &csr);
    (key, caller.with_token(token).send(Method::POST, "/agent/v1/enrol", Some(&body)).await.unwrap())
}

async fn direct(s: &InProcess, name: &str) -> Host {
    let (key, answer) = enrol(s, &direct_token(s).await, name, None).await;
    assert_eq!(answer.json()["direct"], true, "{}", answer.text);
    Host::of(s, &key, &answer)
}

#[tokio::test]
async fn one_subscription_is_designated_and_without_one_nobody_joins() {
    let s = server().await;
    let by = s.principal_at("Owner", &s.server.app.home.root_group()).await.unwrap();
    let (app, home) = (&s.server.app, s.server.app.home.subscription_id());
    let (_, refused) = enrol(&s, &direct_token(&s).await, "edge-1", None).await;
    assert!(refused.text.contains("Environment settings"), "the way out: {}", refused.text);
    assert_eq!(outcome(refused), "409 DirectOnboardingOff");

    designate(&s, &by, true).await;
    let root = app.home.root_group();
    let new = NewSubscription {
        alias: "second",
        display_name: "second",
        group: root.name(),
        tags: None,
        owner: None,
    };
    let alias = subscription::create(&app.records, &app.home, new, &Actor::system("test")).await.unwrap();
    let second = format!("/subscriptions/{}", alias.property("subscriptionId").unwrap().as_str().unwrap());
    let second: ResourceId = second.parse().unwrap();
    let refused = by.put(&pricing(&second), plan("Standard", true)).await.unwrap();
    assert!(refused.text.contains(home.as_str()), "which one is: {}", refused.text);
    assert_eq!(outcome(refused), "409 DesignatedSubscriptionExists");
    designate(&s, &by, false).await;
    assert_eq!(by.put(&pricing(&second), plan("Standard", true)).await.unwrap().status, 200);
    let host = direct(&s, "edge-1").await;
    assert!(host.id.is_within(&second), "{}", host.id);

    // A machine is no subscription, and a plan that is off licenses nothing.
    let machine = s.enrol("web-1").await.unwrap().id;
    let refused = by.put(&pricing(&machine), plan("Standard", true)).await.unwrap();
    assert_eq!(outcome(refused), "400 InvalidRequestContent");
    assert_eq!(by.put(&pricing(&second), plan("Free", true)).await.unwrap().status, 200);
    let (_, refused) = enrol(&s, &direct_token(&s).await, "edge-2", None).await;
    assert_eq!(outcome(refused), "409 DirectOnboardingOff");
}

#[tokio::test]
async fn a_directly_onboarded_machine_has_the_sensor_of_the_plan_and_nothing_else() {
    let s = server().await;
    let by = owner(&s).await;
    designate(&s, &by, true).await;
    let web = s.enrol("web-1").await.unwrap();
    let host = direct(&s, "edge-1").await;
    assert_eq!(host.id.resource_group(), Some("direct-onboarding"));
    let sensor = format!("{}/extensions/MDE.Linux", host.id);
    eventually("the sensor", async || by.get(&sensor).await.unwrap().status == 200).await;
    host.reports("edge-1").await;
    // The policies have looked at everything once the other machine has all of its extensions.
    let inventory = format!("{}/extensions/ChangeTracking-Linux", web.id);
    eventually("the policies", async || by.get(&inventory).await.unwrap().status == 200).await;
    assert_eq!(host.desired().await, ["MDE.Linux"]);
    let shown = by.get(host.id.as_str()).await.unwrap().json();
    assert_eq!(shown["properties"]["onboarding"], "Direct");

    let listed = by.get(&format!("{}/providers/Bartizan.Security/features", host.id)).await.unwrap().json();
    let of = |name: &str| {
        let found = listed["value"].as_array().unwrap().iter().find(|feature| feature["name"] == name);
        found.unwrap()["properties"].clone()
    };
    assert_eq!(of("endpointDetection")["state"], "On", "{listed:#}");
    for name in ["logCollection", "softwareInventory", "fileIntegrityMonitoring"] {
        assert_eq!(of(name)["state"], "Off");
        assert!(of(name)["remedy"].as_str().unwrap().contains("bartizan-agent connect"), "{}", of(name));
    }
    let diagnosis = format!("{}/providers/Bartizan.Security/diagnosis/latest", host.id);
    let found = by.get(&diagnosis).await.unwrap().json()["properties"].clone();
    assert_eq!(
        (&found["status"], &found["twoAgents"]["verdict"]),
        (&json!("Healthy"), &json!("sensorOnly")),
        "{found:#}"
    );
    let components = by
        .get(&format!("{}/providers/Bartizan.Security/components", s.server.app.home.subscription_id()))
        .await;
    let components = components.unwrap().json();
    let counts = |name: &str| {
        let rows = components["value"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap()["properties"]["machines"].clone()
    };
    assert_eq!((&counts("sensor")["wanted"], &counts("sensor")["installed"]), (&json!(2), &json!(1)));
    assert_eq!((&counts("monitor")["wanted"], &counts("monitor")["sensorOnly"]), (&json!(1), &json!(1)));

    // Nobody gives it more, and nobody takes the mark away.
    let monitor = json!({"location": "local", "properties": {"publisher": "Microsoft.Azure.Monitor", "type": "AzureMonitorLinuxAgent"}});
    let refused = by.put(&format!("{}/extensions/AzureMonitorLinuxAgent", host.id), monitor).await.unwrap();
    assert_eq!(outcome(refused), "409 OnboardedDirectly");
    let mut lie = shown.clone();
    lie["properties"]["onboarding"] = "Full".into();
    assert_eq!(by.put(host.id.as_str(), lie).await.unwrap().status, 200);
    assert_eq!(by.get(host.id.as_str()).await.unwrap().json()["properties"]["onboarding"], "Direct");

    // Removed behind the server's back it comes again; with the plan off it goes.
    assert!(by.delete(&sensor).await.unwrap().status < 300);
    eventually("its end", async || host.desired().await.is_empty()).await;
    let gone = json!({"agentVersion": "0.1.0", "generation": 2, "time": "2026-01-01T00:00:00Z", "facts": facts("edge-1"), "extensions": []});
    assert_eq!(host.caller.post("/agent/v1/status", gone).await.unwrap().status, 204);
    eventually("the sensor again", async || host.desired().await == ["MDE.Linux"]).await;
    let free = json!({"properties": {"pricingTier": "Free"}});
    assert_eq!(by.put(&pricing(&s.server.app.home.subscription_id()), free).await.unwrap().status, 200);
    eventually("no sensor without a plan", async || host.desired().await.is_empty()).await;
}

#[tokio::test]
async fn of_many_that_designate_at_the_same_moment_one_does() {
    let s = server().await;
    let by = s.principal_at("Owner", &s.server.app.home.root_group()).await.unwrap();
    let (app, root) = (&s.server.app, s.server.app.home.root_group());
    let mut all = vec![app.home.subscription_id()];
    for alias in ["second", "third", "fourth"] {
        let new = NewSubscription { alias, display_name: alias, group: root.name(), tags: None, owner: None };
        let made = subscription::create(&app.records, &app.home, new, &Actor::system("test")).await.unwrap();
        let id = made.property("subscriptionId").unwrap().as_str().unwrap().to_owned();
        all.push(format!("/subscriptions/{id}").parse().unwrap());
    }
    for round in 0..10 {
        let puts = all.iter().map(|subscription| {
            let (by, path) = (&by, pricing(subscription));
            async move { outcome(by.put(&path, plan("Standard", true)).await.unwrap()) }
        });
        let mut outcomes = futures::future::join_all(puts).await;
        outcomes.sort();
        assert_eq!(outcomes[0], "200", "round {round}: {outcomes:?}");
        assert!(
            outcomes[1..].iter().all(|outcome| outcome == "409 DesignatedSubscriptionExists"),
            "round {round}: {outcomes:?}"
        );
        for subscription in &all {
            assert_eq!(by.put(&pricing(subscription), plan("Standard", false)).await.unwrap().status, 200);
        }
    }
}

#[tokio::test]
async fn connected_fully_it_stays_the_same_machine() {
    let s = server().await;
    let by = owner(&s).await;
    designate(&s, &by, true).await;
    let host = direct(&s, "edge-1").await;
    eventually("the sensor", async || host.desired().await == ["MDE.Linux"]).await;
    host.reports("edge-1").await;

    let (key, answer) = enrol(&s, &full_token(&s).await, "edge-1", Some(&host)).await;
    assert_eq!(answer.json()["direct"], false);
    let full = Host::of(&s, &key, &answer);
    assert_eq!(full.vm_id, host.vm_id, "the same machine");
    assert!(full.id.is_within(&s.server.app.home.group_id()), "{}", full.id);
    assert_eq!(by.get(host.id.as_str()).await.unwrap().status, 404, "there is no second one");
    let shown = by.get(full.id.as_str()).await.unwrap().json();
    assert!(shown["properties"]["onboarding"].is_null(), "{shown}");

    // What ran goes on, the rest comes by policy, and the agent that still has the old certificate speaks for it too.
    let state = by.get(&format!("{}/extensions/MDE.Linux", full.id)).await.unwrap().json();
    assert_eq!(state["properties"]["provisioningState"], "Succeeded", "{state}");
    assert!(
        state["managedBy"].is_null() || state["managedBy"].as_str().unwrap().contains("policyAssignments")
    );
    eventually("the rest", async || full.desired().await.len() == 3).await;
    assert_eq!(host.desired().await.len(), 3);

    // The answer may be lost: the same again changes nothing.
    let (key, answer) = enrol(&s, &full_token(&s).await, "edge-1", Some(&host)).await;
    let again = Host::of(&s, &key, &answer);
    assert_eq!((again.id, again.vm_id), (full.id.clone(), full.vm_id.clone()));

    // Another machine of that name is another machine, and is refused while this one lives.
    full.reports("edge-1").await;
    let stranger = direct(&s, "edge-1").await;
    assert_ne!(stranger.vm_id, full.vm_id);
    let (_, refused) = enrol(&s, &full_token(&s).await, "edge-1", Some(&stranger)).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
}

#[tokio::test]
async fn the_onboarding_package_is_the_script_that_onboards_directly() {
    use base64::Engine as _;
    let s = server().await;
    let sub = s.server.app.home.subscription_id();
    let all = format!("{sub}/providers/Microsoft.Security/mdeOnboardings");
    let reader = s.principal_at("Reader", &sub).await.unwrap();
    let one = reader.get(&format!("{all}/default")).await.unwrap().json();
    assert_eq!(reader.get(&all).await.unwrap().json()["value"], json!([one]));
    assert_eq!(
        (&one["name"], &one["type"]),
        (&json!("default"), &json!("Microsoft.Security/mdeOnboardings"))
    );
    let package = one["properties"]["onboardingPackageLinux"].as_str().unwrap();
    assert!(one["properties"]["onboardingPackageWindows"].is_null(), "there is no agent for Windows");
    let script = base64::engine::general_purpose::STANDARD.decode(package).unwrap();
    let script = String::from_utf8(script).unwrap();
    assert!(script.starts_with("#!/bin/sh") && script.contains(&s.server.app.public_url), "{script}");
    assert!(script.contains(s.server.app.pki.server_ca.trim()), "it trusts this server");
    assert!(!script.contains("--subscription-id") && !script.contains("export BARTIZAN_TOKEN="), "{script}");

    // A shell takes it, and it goes no further without a token than to say so.
    let checked = std::process::Command::new("sh").args(["-nc", &script]).status().unwrap();
    assert!(checked.success());
    let line = script.lines().find(|line| line.contains("${BARTIZAN_TOKEN:-}")).unwrap();
    let fails = format!("fail() {{ echo \"$1\"; exit 1; }}; {line}");
    let ended =
        std::process::Command::new("sh").args(["-uc", &fails]).env_remove("BARTIZAN_TOKEN").output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stdout).contains("Servers, Add"));

    assert_eq!(reader.get(&format!("{all}/other")).await.unwrap().status, 404);
    let by = owner(&s).await;
    assert_eq!(
        outcome(by.put(&format!("{all}/default"), json!({})).await.unwrap()),
        "400 OperationNotSupported"
    );
    assert_eq!(s.anonymous().unwrap().get(&all).await.unwrap().status, 401);
}
