//! Which assignments are about a resource, and what each says of it.

use std::collections::BTreeMap;

use bartizan_base::{ResourceId, Ticks};
use serde_json::{Map, Value};

use crate::access::Hierarchy;

use super::definition::defaults;
use super::definition::{Definition, Effect, Planned, Related};
use super::target::Target;
use super::template::{self, Scope};

/// An assignment of a definition to a scope.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub id: ResourceId,
    pub scope: ResourceId,
    pub not_scopes: Vec<ResourceId>,
    pub definition_id: String,
    pub display_name: String,
    pub parameters: Map<String, Value>,
    /// `enforcementMode` is not `DoNotEnforce`: `deny` blocks, `deployIfNotExists` deploys.
    pub enforced: bool,
    /// Deployments run as the assignment's managed identity; without one nothing can be deployed.
    pub has_identity: bool,
    /// Set when the definition is one of an initiative's.
    pub member: Option<Member>,
}

/// Which part of an initiative an assignment stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Id of the policy set definition.
    pub set: String,
    /// The member's `policyDefinitionReferenceId`, unique in its set.
    pub reference: String,
}

/// A scope that an assignment leaves alone, for a while or for good.
#[derive(Clone, Debug)]
pub struct Exemption {
    pub id: ResourceId,
    pub scope: ResourceId,
    pub assignment_id: String,
    /// Only these members of an initiative; empty is all.
    pub references: Vec<String>,
    pub expires: Option<Ticks>,
}

/// Everything that applies in one installation, read from the resource store.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    /// By lower-case id.
    pub definitions: BTreeMap<String, Definition>,
    pub assignments: Vec<Assignment>,
    pub exemptions: Vec<Exemption>,
    /// Which scopes lie below which.
    pub hierarchy: Hierarchy,
}

/// Azure's words for what came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compliance {
    Compliant,
    NonCompliant,
    Exempt,
    /// The rule could not be evaluated; the reason says why.
    Unknown,
}

impl Compliance {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "Compliant",
            Self::NonCompliant => "NonCompliant",
            Self::Exempt => "Exempt",
            Self::Unknown => "Unknown",
        }
    }
}

/// What one assignment says of one resource.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub assignment: Assignment,
    pub definition_id: String,
    pub category: String,
    pub version: String,
    pub effect: Effect,
    pub compliance: Compliance,
    /// One sentence, for people.
    pub reason: String,
    /// What would make the resource compliant; `Err` says why that cannot be deployed.
    pub remedy: Option<Result<Vec<Planned>, String>>,
}

/// A write that a `deny` policy forbids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub assignment_id: ResourceId,
    pub assignment_name: String,
    pub definition_id: String,
}

impl Denial {
    /// The message of the ARM error `RequestDisallowedByPolicy`.
    pub fn message(&self, resource: &ResourceId) -> String {
        format!(
            "resource `{}` was disallowed by policy assignment `{}` (`{}`, definition `{}`); \
             exempt it or change the assignment",
            resource.name(),
            self.assignment_name,
            self.assignment_id,
            self.definition_id
        )
    }
}

impl PolicySet {
    /// Evaluates every assignment in whose scope `target` lies. `related` lists the existing resources of a
    /// type that belong to the target. Assignments that are not about the target give no verdict.
    pub fn evaluate(
        &self,
        target: &Target,
        related: &dyn Fn(&str) -> Vec<Target>,
        now: Ticks,
    ) -> Vec<Verdict> {
        let in_scope = self.assignments.iter().filter(|assignment| self.covers(assignment, &target.id));
        in_scope.filter_map(|assignment| self.verdict(assignment, target, related, now)).collect()
    }

    /// The first enforced `deny` policy that forbids `target` to be written.
    pub fn denial(&self, target: &Target, now: Ticks) -> Option<Denial> {
        let in_scope = self.assignments.iter().filter(|a| a.enforced && self.covers(a, &target.id));
        in_scope.filter(|a| self.exemption(a, target, now).is_none()).find_map(|assignment| {
            let definition = self.definition(assignment)?;
            let parameters = definition.parameters(&assignment.parameters);
            let scope = Scope { parameters: &parameters, target };
            let denies = definition.effect(&scope).is_ok_and(|effect| effect == Effect::Deny)
                && definition.condition.holds(&scope).unwrap_or(false);
            denies.then(|| Denial {
                assignment_id: assignment.id.clone(),
                assignment_name: assignment.name().to_owned(),
                definition_id: definition.id.clone(),
            })
        })
    }

    /// Whether `id` lies in the assignment's scope and in none of the excluded ones.
    pub fn covers(&self, assignment: &Assignment, id: &ResourceId) -> bool {
        let within = |scope: &ResourceId| self.hierarchy.contains(scope, id);
        within(&assignment.scope) && !assignment.not_scopes.iter().any(within)
    }

    /// The types of resources that `…IfNotExists` policies in scope of `target` look for.
    pub fn related_types(&self, target: &ResourceId) -> Vec<String> {
        let in_scope = self.assignments.iter().filter(|assignment| self.covers(assignment, target));
        let mut types: Vec<String> = in_scope
            .filter_map(|assignment| self.definition(assignment)?.related.as_ref())
            .map(|related| related.resource_type.to_ascii_lowercase())
            .collect();
        types.sort();
        types.dedup();
        types
    }

    fn definition(&self, assignment: &Assignment) -> Option<&Definition> {
        self.definitions.get(&assignment.definition_id.to_ascii_lowercase())
    }

    fn exemption(&self, assignment: &Assignment, target: &Target, now: Ticks) -> Option<&Exemption> {
        self.exemptions.iter().find(|exemption| {
            exemption.assignment_id.eq_ignore_ascii_case(assignment.id.as_str())
                && self.hierarchy.contains(&exemption.scope, &target.id)
                && exemption.is_about(assignment)
                && exemption.expires.is_none_or(|end| now < end)
        })
    }

    fn verdict(
        &self,
        assignment: &Assignment,
        target: &Target,
        related: &dyn Fn(&str) -> Vec<Target>,
        now: Ticks,
    ) -> Option<Verdict> {
        let definition = self.definition(assignment)?;
        let parameters = definition.parameters(&assignment.parameters);
        let scope = Scope { parameters: &parameters, target };
        let verdict = |effect, (compliance, reason, remedy)| Verdict {
            assignment: assignment.clone(),
            definition_id: definition.id.clone(),
            category: definition.category.clone(),
            version: definition.version.clone(),
            effect,
            compliance,
            reason,
            remedy,
        };
        let unknown = |error: &dyn std::fmt::Display| (Compliance::Unknown, error.to_string(), None);
        let effect = match definition.effect(&scope) {
            Ok(Effect::Disabled) => return None,
            Ok(effect) => effect,
            Err(error) => return Some(verdict(Effect::Audit, unknown(&error))),
        };
        let related_to = definition.related.as_ref();
        let outcome = match (effect, definition.condition.holds(&scope)) {
            (_, Err(error)) => unknown(&error),
            (Effect::AuditIfNotExists | Effect::DeployIfNotExists, Ok(false)) => return None,
            (Effect::AuditIfNotExists | Effect::DeployIfNotExists, Ok(true)) => match related_to {
                Some(wanted) => look_for(wanted, effect, &scope, related),
                None => unknown(&"policy names no related resource"),
            },
            (_, Ok(true)) => {
                (Compliance::NonCompliant, "the resource matches the policy's condition".to_owned(), None)
            }
            (_, Ok(false)) if definition.condition.applies(&scope).unwrap_or(false) => {
                (Compliance::Compliant, "the resource does not match the policy's condition".to_owned(), None)
            }
            (_, Ok(false)) => return None,
        };
        let outcome = match self.exemption(assignment, target, now) {
            Some(exemption) => (Compliance::Exempt, format!("exempted by `{}`", exemption.id), None),
            None => outcome,
        };
        Some(verdict(effect, outcome))
    }
}

type Outcome = (Compliance, String, Option<Result<Vec<Planned>, String>>);

fn look_for(
    wanted: &Related,
    effect: Effect,
    scope: &Scope<'_>,
    related: &dyn Fn(&str) -> Vec<Target>,
) -> Outcome {
    let name = match wanted.name.as_ref().map(|name| template::resolve(name, scope)).transpose() {
        Ok(name) => name.and_then(|name| name.as_str().map(str::to_owned)),
        Err(error) => return (Compliance::Unknown, error.to_string(), None),
    };
    for candidate in related(&wanted.resource_type) {
        if name.as_ref().is_some_and(|name| !name_matches(name, &candidate)) {
            continue;
        }
        let inner = Scope { parameters: scope.parameters, target: &candidate };
        match wanted.condition.as_ref().map_or(Ok(true), |condition| condition.holds(&inner)) {
            Ok(true) => return (Compliance::Compliant, format!("`{}` exists", candidate.id.name()), None),
            Ok(false) => {}
            Err(error) => return (Compliance::Unknown, error.to_string(), None),
        }
    }
    let reason =
        format!("no related resource of type `{}` satisfies the existence condition", wanted.resource_type);
    let remedy =
        (effect == Effect::DeployIfNotExists).then(|| wanted.plan(scope).map_err(|error| error.to_string()));
    (Compliance::NonCompliant, reason, remedy)
}

/// `details.name` is the whole name of a child (`machine/extension`) or its last segment.
fn name_matches(name: &str, candidate: &Target) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    last == "*" || last.eq_ignore_ascii_case(candidate.id.name())
}

impl Assignment {
    /// The last segment of the assignment's id.
    pub fn name(&self) -> &str {
        self.id.name()
    }

    /// Reads an assignment resource.
    pub fn parse(id: &ResourceId, body: &Value) -> Option<Self> {
        let properties = body.get("properties")?;
        let text = |name: &str| properties.get(name).and_then(Value::as_str);
        let ids = |name: &str| {
            let list = properties.get(name).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(|id| ResourceId::parse(id.as_str()?).ok()).collect()
        };
        let parameters = properties.get("parameters").and_then(Value::as_object).into_iter().flatten();
        Some(Self {
            id: id.clone(),
            scope: id.parent()?,
            not_scopes: ids("notScopes"),
            definition_id: text("policyDefinitionId")?.to_owned(),
            display_name: text("displayName").unwrap_or(id.name()).to_owned(),
            parameters: parameters
                .filter_map(|(name, p)| Some((name.clone(), p.get("value")?.clone())))
                .collect(),
            enforced: !text("enforcementMode").is_some_and(|mode| mode.eq_ignore_ascii_case("DoNotEnforce")),
            has_identity: body
                .pointer("/identity/type")
                .and_then(Value::as_str)
                .is_some_and(|kind| !kind.eq_ignore_ascii_case("None")),
            member: None,
        })
    }

    /// The assignment as one assignment per member of the initiative it names; `set` is the
    /// `properties` of that policy set definition. A parameter that has no value is left to the member's default.
    pub fn expand(&self, set: &Value) -> Vec<Assignment> {
        let mut parameters = defaults(set.get("parameters"));
        for (name, value) in &self.parameters {
            parameters.insert(name.clone(), value.clone());
        }
        let target = Target::new(self.scope.clone(), Value::Null);
        let scope = Scope { parameters: &parameters, target: &target };
        let members = set.get("policyDefinitions").and_then(Value::as_array).into_iter().flatten();
        let expanded = members.filter_map(|member| {
            let definition_id = member.get("policyDefinitionId").and_then(Value::as_str)?.to_owned();
            let given = member.get("parameters").and_then(Value::as_object).into_iter().flatten();
            let given = given.filter_map(|(name, parameter)| {
                Some((name.clone(), template::resolve(parameter.get("value")?, &scope).ok()?))
            });
            let reference = member.get("policyDefinitionReferenceId").and_then(Value::as_str);
            let reference = reference.unwrap_or(&definition_id).to_owned();
            Some(Assignment {
                parameters: given.collect(),
                member: Some(Member { set: self.definition_id.clone(), reference }),
                definition_id,
                ..self.clone()
            })
        });
        expanded.collect()
    }
}

impl Exemption {
    /// Reads an exemption resource. An expiry that is no date counts as passed: an exemption must not
    /// hold for longer than its author wrote.
    pub fn parse(id: &ResourceId, body: &Value) -> Option<Self> {
        let properties = body.get("properties")?;
        let expires = properties.get("expiresOn").filter(|value| !value.is_null());
        Some(Self {
            id: id.clone(),
            scope: id.parent()?,
            assignment_id: properties.get("policyAssignmentId").and_then(Value::as_str)?.to_owned(),
            references: properties
                .get("policyDefinitionReferenceIds")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|reference| reference.as_str().map(str::to_owned))
                .collect(),
            expires: expires
                .map(|value| value.as_str().and_then(|text| Ticks::parse(text).ok()).unwrap_or(Ticks(0))),
        })
    }

    /// Whether the exemption names this part of an initiative, or all of it.
    pub fn is_about(&self, assignment: &Assignment) -> bool {
        let reference = assignment.member.as_ref().map(|member| member.reference.as_str());
        self.references.is_empty()
            || reference
                .is_some_and(|name| self.references.iter().any(|mine| mine.eq_ignore_ascii_case(name)))
    }
}
