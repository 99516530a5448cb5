//! Every operator, fields and counts; what is refused, with its place.

use bartizan_policy::condition::{Condition, Detail, Details};
use bartizan_policy::expression::{PolicyFacts, Scope, Steps};
use serde_json::{Map, Value, json};

use crate::golden::{check, folder, machine, now};

/// `holds` and `details` of a condition on the machine.
fn evaluate(condition: &Value) -> Value {
    let condition = match Condition::parse(condition) {
        Ok(condition) => condition,
        Err(error) => return json!({"refused": error.to_string()}),
    };
    let (facts, target) = (PolicyFacts::default(), machine());
    let parameters: Map<String, Value> =
        json!({"names": ["a", "b"], "os": "Linux"}).as_object().unwrap().clone();
    let holds = |condition: &Condition| {
        let (steps, details) = (Steps::default(), Details::default());
        let scope = Scope {
            target: &target,
            now: now(),
            facts: &facts,
            parameters: &parameters,
            variables: None,
            request: None,
            binding: None,
            steps: &steps,
        };
        assert_eq!(condition.holds(&scope), condition.explain(&scope, &details));
        (condition.holds(&scope), condition.applies(&scope), details.into_vec())
    };
    let (held, applies, details) = holds(&condition);
    let bound = holds(&condition.bind(&parameters));
    assert_eq!((&held, &details), (&bound.0, &bound.2), "binding changes nothing");
    match held {
        Ok(held) => {
            let mut out = json!({"holds": held});
            if let Ok(false) = applies {
                out["applies"] = false.into();
            }
            out["details"] = details.iter().map(brief).collect();
            out
        }
        Err(error) => json!({"error": error.to_string()}),
    }
}

fn brief(detail: &Detail) -> Value {
    let json = detail.to_json();
    format!(
        "{} {} {} {} → {}",
        json["expressionKind"].as_str().unwrap(),
        detail.value,
        detail.operator.as_str(),
        detail.target,
        json["result"].as_str().unwrap()
    )
    .into()
}

#[test]
fn conditions() {
    check("conditions.json", |case| evaluate(&case["if"]));
}

#[test]
fn every_operator_has_a_case() {
    let text = std::fs::read_to_string(folder().join("conditions.json")).unwrap();
    for operator in [
        "equals",
        "notEquals",
        "like",
        "notLike",
        "match",
        "notMatch",
        "matchInsensitively",
        "notMatchInsensitively",
        "contains",
        "notContains",
        "in",
        "notIn",
        "containsKey",
        "notContainsKey",
        "less",
        "lessOrEquals",
        "greater",
        "greaterOrEquals",
        "exists",
    ] {
        assert!(text.contains(&format!("\"{operator}\":")), "no case for `{operator}`");
    }
}

#[test]
fn hostile_conditions_are_refused() {
    let deep = (0..200).fold(json!({"field": "type", "equals": "x"}), |inner, _| json!({"not": inner}));
    assert_eq!(evaluate(&deep)["refused"], "conditions nest deeper than 32 levels");
    let wide = json!({"anyOf": vec![json!({"field": "type", "equals": "x"}); 10_000]});
    assert_eq!(evaluate(&wide)["refused"], "rule has more than 4096 conditions");
    let stars = "*a".repeat(2_000);
    assert_eq!(evaluate(&json!({"field": "name", "like": stars}))["holds"], false);
}

#[test]
fn nested_counts_end() {
    // Each level counts a thousand values for each of the level above.
    let values: Vec<usize> = (0..1_000).collect();
    let nested = (0..4).fold(json!({"value": "[current('n0')]", "equals": -1}), |inner, level| {
        json!({"count": {"value": values, "name": format!("n{level}"), "where": inner}, "greater": 0})
    });
    let gives = evaluate(&nested);
    assert!(gives["error"].as_str().unwrap().contains("steps for one resource"), "{gives}");
}
