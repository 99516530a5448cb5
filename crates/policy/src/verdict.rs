//! What came out of an evaluation.

use std::sync::Arc;

use bartizan_base::ResourceId;
use serde_json::{Value, json};

use crate::condition::Detail;
use crate::deployment::Planned;
use crate::effect::Effect;
use crate::rule::Rule;

/// Azure's words for what came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compliance {
    Compliant,
    NonCompliant,
    Exempt,
    /// A `manual` policy without a word on it, or a rule that could not be evaluated; the reason says why.
    Unknown,
    /// A `denyAction` policy guards the resource.
    Protected,
    /// Two `modify` policies want different values and both insist.
    Conflict,
}

impl Compliance {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "Compliant",
            Self::NonCompliant => "NonCompliant",
            Self::Exempt => "Exempt",
            Self::Unknown => "Unknown",
            Self::Protected => "Protected",
            Self::Conflict => "Conflict",
        }
    }
}

/// What one rule says of one resource.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub rule: Arc<Rule>,
    pub effect: Effect,
    pub compliance: Compliance,
    /// One sentence, for people.
    pub reason: String,
    /// The related resource that was found, for the `…IfNotExists` effects.
    pub related: Option<ResourceId>,
    /// How many related resources were looked at.
    pub related_count: usize,
    /// The exemption in force.
    pub exemption: Option<ResourceId>,
}

/// What would make a resource compliant.
#[derive(Clone, Debug, PartialEq)]
pub enum Remedy {
    /// Resources to write.
    Deploy(Vec<Planned>),
    /// The resource's own body, changed.
    Modify(Value),
}

/// A write or deletion that a policy forbids.
#[derive(Clone, Debug)]
pub struct Denial {
    pub rule: Arc<Rule>,
    pub effect: Effect,
    /// The comparisons that led here.
    pub details: Vec<Detail>,
    /// Why, where it is not the condition.
    pub reason: String,
}

impl Denial {
    /// The message of the ARM error `RequestDisallowedByPolicy`.
    pub fn message(&self, resource: &ResourceId) -> String {
        let assignment = &self.rule.assignment;
        let own = assignment
            .message(self.rule.reference())
            .map(|text| format!(" Reasons: '{text}'."))
            .unwrap_or_default();
        let reason = if self.reason.is_empty() { String::new() } else { format!(" {}.", self.reason) };
        format!(
            "resource `{}` was disallowed by policy assignment `{}` (`{}`, definition `{}`);{own}{reason} \
             exempt it or change the assignment",
            resource.name(),
            assignment.name(),
            assignment.id,
            self.rule.definition.id
        )
    }

    /// The entry of `additionalInfo` in that error: type `PolicyViolation`.
    pub fn to_json(&self) -> Value {
        let (rule, assignment) = (&self.rule, &self.rule.assignment);
        let mut info = json!({
            "policyDefinitionDisplayName": rule.definition.display_name,
            "policyDefinitionId": rule.definition.id,
            "policyDefinitionName": rule.definition.name(),
            "policyDefinitionEffect": self.effect.as_str(),
            "policyAssignmentId": assignment.id,
            "policyAssignmentName": assignment.name(),
            "policyAssignmentDisplayName": assignment.display_name,
            "policyAssignmentScope": assignment.scope,
            "policyAssignmentParameters": rule.given,
            "policyExemptionIds": [],
            "policyEnrollmentIds": [],
            "evaluationDetails": {
                "evaluatedExpressions": self.details.iter().map(Detail::to_json).collect::<Vec<_>>(),
                "reason": self.reason,
            },
        });
        if let Some(set) = &rule.set {
            info["policySetDefinitionId"] = set.id.as_str().into();
            info["policySetDefinitionName"] = set.id.rsplit('/').next().unwrap_or_default().into();
            info["policySetDefinitionDisplayName"] = set.display_name.as_str().into();
            info["policyDefinitionReferenceId"] = set.reference.as_str().into();
        }
        if let Some(message) = assignment.message(rule.reference()) {
            info["nonComplianceMessage"] = message.into();
        }
        json!({"type": "PolicyViolation", "info": info})
    }
}
