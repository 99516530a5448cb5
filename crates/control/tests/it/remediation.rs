//! Remediations over the running server: what exists and does not comply is deployed or changed, as the assignment's
//! identity, and each step is told.

use bartizan_base::ResourceId;
use bartizan_records::{Actor, Condition, Write};
use bartizan_testkit::in_process::{Caller, InProcess};
use serde_json::{Value, json};

use crate::hierarchy::root_owner;
use crate::{eventually, outcome, owner, server};

const MACHINE: &str = "Microsoft.HybridCompute/machines";
const INSIGHTS: &str = "providers/Microsoft.PolicyInsights";
/// Deploys the endpoint sensor on Linux machines.
const SENSOR: &str =
    "/providers/Microsoft.Authorization/policyDefinitions/4eb909e7-6d64-656d-6465-2eeb297a1625";
const CONTRIBUTOR: &str =
    "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c";

fn on(s: &InProcess, kind: &str) -> String {
    format!("{}/providers/Microsoft.Authorization/{kind}", s.server.app.home.subscription_id())
}

fn machine_id(s: &InProcess, name: &str) -> String {
    format!("{}/providers/{MACHINE}/{name}", s.server.app.home.group_id())
}

/// Writes what an agent would have told.
async fn tell(s: &InProcess, id: &str, body: Value) {
    let write = Write {
        id: ResourceId::parse(id).unwrap(),
        body,
        condition: Condition::None,
        actor: Actor::system("test"),
        audit: false,
    };
    s.server.app.records.put(write).await.unwrap();
}

async fn machine(s: &InProcess, name: &str) -> String {
    let id = machine_id(s, name);
    tell(s, &id, json!({"location": "local", "properties": {"osType": "linux", "osName": "Linux"}})).await;
    id
}

/// Assigns a definition without enforcing it, so that only remediations act; gives the id and the identity's principal.
async fn assign(s: &InProcess, by: &Caller, name: &str, definition: &str) -> (String, String) {
    let path = on(s, &format!("policyAssignments/{name}"));
    let body = json!({"identity": {"type": "SystemAssigned"}, "location": "local",
        "properties": {"policyDefinitionId": definition, "enforcementMode": "DoNotEnforce"}});
    let made = by.put(&path, body).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    (path, made.json()["identity"]["principalId"].as_str().unwrap().to_owned())
}

async fn grant(s: &InProcess, by: &Caller, principal: &str) {
    let body = json!({"properties": {"roleDefinitionId": CONTRIBUTOR, "principalId": principal}});
    let made = by.put(&on(s, &format!("roleAssignments/{}", uuid::Uuid::new_v4())), body).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
}

/// Waits for the machines to have a state that says they do not comply.
async fn found(s: &InProcess, by: &Caller, assignment: &str, count: u64) {
    let scope = s.server.app.home.subscription_id();
    let path = format!("{scope}/{INSIGHTS}/policyStates/latest/queryResults?api-version=2019-10-01");
    let filter = format!("policyAssignmentId eq '{assignment}' and complianceState eq 'NonCompliant'");
    let path = format!("{path}&$filter={}", filter.replace(' ', "%20").replace('\'', "%27"));
    eventually("the states to be there", || async {
        by.post(&path, json!({})).await.unwrap().json()["@odata.count"] == count
    })
    .await;
}

async fn remediate(by: &Caller, path: &str, properties: Value) {
    let made = by.put(path, json!({"properties": properties})).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["properties"]["provisioningState"], "Accepted");
}

/// Waits for a remediation to reach a state, and gives its properties.
async fn reaches(by: &Caller, path: &str, state: &str) -> Value {
    let read = async || by.get(path).await.unwrap().json()["properties"].clone();
    eventually(&format!("{path} to be {state}"), async || read().await["provisioningState"] == state).await;
    read().await
}

async fn deployments(by: &Caller, path: &str) -> Vec<Value> {
    let answer = by.post(&format!("{path}/listDeployments"), json!({})).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["value"].as_array().unwrap().clone()
}

fn sensor(state: &str) -> Value {
    json!({"location": "local", "properties": {
        "publisher": "Microsoft.Azure.AzureDefenderForServers", "type": "MDE.Linux", "provisioningState": state,
        "instanceView": {"status": {"message": "told by a test", "time": "2099-01-01T00:00:00Z"}},
    }})
}

#[tokio::test]
async fn a_deployment_is_made_waited_for_and_goes_on_after_a_restart() {
    let s = server().await;
    let by = owner(&s).await;
    let (assignment, principal) = assign(&s, &by, "sensor", SENSOR).await;
    grant(&s, &by, &principal).await;
    let (one, two) = (machine(&s, "m1").await, machine(&s, "m2").await);
    found(&s, &by, &assignment, 2).await;
    let path = format!("{}/{INSIGHTS}/remediations/sensor", s.server.app.home.subscription_id());
    remediate(&by, &path, json!({"policyAssignmentId": assignment})).await;
    let extension = |machine: &str| format!("{machine}/extensions/MDE.Linux");
    for machine in [&one, &two] {
        let path = extension(machine);
        eventually("the sensor to be deployed", || async { by.get(&path).await.unwrap().status == 200 })
            .await;
    }
    tell(&s, &extension(&one), sensor("Succeeded")).await;
    let half = json!({"totalDeployments": 2, "successfulDeployments": 1, "failedDeployments": 0});
    eventually("one of two to be counted", || async {
        by.get(&path).await.unwrap().json()["properties"]["deploymentStatus"] == half
    })
    .await;
    assert_eq!(by.get(&path).await.unwrap().json()["properties"]["provisioningState"], "InProgress");
    // One that runs is neither changed nor deleted.
    let other = json!({"properties": {"policyAssignmentId": assignment, "resourceCount": 7}});
    assert_eq!(outcome(by.put(&path, other).await.unwrap()), "400 InvalidUpdateRemediationRequest");
    assert_eq!(outcome(by.delete(&path).await.unwrap()), "400 InvalidDeleteRemediationRequest");

    let s = s.stopped().await.start().await.unwrap();
    let by = owner(&s).await;
    tell(&s, &extension(&two), sensor("Failed")).await;
    let ended = reaches(&by, &path, "Failed").await;
    assert_eq!(ended["deploymentStatus"]["failedDeployments"], 1, "{ended}");
    let all = deployments(&by, &path).await;
    let of = |machine: &str| all.iter().find(|d| d["remediatedResourceId"] == machine).unwrap();
    assert_eq!(of(&one)["status"], "Succeeded");
    assert_eq!(of(&one)["deploymentId"], extension(&one));
    assert_eq!(of(&two)["status"], "Failed");
    assert_eq!(of(&two)["error"]["code"], "ExtensionProvisioningFailed");
    assert!(of(&two)["error"]["message"].as_str().unwrap().contains("told by a test"));
    // The same again changes nothing; other settings start it anew, and what failed is written again.
    let same = json!({"properties": {"policyAssignmentId": assignment}});
    let again = by.put(&path, same).await.unwrap();
    assert_eq!((again.status, &again.json()["properties"]["provisioningState"]), (200, &json!("Failed")));
    let anew = json!({"properties": {"policyAssignmentId": assignment, "resourceCount": 7}});
    assert_eq!(by.put(&path, anew).await.unwrap().json()["properties"]["provisioningState"], "Accepted");
    let state = || async {
        by.get(&extension(&two)).await.unwrap().json()["properties"]["provisioningState"].clone()
    };
    eventually("what failed to be written again", || async { state().await == "Creating" }).await;
    tell(&s, &extension(&two), sensor("Succeeded")).await;
    let ended = reaches(&by, &path, "Succeeded").await;
    assert_eq!(
        ended["deploymentStatus"],
        json!({"totalDeployments": 1, "successfulDeployments": 1, "failedDeployments": 0})
    );
    assert_eq!(deployments(&by, &path).await.len(), 1);
    let gone = by.delete(&path).await.unwrap();
    assert_eq!((gone.status, &gone.json()["name"]), (200, &json!("sensor")));
    assert_eq!(by.delete(&path).await.unwrap().status, 204);
}

#[tokio::test]
async fn modify_changes_what_is_there_under_the_identitys_roles_and_locks() {
    let s = server().await;
    let by = owner(&s).await;
    let definition = on(&s, "policyDefinitions/tagged");
    let rule = json!({
        "if": {"allOf": [{"field": "type", "equals": MACHINE}, {"field": "tags['env']", "exists": "false"}]},
        "then": {"effect": "modify", "details": {"roleDefinitionIds": [CONTRIBUTOR], "operations": [
            {"operation": "add", "field": "tags['env']", "value": "prod"},
        ]}},
    });
    let made =
        by.put(&definition, json!({"properties": {"mode": "Indexed", "policyRule": rule}})).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let one = machine(&s, "m1").await;
    machine(&s, "m2").await;
    machine(&s, "m3").await;
    let (assignment, principal) = assign(&s, &by, "tagged", &definition).await;
    found(&s, &by, &assignment, 3).await;
    let group = s.server.app.home.group_id();
    let path = |name: &str| format!("{group}/{INSIGHTS}/remediations/{name}");

    // Without a role nothing is written; after the first failure nothing more is begun.
    let careful = json!({"policyAssignmentId": assignment, "parallelDeployments": 1, "failureThreshold": {"percentage": 0.0}});
    remediate(&by, &path("careful"), careful).await;
    let ended = reaches(&by, &path("careful"), "Failed").await;
    assert_eq!(
        ended["deploymentStatus"],
        json!({"totalDeployments": 3, "successfulDeployments": 0, "failedDeployments": 1})
    );
    let all = deployments(&by, &path("careful")).await;
    let failed = all.iter().find(|d| d["status"] == "Failed").unwrap();
    assert_eq!(failed["error"]["code"], "AuthorizationFailed");
    assert!(failed["error"]["message"].as_str().unwrap().contains("Contributor"), "{failed}");
    assert_eq!(all.iter().filter(|d| d["status"] == "Canceled").count(), 2, "{all:?}");

    grant(&s, &by, &principal).await;
    let lock = format!("{one}/providers/Microsoft.Authorization/locks/keep");
    assert_eq!(by.put(&lock, json!({"properties": {"level": "ReadOnly"}})).await.unwrap().status, 201);
    remediate(
        &by,
        &path("elsewhere"),
        json!({"policyAssignmentId": assignment, "filters": {"locations": ["abroad"]}}),
    )
    .await;
    let ended = reaches(&by, &path("elsewhere"), "Succeeded").await;
    assert_eq!(ended["deploymentStatus"]["totalDeployments"], 0, "{ended}");
    remediate(&by, &path("two"), json!({"policyAssignmentId": assignment, "failureThreshold": {"percentage": 0.5}, "filters": {"locations": ["Local"]}})).await;
    let ended = reaches(&by, &path("two"), "Succeeded").await;
    assert_eq!(
        ended["deploymentStatus"],
        json!({"totalDeployments": 3, "successfulDeployments": 2, "failedDeployments": 1})
    );
    let all = deployments(&by, &path("two")).await;
    let locked = all.iter().find(|d| d["status"] == "Failed").unwrap();
    assert_eq!(
        (&locked["remediatedResourceId"], &locked["error"]["code"]),
        (&json!(one), &json!("ScopeLocked"))
    );
    let tags = async |name: &str| by.get(&machine_id(&s, name)).await.unwrap().json()["tags"].clone();
    assert_eq!(tags("m2").await, json!({"env": "prod"}));
    assert_eq!(tags("m1").await, Value::Null);

    assert_eq!(by.delete(&lock).await.unwrap().status, 200);
    // At the resource itself, evaluated anew first.
    let last = format!("{one}/{INSIGHTS}/remediations/last");
    remediate(
        &by,
        &last,
        json!({"policyAssignmentId": assignment, "resourceDiscoveryMode": "ReEvaluateCompliance"}),
    )
    .await;
    reaches(&by, &last, "Succeeded").await;
    assert_eq!(tags("m1").await, json!({"env": "prod"}));
    let listed = by.get(&format!("{group}/{INSIGHTS}/remediations")).await.unwrap().json();
    assert_eq!(listed["value"].as_array().unwrap().len(), 4, "{listed}");
}

#[tokio::test]
async fn a_cancelled_remediation_stays_so_and_one_at_a_group_reaches_what_is_below() {
    let s = server().await;
    let by = root_owner(&s).await;
    let root = s.server.app.home.root_group();
    let at_root = format!("{root}/providers/Microsoft.Authorization/policyAssignments/sensor");
    let body = json!({"identity": {"type": "SystemAssigned"}, "location": "local",
        "properties": {"policyDefinitionId": SENSOR, "enforcementMode": "DoNotEnforce"}});
    let made = by.put(&at_root, body).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    grant(&s, &by, made.json()["identity"]["principalId"].as_str().unwrap()).await;
    let one = machine(&s, "m1").await;
    found(&s, &by, &at_root, 1).await;
    let path = format!("{root}/{INSIGHTS}/remediations/all");
    remediate(&by, &path, json!({"policyAssignmentId": at_root})).await;
    let extension = format!("{one}/extensions/MDE.Linux");
    eventually("the sensor to be deployed", || async { by.get(&extension).await.unwrap().status == 200 })
        .await;
    let canceled = by.post(&format!("{path}/cancel"), json!({})).await.unwrap();
    assert_eq!(
        (canceled.status, &canceled.json()["properties"]["provisioningState"]),
        (200, &json!("Canceled"))
    );
    assert_eq!(
        outcome(by.post(&format!("{path}/cancel"), json!({})).await.unwrap()),
        "400 InvalidCancelRemediationRequest"
    );
    assert_eq!(deployments(&by, &path).await[0]["status"], "Canceled");
    // What it wrote stays; that it succeeds later changes nothing any more.
    tell(&s, &extension, sensor("Succeeded")).await;
    let later = format!("{}/{INSIGHTS}/remediations/later", s.server.app.home.subscription_id());
    remediate(
        &by,
        &later,
        json!({"policyAssignmentId": at_root, "resourceDiscoveryMode": "ReEvaluateCompliance"}),
    )
    .await;
    reaches(&by, &later, "Succeeded").await;
    assert_eq!(by.get(&path).await.unwrap().json()["properties"]["provisioningState"], "Canceled");
    let listed = by.get(&format!("{root}/{INSIGHTS}/remediations")).await.unwrap().json();
    assert_eq!(listed["value"][0]["name"], "all", "{listed}");
    assert_eq!(by.delete(&path).await.unwrap().status, 200);
}

#[tokio::test]
async fn what_cannot_be_remediated_is_refused_with_its_field() {
    let s = server().await;
    let by = root_owner(&s).await;
    let home = &s.server.app.home;
    let (sub, group, root) = (home.subscription_id(), home.group_id(), home.root_group());
    let (sensor, _) = assign(&s, &by, "sensor", SENSOR).await;
    let audit = json!({"properties": {"policyRule": {
        "if": {"field": "type", "equals": MACHINE}, "then": {"effect": "audit"},
    }}});
    assert_eq!(by.put(&on(&s, "policyDefinitions/audit"), audit).await.unwrap().status, 201);
    let (audit, _) = assign(&s, &by, "audit", &on(&s, "policyDefinitions/audit")).await;
    let set = json!({"properties": {"policyDefinitions": [
        {"policyDefinitionId": SENSOR, "policyDefinitionReferenceId": "linux"},
    ]}});
    assert_eq!(by.put(&on(&s, "policySetDefinitions/set"), set).await.unwrap().status, 201);
    let (set, _) = assign(&s, &by, "set", &on(&s, "policySetDefinitions/set")).await;
    let in_group = format!("{group}/providers/Microsoft.Authorization/policyAssignments/low");
    let body = json!({"properties": {"policyDefinitionId": SENSOR, "enforcementMode": "DoNotEnforce"}});
    assert_eq!(by.put(&in_group, body).await.unwrap().status, 201);
    for (scope, properties, field, words) in [
        (&sub, json!({}), "policyAssignmentId", "must be the id"),
        (
            &sub,
            json!({"policyAssignmentId": on(&s, "policyAssignments/none")}),
            "policyAssignmentId",
            "does not exist",
        ),
        (&sub, json!({"policyAssignmentId": audit}), "policyAssignmentId", "mends nothing"),
        (&sub, json!({"policyAssignmentId": set}), "policyDefinitionReferenceId", "of an initiative"),
        (
            &sub,
            json!({"policyAssignmentId": set, "policyDefinitionReferenceId": "x"}),
            "policyDefinitionReferenceId",
            "`x`",
        ),
        (
            &sub,
            json!({"policyAssignmentId": sensor, "policyDefinitionReferenceId": "x"}),
            "policyDefinitionReferenceId",
            "single",
        ),
        (&sub, json!({"policyAssignmentId": in_group}), "policyAssignmentId", "there or below"),
        (
            &sub,
            json!({"policyAssignmentId": sensor, "parallelDeployments": 99}),
            "parallelDeployments",
            "from 1 to 30",
        ),
        (&root, json!({"policyAssignmentId": sensor}), "policyAssignmentId", "there or below"),
    ] {
        let path = format!("{scope}/{INSIGHTS}/remediations/wrong");
        let refused = by.put(&path, json!({"properties": properties})).await.unwrap();
        let error = refused.json()["error"].clone();
        assert_eq!(
            (refused.status, &error["code"]),
            (400, &json!("InvalidCreateRemediationRequest")),
            "{error}"
        );
        assert_eq!(error["target"], format!("properties.{field}"), "{error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{error}");
        assert_eq!(by.get(&path).await.unwrap().status, 404);
    }
    // A member of an initiative is remediated by its reference.
    let path = format!("{sub}/{INSIGHTS}/remediations/member");
    remediate(&by, &path, json!({"policyAssignmentId": set, "policyDefinitionReferenceId": "linux"})).await;
    reaches(&by, &path, "Succeeded").await;
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(
        outcome(reader.post(&format!("{path}/cancel"), json!({})).await.unwrap()),
        "403 AuthorizationFailed"
    );
    assert_eq!(reader.post(&format!("{path}/listDeployments"), json!({})).await.unwrap().status, 200);
    let none = format!("{sub}/{INSIGHTS}/remediations/none/listDeployments");
    assert_eq!(outcome(reader.post(&none, json!({})).await.unwrap()), "404 ResourceNotFound");
}

#[tokio::test]
async fn a_built_in_policy_makes_sensors_active_those_that_are_there_and_those_that_come() {
    let s = server().await;
    let by = owner(&s).await;
    let plan = format!(
        "{}/providers/Microsoft.Security/pricings/VirtualMachines",
        s.server.app.home.subscription_id()
    );
    let on_plan = json!({"properties": {"pricingTier": "Standard", "subPlan": "P2"}});
    assert_eq!(by.put(&plan, on_plan).await.unwrap().status, 200);
    let there = s.enrol("m1").await.unwrap();
    let mode = async |machine: &bartizan_testkit::in_process::Machine| {
        let desired = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap().json();
        let all = desired["extensions"].as_array().unwrap().clone();
        let sensor = all.into_iter().find(|extension| extension["name"] == "MDE.Linux");
        sensor.map(|sensor| sensor["settings"]["mode"].clone())
    };
    eventually("a sensor without a mode", || async { mode(&there).await == Some(Value::Null) }).await;

    let path = on(&s, "policyAssignments/active");
    let definition =
        "/providers/Microsoft.Authorization/policyDefinitions/1f7d3b52-6a8e-4c1b-9d57-3e0c5a9b4f26";
    let body = json!({"identity": {"type": "SystemAssigned"}, "location": "local",
        "properties": {"policyDefinitionId": definition}});
    let made = by.put(&path, body).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    grant(&s, &by, made.json()["identity"]["principalId"].as_str().unwrap()).await;
    found(&s, &by, &path, 1).await;
    let wrong =
        json!({"properties": {"policyDefinitionId": definition, "parameters": {"mode": {"value": "loud"}}}});
    assert_eq!(by.put(&on(&s, "policyAssignments/loud"), wrong).await.unwrap().status, 400);

    let task = format!("{}/{INSIGHTS}/remediations/active", s.server.app.home.group_id());
    remediate(&by, &task, json!({"policyAssignmentId": path})).await;
    reaches(&by, &task, "Succeeded").await;
    eventually("the sensor to be told", || async { mode(&there).await == Some(json!("active")) }).await;
    let new = s.enrol("m2").await.unwrap();
    eventually("a new sensor", || async { mode(&new).await == Some(json!("active")) }).await;
}
