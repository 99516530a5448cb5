//! From plan to extension and back, over a real record store: one installation, and the tests by subject.

mod identity;
mod policies;
mod provisioning;

use std::sync::Arc;

use bartizan_base::{Clock, ManualClock, ResourceId, Ticks};
use bartizan_records::{Actor, Condition, Family, Records, Resource, Write};
use bartizan_wire::{AgentStatus, ExtensionState, ExtensionStatus, MachineFacts};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::component::EXTENSION_TYPE;
use super::evaluation::SharedKnown;
use super::provisioning::ASSIGNMENT_TYPE;
use super::state::STATE_TYPE;
use super::{PlansContext, diagnosis, extension, reconcile};

const SUBSCRIPTION: &str = "/subscriptions/5d9a1f0e-7f1c-4c55-9f7a-000000000001";

/// One installation with its record store in a folder of its own.
struct House {
    ctx: PlansContext,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Ticks::parse("2026-03-01T12:00:00Z").unwrap()));
        let records = Records::open(&folder.path().join("control.db"), clock.clone()).await.unwrap();
        let (known, stop) = (SharedKnown::default(), CancellationToken::new());
        let ctx = PlansContext { records, clock: clock.clone(), known, stop };
        let house = Self { ctx, clock, _folder: folder };
        house.put(SUBSCRIPTION, json!({"displayName": "Test"})).await;
        house
    }

    async fn put(&self, id: &str, body: Value) {
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
    async fn assign_with_role(&self, name: &str, definition: &str) {
        let principal = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes());
        self.role(&principal.to_string(), "Contributor", SUBSCRIPTION).await;
        let identity = json!({"type": "SystemAssigned", "principalId": principal});
        let body = json!({"identity": identity, "properties": {"policyDefinitionId": definition}});
        self.put(&format!("{SUBSCRIPTION}/providers/{ASSIGNMENT_TYPE}/{name}"), body).await;
    }

    /// Gives a built-in role at `scope`.
    async fn role(&self, principal: &str, role: &str, scope: &str) {
        let role = crate::access::find_role(role).unwrap().id;
        let role = format!("/providers/Microsoft.Authorization/roleDefinitions/{role}");
        let id =
            format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", uuid::Uuid::new_v4());
        self.put(&id, json!({"properties": {"principalId": principal, "roleDefinitionId": role}})).await;
    }

    async fn plan(&self, tier: &str, sub_plan: Option<&str>) {
        let body = json!({"properties": {"pricingTier": tier, "subPlan": sub_plan}});
        self.put(&format!("{SUBSCRIPTION}/providers/Microsoft.Security/pricings/VirtualMachines"), body)
            .await;
    }

    async fn machine(&self, name: &str, status: &str) -> ResourceId {
        let id = machine_id(name);
        let body = json!({
            "location": "local", "tags": {},
            "properties": {"status": status, "osType": "linux", "osName": "Debian GNU/Linux 12", "lastStatusChange": "2026-03-01T11:00:00Z",
                           "detectedProperties": {"architecture": "x86_64"}},
        });
        self.put(id.as_str(), body).await;
        id
    }

    /// The machine's agent tells the key that settings are sealed with; gives what opens them.
    async fn sealing_key(&self, machine: &ResourceId) -> bartizan_seal::OpeningKey {
        let key = bartizan_seal::OpeningKey::generate().unwrap();
        let mut body = self.ctx.records.get(machine).await.unwrap().unwrap().body;
        body["properties"]["agentReport"] = json!({"sealingKey": key.public()});
        self.put(machine.as_str(), body).await;
        key
    }

    async fn round(&self) {
        reconcile::run_once(&self.ctx).await.unwrap();
    }

    async fn extensions(&self, machine: &ResourceId) -> Vec<Resource> {
        self.ctx.records.list_all(machine, EXTENSION_TYPE).await.unwrap()
    }

    /// `name: state`, one per extension.
    async fn extension_states(&self, machine: &ResourceId) -> Vec<String> {
        let extensions = self.extensions(machine).await;
        extensions.iter().map(|e| format!("{}: {}", e.id.name(), extension::provisioning_state(e))).collect()
    }

    async fn assignments(&self) -> Vec<String> {
        let all = self.ctx.records.list_all(&id_of(SUBSCRIPTION), ASSIGNMENT_TYPE).await.unwrap();
        all.iter().map(|assignment| assignment.id.name().to_owned()).collect()
    }

    /// `assignment: state`, one per policy state of the machine.
    async fn compliance(&self, machine: &ResourceId) -> Vec<String> {
        let rows = self.states(machine).await;
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

    /// The properties of every policy state at and below `scope`.
    async fn states(&self, scope: &ResourceId) -> Vec<Value> {
        let states = self.ctx.records.list_all(scope, STATE_TYPE).await.unwrap();
        states.into_iter().map(|state| state.body["properties"].clone()).collect()
    }

    async fn reason(&self, machine: &ResourceId, assignment: &str) -> String {
        let rows = self.states(machine).await;
        let own = rows.iter().find(|row| row["policyAssignmentName"] == assignment);
        let reason = own.map(|row| &row["policyEvaluationDetails"]["reason"]);
        reason.and_then(Value::as_str).unwrap_or_default().to_owned()
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
        let mut edit = |family: &Family| extension::edits(&family.parent.id, &family.children, &status);
        let machine = std::slice::from_ref(machine);
        self.ctx.records.edit_families(machine, EXTENSION_TYPE, &mut edit).await.unwrap();
    }

    /// Name of the first failing check and its fix.
    async fn first_failure(&self, machine: &ResourceId) -> (String, String) {
        let answer =
            diagnosis::diagnose(&self.ctx.records, machine, self.clock.now()).await.unwrap().unwrap();
        let first = &answer["properties"]["firstFailure"];
        let text = |name: &str| first[name].as_str().unwrap_or_default().to_owned();
        (text("name"), text("fix"))
    }
}

fn id_of(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

fn machine_id(name: &str) -> ResourceId {
    id_of(&format!(
        "{SUBSCRIPTION}/resourceGroups/bartizan/providers/Microsoft.HybridCompute/machines/{name}"
    ))
}
