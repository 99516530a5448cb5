//! Initiatives (policy set definitions): several definitions assigned as one.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::expression::{ExpressionError, Template};
use crate::parameter::{self, ParameterError, Parameters};
use crate::value::{get, text_of};

/// Most members; Azure's limit.
const MEMBERS_MAX: usize = 1_000;

/// Why an initiative cannot be used. Places are JSON pointers from the resource on.
#[derive(Debug, thiserror::Error)]
pub enum InitiativeError {
    #[error("`/properties/policyDefinitions` must be a list of 1 to {MEMBERS_MAX} members")]
    Members,
    #[error("`{0}` has no text `policyDefinitionId`")]
    NoDefinition(String),
    #[error("`{place}` repeats the reference id `{reference}`; each member needs one of its own")]
    Twice { place: String, reference: String },
    #[error("`{place}` names group `{group}`, which `/properties/policyDefinitionGroups` does not declare")]
    Group { place: String, group: String },
    #[error("`{place}`: {source}")]
    Expression { place: String, source: ExpressionError },
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

/// A usable initiative.
#[derive(Clone, Debug)]
pub struct Initiative {
    pub id: String,
    pub display_name: String,
    pub version: String,
    pub category: String,
    pub parameters: Parameters,
    pub members: Vec<InitiativeMember>,
}

/// One definition in an initiative.
#[derive(Clone, Debug)]
pub struct InitiativeMember {
    pub definition_id: String,
    /// Unique in the initiative.
    pub reference: String,
    pub groups: Vec<String>,
    /// Which versions of the definition are wanted (`1.*.*`); the installed one is used.
    pub version: String,
    /// The member's own parameters, as expressions over the initiative's.
    pub parameters: Vec<(String, Template)>,
}

impl Initiative {
    /// Reads an initiative resource: `id` is its ARM id, `properties` its properties.
    ///
    /// # Errors
    /// See [`InitiativeError`].
    pub fn parse(id: &str, properties: &Value) -> Result<Self, InitiativeError> {
        let none = Map::new();
        let properties = properties.as_object().unwrap_or(&none);
        let parameters = Parameters::parse(get(properties, "parameters"), "/properties/parameters")?;
        let declared =
            get(properties, "policyDefinitionGroups").and_then(Value::as_array).into_iter().flatten();
        let groups: HashSet<String> =
            declared.filter_map(|group| Some(group.get("name")?.as_str()?.to_lowercase())).collect();
        let list = get(properties, "policyDefinitions").and_then(Value::as_array);
        let list =
            list.filter(|list| (1..=MEMBERS_MAX).contains(&list.len())).ok_or(InitiativeError::Members)?;
        let mut seen = HashSet::new();
        let mut members = Vec::new();
        for (at, member) in list.iter().enumerate() {
            let place = format!("/properties/policyDefinitions/{at}");
            let member = InitiativeMember::parse(member, at, &place)?;
            if !seen.insert(member.reference.to_lowercase()) {
                return Err(InitiativeError::Twice { place, reference: member.reference });
            }
            if let Some(group) = member.groups.iter().find(|group| !groups.contains(&group.to_lowercase())) {
                return Err(InitiativeError::Group { place, group: group.clone() });
            }
            members.push(member);
        }
        let metadata = get(properties, "metadata").and_then(Value::as_object).unwrap_or(&none);
        let text = |members: &Map<String, Value>, name: &str| {
            get(members, name).map(|value| text_of(value).into_owned()).unwrap_or_default()
        };
        let version = [text(properties, "version"), text(metadata, "version")];
        Ok(Self {
            id: id.to_owned(),
            display_name: text(properties, "displayName"),
            version: version.into_iter().find(|version| !version.is_empty()).unwrap_or_default(),
            category: text(metadata, "category"),
            parameters,
            members,
        })
    }

    /// The last segment of the initiative's id.
    pub fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }
}

impl InitiativeMember {
    fn parse(member: &Value, at: usize, place: &str) -> Result<Self, InitiativeError> {
        let text = |name: &str| member.as_object().and_then(|m| get(m, name)).and_then(Value::as_str);
        let definition_id = text("policyDefinitionId").filter(|id| !id.is_empty());
        let definition_id =
            definition_id.ok_or_else(|| InitiativeError::NoDefinition(place.to_owned()))?.to_owned();
        // Azure makes up a number where the author gave none.
        let reference = text("policyDefinitionReferenceId").map_or_else(|| format!("{at}"), str::to_owned);
        let given = parameter::given(member.get("parameters"), &format!("{place}/parameters"))?;
        let parameters = given.iter().map(|(name, value)| {
            let template = Template::parse(value).map_err(|source| InitiativeError::Expression {
                place: format!("{place}/parameters/{name}/value"),
                source,
            })?;
            Ok((name.clone(), template))
        });
        let groups = member.get("groupNames").and_then(Value::as_array).into_iter().flatten();
        Ok(Self {
            definition_id,
            reference,
            groups: groups.filter_map(|group| group.as_str().map(str::to_owned)).collect(),
            version: text("definitionVersion").unwrap_or_default().to_owned(),
            parameters: parameters.collect::<Result<_, InitiativeError>>()?,
        })
    }

    /// The values for the member's definition, of these values of the initiative. What stays an expression is left out,
    /// so that the definition's default, or its complaint, takes its place.
    pub(crate) fn values(&self, initiative: &Map<String, Value>) -> Map<String, Value> {
        let bound = self.parameters.iter().map(|(name, template)| (name, template.bind(initiative)));
        bound.filter_map(|(name, template)| Some((name.clone(), template.as_constant()?.clone()))).collect()
    }
}
