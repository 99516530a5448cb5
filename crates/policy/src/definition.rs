//! Policy definitions: Azure Policy JSON, parsed and checked.

use serde_json::{Map, Value};

use crate::change::{self, ChangeError, Operation};
use crate::condition::{Condition, ConditionError};
use crate::effect::Effect;
use crate::expression::{ExpressionError, Template};
use crate::parameter::{ParameterError, Parameters};
use crate::related::{Related, RelatedError};
use crate::value::{depth_of, get, text_of};

/// Deepest nesting of a whole definition: templates inside details nest most.
const DEPTH_MAX: usize = 96;

/// Why a definition cannot be used. Places are JSON pointers from the resource on.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    #[error("policy definition has no `{0}`")]
    Missing(&'static str),
    #[error(
        "effect `{given}` at `/properties/policyRule/then/effect` is not supported; the effects are {known}"
    )]
    Effect { given: String, known: String },
    #[error(
        "mode `{0}` is not known; it must be All, Indexed or a data-plane mode such as Microsoft.Kubernetes.Data"
    )]
    Mode(String),
    #[error("effect `{effect}` needs `{member}` in `/properties/policyRule/then/details`")]
    Details { effect: &'static str, member: &'static str },
    #[error("`/properties/policyRule/then/details/{member}` must be {wanted}")]
    Member { member: &'static str, wanted: &'static str },
    #[error("cannot read `{place}`: {source}")]
    Condition { place: &'static str, source: ConditionError },
    #[error("cannot read `/properties/policyRule/then/effect`: {0}")]
    Expression(#[from] ExpressionError),
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error(transparent)]
    Related(#[from] RelatedError),
    #[error("policy definition nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
}

/// Which resources a definition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Resource groups, subscriptions and all resources.
    All,
    /// Resources that have tags and a location.
    Indexed,
    /// What a service looks at itself (`Microsoft.Kubernetes.Data`): never evaluated here, and reported as such.
    DataPlane(String),
}

/// One usable definition.
#[derive(Clone, Debug)]
pub struct Definition {
    pub id: String,
    pub display_name: String,
    pub category: String,
    pub version: String,
    pub mode: Mode,
    pub parameters: Parameters,
    pub condition: Condition,
    /// Name of the effect, mostly `[parameters('effect')]`.
    pub effect: Template,
    pub details: Details,
}

/// `then.details`, by what each effect finds in it. The effect is mostly a parameter, so a definition may have several.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// For the two `…IfNotExists` effects.
    pub related: Option<Related>,
    /// For `modify` and `append`.
    pub operations: Vec<Operation>,
    /// Of `modify`: `audit`, `deny` or `disabled`.
    pub conflict: Option<Template>,
    /// Role definitions that a remediation needs; of `modify` and `deployIfNotExists`.
    pub roles: Vec<String>,
    /// For `denyAction`: the actions it blocks, in lower case (`delete`).
    pub denied_actions: Vec<String>,
    /// For `denyAction`: whether deleting the resource group is blocked too.
    pub denies_cascade: bool,
    /// For `manual`: the state without an attestation.
    pub default_state: Option<Template>,
}

impl Definition {
    /// Reads a definition resource: `id` is its ARM id, `properties` its properties.
    ///
    /// # Errors
    /// See [`DefinitionError`].
    pub fn parse(id: &str, properties: &Value) -> Result<Self, DefinitionError> {
        if depth_of(properties) > DEPTH_MAX {
            return Err(DefinitionError::TooDeep);
        }
        let members = properties.as_object().ok_or(DefinitionError::Missing("properties"))?;
        let object = |members: &Map<String, Value>, name: &str, missing: &'static str| {
            get(members, name).and_then(Value::as_object).cloned().ok_or(DefinitionError::Missing(missing))
        };
        let rule = object(members, "policyRule", "properties.policyRule")?;
        let condition = get(&rule, "if").ok_or(DefinitionError::Missing("properties.policyRule.if"))?;
        let condition = Condition::parse(condition)
            .map_err(|source| DefinitionError::Condition { place: "/properties/policyRule/if", source })?;
        let then = object(&rule, "then", "properties.policyRule.then")?;
        let effect =
            get(&then, "effect").ok_or(DefinitionError::Missing("properties.policyRule.then.effect"))?;
        let effect = Template::parse(effect)?;
        let parameters = Parameters::parse(get(members, "parameters"), "/properties/parameters")?;
        let details = Details::parse(get(&then, "details"))?;
        let mode = mode(members)?;
        if let Some(constant) = effect.as_constant().filter(|_| !matches!(mode, Mode::DataPlane(_))) {
            details.suits(effect_named(&text_of(constant))?)?;
        }
        let metadata = get(members, "metadata").and_then(Value::as_object);
        let text = |members: Option<&Map<String, Value>>, name: &str| {
            members
                .and_then(|members| get(members, name))
                .map(|value| text_of(value).into_owned())
                .unwrap_or_default()
        };
        let version = [text(Some(members), "version"), text(metadata, "version")];
        Ok(Self {
            id: id.to_owned(),
            display_name: text(Some(members), "displayName"),
            category: text(metadata, "category"),
            version: version.into_iter().find(|version| !version.is_empty()).unwrap_or_default(),
            mode,
            parameters,
            condition,
            effect,
            details,
        })
    }

    /// The last segment of the definition's id.
    pub fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }
}

/// The effect of this name.
///
/// # Errors
/// When there is none.
pub(crate) fn effect_named(name: &str) -> Result<Effect, DefinitionError> {
    Effect::parse(name).ok_or_else(|| DefinitionError::Effect {
        given: name.chars().take(60).collect(),
        known: Effect::ALL.map(Effect::as_str).join(", "),
    })
}

fn mode(members: &Map<String, Value>) -> Result<Mode, DefinitionError> {
    let mode = get(members, "mode").map(text_of).unwrap_or_default();
    match mode.to_ascii_lowercase().as_str() {
        // A definition without a mode is of `All` in templates and the REST interface.
        "" | "all" => Ok(Mode::All),
        "indexed" => Ok(Mode::Indexed),
        other if other.starts_with("microsoft.") && other.split('.').count() >= 3 => {
            Ok(Mode::DataPlane(mode.into_owned()))
        }
        _ => Err(DefinitionError::Mode(mode.chars().take(60).collect())),
    }
}

impl Details {
    fn parse(details: Option<&Value>) -> Result<Self, DefinitionError> {
        const PLACE: &str = "/properties/policyRule/then/details";
        let mut out = Self::default();
        let members = match details {
            None | Some(Value::Null) => return Ok(out),
            Some(list @ Value::Array(_)) => {
                out.operations = change::append(list, PLACE)?;
                return Ok(out);
            }
            Some(Value::Object(members)) => members,
            Some(_) => return Err(DefinitionError::Member { member: "", wanted: "an object or a list" }),
        };
        if get(members, "operations").is_some() {
            let (operations, conflict) = change::modify(members, PLACE)?;
            (out.operations, out.conflict) = (operations, Some(conflict));
        }
        out.roles = texts(members, "roleDefinitionIds")?;
        out.denied_actions =
            texts(members, "actionNames")?.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        let cascade = get(members, "cascadeBehaviors").and_then(Value::as_object);
        let cascade = cascade.and_then(|behaviors| get(behaviors, "resourceGroup")).map(text_of);
        out.denies_cascade = match cascade.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("deny") => true,
            Some("allow") => false,
            Some(_) => {
                return Err(DefinitionError::Member {
                    member: "cascadeBehaviors/resourceGroup",
                    wanted: "`allow` or `deny`",
                });
            }
        };
        out.default_state = get(members, "defaultState").map(Template::parse).transpose()?;
        out.related = Related::parse(members, PLACE)?;
        Ok(out)
    }

    /// Whether what `effect` needs is there.
    pub(crate) fn suits(&self, effect: Effect) -> Result<(), DefinitionError> {
        let need = |there: bool, member: &'static str| {
            if there { Ok(()) } else { Err(DefinitionError::Details { effect: effect.as_str(), member }) }
        };
        match effect {
            Effect::Disabled | Effect::Audit | Effect::Deny => Ok(()),
            Effect::Append => need(!self.operations.is_empty(), "field"),
            Effect::Modify => {
                need(!self.operations.is_empty() && self.conflict.is_some(), "operations")?;
                need(!self.roles.is_empty(), "roleDefinitionIds")
            }
            Effect::DenyAction => need(!self.denied_actions.is_empty(), "actionNames"),
            Effect::AuditIfNotExists => need(self.related.is_some(), "type"),
            Effect::DeployIfNotExists => {
                need(self.related.is_some(), "type")?;
                need(!self.roles.is_empty(), "roleDefinitionIds")?;
                need(self.related.as_ref().is_some_and(|related| related.deployment.is_some()), "deployment")
            }
            Effect::Manual => need(self.default_state.is_some(), "defaultState"),
        }
    }
}

fn texts(members: &Map<String, Value>, member: &'static str) -> Result<Vec<String>, DefinitionError> {
    let Some(value) = get(members, member) else { return Ok(Vec::new()) };
    let items = value.as_array().map(|items| items.iter().map(|item| item.as_str().map(str::to_owned)));
    items
        .and_then(|items| items.collect())
        .ok_or(DefinitionError::Member { member, wanted: "a list of texts" })
}
