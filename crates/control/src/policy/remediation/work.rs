//! One resource of a remediation: its deployment begun, and looked after until it is at its end.

use std::sync::Arc;

use bartizan_base::Timespan;
use bartizan_policy::{Compliance, Policies, Remedy, Rule, Target, Verdict};
use bartizan_records::{RecordsError, Resource};
use serde_json::Value;

use super::progress::Piece;
use crate::access::AccessMap;
use crate::app::App;
use crate::arm;
use crate::http::Failure;
use crate::plans::admission::Places;
use crate::plans::component::EXTENSION_TYPE;
use crate::plans::deployment::{self, Cause, Deployment, Outcome, error};
use crate::plans::evaluation::{Finding, judge};
use crate::plans::events::event;
use crate::plans::ground::Ground;
use crate::plans::{PlansContext, admission, extension, identity, reconcile};

/// What is not there after this long has failed: a machine may be switched off for good.
pub(super) const PATIENCE: Timespan = Timespan::from_seconds(2 * 3600);
/// What tags alone need, for policies whose identity may do no more.
const TAGS_WRITE: &str = "Microsoft.Resources/tags/write";

/// What the pieces of a remediation are worked on with.
pub(super) struct Work<'a> {
    pub(super) app: &'a App,
    pub(super) ctx: &'a PlansContext,
    pub(super) policies: &'a Arc<Policies>,
    pub(super) rule: &'a Arc<Rule>,
}

type Ended = Result<(), Value>;

impl Work<'_> {
    /// Begins the deployment for a piece; it may be at its end then.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub(super) async fn begin(&self, piece: &mut Piece) -> Result<(), RecordsError> {
        let now = self.ctx.clock.now();
        let Some(resource) = self.ctx.records.get(&piece.resource).await? else {
            let text = format!("`{}` is not there any more", piece.resource);
            piece.ended(Err(error("ResourceNotFound", &text)), now);
            return Ok(());
        };
        let (target, finding) = self.finding(resource.clone()).await?;
        // What complies by now, or is no longer meant, needs nothing.
        let Some(finding) = finding.filter(|found| found.verdict.compliance != Compliance::Compliant) else {
            piece.ended(Ok(()), now);
            return Ok(());
        };
        let reason = &finding.verdict.reason;
        let wrong = match (finding.verdict.compliance, finding.remedy) {
            (Compliance::NonCompliant, Some(Ok(Remedy::Deploy(planned)))) => {
                let mut writes = Vec::new();
                let deployment = Deployment {
                    ctx: self.ctx,
                    policies: self.policies,
                    rule: self.rule,
                    of: &target.id,
                    cause: Cause::Remediation,
                };
                let mut ground = Ground::read(&self.ctx.records, std::slice::from_ref(&target.id)).await?;
                let outcomes = deployment.make(&planned, &mut ground, &mut writes).await?;
                if !writes.is_empty() {
                    self.note("Deploy", &finding.verdict, &target).await?;
                }
                self.ctx.records.put_many(writes, &[], &reconcile::actor()).await?;
                match awaited(outcomes) {
                    Ok(awaited) => {
                        piece.begun(awaited, now);
                        return Ok(());
                    }
                    Err(wrong) => wrong,
                }
            }
            (Compliance::NonCompliant, Some(Ok(Remedy::Modify(body)))) => {
                piece.begun(vec![target.id.clone()], now);
                let changed = self.modify(&resource, &target, body).await?;
                if changed.is_ok() {
                    self.note("Modify", &finding.verdict, &target).await?;
                }
                piece.ended(changed, now);
                return Ok(());
            }
            (Compliance::NonCompliant, Some(Err(text))) => {
                error("InvalidTemplate", &format!("the deployment cannot be made: {text}"))
            }
            (Compliance::NonCompliant, None) => {
                let effect = finding.verdict.effect.as_str();
                error(
                    "EffectNotRemediable",
                    &format!("the effect on this resource is {effect}, which mends nothing"),
                )
            }
            (compliance, _) => {
                error("NotRemediated", &format!("the resource is {}: {reason}", compliance.as_str()))
            }
        };
        piece.ended(Err(wrong), now);
        Ok(())
    }

    /// Looks whether what was begun has come to its end; `true` when it has.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(super) async fn look(&self, piece: &mut Piece) -> Result<bool, RecordsError> {
        let Some(outcome) = self.outcome(piece).await? else { return Ok(false) };
        piece.ended(outcome, self.ctx.clock.now());
        Ok(true)
    }

    async fn outcome(&self, piece: &Piece) -> Result<Option<Ended>, RecordsError> {
        // Read before the judgement: what succeeds in between is judged as having succeeded.
        let there = self.ctx.records.get_many(&piece.awaited).await?;
        let Some(resource) = self.ctx.records.get(&piece.resource).await? else {
            let text = format!("`{}` is not there any more", piece.resource);
            return Ok(Some(Err(error("ResourceNotFound", &text))));
        };
        let (_, finding) = self.finding(resource).await?;
        let Some(finding) = finding.filter(|found| found.verdict.compliance != Compliance::Compliant) else {
            return Ok(Some(Ok(())));
        };
        let mut waiting = None;
        for id in &piece.awaited {
            let Some(found) = there.iter().find(|found| found.id == *id) else {
                let text = format!("`{}` was taken away before it had succeeded", id.name());
                return Ok(Some(Err(error("ResourceNotFound", &text))));
            };
            if !found.resource_type.eq_ignore_ascii_case(EXTENSION_TYPE) {
                continue;
            }
            let message = extension::message(found);
            match extension::provisioning_state(found) {
                "Succeeded" => {}
                // What the agent said before it heard of this deployment is about an earlier one.
                "Failed" if !is_before(found, piece) => {
                    let text = format!("extension `{}` failed: {message}", id.name());
                    return Ok(Some(Err(error("ExtensionProvisioningFailed", &text))));
                }
                state => waiting = Some(format!("extension `{}` is {state}: {message}", id.name())),
            }
        }
        let late = piece.since.saturating_add(PATIENCE) < self.ctx.clock.now();
        Ok(match waiting {
            None => {
                let text = format!(
                    "it was written, and the resource still does not comply: {}",
                    finding.verdict.reason
                );
                Some(Err(error("ExistenceConditionNotMet", &text)))
            }
            Some(waiting) if late => {
                let hours = PATIENCE.0 / Timespan::from_seconds(3600).0;
                Some(Err(error("DeploymentTimedOut", &format!("after {hours} hours {waiting}"))))
            }
            Some(_) => None,
        })
    }

    /// Keeps an event of what is done for a resource.
    async fn note(&self, kind: &str, verdict: &Verdict, target: &Target) -> Result<(), RecordsError> {
        let principal = deployment::deployment_request(&self.rule.assignment).principal_id;
        let now = self.ctx.clock.now();
        let event = event(kind, &verdict.rule, target, verdict.effect, &principal, now);
        self.ctx.records.add_policy_events(&[event]).await
    }

    /// What the remediated rule says of a resource.
    async fn finding(&self, resource: Resource) -> Result<(Arc<Target>, Option<Finding>), RecordsError> {
        let (target, findings) = judge(self.ctx, self.policies, resource).await?;
        let found = findings.into_iter().find(|finding| {
            let rule = &finding.verdict.rule;
            rule.assignment.id == self.rule.assignment.id && rule.reference() == self.rule.reference()
        });
        Ok((target, found))
    }

    /// Writes what a `modify` makes of a resource, as the assignment's identity, past the same checks as any write.
    async fn modify(&self, stored: &Resource, target: &Target, body: Value) -> Result<Ended, RecordsError> {
        let (records, rule) = (&self.ctx.records, self.rule);
        let write = format!("{}/write", target.resource_type);
        let mut enough = vec![write.clone()];
        if differs_in_tags_only(&stored.body, &body) {
            enough.push(TAGS_WRITE.to_owned());
        }
        if let Some(lack) = identity::lack_of_all(records, rule, &enough, &stored.id).await? {
            return Ok(Err(error("AuthorizationFailed", &format!("{} Way out: {}.", lack.error, lack.fix))));
        }
        if let Some(lock) = AccessMap::of(records).await?.locked(&write, &stored.id) {
            return Ok(Err(error(&lock.code, &lock.message)));
        }
        let request = deployment::deployment_request(&rule.assignment);
        let changed = Target::new(stored.id.clone(), body);
        let now = self.ctx.clock.now();
        let body = match admission::admit_under(
            records,
            self.policies,
            &mut Places::default(),
            changed,
            &request,
            now,
        )
        .await?
        {
            Ok(admission) => admission.body,
            Err(denials) => {
                let messages: Vec<String> = denials.iter().map(|denial| denial.message(&stored.id)).collect();
                return Ok(Err(error("RequestDisallowedByPolicy", &messages.join("; "))));
            }
        };
        Ok(match arm::rewrite(self.app, stored, body, reconcile::actor()).await {
            Ok(()) => Ok(()),
            Err(Failure(refused)) => Err(error(&refused.code, &refused.message)),
        })
    }
}

/// What is waited for, or the error of the first thing that was not written.
fn awaited(outcomes: Vec<Outcome>) -> Result<Vec<bartizan_base::ResourceId>, Value> {
    if outcomes.is_empty() {
        return Err(error("NothingDeployed", "the policy's template deploys nothing for this resource"));
    }
    let one = |outcome| match outcome {
        Outcome::Written { id, .. } | Outcome::UnderWay { id, .. } => Ok(id),
        Outcome::Refused { code, text } => Err(error(&code, &text)),
    };
    outcomes.into_iter().map(one).collect()
}

/// Whether the extension was in its state before the piece's deployment was begun.
fn is_before(extension: &Resource, piece: &Piece) -> bool {
    let time = extension.body.pointer("/properties/instanceView/status/time").and_then(Value::as_str);
    let time = time.and_then(|time| bartizan_base::Ticks::parse(time).ok());
    time.is_some_and(|time| time < piece.since)
}

fn differs_in_tags_only(before: &Value, after: &Value) -> bool {
    let without = |body: &Value| {
        let mut body = body.clone();
        if let Some(members) = body.as_object_mut() {
            members.shift_remove("tags");
        }
        body
    };
    without(before) == without(after)
}
