//! Policies of other people beside those of plans: they deny, exempt, deploy, and are told of.

use bartizan_base::{Clock, Timespan};
use bartizan_wire::ExtensionState;
use serde_json::{Value, json};

use super::{House, SUBSCRIPTION, id_of};
use crate::plans::provisioning::ASSIGNMENT_TYPE;
use crate::plans::{desired, reconcile};

#[tokio::test]
async fn a_deny_policy_blocks_and_an_exemption_lets_through() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    let no_extensions = format!("{SUBSCRIPTION}/providers/{ASSIGNMENT_TYPE}/no-extensions");
    let deny = json!({"properties": {
        "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/6c112d4e-5bc7-47ae-a041-ea2699e1d3b8",
        "parameters": {"listOfResourceTypesNotAllowed": {"value": ["microsoft.hybridcompute/machines/EXTENSIONS"]}},
    }});
    house.put(&no_extensions, deny).await;
    house.plan("Standard", Some("P2")).await;
    house.round().await;
    assert!(house.extensions(&web).await.is_empty());
    let reason = house.reason(&web, "defender-servers-mde-linux").await;
    assert!(reason.contains("`no-extensions`"), "{reason}");
    let (check, fix) = house.first_failure(&web).await;
    assert_eq!(check, "policy");
    assert!(fix.contains("no-extensions"), "{fix}");
    let extension = web.join("extensions/Other").unwrap();
    let body = json!({"properties": {}});
    let write = || async {
        let request = bartizan_policy::Request::default();
        crate::plans::admission::admit(&house.ctx.records, &extension, &body, &request, house.clock.now())
            .await
            .unwrap()
    };
    let denials = write().await.unwrap_err();
    assert_eq!(denials[0].rule.assignment.name(), "no-extensions");

    let exemption = json!({"properties": {"policyAssignmentId": no_extensions.to_uppercase(), "exemptionCategory": "Waiver", "expiresOn": "2026-03-02T00:00:00Z"}});
    house
        .put(&format!("{web}/providers/Microsoft.Authorization/policyExemptions/let-through"), exemption)
        .await;
    house.round().await;
    assert_eq!(house.extensions(&web).await.len(), 3);
    // The exemption ends; what is there stays, but a new write is refused again.
    house.clock.advance(Timespan::from_seconds(86_400));
    assert!(write().await.is_err());
}

#[tokio::test]
async fn an_exempt_machine_is_left_alone_and_says_so() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    house.plan("Standard", Some("P1")).await;
    let assignment = format!("{SUBSCRIPTION}/providers/{ASSIGNMENT_TYPE}/defender-servers-mde-linux");
    let exemption =
        json!({"properties": {"policyAssignmentId": assignment, "exemptionCategory": "Mitigated"}});
    house
        .put(&format!("{web}/providers/Microsoft.Authorization/policyExemptions/own-sensor"), exemption)
        .await;
    house.round().await;
    assert_eq!(house.extension_states(&web).await, ["AzureMonitorLinuxAgent: Creating"]);
    assert_eq!(
        house.compliance(&web).await,
        ["defender-servers-ama-linux: NonCompliant", "defender-servers-mde-linux: Exempt"]
    );
    assert_eq!(house.first_failure(&web).await.0, "provisioning");
}

/// Whatever the identity of an assignment may do: who may write policies must not get more access by it.
#[tokio::test]
async fn policies_deploy_nothing_that_gives_access() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    let ty = "Microsoft.Authorization/roleAssignments";
    let definition = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/climb");
    let rule = json!({"policyRule": {"if": {"field": "type", "equals": "Microsoft.HybridCompute/machines"},
        "then": {"effect": "deployIfNotExists", "details": {"type": ty, "roleDefinitionIds": ["Owner"], "deployment": {"properties": {"template": {
            "resources": [{"type": ty, "name": "mine", "properties": {"roleDefinitionId": "Owner"}}]}}}}}}});
    house.put(&definition, json!({"properties": rule})).await;
    house.assign_with_role("climb", &definition).await;
    house.round().await;
    let everything = bartizan_records::ListQuery::tenant();
    let roles = house.ctx.records.list_all(&everything, ty).await.unwrap();
    assert_eq!(roles.len(), 1, "the identity's own, and none that the policy gave");
    assert!(roles.iter().all(|role| role.id.name() != "mine"));
    let reason = house.reason(&web, "climb").await;
    assert!(reason.contains("may not deploy"), "{reason}");
}

#[tokio::test]
async fn broken_definitions_and_assignments_change_nothing() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    for (name, rule) in [
        ("no-rule", json!({})),
        (
            "unknown-effect",
            json!({"parameters": {"effect": {"type": "String", "defaultValue": "mutate"}}, "policyRule": {
                "if": {"field": "type", "equals": "Microsoft.HybridCompute/machines"}, "then": {"effect": "[parameters('effect')]"}}}),
        ),
        (
            "no-template",
            json!({"parameters": {"effect": {"type": "String", "defaultValue": "deployIfNotExists"}}, "policyRule": {
                "if": {"field": "type", "equals": "Microsoft.HybridCompute/machines"},
                "then": {"effect": "[parameters('effect')]", "details": {"type": "Microsoft.HybridCompute/machines/extensions", "roleDefinitionIds": ["r"]}}}}),
        ),
        (
            "outside",
            json!({"policyRule": {"if": {"field": "type", "equals": "Microsoft.HybridCompute/machines"},
            "then": {"effect": "deployIfNotExists", "details": {"type": "Microsoft.HybridCompute/machines/extensions", "roleDefinitionIds": ["r"], "deployment": {"properties": {"template": {
                "resources": [{"type": "Microsoft.HybridCompute/machines/extensions", "name": "../../x", "properties": {}}]}}}}}}}),
        ),
        (
            "unknown-function",
            json!({"policyRule": {"if": {"value": "[reference('x')]", "equals": 1}, "then": {"effect": "audit"}}}),
        ),
    ] {
        let definition = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/{name}");
        house.put(&definition, json!({"properties": rule})).await;
        let assignment =
            json!({"identity": {"type": "SystemAssigned"}, "properties": {"policyDefinitionId": definition}});
        house.put(&format!("{SUBSCRIPTION}/providers/{ASSIGNMENT_TYPE}/{name}"), assignment).await;
    }
    house
        .put(
            &format!("{SUBSCRIPTION}/providers/{ASSIGNMENT_TYPE}/dangling"),
            json!({"properties": {"policyDefinitionId": "/none"}}),
        )
        .await;
    house.put(&format!("{SUBSCRIPTION}/providers/{ASSIGNMENT_TYPE}/empty"), json!({})).await;
    house.round().await;
    assert!(house.extensions(&web).await.is_empty());
    assert_eq!(
        house.compliance(&web).await,
        [
            "no-template: Unknown",
            "outside: NonCompliant",
            "unknown-effect: Unknown",
            "unknown-function: Unknown"
        ]
    );
    assert!(house.reason(&web, "unknown-effect").await.contains("`mutate`"));
    assert!(house.reason(&web, "outside").await.contains("cannot be made"));
}

#[tokio::test]
async fn an_initiative_is_its_members() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    let definition = |name: &str| format!("/providers/Microsoft.Authorization/policyDefinitions/{name}");
    let set = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/policySetDefinitions/baseline");
    let members = json!({"properties": {
        "parameters": {"mode": {"type": "String", "defaultValue": "AuditIfNotExists"}},
        "policyDefinitions": [
            {"policyDefinitionReferenceId": "sensor", "policyDefinitionId": definition("4eb909e7-6d64-656d-6465-2eeb297a1625"),
             "parameters": {"effect": {"value": "[parameters('mode')]"}}},
            {"policyDefinitionReferenceId": "logs", "policyDefinitionId": definition("845857af-0333-4c5d-bbbc-6076697da122")},
        ],
    }});
    house.put(&set, members).await;
    let assignment = format!("{SUBSCRIPTION}/providers/{ASSIGNMENT_TYPE}/baseline");
    house.assign_with_role("baseline", &set).await;
    house.round().await;
    assert_eq!(
        house.extension_states(&web).await,
        ["AzureMonitorLinuxAgent: Creating"],
        "the sensor is only audited"
    );
    assert_eq!(house.compliance(&web).await, ["baseline: NonCompliant", "baseline: NonCompliant"]);
    let exemption = json!({"properties": {
        "policyAssignmentId": assignment, "exemptionCategory": "Waiver", "policyDefinitionReferenceIds": ["SENSOR"],
    }});
    house
        .put(&format!("{web}/providers/Microsoft.Authorization/policyExemptions/no-sensor"), exemption)
        .await;
    house.round().await;
    assert_eq!(house.compliance(&web).await, ["baseline: Exempt", "baseline: NonCompliant"]);
}

/// Azure's published definition, put together from its recorded parts, deploys our sensor.
#[tokio::test]
async fn azures_own_definition_deploys() {
    let shared = std::env::var("BARTIZAN_SHARED").map(std::path::PathBuf::from);
    let shared =
        shared.unwrap_or_else(|_| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let Ok(text) = std::fs::read_to_string(shared.join("azure/mde_policies.json")) else {
        println!("skipped: Azure's policies are not at {}", shared.display());
        return;
    };
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let policy = &recorded["policies"]["4eb909e7-6d64-656d-6465-2eeb297a1625"];
    let properties = json!({
        "displayName": policy["displayName"],
        "parameters": {"effect": policy["effect"]},
        "policyRule": {
            "if": {"allOf": [{"field": "type", "equals": policy["targetType"][0]},
                             {"field": "Microsoft.HybridCompute/machines/osName", "equals": "Linux"}]},
            "then": {"effect": "[parameters('effect')]", "details": {
                "type": policy["extensionType"], "name": policy["extensionName"], "existenceCondition": policy["existence"],
                "roleDefinitionIds": policy["roleDefinitionIds"],
                "deployment": {"properties": {"mode": "incremental",
                    "parameters": {"vmName": {"value": "[field('name')]"}, "azureResourceId": {"value": "[field('id')]"}},
                    "template": {"parameters": {"vmName": {"type": "string"}, "azureResourceId": {"type": "string"}},
                                 "resources": policy["deployedResources"]}}},
            }},
        },
    });
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    house.sealing_key(&web).await;
    let definition = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/theirs");
    house.put(&definition, json!({"properties": properties})).await;
    house.assign_with_role("theirs", &definition).await;
    house.round().await;
    assert_eq!(
        house.extension_states(&web).await,
        ["MDE.Linux: Creating"],
        "{}",
        house.reason(&web, "theirs").await
    );
    house.report(&web, &["MDE.Linux"], ExtensionState::Running, "running").await;
    house.round().await;
    assert_eq!(house.compliance(&web).await, ["theirs: Compliant"]);
}

#[tokio::test]
async fn states_are_served_in_azures_shape() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    house.machine("web-2", "Connected").await;
    house.plan("Standard", Some("P1")).await;
    house.round().await;
    house.report(&web, &["MDE.Linux"], ExtensionState::Running, "running").await;
    house.clock.advance(Timespan::from_seconds(60));
    house.round().await;
    let rows = house.states(&id_of(SUBSCRIPTION)).await;
    let lacking = rows.iter().filter(|row| {
        row["complianceState"] == "NonCompliant" && row["policyDefinitionAction"] == "deployifnotexists"
    });
    assert_eq!(lacking.count(), 3);
    let rows = house.states(&web).await;
    let row = rows.iter().find(|row| row["isCompliant"] == true).unwrap();
    assert_eq!(row["resourceId"], web.as_str());
    assert_eq!(row["policyDefinitionName"], "4eb909e7-6d64-656d-6465-2eeb297a1625");
    assert_eq!(row["timestamp"], "2026-03-01T12:01:00Z");
}

#[tokio::test]
async fn deployments_and_changes_of_state_are_kept_as_events() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    house.plan("Standard", Some("P1")).await;
    house.round().await;
    house.round().await;
    house.clock.advance(Timespan::from_seconds(60));
    house.report(&web, &["MDE.Linux"], ExtensionState::Running, "running").await;
    house.round().await;
    let now = house.clock.now();
    let long_ago = now - Timespan::from_seconds(3600);
    let events = house.ctx.records.policy_events(&web, long_ago, now, None, 100).await.unwrap();
    let shown =
        events.iter().filter(|kept| kept.event["policyAssignmentName"] == "defender-servers-mde-linux");
    let mut shown: Vec<String> = shown
        .map(|kept| {
            let text = |name: &str| kept.event[name].as_str().unwrap();
            format!("{} {} {}", text("timestamp"), text("eventType"), text("complianceState"))
        })
        .collect();
    shown.sort();
    let expected = [
        "2026-03-01T12:00:00Z Deploy NonCompliant",
        "2026-03-01T12:00:00Z StateChange NonCompliant",
        "2026-03-01T12:01:00Z StateChange Compliant",
    ];
    assert_eq!(shown, expected);
    assert_eq!(events[0].event["resourceId"], web.as_str());
}

#[tokio::test]
async fn a_read_only_lock_fails_a_deployment_and_says_so() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    house.plan("Standard", Some("P1")).await;
    let lock = format!("{web}/providers/Microsoft.Authorization/locks/keep");
    house.put(&lock, json!({"properties": {"level": "ReadOnly"}})).await;
    house.round().await;
    assert!(house.extensions(&web).await.is_empty());
    let reason = house.reason(&web, "defender-servers-mde-linux").await;
    assert!(reason.starts_with("ScopeLocked: ") && reason.contains("'keep'"), "{reason}");
    let (check, fix) = house.first_failure(&web).await;
    assert_eq!(check, "policy");
    assert!(fix.contains("`keep`"), "{fix}");
    house.ctx.records.delete(&id_of(&lock), &reconcile::actor(), None).await.unwrap();
    house.round().await;
    assert_eq!(house.extensions(&web).await.len(), 2);
    // One that keeps from deleting stands in no way.
    let db = house.machine("db-1", "Connected").await;
    house
        .put(
            &format!("{db}/providers/Microsoft.Authorization/locks/keep"),
            json!({"properties": {"level": "CanNotDelete"}}),
        )
        .await;
    house.round().await;
    assert_eq!(house.extensions(&db).await.len(), 2);
}

#[tokio::test]
async fn protected_settings_of_a_template_are_sealed_to_the_agent() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    let role = "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c";
    let extension = json!({
        "type": "Microsoft.HybridCompute/machines/extensions", "apiVersion": "2024-07-10",
        "name": "[concat(parameters('machine'), '/Own')]", "location": "local",
        "properties": {"publisher": "Contoso", "type": "Own", "protectedSettings": {"key": "not in clear"}},
    });
    let rule = json!({
        "if": {"field": "type", "equals": "Microsoft.HybridCompute/machines"},
        "then": {"effect": "deployIfNotExists", "details": {
            "type": "Microsoft.HybridCompute/machines/extensions", "name": "Own", "roleDefinitionIds": [role],
            "deployment": {"properties": {"mode": "incremental", "parameters": {"machine": {"value": "[field('name')]"}},
                "template": {"parameters": {"machine": {"type": "string"}}, "resources": [extension]}}},
        }},
    });
    let definition = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/own");
    house.put(&definition, json!({"properties": {"mode": "Indexed", "policyRule": rule}})).await;
    house.assign_with_role("own", &definition).await;
    house.round().await;
    assert!(house.extensions(&web).await.is_empty(), "nobody could read them");
    let reason = house.reason(&web, "own").await;
    assert!(reason.contains("protected settings") && reason.contains("connect the machine"), "{reason}");

    let key = house.sealing_key(&web).await;
    house.round().await;
    let own = house.extensions(&web).await.remove(0);
    assert!(!own.body.to_string().contains("not in clear"), "{}", own.body);
    let sealed = own.property("protectedSettings").unwrap()[desired::SEALED].clone();
    let sealed: bartizan_wire::SealedText = serde_json::from_value(sealed).unwrap();
    let opened = key.open(own.id.as_str(), &sealed).unwrap();
    assert_eq!(opened, br#"{"key":"not in clear"}"#);
}
