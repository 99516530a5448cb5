//! Dynamic values: JSON text, read in place. A path step copies nothing; it borrows a slice of its input.

pub(crate) mod bags;
pub(crate) mod expand;
pub(crate) mod nesting;
mod parse;
pub(crate) mod path;
pub(crate) mod sets;

use std::borrow::Cow;

use bartizan_kql::bound::Literal;
use serde_json::Value as Tree;

use super::convert;
use super::kernel::{Entry, seeing_nulls, strict};
use crate::value::Value;

/// `value.key` and `value[index]`: missing gives null.
pub(crate) const STEP: Entry = strict("step", |args, _| match (&args[0], &args[1]) {
    (Value::Dynamic(json), key) => step(json, key),
    _ => Value::Null,
});

pub(super) const FUNCTIONS: &[Entry] = &[
    seeing_nulls("parse_json", |args, _| parse::parse(&args[0])).by_column(parse::column),
    // Conversions that the binder puts in go by this name.
    seeing_nulls("todynamic", |args, _| parse::parse(&args[0])).by_column(parse::column),
    strict("array_length", |args, _| match &args[0] {
        Value::Dynamic(json) if json.starts_with('[') => {
            nesting::array_length(json).map_or(Value::Null, |length| Value::Long(length as i64))
        }
        _ => Value::Null,
    }),
    seeing_nulls("pack_array", |args, _| pack_array(args)),
    strict("dynamic_to_json", |args, _| match tree(&args[0]) {
        Some(tree) => Value::string(sorted(tree).to_string()),
        None => Value::string(convert::text(args[0].clone())),
    }),
    strict("extract_json", |args, scratch| extract(&args[0], &args[1], scratch.wanted)),
    seeing_nulls("isempty", |args, _| Value::Bool(args[0].is_empty())),
    seeing_nulls("isnotempty", |args, _| Value::Bool(!args[0].is_empty())),
];

/// What a JSON text is, without reading all of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Long(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Array,
    Bag,
}

impl<'a> Json<'a> {
    pub(crate) fn of(json: &'a str) -> Self {
        let json = json.trim();
        match json.as_bytes().first() {
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Bag,
            Some(b'"') => match json.get(1..json.len().saturating_sub(1)) {
                Some(plain) if !plain.contains(['\\', '"']) => Self::Text(Cow::Borrowed(plain)),
                _ => serde_json::from_str::<String>(json)
                    .map_or(Self::Null, |text| Self::Text(Cow::Owned(text))),
            },
            Some(b't') if json == "true" => Self::Bool(true),
            Some(b'f') if json == "false" => Self::Bool(false),
            Some(b'-' | b'0'..=b'9') => match json.parse::<i64>() {
                Ok(value) => Self::Long(value),
                Err(_) => json.parse::<f64>().map_or(Self::Null, Self::Real),
            },
            _ => Self::Null,
        }
    }
}

/// The value that a dynamic holds; arrays and bags stay dynamic.
pub(crate) fn unwrap(json: Cow<'_, str>) -> Value<'_> {
    match json {
        Cow::Borrowed(json) => match Json::of(json) {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(value),
            Json::Long(value) => Value::Long(value),
            Json::Real(value) => Value::Real(value),
            Json::Text(text) => Value::String(text),
            Json::Array | Json::Bag => Value::Dynamic(Cow::Borrowed(json)),
        },
        Cow::Owned(json) => match Json::of(&json) {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(value),
            Json::Long(value) => Value::Long(value),
            Json::Real(value) => Value::Real(value),
            Json::Text(text) => Value::String(Cow::Owned(text.into_owned())),
            Json::Array | Json::Bag => Value::Dynamic(Cow::Owned(json)),
        },
    }
}

/// [`unwrap`] of any value; what is not dynamic is itself.
pub(crate) fn unwrap_ref<'a>(value: &Value<'a>) -> Value<'a> {
    match value {
        Value::Dynamic(json) => unwrap(json.clone()),
        value => value.clone(),
    }
}

/// JSON text of a value, as an element of an array or bag.
pub(crate) fn to_json(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Dynamic(json) => json.to_string(),
        Value::Bool(_) | Value::Int(_) | Value::Long(_) => convert::text(value.clone()).into_owned(),
        Value::Real(real) if real.is_finite() => Tree::from(*real).to_string(),
        value => {
            let mut json = String::new();
            push_json(&mut json, value);
            json
        }
    }
}

/// Adds the JSON text of a value to `json`.
pub(crate) fn push_json(json: &mut String, value: &Value<'_>) {
    match value {
        Value::Null | Value::Dynamic(_) | Value::Bool(_) | Value::Int(_) | Value::Long(_) => {
            json.push_str(&to_json(value));
        }
        Value::Real(real) if real.is_finite() => json.push_str(&to_json(value)),
        Value::String(text) => push_text(json, text),
        value => push_text(json, &convert::text(value.clone())),
    }
}

/// Adds a text, quoted.
fn push_text(json: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        json.push_str(&Tree::String(text.to_owned()).to_string());
    } else {
        json.push('"');
        json.push_str(text);
        json.push('"');
    }
}

pub(crate) fn to_tree(value: &Value<'_>) -> Tree {
    serde_json::from_str(&to_json(value)).unwrap_or(Tree::Null)
}

/// A dynamic from a tree; JSON null is null.
pub(crate) fn from_tree<'a>(tree: &Tree) -> Value<'a> {
    match tree {
        Tree::Null => Value::Null,
        tree => Value::dynamic(tree.to_string()),
    }
}

/// The tree of a dynamic.
pub(crate) fn tree(value: &Value<'_>) -> Option<Tree> {
    match value {
        Value::Dynamic(json) => serde_json::from_str(json).ok(),
        // A text argument where a dynamic belongs holds JSON.
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// The elements of an array.
pub(crate) fn elements(json: &str) -> Option<Vec<Tree>> {
    match serde_json::from_str(json) {
        Ok(Tree::Array(elements)) => Some(elements),
        _ => None,
    }
}

/// The scalars of an array, nested ones too, or the one scalar: what `in` and `has_any` look through.
pub(crate) fn leaves(json: &str) -> Vec<Literal> {
    fn gather(tree: Tree, into: &mut Vec<Literal>) {
        match tree {
            Tree::Null => {}
            Tree::Bool(value) => into.push(Literal::Bool(value)),
            Tree::Number(number) => into.push(match number.as_i64() {
                Some(value) => Literal::Long(value),
                None => Literal::Real(number.as_f64().unwrap_or(f64::NAN)),
            }),
            Tree::String(text) => into.push(Literal::String(text)),
            Tree::Array(elements) => elements.into_iter().for_each(|element| gather(element, into)),
            bag @ Tree::Object(_) => into.push(Literal::Dynamic(bag.to_string())),
        }
    }
    let mut found = Vec::new();
    if let Ok(tree) = serde_json::from_str(json) {
        gather(tree, &mut found);
    }
    found
}

/// Whether two JSON texts are the same value; the order of a bag's keys does not count.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a == b
        || match (serde_json::from_str::<Tree>(a), serde_json::from_str::<Tree>(b)) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        }
}

/// One bag of all keys; the first bag that has a key wins. What is no bag is passed over.
pub(crate) fn merge_bags<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut merged = serde_json::Map::new();
    for text in texts {
        if let Ok(Tree::Object(bag)) = serde_json::from_str(text) {
            for (key, value) in bag {
                merged.entry(key).or_insert(value);
            }
        }
    }
    Tree::Object(merged).to_string()
}

fn step<'a>(json: &Cow<'a, str>, key: &Value<'_>) -> Value<'a> {
    match json {
        Cow::Borrowed(json) => step_in(json, key),
        Cow::Owned(json) => match step_in(json, key) {
            Value::Dynamic(found) => Value::Dynamic(Cow::Owned(found.into_owned())),
            _ => Value::Null,
        },
    }
}

fn step_in<'a>(json: &'a str, key: &Value<'_>) -> Value<'a> {
    let found = match super::dynamic::unwrap_ref(key) {
        Value::String(key) => nesting::get(json, [key.as_ref()]).map(|found| found.as_raw_cow()),
        Value::Int(at) => index(json, i64::from(at)),
        Value::Long(at) => index(json, at),
        _ => None,
    };
    match found {
        Some(found) if found != "null" => Value::Dynamic(found),
        _ => Value::Null,
    }
}

fn index(json: &str, at: i64) -> Option<Cow<'_, str>> {
    let at = match usize::try_from(at) {
        Ok(at) => at,
        // From the end.
        Err(_) => {
            let count = nesting::array(json).take_while(Result::is_ok).count();
            count.checked_sub(usize::try_from(at.unsigned_abs()).ok()?)?
        }
    };
    nesting::get(json, [at]).map(|found| found.as_raw_cow())
}

fn pack_array<'a>(args: &[Value<'a>]) -> Value<'a> {
    let parts: Vec<String> = args.iter().map(to_json).collect();
    Value::dynamic(format!("[{}]", parts.join(",")))
}

/// Bags with their keys in order, as `dynamic_to_json` promises.
fn sorted(tree: Tree) -> Tree {
    match tree {
        Tree::Object(bag) => {
            let mut pairs: Vec<_> = bag.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            Tree::Object(pairs.into_iter().collect())
        }
        Tree::Array(elements) => Tree::Array(elements.into_iter().map(sorted).collect()),
        tree => tree,
    }
}

/// `extract_json("$.a[0].b", json)`: plain steps only; other JSONPath gives null.
fn extract<'a>(path: &Value<'_>, json: &Value<'_>, wanted: Option<bartizan_schema::KqlType>) -> Value<'a> {
    let path = convert::text(path.clone());
    let Some(tree) = tree(json) else { return Value::Null };
    let Some(steps) = json_path(&path) else { return Value::Null };
    let found = steps.iter().try_fold(&tree, |tree, step| match step.parse::<usize>() {
        Ok(at) if tree.is_array() => tree.get(at),
        _ => tree.get(step.as_str()),
    });
    match found {
        None | Some(Tree::Null) => Value::Null,
        Some(found) => convert::convert(from_tree(found), wanted.unwrap_or(bartizan_schema::KqlType::String)),
    }
}

/// The steps of `$.a[0]['b c'].d`.
fn json_path(path: &str) -> Option<Vec<String>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            steps.push(after[..end].to_owned());
            rest = &after[end..];
        } else {
            let after = rest.strip_prefix('[')?;
            let end = after.find(']')?;
            steps.push(after[..end].trim_matches(['\'', '"']).to_owned());
            rest = &after[end + 1..];
        }
    }
    Some(steps)
}
