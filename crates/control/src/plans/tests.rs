//! From plan to extension and back, over a real record store.

use std::sync::Arc;

use bartizan_base::{Clock, ManualClock, ResourceId, Ticks, Timespan};
use bartizan_records::{Actor, Condition, Records, Resource, Write};
use bartizan_wire::{AgentStatus, ExtensionState, ExtensionStatus, MachineFacts};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::component::EXTENSION_TYPE;
use super::provisioning::ASSIGNMENT_TYPE;
use super::state::{self, StateQuery};
use super::{PlansContext, desired, diagnosis, extension, reconcile};

pub(super) const SUBSCRIPTION: &str = "/subscriptions/5d9a1f0e-7f1c-4c55-9f7a-000000000001";

/// One installation with its record store in a folder of its own.
pub(super) struct House {
    pub(super) ctx: PlansContext,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

impl House {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Ticks::parse("2026-03-01T12:00:00Z").unwrap()));
        let records = Records::open(&folder.path().join("control.db"), clock.clone()).await.unwrap();
        let ctx = PlansContext { records, clock: clock.clone(), stop: CancellationToken::new() };
        let house = Self { ctx, clock, _folder: folder };
        house.put(SUBSCRIPTION, json!({"displayName": "Test"})).await;
        house
    }

    pub(super) async fn put(&self, id: &str, body: Value) {
        let write = Write {
            id: id_of(id),
            body,
            condition: Condition::None,
            actor: Actor::system("test"),
            audit: true,
        };
        self.ctx.records.put(write).await.unwrap();
    }

    /// An assignment of `definition` whose identity has the role Contributor at the subscription.
    pub(super) async fn assign_with_role(&self, name: &str, definition: &str) {
        let principal = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes());
        self.role(&principal.to_string(), "Contributor", SUBSCRIPTION).await;
        let identity = json!({"type": "SystemAssigned", "principalId": principal});
        let body = json!({"identity": identity, "properties": {"policyDefinitionId": definition}});
        self.put(&format!("{SUBSCRIPTION}/providers/{ASSIGNMENT_TYPE}/{name}"), body).await;
    }

    /// Gives a built-in role at `scope`.
    pub(super) async fn role(&self, principal: &str, role: &str, scope: &str) {
        let role = crate::access::find_role(role).unwrap().id;
        let role = format!("/providers/Microsoft.Authorization/roleDefinitions/{role}");
        let id =
            format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", uuid::Uuid::new_v4());
        self.put(&id, json!({"properties": {"principalId": principal, "roleDefinitionId": role}})).await;
    }

    pub(super) async fn plan(&self, tier: &str, sub_plan: Option<&str>) {
        let body = json!({"properties": {"pricingTier": tier, "subPlan": sub_plan}});
        self.put(&format!("{SUBSCRIPTION}/providers/Microsoft.Security/pricings/VirtualMachines"), body)
            .await;
    }

    pub(super) async fn machine(&self, name: &str, status: &str) -> ResourceId {
        let id = machine_id(name);
        let body = json!({
            "location": "local", "tags": {},
            "properties": {"status": status, "osType": "linux", "osName": "Debian GNU/Linux 12", "lastStatusChange": "2026-03-01T11:00:00Z",
                           "detectedProperties": {"architecture": "x86_64"}},
        });
        self.put(id.as_str(), body).await;
        id
    }

    pub(super) async fn round(&self) {
        reconcile::run_once(&self.ctx).await.unwrap();
    }

    pub(super) async fn extensions(&self, machine: &ResourceId) -> Vec<Resource> {
        self.ctx.records.list_all(machine, EXTENSION_TYPE).await.unwrap()
    }

    /// `name: state`, one per extension.
    pub(super) async fn extension_states(&self, machine: &ResourceId) -> Vec<String> {
        let extensions = self.extensions(machine).await;
        extensions.iter().map(|e| format!("{}: {}", e.id.name(), extension::provisioning_state(e))).collect()
    }

    async fn assignments(&self) -> Vec<String> {
        let all = self.ctx.records.list_all(&id_of(SUBSCRIPTION), ASSIGNMENT_TYPE).await.unwrap();
        all.iter().map(|assignment| assignment.id.name().to_owned()).collect()
    }

    /// `assignment: state`, one per policy state of the machine.
    pub(super) async fn compliance(&self, machine: &ResourceId) -> Vec<String> {
        let answer = state::query(&self.ctx.records, machine, &StateQuery::default()).await.unwrap().unwrap();
        let rows = answer["value"].as_array().unwrap();
        let mut rows: Vec<String> = rows
            .iter()
            .map(|row| {
                format!(
                    "{}: {}",
                    row["policyAssignmentName"].as_str().unwrap(),
                    row["complianceState"].as_str().unwrap()
                )
            })
            .collect();
        rows.sort();
        rows
    }

    pub(super) async fn reason(&self, machine: &ResourceId, assignment: &str) -> String {
        let query = StateQuery {
            filter: Some(format!("policyAssignmentName eq '{assignment}'")),
            ..StateQuery::default()
        };
        let answer = state::query(&self.ctx.records, machine, &query).await.unwrap().unwrap();
        answer["value"][0]["policyEvaluationDetails"]["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// The machine's agent reports these extensions in this state.
    async fn report(&self, machine: &ResourceId, names: &[&str], reported: ExtensionState, message: &str) {
        let now = self.clock.now();
        let extensions = names.iter().map(|name| ExtensionStatus {
            name: (*name).to_owned(),
            version: "0.1.0".to_owned(),
            state: reported,
            message: message.to_owned(),
            since: now,
            pid: None,
            restarts: 0,
            health: None,
            steps: Vec::new(),
        });
        let status = AgentStatus {
            agent_version: "0.1.0".to_owned(),
            generation: 1,
            time: now,
            facts: MachineFacts::default(),
            extensions: extensions.collect(),
            host: None,
            connectivity: None,
            sealing_key: None,
            upgrade: None,
        };
        extension::apply_status(&self.ctx.records, machine, &status).await.unwrap();
    }

    /// Name of the first failing check and its fix.
    pub(super) async fn first_failure(&self, machine: &ResourceId) -> (String, String) {
        let answer =
            diagnosis::diagnose(&self.ctx.records, machine, self.clock.now()).await.unwrap().unwrap();
        let first = &answer["properties"]["firstFailure"];
        let text = |name: &str| first[name].as_str().unwrap_or_default().to_owned();
        (text("name"), text("fix"))
    }
}

pub(super) fn id_of(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

fn machine_id(name: &str) -> ResourceId {
    id_of(&format!(
        "{SUBSCRIPTION}/resourceGroups/bartizan/providers/Microsoft.HybridCompute/machines/{name}"
    ))
}

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
    let task = tokio::spawn(super::start(house.ctx.clone()));
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
        super::admission::admit(&house.ctx.records, &extension, &body, &request, house.clock.now())
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
    let scope = id_of(SUBSCRIPTION);
    let query = |filter: &str| StateQuery { filter: Some(filter.to_owned()), ..StateQuery::default() };
    let answer = state::query(
        &house.ctx.records,
        &scope,
        &query("complianceState eq 'NonCompliant' and policyDefinitionAction eq 'deployifnotexists'"),
    )
    .await
    .unwrap()
    .unwrap();
    assert_eq!(answer["@odata.count"], 3);
    let answer =
        state::query(&house.ctx.records, &web, &query("isCompliant eq true")).await.unwrap().unwrap();
    let row = &answer["value"][0];
    assert_eq!(row["resourceId"], web.as_str());
    assert_eq!(row["policyDefinitionName"], "4eb909e7-6d64-656d-6465-2eeb297a1625");
    assert_eq!(row["timestamp"], "2026-03-01T12:01:00Z");
    assert!(state::query(&house.ctx.records, &scope, &query("isCompliant gt 3")).await.unwrap().is_err());
    let summary = state::summarize(&house.ctx.records, &scope, "").await.unwrap().unwrap();
    assert_eq!(
        summary["value"][0]["results"],
        json!({"nonCompliantResources": 2, "nonCompliantPolicies": 2})
    );
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
