//! Policies over the running server: writes, tags and deletions meet them; initiatives are read, evaluated and told of.

use bartizan_testkit::in_process::{Caller, InProcess};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, server};

const MACHINE: &str = "Microsoft.HybridCompute/machines";

/// The subscription's path for a resource of `Microsoft.Authorization`.
fn on(s: &InProcess, kind: &str) -> String {
    format!("{}/providers/Microsoft.Authorization/{kind}", s.server.app.home.subscription_id())
}

fn machine(s: &InProcess, name: &str) -> String {
    format!("{}/providers/{MACHINE}/{name}", s.server.app.home.group_id())
}

/// A definition about machines, and its assignment of the same name.
async fn assign(s: &InProcess, by: &Caller, name: &str, condition: Value, then: Value) {
    let definition = json!({"properties": {"mode": "All", "displayName": name, "policyRule": {
        "if": {"allOf": [{"field": "type", "equals": MACHINE}, condition]}, "then": then,
    }}});
    let path = on(s, &format!("policyDefinitions/{name}"));
    let made = by.put(&path, definition).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let assignment = json!({"properties": {"policyDefinitionId": path, "nonComplianceMessages": [{"message": "ask the owners"}]}});
    let made = by.put(&on(s, &format!("policyAssignments/{name}")), assignment).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
}

#[tokio::test]
async fn a_denied_write_tells_which_policy_and_which_comparisons() {
    let s = server().await;
    let by = owner(&s).await;
    assign(&s, &by, "no-test", json!({"field": "tags['env']", "equals": "test"}), json!({"effect": "deny"}))
        .await;
    let body = |env: &str| json!({"location": "local", "tags": {"env": env}, "properties": {}});
    let refused = by.put(&machine(&s, "m1"), body("TEST")).await.unwrap();
    assert_eq!(refused.status, 403, "{}", refused.text);
    let error = &refused.json()["error"];
    assert_eq!(error["code"], "RequestDisallowedByPolicy");
    assert!(error["message"].as_str().unwrap().contains("ask the owners"), "{error}");
    let violation = &error["additionalInfo"][0];
    assert_eq!(violation["type"], "PolicyViolation");
    assert_eq!(violation["info"]["policyAssignmentName"], "no-test");
    let compared = violation["info"]["evaluationDetails"]["evaluatedExpressions"].as_array().unwrap();
    assert_eq!(compared.len(), 2, "{violation}");
    assert_eq!(compared[1]["expressionValue"], "TEST");
    assert_eq!(by.put(&machine(&s, "m1"), body("prod")).await.unwrap().status, 200);
    // The same by the tags of a machine that is there.
    let tags = format!("{}/providers/Microsoft.Resources/tags/default", machine(&s, "m1"));
    let changed = by.put(&tags, json!({"properties": {"tags": {"env": "test"}}})).await.unwrap();
    assert_eq!(outcome(changed), "403 RequestDisallowedByPolicy");
}

#[tokio::test]
async fn writes_are_changed_and_deletions_refused() {
    let s = server().await;
    let by = owner(&s).await;
    let roles = ["/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"];
    let modify = json!({"effect": "modify", "details": {"roleDefinitionIds": roles, "operations": [
        {"operation": "add", "field": "tags['group']", "value": "[resourceGroup().name]"},
    ]}});
    assign(&s, &by, "tagged", json!({"field": "tags['group']", "exists": "false"}), modify).await;
    let append = json!({"effect": "append", "details": [{"field": "tags['cost']", "value": "7"}]});
    assign(&s, &by, "cost", json!({"field": "location", "equals": "local"}), append).await;
    let made = by.put(&machine(&s, "m1"), json!({"location": "local", "properties": {}})).await.unwrap();
    assert_eq!(made.status, 200, "{}", made.text);
    let group = s.server.app.home.group_id().name().to_owned();
    assert_eq!(made.json()["tags"], json!({"cost": "7", "group": group}));
    let other = json!({"location": "local", "tags": {"cost": "9"}, "properties": {}});
    let refused = by.put(&machine(&s, "m2"), other).await.unwrap();
    assert!(refused.text.contains("another value of `tags['cost']`"), "{}", refused.text);

    let guard = json!({"effect": "denyAction", "details": {"actionNames": ["delete"]}});
    assign(&s, &by, "guarded", json!({"field": "name", "equals": "m1"}), guard).await;
    assert_eq!(outcome(by.delete(&machine(&s, "m1")).await.unwrap()), "403 RequestDisallowedByPolicy");
    assert_eq!(by.delete(&on(&s, "policyAssignments/guarded")).await.unwrap().status, 200);
    assert_eq!(by.delete(&machine(&s, "m1")).await.unwrap().status, 204);
}

#[tokio::test]
async fn an_initiative_is_evaluated_member_by_member() {
    let s = server().await;
    let by = owner(&s).await;
    let definition = json!({"properties": {"mode": "Indexed", "parameters": {
        "places": {"type": "Array"}, "effect": {"type": "String", "defaultValue": "Audit", "allowedValues": ["Audit", "Disabled"]},
    }, "policyRule": {
        "if": {"allOf": [{"field": "type", "equals": MACHINE}, {"field": "location", "notIn": "[parameters('places')]"}]},
        "then": {"effect": "[parameters('effect')]"},
    }}});
    let place = on(&s, "policyDefinitions/places");
    assert_eq!(by.put(&place, definition).await.unwrap().status, 201);
    let member = |reference: &str, places: Value| {
        json!({"policyDefinitionId": place, "policyDefinitionReferenceId": reference, "groupNames": ["where"],
               "parameters": {"places": {"value": places}}})
    };
    let set = json!({"properties": {
        "parameters": {"home": {"type": "String"}},
        "policyDefinitionGroups": [{"name": "where"}],
        "policyDefinitions": [member("home", json!(["[parameters('home')]"])), member("abroad", json!(["abroad"]))],
    }});
    let made = by.put(&on(&s, "policySetDefinitions/places"), set).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);

    let assignment = on(&s, "policyAssignments/places");
    let of_set = on(&s, "policySetDefinitions/places");
    let missing = by.put(&assignment, json!({"properties": {"policyDefinitionId": of_set}})).await.unwrap();
    assert_eq!(missing.status, 400);
    assert!(missing.text.contains("parameter `home` has no value"), "{}", missing.text);
    let wrong = json!({"properties": {"policyDefinitionId": of_set, "parameters": {"home": {"value": 3}}}});
    assert!(by.put(&assignment, wrong).await.unwrap().text.contains("must be a text, not a number"));
    let right =
        json!({"properties": {"policyDefinitionId": of_set, "parameters": {"home": {"value": "local"}}}});
    assert_eq!(by.put(&assignment, right).await.unwrap().status, 201);

    let path = machine(&s, "m1");
    assert_eq!(by.put(&path, json!({"location": "local", "properties": {}})).await.unwrap().status, 200);
    let states = format!("{path}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults");
    let rows = async || -> Vec<Value> {
        let answer = by.post(&states, json!({})).await.unwrap().json();
        let rows = answer["value"].as_array().cloned().unwrap_or_default();
        rows.into_iter().filter(|row| row["policyAssignmentName"] == "places").collect()
    };
    eventually("both members to be evaluated", async || rows().await.len() == 2).await;
    let mut rows = rows().await;
    rows.sort_by_key(|row| row["policyDefinitionReferenceId"].to_string());
    assert_eq!(rows[0]["policyDefinitionReferenceId"], "abroad");
    assert_eq!(rows[0]["complianceState"], "NonCompliant");
    assert_eq!(rows[0]["policyDefinitionGroupNames"], json!(["where"]));
    let compared = rows[0]["policyEvaluationDetails"]["evaluatedExpressions"].as_array().unwrap();
    assert_eq!(compared[1]["targetValue"], json!(["abroad"]), "{compared:?}");
    assert_eq!(rows[1]["complianceState"], "Compliant");
}

#[tokio::test]
async fn mistakes_are_refused_with_their_place() {
    let s = server().await;
    let by = owner(&s).await;
    let definition = |rule: Value| json!({"properties": {"policyRule": rule}});
    let path = on(&s, "policyDefinitions/wrong");
    for (rule, expected) in [
        (json!({"if": {"allOf": [{"field": "name", "equalz": 1}]}, "then": {"effect": "audit"}}), "/allOf/0"),
        (json!({"if": {"field": "name", "equals": "[nosuch()]"}, "then": {"effect": "audit"}}), "nosuch"),
        (json!({"if": {"field": "name", "equals": "x"}, "then": {"effect": "mutate"}}), "mutate"),
        (json!({"if": {"field": "name", "equals": "x"}, "then": {"effect": "modify"}}), "operations"),
    ] {
        let refused = by.put(&path, definition(rule)).await.unwrap();
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(refused.text.contains(expected), "{}", refused.text);
    }
    let set = json!({"properties": {"policyDefinitions": [{"policyDefinitionId": path}]}});
    let refused = by.put(&on(&s, "policySetDefinitions/wrong"), set).await.unwrap();
    assert!(refused.status == 400 && refused.text.contains("write or import it first"), "{}", refused.text);
}

/// Who could choose the principal would deploy as anybody; who is given it is told, and gives it roles.
#[tokio::test]
async fn the_identity_of_an_assignment_is_the_servers_to_name() {
    let s = server().await;
    let by = owner(&s).await;
    let definition =
        "/providers/Microsoft.Authorization/policyDefinitions/4eb909e7-6d64-656d-6465-2eeb297a1625";
    let path = on(&s, "policyAssignments/sensor");
    let body = |identity: Value| json!({"identity": identity, "location": "local", "properties": {"policyDefinitionId": definition}});
    let chosen = "11111111-2222-4333-8444-555555555555";
    let wanted = body(json!({"type": "SystemAssigned", "principalId": chosen}));
    let made = by.put(&path, wanted.clone()).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let principal = made.json()["identity"]["principalId"].as_str().unwrap().to_owned();
    assert_ne!(principal, chosen);
    // It stays while the assignment is written again, and is another one for the next of that name.
    let again = by.put(&path, wanted.clone()).await.unwrap();
    assert_eq!(again.json()["identity"]["principalId"], principal);
    let user =
        body(json!({"type": "UserAssigned", "userAssignedIdentities": {"/x": {"principalId": chosen}}}));
    let refused = by.put(&path, user).await.unwrap();
    assert!(refused.status == 400 && refused.text.contains("SystemAssigned"), "{}", refused.text);

    let machine = machine(&s, "m1");
    // As its agent would have reported it; clients do not say what runs on a machine.
    let linux = json!({"location": "local", "properties": {"osType": "linux", "osName": "Linux"}});
    let write = bartizan_records::Write {
        id: bartizan_base::ResourceId::parse(&machine).unwrap(),
        body: linux,
        condition: bartizan_records::Condition::None,
        actor: bartizan_records::Actor::system("test"),
        audit: true,
    };
    s.server.app.records.put(write).await.unwrap();
    let states = format!("{machine}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults");
    let reason = async || -> String {
        let answer = by.post(&states, json!({})).await.unwrap().json();
        let rows = answer["value"].as_array().cloned().unwrap_or_default();
        let own = rows.into_iter().find(|row| row["policyAssignmentName"] == "sensor").unwrap_or_default();
        own["policyEvaluationDetails"]["reason"].as_str().unwrap_or_default().to_owned()
    };
    eventually("the missing role to be told", async || reason().await.starts_with("AuthorizationFailed"))
        .await;

    let role = "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c";
    let grant = |to: &str| json!({"properties": {"roleDefinitionId": role, "principalId": to}});
    let unknown = by.put(&on(&s, &format!("roleAssignments/{chosen}")), grant(chosen)).await.unwrap();
    assert!(unknown.text.contains("PrincipalNotFound"), "{}", unknown.text);
    let given = by.put(&on(&s, &format!("roleAssignments/{chosen}")), grant(&principal)).await.unwrap();
    assert_eq!(given.status, 201, "{}", given.text);
    assert_eq!(given.json()["properties"]["principalType"], "ServicePrincipal");
    let extension = format!("{machine}/extensions/MDE.Linux");
    eventually("the sensor to be deployed", async || by.get(&extension).await.unwrap().status == 200).await;

    assert_eq!(by.delete(&path).await.unwrap().status, 200);
    let made = by.put(&path, wanted).await.unwrap();
    assert_ne!(made.json()["identity"]["principalId"], principal, "{}", made.text);
}
