//! `auditIfNotExists` and `deployIfNotExists`: the resource whose existence a policy asks for, and how to make it.

use bartizan_base::{ResourceId, Ticks, Timespan};
use serde_json::{Map, Value};

use crate::condition::{Condition, ConditionError};
use crate::deployment::{self, DeploymentError, Planned};
use crate::expression::{ExpressionError, Scope, Template, duration};
use crate::target::Target;
use crate::value::{get, text_of};

/// Why `details` cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RelatedError {
    #[error("cannot read `{place}`: {source}")]
    Condition { place: String, source: ConditionError },
    #[error("cannot read `{place}`: {source}")]
    Expression { place: String, source: ExpressionError },
    #[error("`{0}` must be `resourceGroup` or `subscription`")]
    Scope(String),
    #[error(
        "`{0}` must be AfterProvisioning, AfterProvisioningSuccess, AfterProvisioningFailure or a duration of at most PT360M"
    )]
    Delay(String),
    #[error("`{0}` must be a text")]
    NotAText(String),
}

/// The resource whose existence a policy asks for.
#[derive(Clone, Debug)]
pub struct Related {
    /// `details.type`; may be an expression.
    pub resource_type: Template,
    /// Only a resource of this name counts.
    pub name: Option<Template>,
    /// Another resource group than the target's.
    pub group: Option<Template>,
    /// Where it is looked for.
    pub existence_scope: ExistenceScope,
    pub condition: Option<Condition>,
    /// When it is looked for after a write. A parameter counts when it is bound.
    pub delay: EvaluationDelay,
    /// `evaluationDelay` where a parameter decides it.
    computed_delay: Option<Template>,
    /// Whether the deployment is made at the subscription.
    pub deploys_to_subscription: bool,
    /// `details.deployment`.
    pub deployment: Option<Value>,
}

/// Where a related resource is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistenceScope {
    ResourceGroup,
    Subscription,
}

/// When a related resource is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationDelay {
    AfterProvisioning,
    AfterProvisioningSuccess,
    AfterProvisioningFailure,
    After(Timespan),
}

impl EvaluationDelay {
    /// Whether `target` is looked at now; one whose times and state are not known always is.
    pub fn is_over(self, target: &Target, now: Ticks) -> bool {
        let state = target.property("provisioningState");
        let is = |name: &str| state.eq_ignore_ascii_case(name);
        match self {
            // In Azure's words, every state that is not one of the last ones is on its way.
            Self::AfterProvisioning => {
                state.is_empty() || ["Succeeded", "Failed", "Canceled", "Unknown"].into_iter().any(is)
            }
            Self::AfterProvisioningSuccess => state.is_empty() || is("Succeeded"),
            Self::AfterProvisioningFailure => is("Failed"),
            Self::After(span) => target.written.is_none_or(|written| written.saturating_add(span) <= now),
        }
    }
}

/// What a policy looks for on behalf of one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// In lower case.
    pub resource_type: String,
    /// Every resource of the type at or below this scope counts; `None` is the whole installation.
    pub scope: Option<ResourceId>,
    /// The last segment of the name that it must have.
    pub name: Option<String>,
}

impl Related {
    /// Reads `details`; `None` when they name no type.
    pub(crate) fn parse(details: &Map<String, Value>, place: &str) -> Result<Option<Self>, RelatedError> {
        let Some(resource_type) = get(details, "type") else { return Ok(None) };
        if !resource_type.is_string() {
            return Err(RelatedError::NotAText(format!("{place}/type")));
        }
        let template = |member: &str| {
            get(details, member)
                .map(Template::parse)
                .transpose()
                .map_err(|source| RelatedError::Expression { place: format!("{place}/{member}"), source })
        };
        let at_subscription =
            |member: &str| match get(details, member).map(|value| text_of(value).to_lowercase()).as_deref() {
                None | Some("resourcegroup") => Ok(false),
                Some("subscription") => Ok(true),
                Some(_) => Err(RelatedError::Scope(format!("{place}/{member}"))),
            };
        let condition = get(details, "existenceCondition").map(Condition::parse).transpose();
        let condition = condition.map_err(|source| RelatedError::Condition {
            place: format!("{place}/existenceCondition"),
            source,
        })?;
        let scope = if at_subscription("existenceScope")? {
            ExistenceScope::Subscription
        } else {
            ExistenceScope::ResourceGroup
        };
        Ok(Some(Self {
            resource_type: template("type")?.unwrap_or_else(|| Template::constant(Value::Null)),
            name: template("name")?,
            group: template("resourceGroupName")?,
            existence_scope: scope,
            condition,
            delay: delay(get(details, "evaluationDelay"), &format!("{place}/evaluationDelay"))?,
            computed_delay: template("evaluationDelay")?.filter(|delay| delay.as_constant().is_none()),
            deploys_to_subscription: at_subscription("deploymentScope")?,
            deployment: get(details, "deployment").cloned(),
        }))
    }

    /// The same with these parameters in place.
    #[must_use]
    pub(crate) fn bind(&self, parameters: &Map<String, Value>) -> Self {
        Self {
            resource_type: self.resource_type.bind(parameters),
            name: self.name.as_ref().map(|name| name.bind(parameters)),
            group: self.group.as_ref().map(|group| group.bind(parameters)),
            condition: self.condition.as_ref().map(|condition| condition.bind(parameters)),
            delay: match self.computed_delay.as_ref().map(|delay| delay.bind(parameters)) {
                // A value that is no delay is as good as none.
                Some(bound) => delay(bound.as_constant(), "").unwrap_or(EvaluationDelay::AfterProvisioning),
                None => self.delay,
            },
            ..self.clone()
        }
    }

    /// What is looked for on behalf of the scope's target.
    ///
    /// # Errors
    /// When an expression has no value.
    pub fn wanted(&self, scope: &Scope<'_>) -> Result<Wanted, ExpressionError> {
        let resource_type = self.resource_type.resolve_text(scope)?.to_ascii_lowercase();
        let name = self.name.as_ref().map(|name| name.resolve_text(scope)).transpose()?;
        let last = |name: String| name.rsplit('/').next().map(str::to_owned).unwrap_or_default();
        let name = name.map(last).filter(|name| !name.is_empty() && name != "*");
        let group = self.group.as_ref().map(|group| group.resolve_text(scope)).transpose()?;
        let place = self.place(&resource_type, group.as_deref(), scope.target);
        Ok(Wanted { resource_type, scope: place, name })
    }

    fn place(&self, resource_type: &str, group: Option<&str>, target: &Target) -> Option<ResourceId> {
        let subscription = target.id.subscription().map(|id| format!("/subscriptions/{id}"));
        let of_group = |group: &str| {
            ResourceId::parse(&format!("{}/resourceGroups/{group}", subscription.as_ref()?)).ok()
        };
        if let Some(group) = group {
            return of_group(group);
        }
        // A child, or a resource that hangs on others, belongs to the target when it lies below it.
        let mine = target.resource_type.to_ascii_lowercase();
        let is_child = resource_type.strip_prefix(&mine).is_some_and(|rest| rest.starts_with('/'));
        if is_child || deployment::hangs_on_others(resource_type) || resource_type == mine {
            return Some(target.id.clone());
        }
        match (self.existence_scope, target.id.resource_group()) {
            (ExistenceScope::ResourceGroup, Some(group)) => of_group(group),
            _ => subscription.as_ref().and_then(|id| ResourceId::parse(id).ok()),
        }
    }

    /// The resources that the deployment writes for the scope's target.
    ///
    /// # Errors
    /// See [`DeploymentError`].
    pub fn plan(&self, scope: &Scope<'_>) -> Result<Vec<Planned>, DeploymentError> {
        let deployment = self.deployment.as_ref().ok_or(DeploymentError::NoTemplate)?;
        deployment::plan(deployment, self.deploys_to_subscription, scope)
    }
}

impl Wanted {
    /// Whether `candidate` has the type, place and name.
    pub fn is(&self, candidate: &Target) -> bool {
        candidate.is(&self.resource_type)
            && self.scope.as_ref().is_none_or(|scope| candidate.id.is_within(scope))
            && self.name.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(candidate.id.name()))
    }
}

fn delay(value: Option<&Value>, place: &str) -> Result<EvaluationDelay, RelatedError> {
    let Some(value) = value else { return Ok(EvaluationDelay::AfterProvisioning) };
    let text = text_of(value);
    match text.to_ascii_lowercase().as_str() {
        "afterprovisioning" => Ok(EvaluationDelay::AfterProvisioning),
        "afterprovisioningsuccess" => Ok(EvaluationDelay::AfterProvisioningSuccess),
        "afterprovisioningfailure" => Ok(EvaluationDelay::AfterProvisioningFailure),
        // A parameter: its value is not needed before it is assigned, and then the usual delay is right.
        other if other.starts_with('[') => Ok(EvaluationDelay::AfterProvisioning),
        _ => {
            let span = duration(&text).filter(|span| (0..=6 * 36_000_000_000).contains(&span.0));
            span.map(EvaluationDelay::After).ok_or_else(|| RelatedError::Delay(place.to_owned()))
        }
    }
}
