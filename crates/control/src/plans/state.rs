//! Policy states: the latest verdict of each assignment on each resource, kept and served.
//!
//! A state is stored below its resource (`{resource}/providers/Microsoft.PolicyInsights/policyStates/{key}`),
//! so that it goes when the resource goes and is found by scope like anything else.

use bartizan_base::{ResourceId, Ticks};
use bartizan_policy::condition::Detail;
use bartizan_policy::{Compliance, Policies, Rule, Target, Verdict};
use bartizan_records::{Actor, BulkWrite, Condition, Records, RecordsError, Resource, Write};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The type of stored states.
pub const STATE_TYPE: &str = "Microsoft.PolicyInsights/policyStates";

/// What makes the states of `target` those that `verdicts` say, given the `old` ones: states to write, and ids of
/// states to remove. Unchanged states are not written again, so their `timestamp` is that of the last change.
pub fn changes(
    policies: &Policies,
    target: &Target,
    verdicts: &[Verdict],
    mut old: Vec<Resource>,
    actor: &Actor,
    now: Ticks,
) -> (Vec<BulkWrite>, Vec<ResourceId>) {
    let mut writes = Vec::new();
    for verdict in verdicts {
        let Ok(id) = state_id(&target.id, &verdict.rule) else { continue };
        let before = old.iter().position(|state| state.id == id).map(|at| old.swap_remove(at));
        let body = body(policies, target, verdict, before.as_ref(), now);
        if before.is_some_and(|before| before.body == body) {
            continue;
        }
        let write = Write { id, body, condition: Condition::None, actor: actor.clone(), audit: false };
        writes.push(BulkWrite { write, of: target.id.clone() });
    }
    (writes, old.into_iter().map(|state| state.id).collect())
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
    let mut properties = json!({
        "resourceId": target.id,
        "policyAssignmentId": assignment.id,
        "policyDefinitionId": rule.definition.id,
        "isCompliant": verdict.compliance != Compliance::NonCompliant,
        "complianceState": verdict.compliance.as_str(),
        "subscriptionId": target.id.subscription().unwrap_or_default(),
        "resourceType": target.resource_type,
        "resourceLocation": target.body.get("location").cloned().unwrap_or(Value::Null),
        "resourceGroup": target.id.resource_group().unwrap_or_default(),
        "resourceTags": target.body.get("tags").map(Value::to_string).unwrap_or_default(),
        "policyAssignmentName": assignment.name(),
        "policyAssignmentScope": assignment.scope,
        "policyAssignmentParameters": Value::Object(rule.given.clone()).to_string(),
        "policyDefinitionName": rule.definition.name(),
        "policyDefinitionAction": verdict.effect.as_str(),
        "policyDefinitionCategory": rule.definition.category,
        "policyDefinitionVersion": rule.definition.version,
        "policyEvaluationDetails": {"reason": verdict.reason},
    });
    if let Some(set) = &rule.set {
        properties["policySetDefinitionId"] = set.id.as_str().into();
        properties["policySetDefinitionName"] = set.id.rsplit('/').next().unwrap_or_default().into();
        properties["policySetDefinitionCategory"] = set.category.as_str().into();
        properties["policySetDefinitionVersion"] = set.version.as_str().into();
        properties["policySetDefinitionParameters"] =
            Value::Object(set.parameters.clone()).to_string().into();
        properties["policyDefinitionReferenceId"] = set.reference.as_str().into();
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

/// What a `queryResults` call asks for.
#[derive(Clone, Debug, Default)]
pub struct StateQuery {
    /// `$filter`: comparisons `name eq 'text'`, `ne`, joined by `and`.
    pub filter: Option<String>,
    pub top: Option<usize>,
    pub skip: usize,
}

/// `$filter` holds something that is not supported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`$filter` part `{0}` is not a comparison such as `complianceState eq 'NonCompliant'`")]
pub struct FilterError(pub String);

/// Answers `POST {scope}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults`.
///
/// # Errors
/// When the records cannot be read; a wrong filter is the inner error.
pub async fn query(
    records: &Records,
    scope: &ResourceId,
    query: &StateQuery,
) -> Result<Result<Value, FilterError>, RecordsError> {
    let filter = match parse_filter(query.filter.as_deref().unwrap_or_default()) {
        Ok(filter) => filter,
        Err(error) => return Ok(Err(error)),
    };
    let states = records.list_all(scope, STATE_TYPE).await?;
    let rows = states
        .iter()
        .filter_map(|state| row(scope, state))
        .filter(|row| filter.iter().all(|test| test.holds(row)));
    let rows: Vec<Value> =
        rows.skip(query.skip).take(query.top.unwrap_or(usize::MAX)).map(Value::Object).collect();
    Ok(Ok(json!({
        "@odata.context": format!("{scope}/providers/{STATE_TYPE}/$metadata#latest"),
        "@odata.count": rows.len(),
        "value": rows,
    })))
}

/// Answers `POST {scope}/providers/Microsoft.PolicyInsights/policyStates/latest/summarize`.
///
/// # Errors
/// When the records cannot be read; a wrong filter is the inner error.
pub async fn summarize(
    records: &Records,
    scope: &ResourceId,
    filter: &str,
) -> Result<Result<Value, FilterError>, RecordsError> {
    let filter = match parse_filter(filter) {
        Ok(filter) => filter,
        Err(error) => return Ok(Err(error)),
    };
    let mut states = records.list_all(scope, STATE_TYPE).await?;
    states.retain(|state| {
        let row = row(scope, state);
        row.is_some_and(|row| filter.iter().all(|test| test.holds(&row)))
    });
    let mut assignments: Map<String, Value> = Map::new();
    for state in &states {
        let text = |name: &str| state.property(name).and_then(Value::as_str).unwrap_or_default();
        let entry = assignments.entry(text("policyAssignmentId").to_lowercase()).or_insert_with(|| {
            json!({"policyAssignmentId": text("policyAssignmentId"),
                   "results": {"nonCompliantResources": 0, "nonCompliantPolicies": 0, "resourceDetails": []}})
        });
        if text("complianceState") == "NonCompliant" {
            let count = entry["results"]["nonCompliantResources"].as_u64().unwrap_or_default();
            entry["results"]["nonCompliantResources"] = (count + 1).into();
            entry["results"]["nonCompliantPolicies"] = 1.into();
        }
    }
    let assignments: Vec<Value> = assignments.into_iter().map(|(_, entry)| entry).collect();
    let mut resources: Vec<&str> = states
        .iter()
        .filter(|state| state.property("complianceState").and_then(Value::as_str) == Some("NonCompliant"))
        .filter_map(|state| state.property("resourceId").and_then(Value::as_str))
        .collect();
    resources.sort_unstable();
    resources.dedup();
    let policies: u64 =
        assignments.iter().filter_map(|entry| entry["results"]["nonCompliantPolicies"].as_u64()).sum();
    Ok(Ok(json!({
        "@odata.context": format!("{scope}/providers/{STATE_TYPE}/$metadata#summary"),
        "@odata.count": 1,
        "value": [{
            "results": {"nonCompliantResources": resources.len(), "nonCompliantPolicies": policies},
            "policyAssignments": assignments,
        }],
    })))
}

fn row(scope: &ResourceId, state: &Resource) -> Option<Map<String, Value>> {
    let mut row = state.body.get("properties")?.as_object()?.clone();
    row.insert("@odata.id".to_owned(), Value::Null);
    row.insert(
        "@odata.context".to_owned(),
        format!("{scope}/providers/{STATE_TYPE}/$metadata#latest/$entity").into(),
    );
    Some(row)
}

struct Comparison {
    name: String,
    equal: bool,
    value: String,
}

impl Comparison {
    fn holds(&self, row: &Map<String, Value>) -> bool {
        let found =
            row.iter().find(|(name, _)| name.eq_ignore_ascii_case(&self.name)).map(|(_, value)| value);
        let same = match found {
            Some(Value::String(text)) => text.eq_ignore_ascii_case(&self.value),
            Some(Value::Bool(on)) => self.value.eq_ignore_ascii_case(if *on { "true" } else { "false" }),
            Some(Value::Number(number)) => self.value.parse().ok() == number.as_f64(),
            Some(_) => false,
            None => false,
        };
        same == self.equal
    }
}

fn parse_filter(filter: &str) -> Result<Vec<Comparison>, FilterError> {
    let parts = filter.split(" and ").map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let error = || FilterError(part.chars().take(120).collect());
            let (name, rest) = part.split_once(' ').ok_or_else(error)?;
            let (operator, value) = rest.trim().split_once(' ').ok_or_else(error)?;
            let equal = match operator {
                "eq" => true,
                "ne" => false,
                _ => return Err(error()),
            };
            let value = value.trim();
            let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
            Ok(Comparison { name: name.to_owned(), equal, value: quoted.unwrap_or(value).replace("''", "'") })
        })
        .collect()
}
