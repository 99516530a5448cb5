//! Policy definitions: Azure Policy JSON, parsed and checked.

use bartizan_base::{ResourceId, ResourceIdError};
use serde_json::{Map, Value};

use super::condition::{Condition, ConditionError};
use super::field;
use super::target::Target;
use super::template::{self, Scope, TemplateError};

/// Why a definition cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    #[error("policy definition has no `{0}`")]
    Missing(&'static str),
    #[error("effect `{0}` is not supported")]
    Effect(String),
    #[error("cannot read `{place}` of the policy rule")]
    Condition {
        place: &'static str,
        #[source]
        source: ConditionError,
    },
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// What a policy does about a resource that matches its `if`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Disabled,
    Audit,
    Deny,
    AuditIfNotExists,
    DeployIfNotExists,
}

impl Effect {
    /// The effect by its name in a rule, without regard to case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Disabled, Self::Audit, Self::Deny, Self::AuditIfNotExists, Self::DeployIfNotExists]
            .into_iter()
            .find(|effect| effect.as_str().eq_ignore_ascii_case(text))
    }

    /// As policy states spell it (`policyDefinitionAction`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Audit => "audit",
            Self::Deny => "deny",
            Self::AuditIfNotExists => "auditifnotexists",
            Self::DeployIfNotExists => "deployifnotexists",
        }
    }
}

/// One usable definition.
#[derive(Clone, Debug)]
pub struct Definition {
    pub id: String,
    pub display_name: String,
    pub category: String,
    pub version: String,
    /// Default value of each parameter that has one.
    pub defaults: Map<String, Value>,
    pub condition: Condition,
    /// Name of the effect, mostly `[parameters('effect')]`.
    pub effect: Value,
    /// Set for the two `…IfNotExists` effects.
    pub related: Option<Related>,
}

/// The resource whose existence a policy asks for, and how to make it.
#[derive(Clone, Debug)]
pub struct Related {
    pub resource_type: String,
    /// Only a resource of this name counts.
    pub name: Option<Value>,
    pub condition: Option<Condition>,
    /// `details.deployment.properties`.
    pub deployment: Option<Value>,
}

/// A resource that a deployment is going to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub id: ResourceId,
    pub body: Value,
}

/// Why a deployment cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    #[error("policy has no deployment template")]
    NoTemplate,
    #[error("template resource {at} has no usable `{member}`")]
    Member { at: usize, member: &'static str },
    #[error("template resource {at} has {names} names for {types} types")]
    Names { at: usize, names: usize, types: usize },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Id(#[from] ResourceIdError),
}

impl Definition {
    /// Reads a definition resource: `id` is its ARM id, `properties` its properties.
    ///
    /// # Errors
    /// See [`DefinitionError`].
    pub fn parse(id: &str, properties: &Value) -> Result<Self, DefinitionError> {
        let rule = properties.get("policyRule").ok_or(DefinitionError::Missing("policyRule"))?;
        let condition = rule.get("if").ok_or(DefinitionError::Missing("policyRule.if"))?;
        let condition = Condition::parse(condition)
            .map_err(|source| DefinitionError::Condition { place: "if", source })?;
        let then = rule.get("then").ok_or(DefinitionError::Missing("policyRule.then"))?;
        let effect = then.get("effect").cloned().ok_or(DefinitionError::Missing("policyRule.then.effect"))?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let metadata = properties.get("metadata");
        Ok(Self {
            id: id.to_owned(),
            display_name: text(properties.get("displayName")),
            category: text(metadata.and_then(|metadata| metadata.get("category"))),
            version: text(metadata.and_then(|metadata| metadata.get("version"))),
            defaults: defaults(properties.get("parameters")),
            condition,
            effect,
            related: then.get("details").map(parse_related).transpose()?.flatten(),
        })
    }

    /// The last segment of the definition's id.
    pub fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }

    /// Parameters as this definition sees them: the assignment's values over the defaults.
    pub fn parameters(&self, assigned: &Map<String, Value>) -> Map<String, Value> {
        let mut all = self.defaults.clone();
        for (name, value) in assigned {
            all.retain(|key, _| !key.eq_ignore_ascii_case(name));
            all.insert(name.clone(), value.clone());
        }
        all
    }

    /// The effect under these parameters.
    ///
    /// # Errors
    /// When the expression has no value or names an effect we do not have.
    pub fn effect(&self, scope: &Scope<'_>) -> Result<Effect, DefinitionError> {
        let name = field::text_of(&template::resolve(&self.effect, scope)?);
        Effect::parse(&name).ok_or(DefinitionError::Effect(name))
    }
}

impl Related {
    /// The resources that the deployment writes for `scope.target`.
    ///
    /// # Errors
    /// See [`DeploymentError`].
    pub fn plan(&self, scope: &Scope<'_>) -> Result<Vec<Planned>, DeploymentError> {
        let deployment = self.deployment.as_ref().ok_or(DeploymentError::NoTemplate)?;
        let template = deployment.get("template").ok_or(DeploymentError::NoTemplate)?;
        let mut parameters = defaults(template.get("parameters"));
        if let Some(given) = deployment.get("parameters").and_then(Value::as_object) {
            for (name, parameter) in given {
                let value = template::resolve(parameter.get("value").unwrap_or(&Value::Null), scope)?;
                parameters.insert(name.clone(), value);
            }
        }
        let inner = Scope { parameters: &parameters, target: scope.target };
        let resources =
            template.get("resources").and_then(Value::as_array).ok_or(DeploymentError::NoTemplate)?;
        resources.iter().enumerate().map(|(at, resource)| plan_resource(at, resource, &inner)).collect()
    }
}

fn plan_resource(at: usize, resource: &Value, scope: &Scope<'_>) -> Result<Planned, DeploymentError> {
    let mut resource = template::resolve(resource, scope)?;
    let text = |member: &'static str| {
        resource
            .get(member)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or(DeploymentError::Member { at, member })
    };
    let id = id_of(at, &text("type")?, &text("name")?, scope.target)?;
    let body = resource.as_object_mut().map(std::mem::take).unwrap_or_default();
    let body = body
        .into_iter()
        .filter(|(name, _)| {
            !["type", "name", "apiVersion", "dependsOn", "condition"].contains(&name.as_str())
        })
        .collect();
    Ok(Planned { id, body: Value::Object(body) })
}

/// The id of a template resource, in the resource group of the policy's target.
fn id_of(at: usize, resource_type: &str, name: &str, target: &Target) -> Result<ResourceId, DeploymentError> {
    let mut types = resource_type.split('/');
    let namespace = types.next().unwrap_or_default();
    let (types, names): (Vec<_>, Vec<_>) = (types.collect(), name.split('/').collect());
    if types.is_empty() || types.len() != names.len() {
        return Err(DeploymentError::Names { at, names: names.len(), types: types.len() });
    }
    let subscription = target.id.subscription().unwrap_or_default();
    let mut id = match target.id.resource_group() {
        Some(group) => format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}"),
        None => format!("/subscriptions/{subscription}/providers/{namespace}"),
    };
    for (ty, name) in types.iter().zip(names) {
        id.push_str(&format!("/{ty}/{name}"));
    }
    Ok(ResourceId::parse(&id)?)
}

fn parse_related(details: &Value) -> Result<Option<Related>, DefinitionError> {
    let Some(resource_type) = details.get("type").and_then(Value::as_str) else { return Ok(None) };
    let condition = details
        .get("existenceCondition")
        .map(Condition::parse)
        .transpose()
        .map_err(|source| DefinitionError::Condition { place: "existenceCondition", source })?;
    Ok(Some(Related {
        resource_type: resource_type.to_owned(),
        name: details.get("name").cloned(),
        condition,
        deployment: details.pointer("/deployment/properties").cloned(),
    }))
}

/// The default value of each declared parameter that has one.
pub(super) fn defaults(parameters: Option<&Value>) -> Map<String, Value> {
    let parameters = parameters.and_then(Value::as_object);
    parameters
        .into_iter()
        .flatten()
        .filter_map(|(name, parameter)| Some((name.clone(), parameter.get("defaultValue")?.clone())))
        .collect()
}
