//! How policies see JSON values: members by name in any case, scalars as text, equality without regard to case.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Member of an object by name without regard to case, as Azure compares property names.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    get(value.as_object()?, name)
}

/// Member of a map by name without regard to case.
pub(crate) fn get<'v>(members: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    members
        .get(name)
        .or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// A scalar as text, the way comparisons see it; arrays and objects as JSON; null as nothing.
pub fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        other => Cow::Owned(other.to_string()),
    }
}

/// Whether two texts are equal without regard to case.
pub(crate) fn same_text(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() {
        left.eq_ignore_ascii_case(right)
    } else {
        left.to_lowercase() == right.to_lowercase()
    }
}

/// Whether `equals` holds between two values. Scalars compare as text, because policies write
/// `"equals": "true"` for booleans and `"3"` for numbers; arrays and objects compare member by member.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => same_text(left, right),
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| get(right, name).is_some_and(|right| same(left, right)))
        }
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => false,
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            same_text(text, &number.to_string())
                || text.parse::<f64>().is_ok_and(|text| Some(text) == number.as_f64())
        }
        _ => same_text(&text_of(left), &text_of(right)),
    }
}

/// The name of a value's type, for messages.
pub(crate) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// How many levels `value` nests; a scalar has none.
pub(crate) fn depth_of(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth_of).max(),
        Value::Object(members) => members.values().map(depth_of).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or_default()
}
