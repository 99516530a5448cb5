//! Every effect under assignments, initiatives, exemptions and attestations: what is said of a machine, of its write
//! and of its deletion.

use std::sync::Arc;

use bartizan_base::{ResourceId, Ticks};
use bartizan_policy::condition::Detail;
use bartizan_policy::{
    Assignment, Attestation, Definition, Denial, Exemption, Hierarchy, Initiative, Parts, Planned, Policies,
    Remedy, Request, Target, Verdict,
};
use serde_json::{Value, json};

use crate::golden::{check, machine, now};

const DEFINITIONS: &str = "/providers/Microsoft.Authorization/policyDefinitions";
const SETS: &str = "/providers/Microsoft.Authorization/policySetDefinitions";
const GROUP: &str = "/providers/Microsoft.Management/managementGroups/corp";
const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";

/// The subscription of the machine lies in one management group.
#[derive(Debug)]
struct Corp;

impl Hierarchy for Corp {
    fn groups_above(&self, id: &ResourceId) -> Vec<ResourceId> {
        if id.key().starts_with(SUBSCRIPTION) { vec![ResourceId::parse(GROUP).unwrap()] } else { Vec::new() }
    }
}

/// A definition by what differs: `{"if": …, "then": …, "parameters": …, "mode": …}`.
fn definition(name: &str, short: &Value) -> Result<Definition, String> {
    let properties = json!({
        "displayName": name, "mode": short.get("mode").cloned().unwrap_or_else(|| "All".into()),
        "parameters": short["parameters"], "metadata": {"version": "1.0.0", "category": "Tests"},
        "policyRule": {"if": short.get("if").cloned().unwrap_or_else(|| json!({"field": "type", "equals": "Microsoft.HybridCompute/machines"})),
                       "then": short["then"]},
    });
    Definition::parse(&format!("{DEFINITIONS}/{name}"), &properties).map_err(|error| error.to_string())
}

fn under(scope: &Value, ty: &str, name: &str) -> ResourceId {
    let scope = match scope.as_str() {
        None => SUBSCRIPTION.to_owned(),
        Some("group") => GROUP.to_owned(),
        Some("machine") => machine().id.to_string(),
        Some(other) => format!("{SUBSCRIPTION}{other}"),
    };
    ResourceId::parse(&format!("{scope}/providers/{ty}/{name}")).unwrap()
}

fn parts(case: &Value) -> Result<Parts, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let mut parts = Parts { hierarchy: Arc::new(Corp), ..Parts::default() };
    for (name, short) in case["definitions"].as_object().into_iter().flatten() {
        parts.definitions.push(Arc::new(definition(name, short)?));
    }
    for (name, properties) in case["sets"].as_object().into_iter().flatten() {
        parts
            .initiatives
            .push(Initiative::parse(&format!("{SETS}/{name}"), properties).map_err(|e| text(&e))?);
    }
    for (name, assigned) in case["assignments"].as_object().into_iter().flatten() {
        let mut properties = assigned.clone();
        if properties.get("policyDefinitionId").is_none() {
            let id = match assigned["set"].as_str() {
                Some(set) => format!("{SETS}/{set}"),
                None => format!("{DEFINITIONS}/{}", assigned["of"].as_str().unwrap_or(name)),
            };
            properties["policyDefinitionId"] = id.into();
        }
        let id = under(&assigned["at"], "Microsoft.Authorization/policyAssignments", name);
        let body = json!({"properties": properties, "identity": assigned["identity"]});
        parts.assignments.push(Assignment::parse(&id, &body).map_err(|e| text(&e))?);
    }
    let assignment = |of: &Value| {
        under(&of["assignedAt"], "Microsoft.Authorization/policyAssignments", of["of"].as_str().unwrap())
    };
    for (at, exemption) in case["exemptions"].as_array().into_iter().flatten().enumerate() {
        let id = under(&exemption["at"], "Microsoft.Authorization/policyExemptions", &format!("e{at}"));
        let mut properties = exemption.clone();
        properties["policyAssignmentId"] = assignment(exemption).as_str().into();
        parts
            .exemptions
            .push(Exemption::parse(&id, &json!({"properties": properties})).map_err(|e| text(&e))?);
    }
    for (at, word) in case["attestations"].as_array().into_iter().flatten().enumerate() {
        let id = under(&word["at"], "Microsoft.PolicyInsights/attestations", &format!("w{at}"));
        let mut properties = word.clone();
        properties["policyAssignmentId"] = assignment(word).as_str().into();
        parts
            .attestations
            .push(Attestation::parse(&id, &json!({"properties": properties})).map_err(|e| text(&e))?);
    }
    Ok(parts)
}

fn target(case: &Value) -> Target {
    let machine = machine();
    let mut body = machine.body.clone();
    for (name, value) in case["body"].as_object().into_iter().flatten() {
        match value {
            Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
            value => body[name] = value.clone(),
        }
    }
    let id = case["id"]
        .as_str()
        .map_or(machine.id, |id| ResourceId::parse(&format!("{SUBSCRIPTION}{id}")).unwrap());
    let target = Target::new(id, body).within(machine.group, machine.subscription);
    match case["written"].as_str() {
        Some(written) => target.written_at(Ticks::parse(written).unwrap()),
        None => target,
    }
}

fn run(case: &Value) -> Value {
    let parts = match parts(case) {
        Ok(parts) => parts,
        Err(error) => return json!({"refused": error}),
    };
    let policies = Policies::new(parts);
    let target = target(case);
    let related: Vec<Arc<Target>> = case["related"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(id, body)| {
            let id =
                if id.starts_with("/subscriptions") { id.clone() } else { format!("{}/{id}", target.id) };
            Arc::new(Target::new(ResourceId::parse(&id).unwrap(), body.clone()))
        })
        .collect();
    let verdicts = policies.evaluate(&target, &|_| related.clone(), now());
    let mut out = json!({});
    let mut put = |name: &str, value: Value| {
        if !value.as_array().is_some_and(Vec::is_empty) && !value.is_null() {
            out[name] = value;
        }
    };
    put("verdicts", verdicts.iter().map(|verdict| verdict_json(&policies, verdict, &target)).collect());
    put(
        "problems",
        policies.problems().iter().map(|p| json!([p.assignment_id.name(), p.reference, p.reason])).collect(),
    );
    let request = request();
    match policies.admit(&target, &request, now()) {
        Ok(admission) => {
            let names = |rules: &[Arc<bartizan_policy::Rule>]| -> Value {
                rules.iter().map(|rule| rule.assignment.name()).collect::<Vec<_>>().into()
            };
            put("changedBy", names(&admission.changed_by));
            put("auditedBy", names(&admission.audited_by));
            put("unenforced", names(&admission.unenforced));
            if admission.body != target.body {
                put("body", difference(&target.body, &admission.body));
            }
        }
        Err(denials) => put("denied", denials.iter().map(|denial| denial_json(denial, &target)).collect()),
    }
    for (name, cascade) in [("deletionDenied", false), ("cascadeDenied", true)] {
        if let Err(denials) = policies.admit_deletion(&target, cascade, &request, now()) {
            put(name, denials.iter().map(|denial| Value::from(denial.rule.assignment.name())).collect());
        }
    }
    out
}

fn request() -> Request {
    Request { api_version: "2025-01-13".to_owned(), principal_id: "me".to_owned() }
}

fn verdict_json(policies: &Policies, verdict: &Verdict, target: &Target) -> Value {
    let rule = &verdict.rule;
    let mut out = json!({
        "of": format!("{} {}", rule.assignment.name(), rule.reference()).trim_end(),
        "effect": verdict.effect.as_str(), "state": verdict.compliance.as_str(), "reason": verdict.reason,
    });
    if let Some(message) = rule.assignment.message(rule.reference()) {
        out["message"] = message.into();
    }
    if let Some(related) = &verdict.related {
        out["related"] = format!("{} of {}", related.name(), verdict.related_count).into();
    }
    if verdict.compliance == bartizan_policy::Compliance::NonCompliant {
        match policies.remedy(rule, verdict.effect, target, &request(), now()) {
            Some(Ok(Remedy::Deploy(planned))) => out["deploys"] = planned.iter().map(planned_json).collect(),
            Some(Ok(Remedy::Modify(body))) => out["modifies"] = difference(&target.body, &body),
            Some(Err(reason)) => out["cannot"] = reason.into(),
            None => {}
        }
    }
    out
}

fn planned_json(planned: &Planned) -> Value {
    json!({"id": planned.id.as_str().replace(SUBSCRIPTION, "…"), "body": planned.body})
}

fn denial_json(denial: &Denial, target: &Target) -> Value {
    let details: Vec<Value> = denial.details.iter().map(Detail::to_json).collect();
    assert!(denial.message(&target.id).contains(denial.rule.assignment.name()));
    assert_eq!(
        denial.to_json()["info"]["evaluationDetails"]["evaluatedExpressions"],
        Value::from(details.clone())
    );
    json!({"by": denial.rule.assignment.name(), "reason": denial.reason, "compared": details.len()})
}

/// The members of `after` that `before` has not, one level into `tags` and `properties`.
fn difference(before: &Value, after: &Value) -> Value {
    let mut out = serde_json::Map::new();
    for (name, value) in after.as_object().unwrap() {
        match before.get(name) {
            Some(old) if old == value => {}
            Some(Value::Object(old)) => {
                for (inner, value) in value.as_object().unwrap() {
                    if old.get(inner) != Some(value) {
                        out.insert(format!("{name}.{inner}"), value.clone());
                    }
                }
                for gone in old.keys().filter(|inner| value.get(*inner).is_none()) {
                    out.insert(format!("{name}.{gone}"), "(removed)".into());
                }
            }
            _ => drop(out.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(out)
}

#[test]
fn policies() {
    check("policies.json", run);
}

#[test]
fn a_denial_tells_all_that_azure_tells() {
    let case = json!({
        "definitions": {"d": {"parameters": {"os": {"type": "String"}}, "if": {"field": "Microsoft.HybridCompute/machines/osType", "equals": "[parameters('os')]"}, "then": {"effect": "deny"}}},
        "sets": {"s": {"displayName": "Set", "policyDefinitions": [{"policyDefinitionId": format!("{DEFINITIONS}/d"), "policyDefinitionReferenceId": "r", "parameters": {"os": {"value": "linux"}}}]}},
        "assignments": {"a": {"set": "s", "nonComplianceMessages": [{"message": "No Linux here."}]}},
    });
    let policies = Policies::new(parts(&case).unwrap());
    let denials = policies.admit(&machine(), &Request::default(), now()).unwrap_err();
    let [denial] = denials.as_slice() else { panic!("{denials:?}") };
    let json = denial.to_json();
    assert_eq!(json["type"], "PolicyViolation");
    let info = &json["info"];
    for (member, expected) in [
        ("policyDefinitionId", json!(format!("{DEFINITIONS}/d"))),
        ("policyDefinitionName", json!("d")),
        ("policyDefinitionEffect", json!("deny")),
        ("policySetDefinitionId", json!(format!("{SETS}/s"))),
        ("policySetDefinitionDisplayName", json!("Set")),
        ("policyDefinitionReferenceId", json!("r")),
        ("policyAssignmentName", json!("a")),
        ("policyAssignmentScope", json!(SUBSCRIPTION)),
        ("nonComplianceMessage", json!("No Linux here.")),
    ] {
        assert_eq!(info[member], expected, "{member}");
    }
    let compared = &info["evaluationDetails"]["evaluatedExpressions"][0];
    assert_eq!(
        compared,
        &json!({
            "result": "True", "expressionKind": "Field", "expression": "Microsoft.HybridCompute/machines/osType",
            "path": "Microsoft.HybridCompute/machines/osType", "expressionValue": "linux", "targetValue": "linux",
            "operator": "Equals",
        })
    );
    assert!(denial.message(&machine().id).contains("Reasons: 'No Linux here.'."));
}

#[test]
fn what_is_looked_for_is_asked_once() {
    let related = |ty: &str| json!({"then": {"effect": "auditIfNotExists", "details": {"type": ty}}});
    let case = json!({
        "definitions": {
            "one": related("Microsoft.HybridCompute/machines/extensions"),
            "two": related("microsoft.hybridcompute/machines/Extensions"),
            "three": related("Microsoft.Insights/dataCollectionRules"),
        },
        "assignments": {"one": {}, "two": {}, "three": {}},
    });
    let policies = Policies::new(parts(&case).unwrap());
    let wanted: Vec<(String, String)> = policies
        .wanted(&machine(), now())
        .into_iter()
        .map(|wanted| (wanted.resource_type, wanted.scope.unwrap().key().replace(SUBSCRIPTION, "")))
        .collect();
    let machine_place = machine().id.key().replace(SUBSCRIPTION, "");
    assert_eq!(
        wanted,
        [
            ("microsoft.hybridcompute/machines/extensions".to_owned(), machine_place),
            ("microsoft.insights/datacollectionrules".to_owned(), "/resourcegroups/rg".to_owned()),
        ]
    );
}

#[test]
fn an_exemption_ends_at_its_moment() {
    let case = json!({
        "definitions": {"d": {"then": {"effect": "deny"}}}, "assignments": {"d": {}},
        "exemptions": [{"of": "d", "exemptionCategory": "Waiver", "expiresOn": "2026-03-02T10:00:00Z"}],
    });
    let policies = Policies::new(parts(&case).unwrap());
    let end = Ticks::parse("2026-03-02T10:00:00Z").unwrap();
    assert!(policies.admit(&machine(), &Request::default(), Ticks(end.0 - 1)).is_ok());
    assert!(policies.admit(&machine(), &Request::default(), end).is_err());
}
