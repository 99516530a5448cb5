//! Plans put extensions on machines and take them away.

use bartizan_records::Actor;
use bartizan_wire::ExtensionState;
use serde_json::json;

use super::{House, SUBSCRIPTION, id_of};
use crate::plans::{desired, extension};

const ALL: [&str; 3] = ["AzureMonitorLinuxAgent", "ChangeTracking-Linux", "MDE.Linux"];

#[tokio::test]
async fn plan_on_installs_and_plan_off_removes() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    house.round().await;
    assert!(house.extensions(&web).await.is_empty(), "nothing is installed without a plan");
    assert_eq!(house.first_failure(&web).await.0, "plan");

    house.plan("Standard", Some("P2")).await;
    house.round().await;
    assert_eq!(
        house.assignments().await,
        ["defender-servers-ama-linux", "defender-servers-changetracking-linux", "defender-servers-mde-linux"]
    );
    assert_eq!(
        house.extension_states(&web).await,
        ["AzureMonitorLinuxAgent: Creating", "ChangeTracking-Linux: Creating", "MDE.Linux: Creating"]
    );
    assert!(house.compliance(&web).await.iter().all(|state| state.ends_with("NonCompliant")));
    let sensor = house.extensions(&web).await.pop().unwrap();
    assert_eq!(sensor.property("settings").unwrap()["azureResourceId"], web.as_str());
    assert!(extension::message(&sensor).contains("defender-servers-mde-linux"));

    house.report(&web, &ALL, ExtensionState::Running, "running").await;
    house.round().await;
    assert_eq!(
        house.compliance(&web).await,
        [
            "defender-servers-ama-linux: Compliant",
            "defender-servers-changetracking-linux: Compliant",
            "defender-servers-mde-linux: Compliant"
        ]
    );
    assert_eq!(house.first_failure(&web).await.0, "");

    house.plan("Free", None).await;
    house.round().await;
    assert!(house.assignments().await.is_empty());
    assert!(house.extension_states(&web).await.iter().all(|state| state.ends_with("Deleting")));
    assert!(
        desired::desired_state(&house.extensions(&web).await, &[], &[], vec![], None, None)
            .extensions
            .is_empty()
    );
    // An agent that still stops them does not bring them back.
    house.report(&web, &ALL, ExtensionState::Running, "running").await;
    assert!(house.extension_states(&web).await.iter().all(|state| state.ends_with("Deleting")));
    house.report(&web, &["MDE.Linux"], ExtensionState::Removed, "removed").await;
    assert!(house.extensions(&web).await.is_empty());
    house.round().await;
    assert!(house.compliance(&web).await.is_empty());
}

#[tokio::test]
async fn p1_has_no_inventory_and_a_step_down_removes_it() {
    let house = House::new().await;
    let web = house.machine("web-1", "Disconnected").await;
    house.plan("Standard", None).await;
    house.round().await;
    assert_eq!(house.extensions(&web).await.len(), 3, "Standard without a sub-plan is P2");
    house.plan("Standard", Some("P1")).await;
    house.round().await;
    // The machine is away, so there is nobody to wait for.
    assert_eq!(
        house.extension_states(&web).await,
        ["AzureMonitorLinuxAgent: Creating", "MDE.Linux: Creating"]
    );
    assert_eq!(house.first_failure(&web).await.0, "connectivity");
}

#[tokio::test]
async fn a_new_machine_and_a_deleted_extension_are_covered_by_the_running_task() {
    let house = House::new().await;
    house.plan("Standard", Some("P2")).await;
    let task = tokio::spawn(crate::plans::start(house.ctx.clone()));
    let web = house.machine("web-1", "Connected").await;
    until(async || house.extensions(&web).await.len() == 3).await;
    house.report(&web, &ALL, ExtensionState::Running, "running").await;
    until(async || {
        house.compliance(&web).await.iter().filter(|state| state.ends_with(": Compliant")).count() == 3
    })
    .await;
    let sensor = web.join("extensions/MDE.Linux").unwrap();
    house.ctx.records.delete(&sensor, &Actor::system("test"), None).await.unwrap();
    until(async || house.extension_states(&web).await.contains(&"MDE.Linux: Creating".to_owned())).await;
    house.ctx.stop.cancel();
    task.await.unwrap();
}

/// Waits for the task, which gathers events for 50 ms.
async fn until<F: AsyncFn() -> bool>(condition: F) {
    for _ in 0..400 {
        if condition().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("did not happen within ten seconds");
}

#[tokio::test]
async fn an_extension_that_is_there_under_another_name_is_not_installed_twice() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    let own = json!({"properties": {"publisher": "Microsoft.Azure.AzureDefenderForServers", "type": "MDE.Linux", "provisioningState": "Creating"}});
    house.put(&format!("{web}/extensions/my-sensor"), own).await;
    house.plan("Standard", Some("P1")).await;
    house.round().await;
    assert_eq!(
        house.extension_states(&web).await,
        ["AzureMonitorLinuxAgent: Creating", "my-sensor: Creating"]
    );
    house.report(&web, &["my-sensor"], ExtensionState::Running, "running").await;
    house.round().await;
    assert!(house.compliance(&web).await.contains(&"defender-servers-mde-linux: Compliant".to_owned()));
    // It was not made by the plan, so it outlives the plan.
    house.plan("Free", None).await;
    house.round().await;
    assert!(house.extension_states(&web).await.contains(&"my-sensor: Succeeded".to_owned()));
}

#[tokio::test]
async fn failures_are_told_and_switches_respected() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    house.plan("Standard", Some("P1")).await;
    house.round().await;
    house.report(&web, &["MDE.Linux"], ExtensionState::Failed, "no tracing file system").await;
    house.round().await;
    assert!(house.reason(&web, "defender-servers-mde-linux").await.contains("no tracing file system"));
    assert_eq!(house.first_failure(&web).await.0, "extensionStatus");

    house
        .put(
            &format!("{SUBSCRIPTION}/providers/Microsoft.Security/settings/WDATP"),
            json!({"kind": "DataExportSettings", "properties": {"enabled": false}}),
        )
        .await;
    house.round().await;
    assert_eq!(house.assignments().await, ["defender-servers-ama-linux"]);
    let (check, fix) = house.first_failure(&web).await;
    assert_eq!((check.as_str(), fix.contains("WDATP")), ("provisioning", true));

    // The machine's own Free pricing takes it out of the plan, and out of nothing else.
    house
        .put(
            &format!("{web}/providers/Microsoft.Security/pricings/VirtualMachines"),
            json!({"properties": {"pricingTier": "Free"}}),
        )
        .await;
    house.round().await;
    assert!(house.compliance(&web).await.is_empty());
    assert_eq!(house.first_failure(&web).await.0, "plan");
}

#[tokio::test]
async fn a_machines_own_plan_decides_what_is_put_on_it() {
    let house = House::new().await;
    let (web, other) =
        (house.machine("web-1", "Disconnected").await, house.machine("other", "Disconnected").await);
    let own = format!("{web}/providers/Microsoft.Security/pricings/VirtualMachines");
    house.put(&own, json!({"properties": {"pricingTier": "Standard", "subPlan": "P1"}})).await;
    house.round().await;
    let two = ["AzureMonitorLinuxAgent: Creating", "MDE.Linux: Creating"];
    assert_eq!(house.extension_states(&web).await, two, "its subscription is Free");
    assert!(house.extensions(&other).await.is_empty());
    assert_eq!(house.first_failure(&web).await.0, "connectivity");
    assert_eq!(house.first_failure(&other).await.0, "plan");

    house.plan("Standard", Some("P2")).await;
    house.round().await;
    assert_eq!(house.extension_states(&web).await, two, "its subscription is P2");
    assert_eq!(house.extensions(&other).await.len(), 3);
    assert!(house.compliance(&web).await.iter().all(|state| !state.contains("changetracking")));

    house.ctx.records.delete(&id_of(&own), &Actor::system("test"), None).await.unwrap();
    house.round().await;
    assert_eq!(house.extensions(&web).await.len(), 3, "it has what its subscription has");
    house.plan("Free", None).await;
    house.round().await;
    assert!(house.extensions(&web).await.is_empty() && house.extensions(&other).await.is_empty());
    assert!(house.assignments().await.is_empty(), "nor is anything left at the machine");
}

#[tokio::test]
async fn defender_cspm_brings_the_inventory_alone() {
    let house = House::new().await;
    let web = house.machine("web-1", "Disconnected").await;
    let posture = format!("{SUBSCRIPTION}/providers/Microsoft.Security/pricings/CloudPosture");
    house.put(&posture, json!({"properties": {"pricingTier": "Standard"}})).await;
    house.round().await;
    assert_eq!(house.extension_states(&web).await, ["ChangeTracking-Linux: Creating"]);
    house.put(&posture, json!({"properties": {"pricingTier": "Free"}})).await;
    house.round().await;
    assert!(house.extensions(&web).await.is_empty());
}
