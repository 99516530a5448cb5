//! Everything that is assigned, compiled, and what it says of a resource.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bartizan_base::{ResourceId, Ticks};
use parking_lot::RwLock;
use serde_json::Value;

use crate::assignment::Assignment;
use crate::condition::{Detail, Details};
use crate::definition::{Definition, Mode};
use crate::effect::Effect;
use crate::exemption::{Attestation, Exemption};
use crate::expression::{Request, Scope, Steps};
use crate::initiative::Initiative;
use crate::related::Wanted;
use crate::rule::{Member, Rule};
use crate::target::Target;
use crate::verdict::{Compliance, Remedy, Verdict};

/// Most types of resources whose rules are remembered; the rest is looked up each time.
const TYPES_MAX: usize = 10_000;
/// Type of a management group, in lower case.
const GROUP_TYPE: &str = "microsoft.management/managementgroups";

/// Which scopes lie above a resource, beside those that its id says.
pub trait Hierarchy: fmt::Debug + Send + Sync {
    /// The management groups that `id` lies in.
    fn groups_above(&self, id: &ResourceId) -> Vec<ResourceId>;
}

/// No management groups.
#[derive(Clone, Copy, Debug)]
pub struct Flat;

impl Hierarchy for Flat {
    fn groups_above(&self, _id: &ResourceId) -> Vec<ResourceId> {
        Vec::new()
    }
}

/// What is read from the resource store, before it is put together.
#[derive(Debug)]
pub struct Parts {
    pub definitions: Vec<Arc<Definition>>,
    pub initiatives: Vec<Initiative>,
    pub assignments: Vec<Assignment>,
    pub exemptions: Vec<Exemption>,
    pub attestations: Vec<Attestation>,
    pub hierarchy: Arc<dyn Hierarchy>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            definitions: Vec::new(),
            initiatives: Vec::new(),
            assignments: Vec::new(),
            exemptions: Vec::new(),
            attestations: Vec::new(),
            hierarchy: Arc::new(Flat),
        }
    }
}

/// An assignment, or a member of its initiative, that is not evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub assignment_id: ResourceId,
    /// Empty when the whole assignment is meant.
    pub reference: String,
    pub reason: String,
}

/// Everything that is assigned.
#[derive(Debug)]
pub struct Policies {
    rules: Vec<Arc<Rule>>,
    problems: Vec<Problem>,
    /// By lower-case id of the assignment.
    exemptions: HashMap<String, Vec<Exemption>>,
    attestations: HashMap<String, Vec<Attestation>>,
    hierarchy: Arc<dyn Hierarchy>,
    /// Which rules can be about resources of a type, by lower-case type. Filled as types are met.
    by_type: RwLock<HashMap<String, Arc<[usize]>>>,
}

impl Policies {
    /// Puts definitions and parameters of assignments together. What cannot be is left out and told by
    /// [`Policies::problems`].
    pub fn new(parts: Parts) -> Self {
        let definitions: HashMap<String, &Arc<Definition>> = parts
            .definitions
            .iter()
            .map(|definition| (definition.id.to_ascii_lowercase(), definition))
            .collect();
        let initiatives: HashMap<String, &Initiative> =
            parts.initiatives.iter().map(|set| (set.id.to_ascii_lowercase(), set)).collect();
        let mut out = Self {
            rules: Vec::new(),
            problems: Vec::new(),
            exemptions: HashMap::new(),
            attestations: HashMap::new(),
            hierarchy: parts.hierarchy,
            by_type: RwLock::default(),
        };
        for assignment in parts.assignments {
            let assignment = Arc::new(assignment);
            let id = assignment.definition_id.to_ascii_lowercase();
            if let Some(definition) = definitions.get(&id) {
                let values = definition.parameters.values(&assignment.parameters);
                match values {
                    Ok(values) => out.add(&assignment, definition, None, values),
                    Err(error) => out.problem(&assignment, "", error.to_string()),
                }
            } else if let Some(set) = initiatives.get(&id) {
                out.add_set(&assignment, set, &definitions);
            } else {
                let reason =
                    format!("there is no policy definition or initiative `{}`", assignment.definition_id);
                out.problem(&assignment, "", reason);
            }
        }
        for exemption in parts.exemptions {
            out.exemptions.entry(exemption.assignment_id.key().to_owned()).or_default().push(exemption);
        }
        for attestation in parts.attestations {
            out.attestations.entry(attestation.assignment_id.key().to_owned()).or_default().push(attestation);
        }
        out
    }

    fn add_set(
        &mut self,
        assignment: &Arc<Assignment>,
        set: &Initiative,
        definitions: &HashMap<String, &Arc<Definition>>,
    ) {
        let parameters = match set.parameters.values(&assignment.parameters) {
            Ok(parameters) => parameters,
            Err(error) => return self.problem(assignment, "", error.to_string()),
        };
        for member in &set.members {
            let Some(definition) = definitions.get(&member.definition_id.to_ascii_lowercase()) else {
                let reason = format!("there is no policy definition `{}`; import it", member.definition_id);
                self.problem(assignment, &member.reference, reason);
                continue;
            };
            match definition.parameters.values(&member.values(&parameters)) {
                Ok(values) => {
                    let part = Member {
                        id: set.id.clone(),
                        display_name: set.display_name.clone(),
                        version: set.version.clone(),
                        category: set.category.clone(),
                        reference: member.reference.clone(),
                        groups: member.groups.clone(),
                        parameters: parameters.clone(),
                    };
                    self.add(assignment, definition, Some(part), values);
                }
                Err(error) => self.problem(assignment, &member.reference, error.to_string()),
            }
        }
    }

    fn add(
        &mut self,
        assignment: &Arc<Assignment>,
        definition: &Arc<Definition>,
        set: Option<Member>,
        values: serde_json::Map<String, Value>,
    ) {
        if let Mode::DataPlane(mode) = &definition.mode {
            let reference = set.as_ref().map(|set| set.reference.clone()).unwrap_or_default();
            let reason = format!("definitions of mode `{mode}` are evaluated by that service, not here");
            self.problem(assignment, &reference, reason);
            return;
        }
        self.rules.push(Arc::new(Rule::new(Arc::clone(assignment), Arc::clone(definition), set, values)));
    }

    fn problem(&mut self, assignment: &Assignment, reference: &str, reason: String) {
        let assignment_id = assignment.id.clone();
        self.problems.push(Problem { assignment_id, reference: reference.to_owned(), reason });
    }

    /// What is assigned and cannot be evaluated, with the reason.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Every rule, in the order of the assignments.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// Whether `principal` (an object id, in any case) is the identity of an assignment.
    pub fn deploys_as(&self, principal: &str) -> bool {
        let is = |own: &String| own.eq_ignore_ascii_case(principal);
        self.rules.iter().any(|rule| rule.assignment.principals.iter().any(is))
    }

    /// Every exemption.
    pub fn exemptions(&self) -> impl Iterator<Item = &Exemption> {
        self.exemptions.values().flatten()
    }

    /// The rules whose scope `target` lies in and that can be about its type.
    pub fn rules_for(&self, target: &Target) -> Vec<&Arc<Rule>> {
        let about = self.about_type_of(target);
        if about.is_empty() {
            return Vec::new();
        }
        let groups = self.hierarchy.groups_above(&target.id);
        let rules = about.iter().filter_map(|at| self.rules.get(*at));
        rules.filter(|rule| covers(&rule.assignment, target, &groups)).collect()
    }

    /// Whether the assignment's scope holds `target` and nothing leaves it out.
    pub fn covers(&self, assignment: &Assignment, target: &Target) -> bool {
        covers(assignment, target, &self.hierarchy.groups_above(&target.id))
    }

    fn about_type_of(&self, target: &Target) -> Arc<[usize]> {
        let key = target.resource_type.to_ascii_lowercase();
        if let Some(found) = self.by_type.read().get(&key) {
            return Arc::clone(found);
        }
        let all = self.rules.iter().enumerate();
        let about: Arc<[usize]> =
            all.filter(|(_, rule)| rule.could_be_about_type_of(target)).map(|(at, _)| at).collect();
        let mut known = self.by_type.write();
        if known.len() < TYPES_MAX {
            known.insert(key, Arc::clone(&about));
        }
        about
    }

    /// The exemption in force for `target`.
    pub fn exemption(&self, rule: &Rule, target: &Target, now: Ticks) -> Option<&Exemption> {
        let mine = self.exemptions.get(rule.assignment.id.key())?;
        mine.iter().find(|exemption| {
            exemption.is_about(rule.reference(), now)
                && within(&exemption.scope, &target.id, || self.hierarchy.groups_above(&target.id))
                && exemption.selectors.select(target)
        })
    }

    fn attestation(&self, rule: &Rule, target: &Target, now: Ticks) -> Option<&Attestation> {
        let mine = self.attestations.get(rule.assignment.id.key())?;
        // The nearest scope's word counts most.
        mine.iter()
            .filter(|word| word.is_about(rule.reference(), now))
            .filter(|word| within(&word.scope, &target.id, || self.hierarchy.groups_above(&target.id)))
            .max_by_key(|word| word.scope.key().len())
    }

    /// What the `…IfNotExists` policies in scope of `target` look for, each once.
    pub fn wanted(&self, target: &Target, now: Ticks) -> Vec<Wanted> {
        let rules = self.rules_for(target).into_iter();
        let mut wanted: Vec<Wanted> = rules
            .filter_map(|rule| {
                rule.effect_on(target).ok().filter(|effect| effect.looks_for_related())?;
                let steps = Steps::default();
                rule.related.as_ref()?.wanted(&rule.scope(target, now, None, &steps)).ok()
            })
            .map(|wanted| Wanted { name: None, ..wanted })
            .collect();
        wanted.sort();
        wanted.dedup();
        wanted
    }

    /// What every rule says of `target`. `related` gives the existing resources that are [`Policies::wanted`]; it may
    /// give more. Rules that are not about the target say nothing.
    pub fn evaluate(
        &self,
        target: &Target,
        related: &dyn Fn(&Wanted) -> Vec<Arc<Target>>,
        now: Ticks,
    ) -> Vec<Verdict> {
        let rules = self.rules_for(target).into_iter();
        let mut verdicts: Vec<Verdict> =
            rules.filter_map(|rule| self.verdict(rule, target, related, now)).collect();
        crate::admission::mark_conflicts(&mut verdicts, target, now);
        verdicts
    }

    fn verdict(
        &self,
        rule: &Arc<Rule>,
        target: &Target,
        related: &dyn Fn(&Wanted) -> Vec<Arc<Target>>,
        now: Ticks,
    ) -> Option<Verdict> {
        let steps = Steps::default();
        let scope = rule.scope(target, now, None, &steps);
        let verdict = |effect, compliance, reason: String| Verdict {
            rule: Arc::clone(rule),
            effect,
            compliance,
            reason,
            related: None,
            related_count: 0,
            exemption: None,
        };
        let effect = match rule.effect_on(target) {
            Ok(Effect::Disabled) => return None,
            Ok(effect) => effect,
            Err(reason) => return Some(verdict(Effect::Audit, Compliance::Unknown, reason)),
        };
        let mut outcome = match rule.condition.holds(&scope) {
            Err(error) => verdict(effect, Compliance::Unknown, error.to_string()),
            Ok(true) => match effect {
                Effect::AuditIfNotExists | Effect::DeployIfNotExists => {
                    if rule.related.as_ref().is_some_and(|related| !related.delay.is_over(target, now)) {
                        return None;
                    }
                    look_for(rule, &scope, related, verdict(effect, Compliance::NonCompliant, String::new()))
                }
                Effect::Manual => {
                    self.manual(rule, target, now, verdict(effect, Compliance::Unknown, String::new()))
                }
                Effect::DenyAction => {
                    verdict(effect, Compliance::Protected, "the policy guards the resource".to_owned())
                }
                _ => verdict(
                    effect,
                    Compliance::NonCompliant,
                    "the resource matches the policy's condition".to_owned(),
                ),
            },
            // Policies that look for something else, guard or ask are about what their condition holds for.
            Ok(false)
                if effect.looks_for_related() || matches!(effect, Effect::Manual | Effect::DenyAction) =>
            {
                return None;
            }
            Ok(false) if rule.condition.applies(&scope).unwrap_or(false) => verdict(
                effect,
                Compliance::Compliant,
                "the resource does not match the policy's condition".to_owned(),
            ),
            Ok(false) => return None,
        };
        if let Some(exemption) = self.exemption(rule, target, now) {
            outcome.compliance = Compliance::Exempt;
            outcome.reason = format!("exempted by `{}`", exemption.id);
            outcome.exemption = Some(exemption.id.clone());
        }
        Some(outcome)
    }

    fn manual(&self, rule: &Rule, target: &Target, now: Ticks, mut verdict: Verdict) -> Verdict {
        match self.attestation(rule, target, now) {
            Some(word) => {
                verdict.compliance = word.state;
                verdict.reason = format!("attested by `{}`", word.id);
            }
            None => {
                verdict.compliance = match rule.default_state().to_ascii_lowercase().as_str() {
                    "compliant" => Compliance::Compliant,
                    "noncompliant" => Compliance::NonCompliant,
                    _ => Compliance::Unknown,
                };
                verdict.reason = "nobody has attested; the definition's default state holds".to_owned();
            }
        }
        verdict
    }

    /// The comparisons behind a rule's answer, for people: Azure's evaluation details.
    pub fn explain(&self, rule: &Rule, target: &Target, now: Ticks) -> Vec<Detail> {
        let (steps, details) = (Steps::default(), Details::default());
        // An expression without a value ends the list where it stands; the verdict names it.
        let scope = rule.scope(target, now, None, &steps);
        match rule.condition.explain(&scope, &details) {
            Ok(_) | Err(_) => details.into_vec(),
        }
    }

    /// What would make the resource of a [`Compliance::NonCompliant`] verdict compliant; `None` for effects that mend
    /// nothing. `request` is the write that is to mend it.
    ///
    /// # Errors
    /// A sentence that says why it cannot be mended.
    pub fn remedy(
        &self,
        rule: &Rule,
        effect: Effect,
        target: &Target,
        request: &Request,
        now: Ticks,
    ) -> Option<Result<Remedy, String>> {
        let steps = Steps::default();
        let scope = rule.scope(target, now, Some(request), &steps);
        match effect {
            Effect::DeployIfNotExists => {
                let plan = rule.related.as_ref()?.plan(&scope);
                Some(plan.map(Remedy::Deploy).map_err(|error| error.to_string()))
            }
            Effect::Modify => Some(crate::admission::modified(rule, &scope).map(Remedy::Modify)),
            _ => None,
        }
    }
}

fn look_for(
    rule: &Rule,
    scope: &Scope<'_>,
    related: &dyn Fn(&Wanted) -> Vec<Arc<Target>>,
    mut verdict: Verdict,
) -> Verdict {
    let unknown = |mut verdict: Verdict, reason: String| {
        (verdict.compliance, verdict.reason) = (Compliance::Unknown, reason);
        verdict
    };
    let Some(wanted_by) = &rule.related else {
        return unknown(verdict, "policy names no related resource".to_owned());
    };
    let wanted = match wanted_by.wanted(scope) {
        Ok(wanted) => wanted,
        Err(error) => return unknown(verdict, error.to_string()),
    };
    for candidate in related(&wanted).iter().filter(|candidate| wanted.is(candidate)) {
        verdict.related_count += 1;
        let inner = Scope { target: candidate, ..*scope };
        match wanted_by.condition.as_ref().map_or(Ok(true), |condition| condition.holds(&inner)) {
            Ok(true) => {
                verdict.compliance = Compliance::Compliant;
                verdict.reason = format!("`{}` exists", candidate.id.name());
                verdict.related = Some(candidate.id.clone());
                return verdict;
            }
            Ok(false) => verdict.related = Some(candidate.id.clone()),
            Err(error) => return unknown(verdict, error.to_string()),
        }
    }
    verdict.reason =
        format!("no related resource of type `{}` satisfies the existence condition", wanted.resource_type);
    verdict
}

fn covers(assignment: &Assignment, target: &Target, groups: &[ResourceId]) -> bool {
    let within = |scope: &ResourceId| {
        target.id.is_within(scope) || (is_group(scope) && groups.iter().any(|group| group == scope))
    };
    within(&assignment.scope)
        && !assignment.not_scopes.iter().any(within)
        && assignment.selectors.select(target)
}

fn within(scope: &ResourceId, id: &ResourceId, groups: impl FnOnce() -> Vec<ResourceId>) -> bool {
    id.is_within(scope) || (is_group(scope) && groups().iter().any(|group| group == scope))
}

fn is_group(id: &ResourceId) -> bool {
    id.key().starts_with("/providers/") && id.resource_type().eq_ignore_ascii_case(GROUP_TYPE)
}
