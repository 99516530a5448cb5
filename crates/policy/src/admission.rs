//! A write or a deletion meets the policies: disabled, append and modify, deny, audit, in this order.

use std::sync::Arc;

use bartizan_base::Ticks;
use serde_json::Value;

use crate::change::{Action, ConflictEffect, Planned};
use crate::condition::Details;
use crate::effect::Effect;
use crate::expression::{Request, Scope, Steps};
use crate::policies::Policies;
use crate::rule::Rule;
use crate::target::Target;
use crate::value::same;
use crate::verdict::{Compliance, Denial, Verdict};

/// A write that may go on.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The body after `append` and `modify`.
    pub body: Value,
    /// The rules that changed it, in order.
    pub changed_by: Vec<Arc<Rule>>,
    /// The `audit` rules that it does not comply with.
    pub audited_by: Vec<Arc<Rule>>,
    /// `deny` rules that would have forbidden it, were they enforced.
    pub unenforced: Vec<Arc<Rule>>,
}

impl Policies {
    /// Lets the write of `target` meet the policies.
    ///
    /// A rule whose expressions have no value denies, as in Azure: what cannot be judged is not let through by a policy
    /// that is there to deny.
    ///
    /// # Errors
    /// Every `deny` rule that forbids it, or the rules whose changes contradict each other or the request.
    pub fn admit(&self, target: &Target, request: &Request, now: Ticks) -> Result<Admission, Vec<Denial>> {
        let rules = self.meeting(target, now);
        let mut changed = target.clone();
        let changed_by = change(&rules, &mut changed, request, now)?;
        let (mut denials, mut audited_by, mut unenforced) = (Vec::new(), Vec::new(), Vec::new());
        for (rule, effect) in
            rules.iter().filter(|(_, effect)| matches!(effect, Effect::Deny | Effect::Audit))
        {
            let Some(denial) = matching(rule, *effect, &changed, request, now) else { continue };
            match (effect, rule.assignment.enforced) {
                (Effect::Audit, _) if denial.reason.is_empty() => audited_by.push(Arc::clone(rule)),
                (Effect::Deny, true) => denials.push(denial),
                (Effect::Deny, false) => unenforced.push(Arc::clone(rule)),
                _ => {}
            }
        }
        if denials.is_empty() {
            Ok(Admission { body: changed.body, changed_by, audited_by, unenforced })
        } else {
            Err(denials)
        }
    }

    /// What `deny` rules, and with `audits` the `audit` rules, would hold against a write of `target`, after what other
    /// policies would change of it.
    pub fn preview(&self, target: &Target, request: &Request, now: Ticks, audits: bool) -> Vec<Denial> {
        let rules = self.meeting(target, now);
        let mut changed = target.clone();
        if let Err(denials) = change(&rules, &mut changed, request, now) {
            return denials;
        }
        let judged = rules.iter().filter(|(rule, effect)| match effect {
            Effect::Deny => rule.assignment.enforced,
            Effect::Audit => audits,
            _ => false,
        });
        judged.filter_map(|(rule, effect)| matching(rule, *effect, &changed, request, now)).collect()
    }

    /// Lets a deletion of `target` meet the policies; `cascade` when its resource group is being deleted.
    ///
    /// # Errors
    /// Every `denyAction` rule that forbids it.
    pub fn admit_deletion(
        &self,
        target: &Target,
        cascade: bool,
        request: &Request,
        now: Ticks,
    ) -> Result<(), Vec<Denial>> {
        let rules = self.meeting(target, now);
        let denials: Vec<Denial> = rules
            .iter()
            .filter(|(rule, effect)| {
                let details = &rule.definition.details;
                *effect == Effect::DenyAction
                    && rule.assignment.enforced
                    && details.denied_actions.iter().any(|action| action == "delete")
                    && (!cascade || details.denies_cascade)
            })
            .filter_map(|(rule, effect)| matching(rule, *effect, target, request, now))
            .collect();
        if denials.is_empty() { Ok(()) } else { Err(denials) }
    }

    /// The rules that a write of `target` meets, with their effects, in order; none that is exempted.
    pub(crate) fn meeting(&self, target: &Target, now: Ticks) -> Vec<(Arc<Rule>, Effect)> {
        let rules = self.rules_for(target).into_iter();
        let mut rules: Vec<(Arc<Rule>, Effect)> = rules
            .filter_map(|rule| Some((Arc::clone(rule), rule.effect_on(target).ok()?)))
            .filter(|(_, effect)| {
                matches!(
                    effect,
                    Effect::Append | Effect::Modify | Effect::Deny | Effect::DenyAction | Effect::Audit
                )
            })
            .filter(|(rule, _)| self.exemption(rule, target, now).is_none())
            .collect();
        rules.sort_by_key(|(_, effect)| *effect);
        rules
    }
}

/// The denial that `rule` would give: `None` when its condition does not hold.
pub(crate) fn matching(
    rule: &Arc<Rule>,
    effect: Effect,
    target: &Target,
    request: &Request,
    now: Ticks,
) -> Option<Denial> {
    let steps = Steps::default();
    let scope = rule.scope(target, now, Some(request), &steps);
    let denial = |details: Details, reason: String| Denial {
        rule: Arc::clone(rule),
        effect,
        details: details.into_vec(),
        reason,
    };
    match rule.condition.holds(&scope) {
        Ok(false) => None,
        Ok(true) => {
            // Once more, for the details: most writes match nothing and should not pay for them.
            let (steps, details) = (Steps::default(), Details::default());
            let scope = rule.scope(target, now, Some(request), &steps);
            match rule.condition.explain(&scope, &details) {
                Ok(_) | Err(_) => Some(denial(details, String::new())),
            }
        }
        Err(error) => Some(denial(Details::default(), format!("the policy cannot be evaluated: {error}"))),
    }
}

/// One rule's operations on a resource.
struct Proposal {
    rule: Arc<Rule>,
    effect: Effect,
    operations: Vec<Planned>,
}

/// Applies `append` and `modify` to `target`, conflicts settled.
fn change(
    rules: &[(Arc<Rule>, Effect)],
    target: &mut Target,
    request: &Request,
    now: Ticks,
) -> Result<Vec<Arc<Rule>>, Vec<Denial>> {
    let changers = rules.iter().filter(|(rule, effect)| {
        matches!(effect, Effect::Append | Effect::Modify) && rule.assignment.enforced
    });
    let mut proposals = Vec::new();
    for (rule, effect) in changers {
        let steps = Steps::default();
        let scope = rule.scope(target, now, Some(request), &steps);
        match proposal(rule, &scope) {
            Ok(Some(operations)) => {
                proposals.push(Proposal { rule: Arc::clone(rule), effect: *effect, operations });
            }
            Ok(None) => {}
            // Azure: `conflictEffect` also says what happens where an operation cannot be done.
            Err(_) if rule.conflict != ConflictEffect::Deny && *effect == Effect::Modify => {}
            Err(reason) => {
                return Err(vec![Denial {
                    rule: Arc::clone(rule),
                    effect: *effect,
                    details: Vec::new(),
                    reason,
                }]);
            }
        }
    }
    let stepping_back = settle(&proposals)?;
    let mut changed_by = Vec::new();
    for (proposal, _) in proposals.iter().zip(&stepping_back).filter(|(_, back)| !**back) {
        let mut changed = false;
        for operation in &proposal.operations {
            changed |= operation.apply(&mut target.body).map_err(|refused| {
                let reason =
                    format!("the request has another value of `{}` than the policy appends", refused.0);
                vec![Denial {
                    rule: Arc::clone(&proposal.rule),
                    effect: proposal.effect,
                    details: Vec::new(),
                    reason,
                }]
            })?;
        }
        if changed {
            changed_by.push(Arc::clone(&proposal.rule));
        }
    }
    Ok(changed_by)
}

/// What the rule would do to the scope's target; `None` when its condition does not hold.
fn proposal(rule: &Rule, scope: &Scope<'_>) -> Result<Option<Vec<Planned>>, String> {
    if !rule.condition.holds(scope).map_err(|error| error.to_string())? {
        return Ok(None);
    }
    let operations = rule.operations.iter().map(|operation| operation.plan(scope));
    let operations: Result<Vec<_>, _> = operations.collect();
    Ok(Some(operations.map_err(|error| error.to_string())?.into_iter().flatten().collect()))
}

/// Which proposals step back. Of those that want different values for one thing, the one whose `conflictEffect` is
/// `deny` wins; two such deny the write; without one none of them does anything.
fn settle(proposals: &[Proposal]) -> Result<Vec<bool>, Vec<Denial>> {
    let mut back = vec![false; proposals.len()];
    for (at, one) in proposals.iter().enumerate() {
        for (other_at, other) in proposals.iter().enumerate().skip(at + 1) {
            let Some(field) = contradiction(one, other) else { continue };
            let insists = |proposal: &Proposal| proposal.rule.conflict == ConflictEffect::Deny;
            match (insists(one), insists(other)) {
                (true, true) => {
                    let reason = format!("two policies set `{field}` to different values");
                    let denial = |proposal: &Proposal| Denial {
                        rule: Arc::clone(&proposal.rule),
                        effect: proposal.effect,
                        details: Vec::new(),
                        reason: reason.clone(),
                    };
                    return Err(vec![denial(one), denial(other)]);
                }
                (true, false) => back[other_at] = true,
                (false, true) => back[at] = true,
                (false, false) => (back[at], back[other_at]) = (true, true),
            }
        }
    }
    Ok(back)
}

/// The field that two policies want to have different values.
fn contradiction<'p>(one: &'p Proposal, other: &Proposal) -> Option<&'p str> {
    let sets = |operation: &&Planned| operation.path.0.iter().all(|step| step.stars == 0);
    let differs = |mine: &Planned, theirs: &Planned| {
        let same_place = mine.path.0.len() == theirs.path.0.len()
            && mine.path.0.iter().zip(&theirs.path.0).all(|(a, b)| a.name.eq_ignore_ascii_case(&b.name));
        let removes = |operation: &Planned| operation.action == Action::Remove;
        same_place
            && (removes(mine) != removes(theirs) || (!removes(mine) && !same(&mine.value, &theirs.value)))
    };
    one.operations
        .iter()
        .filter(sets)
        .find(|mine| other.operations.iter().filter(sets).any(|theirs| differs(mine, theirs)))
        .map(|mine| mine.field.as_str())
}

/// The body of the scope's target after the rule's operations, for a remediation.
pub(crate) fn modified(rule: &Rule, scope: &Scope<'_>) -> Result<Value, String> {
    let operations = proposal(rule, scope)?.ok_or("the resource does not match the policy's condition")?;
    let mut body = scope.target.body.clone();
    for operation in &operations {
        operation
            .apply(&mut body)
            .map_err(|refused| format!("the resource has another value of `{}`", refused.0))?;
    }
    Ok(body)
}

/// Two `modify` policies that both insist on different values leave the resource in conflict.
pub(crate) fn mark_conflicts(verdicts: &mut [Verdict], target: &Target, now: Ticks) {
    let is_candidate = |verdict: &Verdict| {
        verdict.effect == Effect::Modify && verdict.compliance == Compliance::NonCompliant
    };
    if verdicts.iter().filter(|verdict| is_candidate(verdict)).count() < 2 {
        return;
    }
    let proposals: Vec<(usize, Proposal)> = verdicts
        .iter()
        .enumerate()
        .filter(|(_, verdict)| is_candidate(verdict) && verdict.rule.conflict == ConflictEffect::Deny)
        .filter_map(|(at, verdict)| {
            let steps = Steps::default();
            let operations =
                proposal(&verdict.rule, &verdict.rule.scope(target, now, None, &steps)).ok()??;
            Some((at, Proposal { rule: Arc::clone(&verdict.rule), effect: verdict.effect, operations }))
        })
        .collect();
    let mut marked = Vec::new();
    for (at, one) in &proposals {
        for (other_at, other) in &proposals {
            if at != other_at
                && let Some(field) = contradiction(one, other)
            {
                let reason = format!(
                    "policy assignment `{}` sets `{field}` to another value, and both insist",
                    other.rule.assignment.name()
                );
                marked.push((*at, reason));
            }
        }
    }
    for (at, reason) in marked {
        if let Some(verdict) = verdicts.get_mut(at) {
            (verdict.compliance, verdict.reason) = (Compliance::Conflict, reason);
        }
    }
}
