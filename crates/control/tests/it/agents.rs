//! The agent door: enrolment, renewal, desired state, status and evidence, and who may not use it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_base::{Clock, ManualClock, SystemClock, Ticks, Timespan};
use bartizan_testkit::in_process::{Caller, InProcess, enrol_body, facts, new_request};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, rows, server};

const EXTENSION: &str = "AzureMonitorLinuxAgent";

fn status(generation: u64, extensions: Value) -> Value {
    json!({
        "agentVersion": "0.1.0", "generation": generation, "time": "2026-01-01T00:00:00Z",
        "facts": facts("web-1"), "extensions": extensions,
    })
}

async fn plan_on(s: &InProcess, caller: &Caller) {
    let plan = format!(
        "{}/providers/Microsoft.Security/pricings/VirtualMachines",
        s.server.app.home.subscription_id()
    );
    let body = json!({"properties": {"pricingTier": "Standard", "subPlan": "P2"}});
    assert_eq!(caller.put(&plan, body).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_machine_is_connected_provisioned_and_reports() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = s.enrol("web-1").await.unwrap();
    let resource = caller.get(machine.id.as_str()).await.unwrap().json();
    assert_eq!(resource["properties"]["status"], "Connected");
    assert_eq!(resource["properties"]["vmId"], machine.vm_id.to_string());
    let first = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap().json();
    assert_eq!(first["extensions"], json!([]));

    // The plan reaches the long poll that is already waiting.
    let generation = first["generation"].as_u64().unwrap();
    let waiting = tokio::spawn({
        let agent = machine.caller.clone();
        async move { agent.get(&format!("/agent/v1/desired?generation={generation}&wait=30")).await.unwrap() }
    });
    plan_on(&s, &caller).await;
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.json()["generation"].as_u64().unwrap() > generation);
    let extension = format!("{}/extensions/{EXTENSION}", machine.id);
    eventually("the extension", || async { caller.get(&extension).await.unwrap().status == 200 }).await;

    let running = json!([{"name": EXTENSION, "version": "1.0", "state": "running", "message": "running", "since": "2026-01-01T00:00:00Z"}]);
    assert_eq!(machine.caller.post("/agent/v1/status", status(1, running)).await.unwrap().status, 204);
    let resource = caller.get(&extension).await.unwrap().json();
    assert_eq!(resource["properties"]["provisioningState"], "Succeeded");

    let evidence =
        json!({"time": "2026-01-01T00:00:00Z", "topics": {"ssh.config": {"permitRootLogin": "no"}}});
    assert_eq!(machine.caller.post("/agent/v1/evidence", evidence).await.unwrap().status, 204);
    assert!(s.server.app.records.evidence(&machine.id).await.unwrap().contains_key("ssh.config"));

    assert_eq!(machine.caller.post("/agent/v1/disconnect", json!({})).await.unwrap().status, 204);
    assert_eq!(caller.get(machine.id.as_str()).await.unwrap().status, 404);
    let after = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap();
    assert_eq!(outcome(after), "401 MachineNotEnrolled");
}

#[tokio::test]
async fn a_quiet_long_poll_ends_without_content() {
    let s = server().await;
    let machine = s.enrol("web-1").await.unwrap();
    let state = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap().json();
    let path = format!("/agent/v1/desired?generation={}&wait=1", state["generation"]);
    assert_eq!(machine.caller.get(&path).await.unwrap().status, 204);
}

#[tokio::test]
async fn how_long_a_machine_may_be_silent_is_the_servers_to_set() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let silence = Duration::from_secs(45);
    let s = InProcess::start_with(clock.clone(), |options| options.silence = silence).await.unwrap();
    let by = owner(&s).await;
    let machine = s.enrol("web-1").await.unwrap();
    let is = async |status: &str| {
        by.get(machine.id.as_str()).await.unwrap().json()["properties"]["status"] == status
    };
    clock.advance(Timespan::from_seconds(40));

    // A poll is a word of the machine, and ends in time for the next one.
    let state = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap().json();
    clock.advance(Timespan::from_seconds(40));
    assert!(is("Connected").await);
    let asked = Instant::now();
    let path = format!("/agent/v1/desired?generation={}&wait=60", state["generation"]);
    assert_eq!(machine.caller.get(&path).await.unwrap().status, 204);
    assert!(asked.elapsed() < Duration::from_secs(40), "{:?}", asked.elapsed());
    // The server looked meanwhile: without the polls the machine had been silent for 80 seconds.
    assert!(asked.elapsed() > Duration::from_secs(11) && is("Connected").await);

    clock.advance(Timespan::from_seconds(50));
    let end = Instant::now() + Duration::from_secs(60);
    while !is("Disconnected").await {
        assert!(Instant::now() < end, "it is silent and counts as connected");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(machine.caller.post("/agent/v1/status", status(1, json!([]))).await.unwrap().status, 204);
    assert!(is("Connected").await);
}

#[tokio::test]
async fn a_machine_speaks_only_for_itself() {
    let s = server().await;
    let caller = owner(&s).await;
    let (one, two) = (s.enrol("one").await.unwrap(), s.enrol("two").await.unwrap());
    let rule = caller.get(s.server.app.home.default_rule.as_str()).await.unwrap().json();
    let id = rule["properties"]["immutableId"].as_str().unwrap();
    let path = format!("/dataCollectionRules/{id}/streams/Microsoft-Heartbeat?api-version=2023-01-01");
    let lie = json!([{"TimeGenerated": "2026-01-01T00:00:00Z", "Computer": "two", "_ResourceId": two.id}]);
    let sent = one.caller.post(&path, lie).await.unwrap();
    assert_eq!(sent.status, 204, "{}", sent.text);
    let found = rows(&s, &caller, "Heartbeat | project Computer, tolower(_ResourceId)").await;
    assert_eq!(found, json!([["one", one.id.key()]]));
    let alert = path.replace("Heartbeat", "SecurityAlert");
    assert_eq!(outcome(one.caller.post(&alert, json!([{}])).await.unwrap()), "403 AuthorizationFailed");
    // The agent's certificate opens no other door, and people do not open the agents'.
    assert_eq!(outcome(one.caller.get("/subscriptions").await.unwrap()), "403 AuthorizationFailed");
    let query = format!("/v1/workspaces/{}/query", s.server.app.home.customer);
    assert_eq!(
        outcome(one.caller.post(&query, json!({"query": "print 1"})).await.unwrap()),
        "403 AuthorizationFailed"
    );
    assert_eq!(outcome(caller.get("/agent/v1/desired").await.unwrap()), "403 AuthorizationFailed");
    let nobody = s.anonymous().unwrap();
    assert_eq!(outcome(nobody.get("/agent/v1/desired").await.unwrap()), "401 AuthenticationFailed");
}

#[tokio::test]
async fn renewal_keeps_the_old_certificate_for_once() {
    let s = server().await;
    let machine = s.enrol("web-1").await.unwrap();
    let (key, csr) = new_request().unwrap();
    let renewed = machine.caller.post("/agent/v1/renew", json!({"csr": csr})).await.unwrap().json();
    let second = s.with_certificate(&key, renewed["certificate"].as_str().unwrap()).unwrap();
    assert_eq!(second.get("/agent/v1/desired?wait=0").await.unwrap().status, 200);
    assert_eq!(machine.caller.get("/agent/v1/desired?wait=0").await.unwrap().status, 200);
    let (third_key, csr) = new_request().unwrap();
    let renewed = second.post("/agent/v1/renew", json!({"csr": csr})).await.unwrap().json();
    let third = s.with_certificate(&third_key, renewed["certificate"].as_str().unwrap()).unwrap();
    assert_eq!(third.get("/agent/v1/desired?wait=0").await.unwrap().status, 200);
    let first = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap();
    assert_eq!(outcome(first), "401 MachineNotEnrolled");
}

#[tokio::test]
async fn an_ended_certificate_is_refused_in_the_handshake() {
    let s = server().await;
    let machine = s.enrol("web-1").await.unwrap();
    let (key, csr) = new_request().unwrap();
    let long_ago = Ticks::parse("2020-01-01").unwrap();
    let old = s.server.app.pki.agents.issue(&csr, machine.vm_id, long_ago).unwrap();
    assert!(old.expires < long_ago + Timespan::from_seconds(200 * 86_400));
    let error = s.with_certificate(&key, &old.pem).unwrap().get("/agent/v1/desired").await.unwrap_err();
    let chain = format!("{error:#}").to_lowercase();
    assert!(chain.contains("expired") || chain.contains("certificate"), "{chain}");
    assert_eq!(machine.caller.get("/agent/v1/desired?wait=0").await.unwrap().status, 200);
}

#[tokio::test]
async fn enrolment_refuses_what_is_wrong() {
    let s = server().await;
    let nobody = s.anonymous().unwrap();
    let (_, csr) = new_request().unwrap();
    let enrol = |caller: Caller, body: Value| async move {
        outcome(caller.post("/agent/v1/enrol", body).await.unwrap())
    };
    assert_eq!(enrol(nobody.clone(), enrol_body("m", &csr)).await, "401 AuthenticationFailed");
    assert_eq!(enrol(nobody.with_token("guess"), enrol_body("m", &csr)).await, "401 InvalidOnboardingToken");
    let onboarding = s.principal("Azure Connected Machine Onboarding").await.unwrap();
    assert_eq!(enrol(onboarding.clone(), enrol_body("m", "not a request")).await, "400 BadRequest");
    assert_eq!(enrol(onboarding.clone(), enrol_body("a/b", &csr)).await, "400 InvalidRequestContent");
    let mut elsewhere = enrol_body("m", &csr);
    elsewhere["resourceGroup"] = json!("other");
    assert_eq!(enrol(onboarding.clone(), elsewhere).await, "404 ResourceGroupNotFound");
    assert_eq!(enrol(onboarding.clone(), enrol_body("m", &csr)).await, "200");
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(enrol(reader, enrol_body("m2", &csr)).await, "403 AuthorizationFailed");
    // A machine whose agent reports is not taken over.
    let machine = s.enrol("alive").await.unwrap();
    machine.caller.post("/agent/v1/status", status(0, json!([]))).await.unwrap();
    assert_eq!(enrol(onboarding, enrol_body("alive", &csr)).await, "409 Conflict");
}

#[tokio::test]
async fn a_certificate_that_has_ended_opens_nothing_on_an_open_connection() {
    let now = bartizan_base::Clock::now(&bartizan_base::SystemClock);
    let clock = std::sync::Arc::new(bartizan_base::ManualClock::new(now));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    let machine = s.enrol("web-1").await.unwrap();
    assert_eq!(machine.caller.get("/agent/v1/desired?wait=0").await.unwrap().status, 200);
    clock.advance(Timespan::from_seconds(91 * 86_400));
    let late = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap();
    assert_eq!(outcome(late), "401 MachineCertificateExpired");
}

#[tokio::test]
async fn a_machine_cannot_use_up_the_numbers_of_another_or_write_what_is_not_about_it() {
    let s = server().await;
    let caller = owner(&s).await;
    let (one, two) = (s.enrol("one").await.unwrap(), s.enrol("two").await.unwrap());
    let rule = caller.get(s.server.app.home.default_rule.as_str()).await.unwrap().json();
    let id = rule["properties"]["immutableId"].as_str().unwrap().to_owned();
    let send = |machine: &Caller, table: &str, batch: &str| {
        let path = format!("/dataCollectionRules/{id}/streams/Microsoft-{table}?api-version=2023-01-01");
        let request = machine.request(reqwest::Method::POST, &path).header("x-bartizan-batch", batch);
        let row = json!([{"TimeGenerated": "2026-01-01T00:00:00Z", "SyslogMessage": "kept"}]);
        bartizan_testkit::in_process::read(request.json(&row))
    };
    let source = "7e2c37b4-1c50-4a6f-9a53-000000000001";
    let last = format!("{source}/{}", i64::MAX);
    assert_eq!(send(&one.caller, "Syslog", &last).await.unwrap().status, 204);
    assert_eq!(send(&two.caller, "Syslog", &format!("{source}/1")).await.unwrap().status, 204);
    assert_eq!(send(&caller, "Syslog", &format!("{source}/1")).await.unwrap().status, 204);
    let found = rows(&s, &caller, "Syslog | where SyslogMessage == 'kept' | count").await;
    assert_eq!(found, json!([[3]]));
    for table in ["SigninLogs", "AuditLogs", "SecureScores", "SecurityRecommendation", "SecurityAlert"] {
        let refused = send(&one.caller, table, &format!("{source}/2")).await.unwrap();
        assert_eq!(outcome(refused), "403 AuthorizationFailed", "{table}");
    }
}

#[tokio::test]
async fn a_machine_has_a_bounded_number_of_topics() {
    let s = server().await;
    let machine = s.enrol("web-1").await.unwrap();
    let report = |from: usize| {
        let topics: serde_json::Map<String, Value> =
            (from..from + 40).map(|topic| (format!("t{topic}"), json!({}))).collect();
        json!({"time": "2026-01-01T00:00:00Z", "topics": topics})
    };
    assert_eq!(machine.caller.post("/agent/v1/evidence", report(0)).await.unwrap().status, 204);
    assert_eq!(machine.caller.post("/agent/v1/evidence", report(0)).await.unwrap().status, 204);
    assert_eq!(machine.caller.post("/agent/v1/evidence", report(40)).await.unwrap().status, 400);
}
