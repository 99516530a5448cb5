//! Policy states as they are asked for: rows, and their summary, of a scope or of a policy.

use std::collections::{BTreeMap, HashMap, HashSet};

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_policy::Compliance;
use bartizan_records::{ListQuery, Resource};
use serde_json::{Value, json};

use super::NAMESPACE;
use super::query::{Asked, Options, Row, Rows};
use crate::arm::Call;
use crate::http::Failure;
use crate::plans::state::STATE_TYPE;

/// `POST {scope}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults`.
pub(super) async fn query(call: &Call, on: &ResourceId) -> Result<Value, Failure> {
    let (asked, options) = read(call, on, "queryResults").await?;
    let mut rows = Rows::new(&options);
    let context = format!("{}/providers/{STATE_TYPE}/$metadata#latest", asked.scope);
    let entity = format!("{context}/$entity");
    each(call, &asked, |mut row| {
        row.insert("@odata.id".to_owned(), Value::Null);
        row.insert("@odata.context".to_owned(), entity.as_str().into());
        rows.offer(row)
    })
    .await?;
    Ok(rows.answer(call, &context))
}

/// `POST {scope}/providers/Microsoft.PolicyInsights/policyStates/latest/summarize`.
pub(super) async fn summarize(call: &Call, on: &ResourceId) -> Result<Value, Failure> {
    let (asked, options) = read(call, on, "summarize").await?;
    let mut whole = Results::default();
    let mut assignments: BTreeMap<String, Assignment> = BTreeMap::new();
    each(call, &asked, |row| {
        if options.holds(&row) {
            let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
            let assignment = assignments.entry(text("policyAssignmentId").to_lowercase()).or_default();
            assignment.add(&row);
            whole.add(&row);
        }
        true
    })
    .await?;
    let context = format!("{}/providers/{STATE_TYPE}/$metadata#summary", asked.scope);
    let assignments: Vec<Value> = assignments.into_values().map(Assignment::into_json).collect();
    Ok(json!({
        "@odata.context": context,
        "@odata.count": 1,
        "value": [{
            "@odata.id": null,
            "@odata.context": format!("{context}/$entity"),
            "results": whole.into_json(),
            "policyAssignments": assignments,
        }],
    }))
}

async fn read(call: &Call, on: &ResourceId, word: &str) -> Result<(Asked, Options), Failure> {
    if !on.name().eq_ignore_ascii_case("latest") {
        let text = "Only the states `latest` are kept; how they changed is told by policyEvents.";
        return Err(ApiError::coded(ErrorKind::Invalid, "OperationNotSupported", text).into());
    }
    let asked = Asked::read(call, on);
    let action = format!("{NAMESPACE}/policyStates/{word}/read");
    call.app.authorize(&call.caller, &action, &asked.scope).await?;
    let options = Options::read(call)?;
    Ok((asked, options))
}

/// Gives every state below the asked place to `take`, until that has enough.
async fn each(call: &Call, asked: &Asked, mut take: impl FnMut(Row) -> bool) -> Result<(), Failure> {
    let tree = call.app.access_map().await?;
    for root in tree.hierarchy.roots_below(&asked.place) {
        let mut after = None;
        loop {
            let page =
                call.app.records.list(ListQuery { after, ..ListQuery::of_type(root.clone(), STATE_TYPE) });
            let page = page.await?;
            for row in page.items.into_iter().filter_map(row) {
                if asked.of_policy.holds(&row) && !take(row) {
                    return Ok(());
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(())
}

fn row(state: Resource) -> Option<Row> {
    match state.body {
        Value::Object(mut body) => match body.shift_remove("properties") {
            Some(Value::Object(properties)) => Some(properties),
            _ => None,
        },
        _ => None,
    }
}

/// How bad a state is: a resource counts by its worst one, as in Azure.
fn rank(state: &str) -> usize {
    let order = [
        Compliance::Compliant,
        Compliance::Exempt,
        Compliance::Unknown,
        Compliance::Protected,
        Compliance::Conflict,
        Compliance::NonCompliant,
    ];
    order.iter().position(|known| known.as_str() == state).unwrap_or(0)
}

/// Counts of resources and policies.
#[derive(Debug, Default)]
struct Results {
    /// The worst state of each resource, by its key.
    resources: HashMap<String, String>,
    /// The worst state of each policy, by assignment and reference.
    policies: HashMap<(String, String), String>,
}

impl Results {
    fn add(&mut self, row: &Row) {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let state = text("complianceState");
        let worse = |known: &mut String| {
            if known.is_empty() || rank(state) > rank(known) {
                state.clone_into(known);
            }
        };
        worse(self.resources.entry(text("resourceId").to_lowercase()).or_default());
        let policy =
            (text("policyAssignmentId").to_lowercase(), text("policyDefinitionReferenceId").to_lowercase());
        worse(self.policies.entry(policy).or_default());
    }

    fn into_json(self) -> Value {
        let bad = Compliance::NonCompliant.as_str();
        json!({
            "nonCompliantResources": self.resources.values().filter(|state| *state == bad).count(),
            "nonCompliantPolicies": self.policies.values().filter(|state| *state == bad).count(),
            "resourceDetails": details(self.resources.values()),
            "policyDetails": details(self.policies.values()),
        })
    }
}

fn details<'s>(states: impl Iterator<Item = &'s String>) -> Vec<Value> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for state in states {
        *counts.entry(state.to_lowercase()).or_default() += 1;
    }
    counts.into_iter().map(|(state, count)| json!({"complianceState": state, "count": count})).collect()
}

/// What an assignment comes to.
#[derive(Debug, Default)]
struct Assignment {
    id: String,
    set: String,
    results: Results,
    /// By reference and definition.
    definitions: BTreeMap<(String, String), Definition>,
}

#[derive(Debug, Default)]
struct Definition {
    id: String,
    reference: String,
    effect: String,
    groups: HashSet<String>,
    results: Results,
}

impl Assignment {
    fn add(&mut self, row: &Row) {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if self.id.is_empty() {
            (self.id, self.set) = (text("policyAssignmentId"), text("policySetDefinitionId"));
        }
        self.results.add(row);
        let key =
            (text("policyDefinitionReferenceId").to_lowercase(), text("policyDefinitionId").to_lowercase());
        let definition = self.definitions.entry(key).or_default();
        if definition.id.is_empty() {
            definition.id = text("policyDefinitionId");
            definition.reference = text("policyDefinitionReferenceId");
            definition.effect = text("policyDefinitionAction");
        }
        let groups = row.get("policyDefinitionGroupNames").and_then(Value::as_array).into_iter().flatten();
        definition.groups.extend(groups.filter_map(Value::as_str).map(str::to_owned));
        definition.results.add(row);
    }

    fn into_json(self) -> Value {
        let definition = |definition: Definition| {
            let mut groups: Vec<String> = definition.groups.into_iter().collect();
            groups.sort();
            json!({
                "policyDefinitionId": definition.id,
                "policyDefinitionReferenceId": definition.reference,
                "policyDefinitionGroupNames": groups,
                "effect": definition.effect,
                "results": definition.results.into_json(),
            })
        };
        json!({
            "policyAssignmentId": self.id,
            "policySetDefinitionId": self.set,
            "results": self.results.into_json(),
            "policyDefinitions": self.definitions.into_values().map(definition).collect::<Vec<_>>(),
            "policyGroups": [],
        })
    }
}
