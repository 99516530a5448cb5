//! Every function: values, nulls, types, errors.

use bartizan_policy::Request;
use bartizan_policy::expression::{PolicyFacts, Scope, Steps, Template, function_names};
use serde_json::{Map, Value, json};

use crate::golden::{check, folder, machine, now};

fn facts() -> PolicyFacts {
    PolicyFacts {
        assignment_id: "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/a".to_owned(),
        definition_id: "/providers/Microsoft.Authorization/policyDefinitions/d".to_owned(),
        set_definition_id: String::new(),
        reference_id: String::new(),
    }
}

fn parameters() -> Map<String, Value> {
    let parameters =
        json!({"effect": "Deny", "list": ["a", "b"], "o": {"x": [10, 20], "Y": null}, "n": 7, "on": true});
    parameters.as_object().unwrap().clone()
}

/// The value, before and after the parameters are put in place: both must be the same.
fn evaluate(text: &Value) -> Value {
    let (facts, parameters, target) = (facts(), parameters(), machine());
    let request = Request { api_version: "2025-01-13".to_owned(), principal_id: "me".to_owned() };
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(error) => return json!({"refused": error.to_string()}),
    };
    let resolve = |template: &Template| {
        let steps = Steps::default();
        let scope = Scope {
            target: &target,
            now: now(),
            facts: &facts,
            parameters: &parameters,
            variables: None,
            request: Some(&request),
            binding: None,
            steps: &steps,
        };
        match template.resolve(&scope) {
            Ok(value) => json!({"value": value}),
            Err(error) => json!({"error": error.to_string()}),
        }
    };
    let value = resolve(&template);
    assert_eq!(resolve(&template.bind(&parameters)), value, "{text}");
    value
}

#[test]
fn functions() {
    check("expressions.json", |case| evaluate(&case["expression"]));
}

#[test]
fn every_function_has_a_case() {
    let text = std::fs::read_to_string(folder().join("expressions.json")).unwrap().to_lowercase();
    let without: Vec<&str> = function_names()
        .into_iter()
        .filter(|name| !["current", "variables"].contains(name))
        .filter(|name| !text.contains(&format!("{}(", name.to_lowercase())))
        .collect();
    assert!(without.is_empty(), "no case for {without:?}");
}

#[test]
fn hostile_expressions_end() {
    let refused = |text: String| {
        let gives = evaluate(&text.clone().into());
        assert!(gives.get("value").is_none(), "{} gives {gives}", &text[..60]);
    };
    refused(format!("[{}'x'{}]", "toLower(".repeat(5_000), ")".repeat(5_000)));
    refused(format!("[parameters('o'){}]", "['x']".repeat(4_000)));
    refused(format!("[parameters('o'){}]", ".x".repeat(4_000)));
    refused(format!("[concat({})]", "'x',".repeat(20_000)));
    // Each `replace` makes the text ten times longer: eight of them would make 100 MB.
    let grow =
        (0..8).fold("'aaaaaaaaaa'".to_owned(), |text, _| format!("replace({text}, 'a', 'aaaaaaaaaa')"));
    refused(format!("[{grow}]"));
    refused("[padLeft('x', 999999999)]".to_owned());
    refused("[range(0, 999999999)]".to_owned());
    refused("[union(range(0, 10000), range(5000, 10000), range(10000, 10000))]".to_owned());
    let deep = (0..100).fold(json!("[true()]"), |value, _| json!([value]));
    assert!(evaluate(&deep).get("refused").is_some());
}
