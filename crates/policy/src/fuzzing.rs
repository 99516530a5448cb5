//! Ways in for the fuzz targets: what must hold of the engine for any text. Each panics when it does not.

use std::sync::Arc;

use bartizan_base::{ResourceId, Ticks};
use serde_json::{Map, Value, json};

use crate::expression::{PolicyFacts, Request, Scope, Steps, Template};
use crate::{Assignment, Definition, Effect, Parts, Policies, Target};

/// 2026-01-02T03:04:05Z
const NOW_MS: i64 = 1_767_323_045_000;

/// Any text is an expression or is refused, and ends; what is worked out beforehand is what comes out afterwards.
pub fn expression(text: &str) {
    let target = target();
    let facts = PolicyFacts::default();
    let parameters = parameters();
    let Ok(template) = Template::parse(&format!("[{}]", text.trim()).into()) else { return };
    let resolve = |template: &Template| {
        let steps = Steps::default();
        let scope = Scope {
            target: &target,
            now: Ticks::from_unix_millis(NOW_MS),
            facts: &facts,
            parameters: &parameters,
            variables: None,
            request: None,
            binding: None,
            steps: &steps,
        };
        template.resolve(&scope)
    };
    if let (Ok(one), Ok(other)) = (resolve(&template), resolve(&template.bind(&parameters))) {
        assert_eq!(one, other, "binding parameters changes nothing");
    }
}

/// Any JSON is a policy or is refused; a policy that is read judges a resource, and ends.
pub fn definition(text: &str) {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return expression(text) };
    // A whole definition, a rule, or a condition: each is a way in.
    let rule = match (value.get("properties"), value.get("policyRule"), value.get("if")) {
        (Some(properties), ..) => properties.clone(),
        (_, Some(_), _) => value,
        (_, _, Some(_)) => json!({"policyRule": value}),
        _ => json!({"policyRule": {"if": value, "then": {"effect": "deny"}}}),
    };
    const ID: &str = "/providers/Microsoft.Authorization/policyDefinitions/d";
    let Ok(definition) = Definition::parse(ID, &rule) else { return };
    let given: Map<String, Value> = definition
        .parameters
        .0
        .iter()
        .filter(|parameter| parameter.default.is_none())
        .map(|parameter| (parameter.name.clone(), json!({"value": ""})))
        .collect();
    let id = ResourceId::parse("/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/a");
    let body = json!({"properties": {"policyDefinitionId": ID, "parameters": given}});
    let assignment = id.ok().and_then(|id| Assignment::parse(&id, &body).ok());
    let policies = Policies::new(Parts {
        definitions: vec![Arc::new(definition)],
        assignments: assignment.into_iter().collect(),
        ..Parts::default()
    });
    let (target, now) = (target(), Ticks::from_unix_millis(NOW_MS));
    for verdict in policies.evaluate(&target, &|_| Vec::new(), now) {
        assert_ne!(verdict.effect, Effect::Disabled, "a disabled policy says nothing");
        drop(policies.explain(&verdict.rule, &target, now));
        drop(policies.remedy(&verdict.rule, verdict.effect, &target, &Request::default(), now));
    }
    if let Ok(admission) = policies.admit(&target, &Request::default(), now) {
        assert!(admission.body.is_object(), "a body stays an object");
    }
}

fn parameters() -> Map<String, Value> {
    let parameters = json!({"effect": "Deny", "list": ["a", "b"], "o": {"x": [10, 20]}, "n": 7, "on": true});
    parameters.as_object().cloned().unwrap_or_default()
}

fn target() -> Target {
    let id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/web-1";
    let id = ResourceId::parse(id).expect("the id is well formed");
    let body = json!({
        "location": "local", "tags": {"env": "prod"}, "identity": {"type": "SystemAssigned"},
        "properties": {"osType": "linux", "disks": [{"size": 1, "parts": [1, 2]}, {"size": 2}], "cores": 4},
    });
    Target::new(id, body)
}
