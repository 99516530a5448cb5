//! Assignments: a definition or an initiative, put to a scope.

use bartizan_base::ResourceId;
use serde_json::{Map, Value};

use crate::parameter::{self, ParameterError};
use crate::selector::{EffectOverride, ResourceSelectors, SelectorError};
use crate::value::{get, member, same_text, text_of};

/// Most scopes that an assignment leaves out; Azure's limit.
const NOT_SCOPES_MAX: usize = 400;

/// Why an assignment cannot be used. Places are JSON pointers from the resource on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssignmentError {
    #[error(
        "policy assignment `{0}` hangs on nothing; assign at a management group, subscription, resource group or resource"
    )]
    NoScope(String),
    #[error("`/properties/policyDefinitionId` must be the id of a policy definition or initiative")]
    Definition,
    #[error("`/properties/notScopes` must be a list of at most {NOT_SCOPES_MAX} ids")]
    NotScopes,
    #[error("`{0}` is no resource id")]
    Id(String),
    #[error("`/properties/enforcementMode` is `{0}`; it must be Default or DoNotEnforce")]
    Enforcement(String),
    #[error("`/properties/nonComplianceMessages` must be a list of objects with a text `message`")]
    Messages,
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error(transparent)]
    Selector(#[from] SelectorError),
}

/// An assignment of a definition or an initiative to a scope.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub id: ResourceId,
    pub scope: ResourceId,
    pub not_scopes: Vec<ResourceId>,
    pub definition_id: String,
    pub display_name: String,
    pub parameters: Map<String, Value>,
    /// `enforcementMode` is not `DoNotEnforce`: `deny` blocks, `modify` changes, `deployIfNotExists` deploys.
    pub enforced: bool,
    /// Object ids of the managed identity that deployments run as; empty without one.
    pub principals: Vec<String>,
    /// Whether there is a managed identity, though its object id may not be known.
    pub has_identity: bool,
    pub selectors: ResourceSelectors,
    pub overrides: Vec<EffectOverride>,
    messages: Vec<Message>,
}

/// A sentence for whoever is told of non-compliance.
#[derive(Clone, Debug)]
struct Message {
    text: String,
    /// Only for this member of an initiative.
    reference: Option<String>,
}

impl Assignment {
    /// Reads an assignment resource.
    ///
    /// # Errors
    /// See [`AssignmentError`].
    pub fn parse(id: &ResourceId, body: &Value) -> Result<Self, AssignmentError> {
        let none = Map::new();
        let properties = body.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let text = |name: &str| get(properties, name).and_then(Value::as_str);
        let scope = id.parent().ok_or_else(|| AssignmentError::NoScope(id.to_string()))?;
        let definition_id = text("policyDefinitionId").filter(|id| ResourceId::parse(id).is_ok());
        let enforced = match text("enforcementMode").map(str::to_ascii_lowercase).as_deref() {
            None | Some("default") => true,
            Some("donotenforce") => false,
            Some(other) => return Err(AssignmentError::Enforcement(other.chars().take(40).collect())),
        };
        let identity = body.get("identity");
        let kind = identity.and_then(|identity| member(identity, "type")).map(text_of).unwrap_or_default();
        Ok(Self {
            id: id.clone(),
            scope,
            not_scopes: not_scopes(get(properties, "notScopes"))?,
            definition_id: definition_id.ok_or(AssignmentError::Definition)?.to_owned(),
            display_name: text("displayName").filter(|name| !name.is_empty()).unwrap_or(id.name()).to_owned(),
            parameters: parameter::given(get(properties, "parameters"), "/properties/parameters")?,
            enforced,
            principals: principals(identity),
            has_identity: !kind.is_empty() && !kind.eq_ignore_ascii_case("None"),
            selectors: ResourceSelectors::parse(
                get(properties, "resourceSelectors"),
                "/properties/resourceSelectors",
            )?,
            overrides: EffectOverride::parse_all(get(properties, "overrides"), "/properties/overrides")?,
            messages: messages(get(properties, "nonComplianceMessages"))?,
        })
    }

    /// The last segment of the assignment's id.
    pub fn name(&self) -> &str {
        self.id.name()
    }

    /// What whoever meets this policy is told: the message for the member called `reference`, or the general one.
    pub fn message(&self, reference: &str) -> Option<&str> {
        let of = |message: &&Message| match &message.reference {
            Some(mine) => !reference.is_empty() && same_text(mine, reference),
            None => false,
        };
        let special = self.messages.iter().find(of);
        special.or_else(|| self.messages.iter().find(|m| m.reference.is_none())).map(|m| m.text.as_str())
    }
}

fn not_scopes(value: Option<&Value>) -> Result<Vec<ResourceId>, AssignmentError> {
    let items = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() <= NOT_SCOPES_MAX => items,
        Some(_) => return Err(AssignmentError::NotScopes),
    };
    let ids = items.iter().enumerate().map(|(at, id)| {
        let id = id.as_str().and_then(|id| ResourceId::parse(id).ok());
        id.ok_or_else(|| AssignmentError::Id(format!("/properties/notScopes/{at}")))
    });
    ids.collect()
}

fn messages(value: Option<&Value>) -> Result<Vec<Message>, AssignmentError> {
    let items = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(AssignmentError::Messages),
    };
    let read = |item: &Value| {
        let text = |name: &str| member(item, name).and_then(Value::as_str);
        let message = text("message").ok_or(AssignmentError::Messages)?.to_owned();
        let reference = text("policyDefinitionReferenceId").filter(|reference| !reference.is_empty());
        Ok(Message { text: message, reference: reference.map(str::to_owned) })
    };
    items.iter().map(read).collect()
}

fn principals(identity: Option<&Value>) -> Vec<String> {
    let Some(identity) = identity else { return Vec::new() };
    let own = member(identity, "principalId").and_then(Value::as_str).map(str::to_owned);
    let assigned =
        member(identity, "userAssignedIdentities").and_then(Value::as_object).into_iter().flatten();
    let assigned = assigned.filter_map(|(_, of)| Some(member(of, "principalId")?.as_str()?.to_owned()));
    own.into_iter().chain(assigned).filter(|id| !id.is_empty()).collect()
}
