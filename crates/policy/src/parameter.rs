//! Parameters that definitions and initiatives declare, and the values that assignments give them.

use bartizan_base::Ticks;
use serde_json::{Map, Value};

use crate::schema::{Schema, SchemaError};
use crate::value::{get, same, type_of};

/// Most parameters of one definition or initiative; Azure's limits are 20 and 400.
const PARAMETERS_MAX: usize = 1_000;

/// Why a declaration cannot be read, or a value is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    #[error("`{0}` must be an object that has a member for each parameter")]
    NotAnObject(String),
    #[error("`{0}` declares more than {PARAMETERS_MAX} parameters")]
    TooMany(String),
    #[error(
        "`{place}/type` is `{given}`; it must be one of String, Array, Object, Boolean, Integer, Float, DateTime"
    )]
    Type { place: String, given: String },
    #[error("`{0}/allowedValues` must be a list")]
    Allowed(String),
    #[error("`{place}` must be {wanted}, not {given}")]
    Kind { place: String, wanted: &'static str, given: &'static str },
    #[error("`{place}` is none of the allowed values: {allowed}")]
    NotAllowed { place: String, allowed: String },
    #[error("parameter `{0}` has no value, and its definition gives no `defaultValue`")]
    Missing(String),
    #[error("there is no parameter `{name}`; the definition declares {declared}")]
    Unknown { name: String, declared: String },
    #[error("`{place}` and the parameter's `schema`: {source}")]
    Schema { place: String, source: SchemaError },
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterType {
    String,
    Array,
    Object,
    Boolean,
    Integer,
    Float,
    DateTime,
}

/// One declared parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: String,
    pub ty: ParameterType,
    pub default: Option<Value>,
    /// Empty for any value.
    pub allowed: Vec<Value>,
    /// `metadata.strongType`: what a page offers to choose from. Values are not checked against it, as in Azure.
    pub strong_type: Option<String>,
    schema: Option<Schema>,
}

/// What a definition or an initiative declares.
#[derive(Clone, Debug, Default)]
pub struct Parameters(pub Vec<Parameter>);

impl Parameters {
    /// Reads `parameters`; `place` is its JSON pointer, for messages.
    ///
    /// # Errors
    /// See [`ParameterError`].
    pub fn parse(value: Option<&Value>, place: &str) -> Result<Self, ParameterError> {
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Self::default()) };
        let members = value.as_object().ok_or_else(|| ParameterError::NotAnObject(place.to_owned()))?;
        if members.len() > PARAMETERS_MAX {
            return Err(ParameterError::TooMany(place.to_owned()));
        }
        let parameters = members
            .iter()
            .map(|(name, declared)| Parameter::parse(name, declared, &format!("{place}/{name}")));
        parameters.collect::<Result<_, _>>().map(Self)
    }

    /// The parameter called `name`, in any case.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.0.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }

    /// The value of each parameter: what is `given` over the defaults. Unknown names, missing values and values of
    /// another type are refused.
    ///
    /// # Errors
    /// See [`ParameterError`].
    pub fn values(&self, given: &Map<String, Value>) -> Result<Map<String, Value>, ParameterError> {
        if let Some(name) = given.keys().find(|name| self.get(name).is_none()) {
            let names: Vec<String> = self.0.iter().take(20).map(|p| format!("`{}`", p.name)).collect();
            let declared = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(ParameterError::Unknown { name: name.chars().take(120).collect(), declared });
        }
        let mut out = Map::new();
        for parameter in &self.0 {
            let value = match (get(given, &parameter.name), &parameter.default) {
                (Some(value), _) => {
                    parameter.check(value, &format!("/properties/parameters/{}/value", parameter.name))?;
                    value
                }
                (None, Some(default)) => default,
                (None, None) => return Err(ParameterError::Missing(parameter.name.clone())),
            };
            out.insert(parameter.name.clone(), value.clone());
        }
        Ok(out)
    }
}

impl Parameter {
    fn parse(name: &str, declared: &Value, place: &str) -> Result<Self, ParameterError> {
        let members = declared.as_object().ok_or_else(|| ParameterError::NotAnObject(place.to_owned()))?;
        let given = get(members, "type").and_then(Value::as_str).unwrap_or_default();
        let ty = ParameterType::parse(given).ok_or_else(|| ParameterError::Type {
            place: place.to_owned(),
            given: given.chars().take(40).collect(),
        })?;
        let allowed = match get(members, "allowedValues") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(values)) => values.clone(),
            Some(_) => return Err(ParameterError::Allowed(place.to_owned())),
        };
        let schema = get(members, "schema")
            .map(Schema::parse)
            .transpose()
            .map_err(|source| ParameterError::Schema { place: format!("{place}/schema"), source })?;
        let strong_type = get(members, "metadata").and_then(|metadata| metadata.get("strongType"));
        let parameter = Self {
            name: name.to_owned(),
            ty,
            default: get(members, "defaultValue").cloned(),
            allowed,
            strong_type: strong_type.and_then(Value::as_str).map(str::to_owned),
            schema,
        };
        if let Some(default) = &parameter.default {
            parameter.check(default, &format!("{place}/defaultValue"))?;
        }
        Ok(parameter)
    }

    fn check(&self, value: &Value, place: &str) -> Result<(), ParameterError> {
        let wanted = match (self.ty, value) {
            // What an initiative passes on is looked at when it has a value.
            (_, Value::String(text))
                if text.starts_with('[') && text.ends_with(']') && !text.starts_with("[[") =>
            {
                return Ok(());
            }
            (ParameterType::String, Value::String(_))
            | (ParameterType::Array, Value::Array(_))
            | (ParameterType::Object, Value::Object(_))
            | (ParameterType::Boolean, Value::Bool(_))
            | (ParameterType::Float, Value::Number(_)) => None,
            (ParameterType::Integer, Value::Number(number)) if number.is_i64() => None,
            (ParameterType::DateTime, Value::String(text)) if Ticks::parse(text).is_ok() => None,
            (ParameterType::String, _) => Some("a text"),
            (ParameterType::Array, _) => Some("an array"),
            (ParameterType::Object, _) => Some("an object"),
            (ParameterType::Boolean, _) => Some("a boolean"),
            (ParameterType::Integer, _) => Some("a whole number"),
            (ParameterType::Float, _) => Some("a number"),
            (ParameterType::DateTime, _) => Some("a date and time such as `2026-01-02T03:04:05Z`"),
        };
        if let Some(wanted) = wanted {
            return Err(ParameterError::Kind { place: place.to_owned(), wanted, given: type_of(value) });
        }
        let is_allowed = |value: &Value| self.allowed.iter().any(|allowed| same(allowed, value));
        // Of an array each member may be what is allowed, or all of it together.
        let each = value.as_array().is_some_and(|items| items.iter().all(is_allowed));
        if !self.allowed.is_empty() && !is_allowed(value) && !each {
            let allowed: Vec<String> = self.allowed.iter().take(20).map(Value::to_string).collect();
            return Err(ParameterError::NotAllowed { place: place.to_owned(), allowed: allowed.join(", ") });
        }
        match &self.schema {
            Some(schema) => schema
                .check(value)
                .map_err(|source| ParameterError::Schema { place: place.to_owned(), source }),
            None => Ok(()),
        }
    }
}

impl ParameterType {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "string" => Self::String,
            "array" => Self::Array,
            "object" => Self::Object,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "float" => Self::Float,
            "datetime" => Self::DateTime,
            _ => return None,
        })
    }
}

/// Parameter values as assignments and members of initiatives write them: `{"name": {"value": …}}`.
pub(crate) fn given(value: Option<&Value>, place: &str) -> Result<Map<String, Value>, ParameterError> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Map::new()) };
    let members = value.as_object().ok_or_else(|| ParameterError::NotAnObject(place.to_owned()))?;
    if members.len() > PARAMETERS_MAX {
        return Err(ParameterError::TooMany(place.to_owned()));
    }
    let mut out = Map::new();
    for (name, parameter) in members {
        let object =
            parameter.as_object().ok_or_else(|| ParameterError::NotAnObject(format!("{place}/{name}")))?;
        if let Some(value) = get(object, "value") {
            out.insert(name.clone(), value.clone());
        }
    }
    Ok(out)
}
