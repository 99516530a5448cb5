//! Many policies and resources: nothing is forgotten, and types that no policy is about cost nothing.

use std::sync::Arc;

use bartizan_base::ResourceId;
use bartizan_policy::{Assignment, Compliance, Definition, Parts, Policies, Request, Target};
use serde_json::json;

use crate::golden::now;

fn policies(count: usize) -> Policies {
    let mut parts = Parts::default();
    for at in 0..count {
        let id = format!("/providers/Microsoft.Authorization/policyDefinitions/d{at}");
        let rule = json!({"policyRule": {
            "if": {"allOf": [{"field": "type", "equals": "A.B/machines"}, {"field": "tags.n", "notEquals": at.to_string()}]},
            "then": {"effect": "audit"},
        }});
        parts.definitions.push(Arc::new(Definition::parse(&id, &rule).unwrap()));
        let assignment =
            format!("/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/a{at}");
        let assignment = ResourceId::parse(&assignment).unwrap();
        let body = json!({"properties": {"policyDefinitionId": id}});
        parts.assignments.push(Assignment::parse(&assignment, &body).unwrap());
    }
    Policies::new(parts)
}

fn target(ty: &str, name: usize) -> Target {
    let id = format!("/subscriptions/s/resourceGroups/g/providers/A.B/{ty}/m{name}");
    Target::new(
        ResourceId::parse(&id).unwrap(),
        json!({"location": "local", "tags": {"n": name.to_string()}}),
    )
}

#[test]
fn each_resource_meets_each_policy_about_its_type() {
    let policies = policies(50);
    for name in 0..200 {
        let verdicts = policies.evaluate(&target("machines", name), &|_| Vec::new(), now());
        assert_eq!(verdicts.len(), 50);
        let compliant = verdicts.iter().filter(|verdict| verdict.compliance == Compliance::Compliant).count();
        assert_eq!(compliant, usize::from(name < 50), "{name}");
    }
    assert!(policies.rules_for(&target("others", 1)).is_empty());
    assert!(policies.evaluate(&target("others", 1), &|_| Vec::new(), now()).is_empty());
    let admission = policies.admit(&target("machines", 7), &Request::default(), now()).unwrap();
    assert_eq!(admission.audited_by.len(), 49);
}
