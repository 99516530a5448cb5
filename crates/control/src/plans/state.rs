//! Policy states: the latest verdict of each assignment on each resource, kept.
//!
//! A state is stored below its resource (`{resource}/providers/Microsoft.PolicyInsights/policyStates/{key}`),
//! so that it goes when the resource goes and is found by scope like anything else.

use bartizan_base::{ResourceId, Ticks};
use bartizan_policy::condition::Detail;
use bartizan_policy::{Compliance, Policies, Rule, Target, Verdict};
use bartizan_records::{Actor, BulkWrite, Condition, NewPolicyEvent, Resource, Write};
use serde_json::{Value, json};
use uuid::Uuid;

use super::events;

/// The type of stored states.
pub const STATE_TYPE: &str = "Microsoft.PolicyInsights/policyStates";

/// What makes the states of a resource those that its verdicts say.
#[derive(Debug)]
pub struct Changes {
    /// States to write.
    pub writes: Vec<BulkWrite>,
    /// Ids of states to remove.
    pub gone: Vec<ResourceId>,
    /// What is told of it in policy events.
    pub events: Vec<NewPolicyEvent>,
}

/// What makes the states of `target` those that `verdicts` say, given the `old` ones. Unchanged states are not written
/// again, so their `timestamp` is that of the last change.
pub fn changes(
    policies: &Policies,
    target: &Target,
    verdicts: &[Verdict],
    mut old: Vec<Resource>,
    actor: &Actor,
    now: Ticks,
) -> Changes {
    let (mut writes, mut events) = (Vec::new(), Vec::new());
    for verdict in verdicts {
        let Ok(id) = state_id(&target.id, &verdict.rule) else { continue };
        let before = old.iter().position(|state| state.id == id).map(|at| old.swap_remove(at));
        let body = body(policies, target, verdict, before.as_ref(), now);
        if before.as_ref().is_some_and(|before| before.body == body) {
            continue;
        }
        let was = before.as_ref().and_then(|before| before.property("complianceState")?.as_str());
        // That something new complies is no change worth keeping: it would be most of the history of a large estate.
        if was.unwrap_or(Compliance::Compliant.as_str()) != verdict.compliance.as_str() {
            events.push(events::state_change(&body["properties"], &target.id, now));
        }
        let write = Write { id, body, condition: Condition::None, actor: actor.clone(), audit: false };
        writes.push(BulkWrite { write, of: target.id.clone() });
    }
    Changes { writes, gone: old.into_iter().map(|state| state.id).collect(), events }
}

fn state_id(target: &ResourceId, rule: &Rule) -> Result<ResourceId, bartizan_base::ResourceIdError> {
    let name = format!("{}#{}", rule.assignment.id.key(), rule.reference().to_ascii_lowercase());
    let key = Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes());
    target.join(&format!("providers/{STATE_TYPE}/{key}"))
}

fn body(
    policies: &Policies,
    target: &Target,
    verdict: &Verdict,
    before: Option<&Resource>,
    now: Ticks,
) -> Value {
    let (rule, assignment) = (&verdict.rule, &verdict.rule.assignment);
    let mut properties = events::facts(rule, target, verdict.effect);
    properties["isCompliant"] = (verdict.compliance != Compliance::NonCompliant).into();
    properties["complianceState"] = verdict.compliance.as_str().into();
    properties["policyDefinitionVersion"] = rule.definition.version.as_str().into();
    properties["policyEvaluationDetails"] = json!({"reason": verdict.reason});
    if let Some(set) = &rule.set {
        properties["policySetDefinitionVersion"] = set.version.as_str().into();
        properties["policyDefinitionGroupNames"] = json!(set.groups);
    }
    if let Some(exemption) = &verdict.exemption {
        properties["policyExemptionIds"] = json!([exemption]);
    }
    if let Some(message) = assignment.message(rule.reference()) {
        properties["nonComplianceMessage"] = message.into();
    }
    let details = &mut properties["policyEvaluationDetails"];
    if verdict.effect.looks_for_related() {
        details["ifNotExistsDetails"] =
            json!({"resourceId": verdict.related, "totalResources": verdict.related_count});
    }
    if verdict.compliance == Compliance::NonCompliant {
        let compared = policies.explain(rule, target, now);
        details["evaluatedExpressions"] = compared.iter().map(Detail::to_json).collect();
    }
    // What was so before keeps its body, timestamp and all. Values that only follow the clock are not a change.
    match before.and_then(|before| before.body.get("properties")) {
        Some(old) if without_clock(old) == without_clock(&properties) => json!({"properties": old}),
        _ => {
            properties["timestamp"] = json!(now);
            json!({"properties": properties})
        }
    }
}

/// A state without its timestamp and without what its comparisons were made with, which may be `utcNow()`.
fn without_clock(properties: &Value) -> Value {
    let mut out = properties.clone();
    if let Some(members) = out.as_object_mut() {
        members.shift_remove("timestamp");
    }
    let compared =
        out.pointer_mut("/policyEvaluationDetails/evaluatedExpressions").and_then(Value::as_array_mut);
    for comparison in compared.into_iter().flatten().filter_map(Value::as_object_mut) {
        comparison.shift_remove("targetValue");
    }
    out
}
