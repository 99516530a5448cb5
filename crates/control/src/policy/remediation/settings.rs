//! What a remediation is asked to do: read, checked against the policies, completed.

use std::sync::Arc;

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, Ticks};
use bartizan_policy::{Policies, Rule};
use bartizan_records::Resource;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::progress::is_ended;
use crate::access::Hierarchy;

/// The type of remediations.
pub(crate) const REMEDIATION_TYPE: &str = "Microsoft.PolicyInsights/remediations";

/// Azure's bounds and defaults.
const COUNT_DEFAULT: u64 = 500;
const COUNT_MAX: u64 = 50_000;
const PARALLEL_DEFAULT: u64 = 10;
const PARALLEL_MAX: u64 = 30;
const LOCATIONS_MAX: usize = 100;
/// What the server says of a remediation, beside `provisioningState`.
const OWNED: [&str; 5] = ["createdOn", "lastUpdatedOn", "correlationId", "deploymentStatus", "statusMessage"];
const EXISTING: &str = "ExistingNonCompliant";
const RE_EVALUATE: &str = "ReEvaluateCompliance";

/// A remediation's settings.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) assignment: ResourceId,
    /// The member of an initiative; empty without one.
    pub(super) reference: String,
    /// Whether resources are evaluated anew before those that do not comply are found.
    pub(super) re_evaluate: bool,
    /// Locations as they compare: lower case, without spaces. Empty is all.
    pub(super) locations: Vec<String>,
    pub(super) count: usize,
    pub(super) parallel: usize,
    /// The part of deployments that may fail, from 0 to 1.
    pub(super) threshold: Option<f64>,
}

/// The refusal of a remediation that cannot be.
fn refused(field: &str, message: impl Into<String>) -> ApiError {
    let error = ApiError::coded(ErrorKind::Invalid, "InvalidCreateRemediationRequest", message);
    ApiError { target: (!field.is_empty()).then(|| format!("properties.{field}")), ..error }
}

impl Settings {
    /// Reads `properties` of a remediation.
    ///
    /// # Errors
    /// With the field and what would be right.
    pub(super) fn parse(properties: &Value) -> Result<Self, ApiError> {
        let assignment = properties["policyAssignmentId"].as_str().and_then(|id| ResourceId::parse(id).ok());
        let text = "`policyAssignmentId` must be the id of a policy assignment";
        let assignment = assignment.ok_or_else(|| refused("policyAssignmentId", text))?;
        let reference = match &properties["policyDefinitionReferenceId"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            _ => {
                let text = "`policyDefinitionReferenceId` must be a text";
                return Err(refused("policyDefinitionReferenceId", text));
            }
        };
        let mode = properties["resourceDiscoveryMode"].as_str().unwrap_or(EXISTING);
        let re_evaluate = mode.eq_ignore_ascii_case(RE_EVALUATE);
        if !re_evaluate && !mode.eq_ignore_ascii_case(EXISTING) {
            let shown: String = mode.chars().take(60).collect();
            let text = format!("`{shown}` is no discovery mode; there are {EXISTING} and {RE_EVALUATE}");
            return Err(refused("resourceDiscoveryMode", text));
        }
        let threshold = match &properties["failureThreshold"]["percentage"] {
            Value::Null => None,
            value => {
                let part = value.as_f64().filter(|part| (0.0..=1.0).contains(part));
                let text = "`failureThreshold.percentage` must be a number from 0.0 to 1.0";
                Some(part.ok_or_else(|| refused("failureThreshold.percentage", text))?)
            }
        };
        Ok(Self {
            assignment,
            reference,
            re_evaluate,
            locations: locations(&properties["filters"]["locations"])?,
            count: number(properties, "resourceCount", COUNT_DEFAULT, COUNT_MAX)?,
            parallel: number(properties, "parallelDeployments", PARALLEL_DEFAULT, PARALLEL_MAX)?,
            threshold,
        })
    }

    /// The rule that is to be remediated.
    ///
    /// # Errors
    /// When there is none, or it mends nothing.
    pub(super) fn rule(&self, policies: &Policies) -> Result<Arc<Rule>, ApiError> {
        let of_assignment = |rule: &&Arc<Rule>| rule.assignment.id == self.assignment;
        let mut rules = policies.rules().iter().filter(of_assignment).peekable();
        if rules.peek().is_none() {
            let problem = policies.problems().iter().find(|problem| problem.assignment_id == self.assignment);
            let why = problem.map_or_else(
                || "it does not exist".to_owned(),
                |problem| format!("it is not evaluated: {}", problem.reason),
            );
            let text = format!("policy assignment `{}` cannot be remediated: {why}", self.assignment);
            return Err(refused("policyAssignmentId", text));
        }
        let of_set = rules.peek().is_some_and(|rule| rule.set.is_some());
        if of_set && self.reference.is_empty() {
            let text = "the assignment is of an initiative; `policyDefinitionReferenceId` must name one of its policies";
            return Err(refused("policyDefinitionReferenceId", text));
        }
        let same = |rule: &&Arc<Rule>| rule.reference().eq_ignore_ascii_case(&self.reference);
        let Some(rule) = rules.find(same) else {
            let text = format!(
                "assignment `{}` has no evaluated policy with the reference `{}`{}",
                self.assignment.name(),
                self.reference,
                if of_set { "" } else { "; it is of a single definition, leave the reference out" }
            );
            return Err(refused("policyDefinitionReferenceId", text));
        };
        if !rule.can_mend() {
            let text = format!(
                "definition `{}` mends nothing: only policies with the effect deployIfNotExists or modify can be \
                 remediated",
                rule.definition.id
            );
            return Err(refused("policyAssignmentId", text));
        }
        Ok(Arc::clone(rule))
    }

    /// Whether a resource at `location` is meant.
    pub(super) fn at(&self, location: &str) -> bool {
        self.locations.is_empty() || self.locations.contains(&comparable(location))
    }
}

/// Checks a remediation that is written at `id` and makes `properties` what is stored. A repeat of what is stored
/// changes nothing; one that has ended may be written with other settings and starts anew.
///
/// # Errors
/// When it cannot be done, with the field.
pub(crate) fn prepare(
    id: &ResourceId,
    before: Option<&Resource>,
    properties: &mut Map<String, Value>,
    policies: &Policies,
    tree: &Hierarchy,
    now: Ticks,
) -> Result<(), ApiError> {
    let settings = Settings::parse(&Value::Object(properties.clone()))?;
    if let Some(before) = before {
        let old = before.body.get("properties").unwrap_or(&Value::Null);
        if Settings::parse(old).is_ok_and(|old| old == settings) {
            properties.clone_from(old.as_object().unwrap_or(&Map::new()));
            return Ok(());
        }
        if !is_ended(old) {
            let text = format!(
                "remediation `{}` is {} and keeps its settings; cancel it first, or give the new one another name",
                id.name(),
                old["provisioningState"].as_str().unwrap_or_default()
            );
            return Err(ApiError::coded(ErrorKind::Invalid, "InvalidUpdateRemediationRequest", text));
        }
    }
    let rule = settings.rule(policies)?;
    let scope = id.parent().unwrap_or_else(bartizan_records::ListQuery::tenant);
    if !tree.contains(&rule.assignment.scope, &scope) {
        let text = format!(
            "assignment `{}` is at `{}`, and a remediation of it is made there or below, not at `{scope}`",
            rule.assignment.name(),
            rule.assignment.scope
        );
        return Err(refused("policyAssignmentId", text));
    }
    if settings.re_evaluate && crate::access::is_group(&scope) {
        let text = format!(
            "{RE_EVALUATE} is not supported at management groups; use {EXISTING}, or remediate each subscription"
        );
        return Err(refused("resourceDiscoveryMode", text));
    }
    for name in OWNED {
        properties.shift_remove(name);
    }
    let mode = if settings.re_evaluate { RE_EVALUATE } else { EXISTING };
    let created = before.and_then(|before| before.property("createdOn")).cloned();
    properties.insert("resourceDiscoveryMode".to_owned(), mode.into());
    properties.insert("resourceCount".to_owned(), settings.count.into());
    properties.insert("parallelDeployments".to_owned(), settings.parallel.into());
    properties.insert("provisioningState".to_owned(), "Accepted".into());
    properties.insert("createdOn".to_owned(), created.unwrap_or_else(|| json!(now)));
    properties.insert("lastUpdatedOn".to_owned(), json!(now));
    properties.insert("correlationId".to_owned(), Uuid::new_v4().to_string().into());
    let none = json!({"totalDeployments": 0, "successfulDeployments": 0, "failedDeployments": 0});
    properties.insert("deploymentStatus".to_owned(), none);
    Ok(())
}

fn number(properties: &Value, name: &str, default: u64, max: u64) -> Result<usize, ApiError> {
    let number = match &properties[name] {
        Value::Null => Some(default),
        value => value.as_u64().filter(|number| (1..=max).contains(number)),
    };
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| refused(name, format!("`{name}` must be a whole number from 1 to {max}")))
}

fn locations(value: &Value) -> Result<Vec<String>, ApiError> {
    let wrong = || {
        refused(
            "filters.locations",
            format!("`filters.locations` must be a list of at most {LOCATIONS_MAX} texts"),
        )
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) if items.len() <= LOCATIONS_MAX => {
            items.iter().map(|item| item.as_str().map(comparable).ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
}

/// `West Europe` and `westeurope` are one location.
fn comparable(location: &str) -> String {
    location.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mut members: Value) -> Result<Settings, String> {
        members["policyAssignmentId"] =
            "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/a".into();
        Settings::parse(&members).map_err(|error| error.target.unwrap_or_default())
    }

    #[test]
    fn what_is_left_out_has_azures_defaults() {
        let read = of(json!({})).unwrap();
        assert_eq!((read.count, read.parallel, read.re_evaluate, read.threshold), (500, 10, false, None));
        assert!(read.at("anywhere"));
        let read = of(
            json!({"filters": {"locations": ["West Europe"]}, "resourceDiscoveryMode": "reevaluatecompliance"}),
        );
        let read = read.unwrap();
        assert!(read.re_evaluate && read.at("westeurope") && !read.at("local"));
    }

    #[test]
    fn mistakes_name_their_field() {
        for (members, field) in [
            (json!({"resourceCount": 0}), "properties.resourceCount"),
            (json!({"resourceCount": 50_001}), "properties.resourceCount"),
            (json!({"parallelDeployments": 31}), "properties.parallelDeployments"),
            (json!({"failureThreshold": {"percentage": 1.5}}), "properties.failureThreshold.percentage"),
            (json!({"filters": {"locations": "here"}}), "properties.filters.locations"),
            (json!({"resourceDiscoveryMode": "all"}), "properties.resourceDiscoveryMode"),
            (json!({"policyDefinitionReferenceId": 7}), "properties.policyDefinitionReferenceId"),
        ] {
            assert_eq!(of(members).unwrap_err(), field);
        }
    }
}
