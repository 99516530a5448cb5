//! "Settings and monitoring": each component's switch through Azure's own settings, and what it does to machines.

use bartizan_testkit::in_process::{Caller, InProcess, facts};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, server};

async fn component(s: &InProcess, by: &Caller, name: &str) -> Value {
    let sub = s.server.app.home.subscription_id();
    let answer = by.get(&format!("{sub}/providers/Bartizan.Security/components")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    let listed = answer.json();
    let found = listed["value"].as_array().unwrap().iter().find(|row| row["name"] == name).cloned();
    found.unwrap_or_else(|| panic!("{name} is not listed: {}", answer.text))["properties"].clone()
}

async fn state(s: &InProcess, by: &Caller, name: &str) -> String {
    component(s, by, name).await["state"].as_str().unwrap().to_owned()
}

async fn set(s: &InProcess, by: &Caller, resource: &str, body: Value) {
    let path = format!("{}/providers/Microsoft.Security/{resource}", s.server.app.home.subscription_id());
    let answer = by.put(&path, body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
}

fn plan(tier: &str, integrity: Option<&str>) -> Value {
    let mut properties = json!({"pricingTier": "Standard", "subPlan": tier});
    if let Some(on) = integrity {
        properties["extensions"] = json!([{"name": "FileIntegrityMonitoring", "isEnabled": on}]);
    }
    json!({"properties": properties})
}

#[tokio::test]
async fn each_switch_deploys_its_component_and_takes_it_away() {
    let s = server().await;
    let by = owner(&s).await;
    let web = s.enrol("web-1").await.unwrap();
    for name in ["sensor", "monitor", "inventory"] {
        let row = component(&s, &by, name).await;
        assert_eq!((&row["state"], &row["reason"]), (&json!("Off"), &json!("Defender for Servers is off.")));
        assert!(row["remedy"].as_str().unwrap().starts_with("Turn on Defender for Servers"), "{row}");
        assert!(!row["features"].as_array().unwrap().is_empty(), "{row}");
    }
    set(&s, &by, "pricings/VirtualMachines", plan("P2", None)).await;
    let off = json!({"kind": "DataExportSettings", "properties": {"enabled": false}});
    let on = json!({"kind": "DataExportSettings", "properties": {"enabled": true}});
    let switches = [
        ("sensor", "MDE.Linux", "settings/WDATP", off, on),
        (
            "monitor",
            "AzureMonitorLinuxAgent",
            "autoProvisioningSettings/default",
            json!({"properties": {"autoProvision": "Off"}}),
            json!({"properties": {"autoProvision": "On"}}),
        ),
        (
            "inventory",
            "ChangeTracking-Linux",
            "pricings/VirtualMachines",
            plan("P2", Some("False")),
            plan("P2", Some("True")),
        ),
    ];
    for (name, extension, resource, off, on) in switches {
        let id = format!("{}/extensions/{extension}", web.id);
        let status = async || by.get(&id).await.unwrap().json()["properties"]["provisioningState"].clone();
        eventually(name, async || status().await == "Creating").await;
        let row = component(&s, &by, name).await;
        assert_eq!((&row["state"], &row["switch"]["isOn"]), (&json!("On"), &json!(true)), "{row}");
        assert_eq!(row["switch"]["resourceId"].as_str().unwrap().rsplit("Security/").next(), Some(resource));
        assert_eq!((&row["machines"]["wanted"], &row["machines"]["pending"]), (&json!(1), &json!(1)));

        set(&s, &by, resource, off).await;
        eventually(name, async || status().await == "Deleting").await;
        let row = component(&s, &by, name).await;
        assert_eq!((&row["state"], &row["switch"]["isOn"]), (&json!("Off"), &json!(false)), "{row}");
        assert!(row["reason"].as_str().unwrap().starts_with("It is switched off by"), "{row}");
        set(&s, &by, resource, on).await;
        eventually(name, async || state(&s, &by, name).await == "On").await;
    }
    let running = json!({
        "agentVersion": "0.1.0", "generation": 1, "time": "2026-01-01T00:00:00Z", "facts": facts("web-1"),
        "extensions": [{"name": "MDE.Linux", "version": "1.0", "state": "running", "message": "running", "since": "2026-01-01T00:00:00Z"}],
    });
    eventually("the sensor as installed", async || {
        assert_eq!(web.caller.post("/agent/v1/status", running.clone()).await.unwrap().status, 204);
        component(&s, &by, "sensor").await["machines"]["installed"] == 1
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_changes_its_tier_keeps_its_switches() {
    let s = server().await;
    let by = owner(&s).await;
    set(&s, &by, "pricings/VirtualMachines", plan("P2", Some("False"))).await;
    assert_eq!(state(&s, &by, "inventory").await, "Off");
    set(&s, &by, "pricings/VirtualMachines", plan("P1", None)).await;
    set(&s, &by, "pricings/VirtualMachines", plan("P2", None)).await;
    assert!(component(&s, &by, "inventory").await["reason"].as_str().unwrap().contains("switched off"));
}

#[tokio::test]
async fn what_cannot_be_deployed_is_listed_and_cannot_be_switched_on() {
    let s = server().await;
    let by = owner(&s).await;
    let sub = s.server.app.home.subscription_id();
    set(&s, &by, "pricings/VirtualMachines", plan("P2", None)).await;
    set(&s, &by, "pricings/SqlServerVirtualMachines", json!({"properties": {"pricingTier": "Standard"}}))
        .await;
    let sensor = json!([{"name": "ContainerSensor", "isEnabled": "True"}]);
    let containers = json!({"properties": {"pricingTier": "Standard", "extensions": sensor}});
    set(&s, &by, "pricings/Containers", containers).await;
    for name in ["vulnerabilityAssessment", "guestConfiguration", "sql", "containers"] {
        let row = component(&s, &by, name).await;
        assert_eq!((&row["state"], &row["available"]), (&json!("NotAvailable"), &json!(false)), "{row}");
        assert!(row["switch"].is_null() || row["switch"]["isOn"] == false, "{row}");
        assert!(row["reason"].as_str().is_some_and(|text| !text.is_empty()), "{row}");
        assert!(row["remedy"].as_str().is_some_and(|text| !text.is_empty()), "{row}");
    }
    let settings = format!("{sub}/providers/Microsoft.Security/serverVulnerabilityAssessmentsSettings");
    let one = format!("{settings}/AzureServersSetting");
    let body = json!({"kind": "AzureServersSetting", "properties": {"selectedProvider": "MdeTvm"}});
    let answers = [by.get(&settings).await, by.get(&one).await, by.put(&one, body).await];
    for refused in answers.map(Result::unwrap) {
        assert!(refused.text.contains("advisories"), "{}", refused.text);
        assert_eq!(outcome(refused), "400 OperationNotSupported");
    }

    let group = s.server.app.home.group_id();
    let narrower = by.get(&format!("{group}/providers/Bartizan.Security/components")).await.unwrap();
    assert_eq!(outcome(narrower), "400 InvalidScope");
    let nobody = s.principal_at("Reader", &group).await.unwrap();
    let refused = nobody.get(&format!("{sub}/providers/Bartizan.Security/components")).await.unwrap();
    assert_eq!(outcome(refused), "403 AuthorizationFailed");
}

#[tokio::test]
async fn the_workspace_is_chosen_among_those_that_are_there() {
    let s = server().await;
    let by = owner(&s).await;
    let home = &s.server.app.home;
    let sub = home.subscription_id();
    let setting = format!("{sub}/providers/Microsoft.Security/workspaceSettings/default");
    assert_eq!(
        by.get(&setting).await.unwrap().json()["properties"]["workspaceId"],
        json!(home.workspace),
        "the default"
    );
    let chosen = |workspace: &str| json!({"properties": {"workspaceId": workspace, "scope": sub}});
    assert_eq!(by.put(&setting, chosen(home.workspace.as_str())).await.unwrap().status, 200);
    let other = format!("{}/providers/Microsoft.OperationalInsights/workspaces/sentinel", home.group_id());
    let refused = by.put(&setting, chosen(&other)).await.unwrap();
    assert!(refused.status == 400 && refused.text.contains(&other), "{}", refused.text);
    assert!(refused.text.contains(home.workspace.as_str()), "what there is: {}", refused.text);
}
