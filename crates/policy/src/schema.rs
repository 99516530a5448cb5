//! The JSON schema that an object parameter may carry: the keywords of 2019-09 that describe shapes. `$ref` and the
//! like are refused by name when the definition is written, so that nothing is let through unlooked-at.

use regex::Regex;
use serde_json::{Map, Value};

use crate::value::type_of;

/// Deepest nesting of a schema.
const DEPTH_MAX: usize = 16;
/// Largest compiled pattern, in bytes.
const PATTERN_MAX: usize = 1 << 20;

/// Why a schema cannot be used, or a value does not have its shape. Places are JSON pointers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error(
        "schema keyword `{0}` is not supported; describe the shape with `type`, `properties`, `items`, `enum` and bounds"
    )]
    Keyword(String),
    #[error("schema keyword `{0}` has a wrong value")]
    Wrong(String),
    #[error("schema nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
    #[error("at `{place}`: {reason}")]
    Shape { place: String, reason: String },
}

/// A schema whose keywords are all known.
#[derive(Clone, Debug)]
pub struct Schema {
    keywords: Vec<Keyword>,
}

#[derive(Clone, Debug)]
enum Keyword {
    Never,
    Type(Vec<String>),
    Enum(Vec<Value>),
    Minimum(f64, bool),
    Maximum(f64, bool),
    Length { min: usize, max: usize, of: Sized },
    Pattern(Regex),
    UniqueItems,
    Properties { named: Vec<(String, Schema)>, others: Option<Box<Schema>> },
    Required(Vec<String>),
    Items(Box<Schema>),
    Contains(Box<Schema>),
    All(Vec<Schema>),
    Any(Vec<Schema>),
    One(Vec<Schema>),
    Not(Box<Schema>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sized {
    Text,
    Array,
    Object,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// See [`SchemaError`].
    pub fn parse(value: &Value) -> Result<Self, SchemaError> {
        parse(value, 0)
    }

    /// Whether `value` has the shape.
    ///
    /// # Errors
    /// [`SchemaError::Shape`] names the first place that differs.
    pub fn check(&self, value: &Value) -> Result<(), SchemaError> {
        self.at(value, "")
    }

    fn at(&self, value: &Value, place: &str) -> Result<(), SchemaError> {
        self.keywords.iter().try_for_each(|keyword| keyword.check(value, place))
    }
}

fn parse(value: &Value, depth: usize) -> Result<Schema, SchemaError> {
    if depth > DEPTH_MAX {
        return Err(SchemaError::TooDeep);
    }
    let members = match value {
        Value::Bool(true) => return Ok(Schema { keywords: Vec::new() }),
        Value::Bool(false) => return Ok(Schema { keywords: vec![Keyword::Never] }),
        Value::Object(members) => members,
        _ => return Err(SchemaError::Wrong("schema".to_owned())),
    };
    let mut keywords = Vec::new();
    for (name, value) in members {
        let wrong = || SchemaError::Wrong(name.clone());
        let inner = |value: &Value| parse(value, depth + 1).map(Box::new);
        let list = |value: &Value| {
            let items = value.as_array().ok_or_else(wrong)?;
            items.iter().map(|item| parse(item, depth + 1)).collect::<Result<Vec<_>, _>>()
        };
        let texts = |value: &Value| {
            let items = value.as_array().ok_or_else(wrong)?;
            items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(wrong)
        };
        let number = || value.as_f64().ok_or_else(wrong);
        let size = || value.as_u64().and_then(|size| usize::try_from(size).ok()).ok_or_else(wrong);
        let least = |of| Ok(Keyword::Length { min: size()?, max: usize::MAX, of });
        let most = |of| Ok(Keyword::Length { min: 0, max: size()?, of });
        keywords.push(match name.as_str() {
            "$schema"
            | "$id"
            | "$comment"
            | "title"
            | "description"
            | "default"
            | "examples"
            | "deprecated"
            | "additionalProperties" => continue,
            "type" => match value {
                Value::String(ty) => Keyword::Type(vec![ty.clone()]),
                _ => Keyword::Type(texts(value)?),
            },
            "enum" => Keyword::Enum(value.as_array().ok_or_else(wrong)?.clone()),
            "const" => Keyword::Enum(vec![value.clone()]),
            "minimum" => Keyword::Minimum(number()?, false),
            "exclusiveMinimum" => Keyword::Minimum(number()?, true),
            "maximum" => Keyword::Maximum(number()?, false),
            "exclusiveMaximum" => Keyword::Maximum(number()?, true),
            "minLength" => least(Sized::Text)?,
            "maxLength" => most(Sized::Text)?,
            "minItems" => least(Sized::Array)?,
            "maxItems" => most(Sized::Array)?,
            "minProperties" => least(Sized::Object)?,
            "maxProperties" => most(Sized::Object)?,
            "uniqueItems" if value == &Value::Bool(true) => Keyword::UniqueItems,
            "uniqueItems" => continue,
            "pattern" => {
                let pattern = regex::RegexBuilder::new(value.as_str().ok_or_else(wrong)?)
                    .size_limit(PATTERN_MAX)
                    .build();
                Keyword::Pattern(pattern.map_err(|_| wrong())?)
            }
            "required" => Keyword::Required(texts(value)?),
            "properties" => {
                let named = value.as_object().ok_or_else(wrong)?;
                let named = named.iter().map(|(name, schema)| Ok((name.clone(), parse(schema, depth + 1)?)));
                Keyword::Properties {
                    named: named.collect::<Result<_, SchemaError>>()?,
                    others: others(members, depth)?,
                }
            }
            "items" => Keyword::Items(inner(value)?),
            "contains" => Keyword::Contains(inner(value)?),
            "allOf" => Keyword::All(list(value)?),
            "anyOf" => Keyword::Any(list(value)?),
            "oneOf" => Keyword::One(list(value)?),
            "not" => Keyword::Not(inner(value)?),
            other => return Err(SchemaError::Keyword(other.chars().take(60).collect())),
        });
    }
    if !members.contains_key("properties")
        && let Some(others) = others(members, depth)?
    {
        keywords.push(Keyword::Properties { named: Vec::new(), others: Some(others) });
    }
    Ok(Schema { keywords })
}

fn others(members: &Map<String, Value>, depth: usize) -> Result<Option<Box<Schema>>, SchemaError> {
    members.get("additionalProperties").map(|schema| parse(schema, depth + 1).map(Box::new)).transpose()
}

impl Keyword {
    fn check(&self, value: &Value, place: &str) -> Result<(), SchemaError> {
        let fail = |reason: String| Err(SchemaError::Shape { place: place.to_owned(), reason });
        let require = |holds: bool, reason: &str| if holds { Ok(()) } else { fail(reason.to_owned()) };
        match self {
            Self::Never => fail("nothing is allowed here".to_owned()),
            Self::Type(types) => require(
                types.iter().any(|ty| is_of(value, ty)),
                &format!("it must be of type {}, not {}", types.join(" or "), type_of(value)),
            ),
            Self::Enum(values) => require(values.contains(value), "it is none of the values listed"),
            Self::Minimum(least, exclusive) => match value.as_f64() {
                Some(number) if number < *least || (*exclusive && number == *least) => {
                    fail(format!("it must be {} {least}", if *exclusive { "above" } else { "at least" }))
                }
                _ => Ok(()),
            },
            Self::Maximum(most, exclusive) => match value.as_f64() {
                Some(number) if number > *most || (*exclusive && number == *most) => {
                    fail(format!("it must be {} {most}", if *exclusive { "below" } else { "at most" }))
                }
                _ => Ok(()),
            },
            Self::Length { min, max, of } => {
                let length = match (of, value) {
                    (Sized::Text, Value::String(text)) => text.chars().count(),
                    (Sized::Array, Value::Array(items)) => items.len(),
                    (Sized::Object, Value::Object(members)) => members.len(),
                    _ => return Ok(()),
                };
                require((*min..=*max).contains(&length), &format!("its length {length} is out of bounds"))
            }
            Self::Pattern(pattern) => match value.as_str() {
                Some(text) => require(pattern.is_match(text), &format!("it does not match `{pattern}`")),
                None => Ok(()),
            },
            Self::UniqueItems => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let mut seen: Vec<String> = items.iter().map(Value::to_string).collect();
                seen.sort_unstable();
                require(seen.windows(2).all(|pair| pair[0] != pair[1]), "a member occurs twice")
            }
            Self::Properties { named, others } => {
                let Some(members) = value.as_object() else { return Ok(()) };
                members.iter().try_for_each(|(name, member)| {
                    let place = format!("{place}/{name}");
                    match (named.iter().find(|(known, _)| known == name), others) {
                        (Some((_, schema)), _) => schema.at(member, &place),
                        (None, Some(schema)) => schema.at(member, &place),
                        (None, None) => Ok(()),
                    }
                })
            }
            Self::Required(names) => match value.as_object() {
                Some(members) => match names.iter().find(|name| !members.contains_key(*name)) {
                    Some(missing) => fail(format!("member `{missing}` is missing")),
                    None => Ok(()),
                },
                None => Ok(()),
            },
            Self::Items(schema) => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items.into_iter().try_for_each(|(at, item)| schema.at(item, &format!("{place}/{at}")))
            }
            Self::Contains(schema) => match value.as_array() {
                Some(items) => require(
                    items.iter().any(|item| schema.at(item, place).is_ok()),
                    "no member has the wanted shape",
                ),
                None => Ok(()),
            },
            Self::All(schemas) => schemas.iter().try_for_each(|schema| schema.at(value, place)),
            Self::Any(schemas) => require(
                schemas.iter().any(|schema| schema.at(value, place).is_ok()),
                "it has none of the wanted shapes",
            ),
            Self::One(schemas) => {
                let held = schemas.iter().filter(|schema| schema.at(value, place).is_ok()).count();
                require(held == 1, &format!("it has {held} of the wanted shapes, not one"))
            }
            Self::Not(schema) => {
                require(schema.at(value, place).is_err(), "it has the shape that is ruled out")
            }
        }
    }
}

fn is_of(value: &Value, ty: &str) -> bool {
    match ty {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}
