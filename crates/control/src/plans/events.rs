//! Policy events: what policies did with a write, a deletion or a resource, and how compliance changed.
//!
//! Each has the members of Azure's policy events, and `eventType`, which tells them apart here: `Deny`, `Audit`,
//! `Append`, `Modify`, `Deploy`, `StateChange`.

use std::sync::Arc;

use bartizan_base::{ResourceId, Ticks};
use bartizan_policy::{Admission, Compliance, Denial, Effect, Request, Rule, Target};
use bartizan_records::{NewPolicyEvent, Records, RecordsError};
use serde_json::{Value, json};

/// Members of a policy state that its event does not have.
const STATE_ONLY: [&str; 6] = [
    "policyEvaluationDetails",
    "policyDefinitionGroupNames",
    "policyDefinitionVersion",
    "policySetDefinitionVersion",
    "policyExemptionIds",
    "nonComplianceMessage",
];

/// What a rule and a resource have to say in states and in events alike.
pub(super) fn facts(rule: &Rule, target: &Target, effect: Effect) -> Value {
    let assignment = &rule.assignment;
    let mut properties = json!({
        "resourceId": target.id,
        "policyAssignmentId": assignment.id,
        "policyDefinitionId": rule.definition.id,
        "subscriptionId": target.id.subscription().unwrap_or_default(),
        "resourceType": target.resource_type,
        "resourceLocation": target.body.get("location").cloned().unwrap_or(Value::Null),
        "resourceGroup": target.id.resource_group().unwrap_or_default(),
        "resourceTags": target.body.get("tags").map(Value::to_string).unwrap_or_default(),
        "policyAssignmentName": assignment.name(),
        "policyAssignmentScope": assignment.scope,
        "policyAssignmentParameters": Value::Object(rule.given.clone()).to_string(),
        "policyDefinitionName": rule.definition.name(),
        "policyDefinitionAction": effect.as_str(),
        "policyDefinitionCategory": rule.definition.category,
    });
    if let Some(set) = &rule.set {
        properties["policySetDefinitionId"] = set.id.as_str().into();
        properties["policySetDefinitionName"] = set.id.rsplit('/').next().unwrap_or_default().into();
        properties["policySetDefinitionCategory"] = set.category.as_str().into();
        properties["policySetDefinitionParameters"] =
            Value::Object(set.parameters.clone()).to_string().into();
        properties["policyDefinitionReferenceId"] = set.reference.as_str().into();
    }
    properties
}

/// An event of what a rule did.
pub(crate) fn event(
    kind: &str,
    rule: &Rule,
    target: &Target,
    effect: Effect,
    principal: &str,
    now: Ticks,
) -> NewPolicyEvent {
    let mut event = facts(rule, target, effect);
    let complies = matches!(effect, Effect::Append | Effect::Modify);
    event["isCompliant"] = complies.into();
    let state = if complies { Compliance::Compliant } else { Compliance::NonCompliant };
    event["complianceState"] = state.as_str().into();
    stamped(event, kind, principal, &target.id, now)
}

/// The event of a state that changed: `properties` are the new state's.
pub(super) fn state_change(properties: &Value, resource: &ResourceId, now: Ticks) -> NewPolicyEvent {
    let mut event = properties.clone();
    if let Some(members) = event.as_object_mut() {
        for name in STATE_ONLY {
            members.shift_remove(name);
        }
    }
    stamped(event, "StateChange", "", resource, now)
}

fn stamped(
    mut event: Value,
    kind: &str,
    principal: &str,
    resource: &ResourceId,
    time: Ticks,
) -> NewPolicyEvent {
    event["timestamp"] = json!(time);
    event["eventType"] = kind.into();
    event["principalOid"] = principal.into();
    NewPolicyEvent { time, resource: resource.clone(), event }
}

/// Keeps what policies did to a write that was made.
///
/// # Errors
/// When the records cannot be written.
pub async fn written(
    records: &Records,
    id: &ResourceId,
    admission: &Admission,
    request: &Request,
    now: Ticks,
) -> Result<(), RecordsError> {
    if admission.changed_by.is_empty() && admission.audited_by.is_empty() {
        return Ok(());
    }
    let target = Target::new(id.clone(), admission.body.clone());
    let of = |rule: &Arc<Rule>| {
        let effect = rule.effect_on(&target).unwrap_or(Effect::Audit);
        let kind = match effect {
            Effect::Append => "Append",
            Effect::Modify => "Modify",
            _ => "Audit",
        };
        event(kind, rule, &target, effect, &request.principal_id, now)
    };
    let all: Vec<NewPolicyEvent> = admission.changed_by.iter().chain(&admission.audited_by).map(of).collect();
    records.add_policy_events(&all).await
}

/// Keeps which policies forbade a write or a deletion.
///
/// # Errors
/// When the records cannot be written.
pub async fn denied(
    records: &Records,
    id: &ResourceId,
    body: &Value,
    denials: &[Denial],
    request: &Request,
    now: Ticks,
) -> Result<(), RecordsError> {
    let target = Target::new(id.clone(), body.clone());
    let of =
        |denial: &Denial| event("Deny", &denial.rule, &target, denial.effect, &request.principal_id, now);
    records.add_policy_events(&denials.iter().map(of).collect::<Vec<_>>()).await
}
