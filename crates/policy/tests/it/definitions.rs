//! What is refused of definitions, initiatives, assignments, exemptions and attestations, and with which words.

use bartizan_base::ResourceId;
use bartizan_policy::{Assignment, Attestation, Definition, Exemption, Initiative};
use serde_json::{Value, json};

use crate::golden::check;

fn run(case: &Value) -> Value {
    let id = |ty: &str| ResourceId::parse(&format!("/subscriptions/s/providers/{ty}/x")).unwrap();
    let outcome = |result: Result<(), String>| match result {
        Ok(()) => json!("accepted"),
        Err(error) => json!({"refused": error}),
    };
    if let Some(properties) = case.get("definition") {
        return outcome(Definition::parse("/x", properties).map(drop).map_err(|error| error.to_string()));
    }
    if let Some(rule) = case.get("then") {
        let properties = json!({"policyRule": {"if": {"field": "type", "equals": "A.B/c"}, "then": rule}});
        return outcome(Definition::parse("/x", &properties).map(drop).map_err(|error| error.to_string()));
    }
    if let Some(parameters) = case.get("parameters") {
        let properties = json!({"parameters": parameters, "policyRule": {"if": {"allOf": []}, "then": {"effect": "audit"}}});
        let definition = match Definition::parse("/x", &properties) {
            Ok(definition) => definition,
            Err(error) => return json!({"refused": error.to_string()}),
        };
        let given = case["given"].as_object().cloned().unwrap_or_default();
        return match definition.parameters.values(&given) {
            Ok(values) => json!({"values": values}),
            Err(error) => json!({"refused": error.to_string()}),
        };
    }
    if let Some(properties) = case.get("initiative") {
        return outcome(Initiative::parse("/x", properties).map(drop).map_err(|error| error.to_string()));
    }
    let (ty, body) = case.as_object().unwrap().iter().find(|(name, _)| *name != "gives").unwrap();
    let body = json!({"properties": body});
    outcome(match ty.as_str() {
        "assignment" => Assignment::parse(&id("Microsoft.Authorization/policyAssignments"), &body)
            .map(drop)
            .map_err(|error| error.to_string()),
        "exemption" => Exemption::parse(&id("Microsoft.Authorization/policyExemptions"), &body)
            .map(drop)
            .map_err(|error| error.to_string()),
        "attestation" => Attestation::parse(&id("Microsoft.PolicyInsights/attestations"), &body)
            .map(drop)
            .map_err(|error| error.to_string()),
        other => panic!("`{other}` is no kind of case"),
    })
}

#[test]
fn definitions() {
    check("definitions.json", run);
}

#[test]
fn an_assignment_needs_a_scope() {
    let id = ResourceId::parse("/providers/Microsoft.Authorization/policyAssignments/x").unwrap();
    let body = json!({"properties": {"policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/d"}});
    let error = Assignment::parse(&id, &body).unwrap_err().to_string();
    assert!(error.contains("hangs on nothing"), "{error}");
}
