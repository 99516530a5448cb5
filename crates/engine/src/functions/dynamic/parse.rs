//! `parse_json`: from text to dynamics.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::nullif;
use bartizan_schema::KqlType;
use datafusion::logical_expr::ColumnarValue;
use serde_json::Value as Tree;
use serde_json::value::RawValue;

use super::{nesting, to_json, unwrap};
use crate::functions::kernel::{BATCH_BYTES_MAX, VALUE_BYTES_MAX};
use crate::value::Value;

/// A column of texts that are JSON as they are, or empty: what was read is what was written, and nothing is
/// copied. `None` for any other column.
pub(super) fn column(args: &[ColumnarValue], types: &[KqlType]) -> Option<ArrayRef> {
    let ([ColumnarValue::Array(array)], [KqlType::String]) = (args, types) else { return None };
    let texts = array.as_string_view_opt()?;
    let mut absent = Vec::with_capacity(texts.len());
    let mut bytes = 0;
    for text in texts {
        let text = text.unwrap_or_default();
        bytes += text.len();
        absent.push(match text {
            "" | "null" => true,
            _ if text.len() <= VALUE_BYTES_MAX && text.trim().len() == text.len() && is_json(text) => false,
            _ => return None,
        });
    }
    if bytes > BATCH_BYTES_MAX {
        return None;
    }
    if absent.contains(&true) {
        return nullif(array, &BooleanArray::from(absent)).ok();
    }
    Some(Arc::clone(array))
}

/// Whether a text is JSON that nests no deeper than can be read.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok() && !nesting::too_deep(text)
}

/// `parse_json`: text that is not JSON is a dynamic string, and so is what nests too deep to be read.
pub(super) fn parse<'a>(value: &Value<'a>) -> Value<'a> {
    match value {
        Value::Null | Value::Dynamic(_) => match value {
            // A dynamic string is parsed again; other dynamics are what they are.
            Value::Dynamic(json) if json.starts_with('"') => match unwrap(json.clone()) {
                Value::String(text) => parse(&Value::String(text)),
                _ => value.clone(),
            },
            _ => value.clone(),
        },
        Value::String(text) => {
            let trimmed = text.trim();
            if trimmed.is_empty() {
                return Value::Null;
            }
            if !is_json(trimmed) {
                return Value::dynamic(Tree::String(text.to_string()).to_string());
            }
            match trimmed {
                "null" => Value::Null,
                _ if trimmed.len() == text.len() => Value::Dynamic(text.clone()),
                _ => Value::dynamic(trimmed.to_owned()),
            }
        }
        value => Value::dynamic(to_json(value)),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringViewArray;

    use super::*;

    #[test]
    fn columns_are_read_as_rows_are() {
        let deep = "[".repeat(600) + &"]".repeat(600);
        let columns = [
            vec![Some("{\"a\": [1, 2]}"), Some("17"), Some("\"text\"")],
            vec![Some("[\"a longer text\"]"), None, Some(""), Some("null"), Some("true")],
            vec![Some("1"), Some(" [2] ")],
            vec![Some("{}"), Some("not JSON")],
            vec![Some(deep.as_str())],
        ];
        let mut quick = 0;
        for texts in columns {
            let array: ArrayRef = Arc::new(StringViewArray::from(texts.clone()));
            let read = |text: &Option<&str>| match parse(&Value::string(text.unwrap_or_default())) {
                Value::Dynamic(json) => Some(json.into_owned()),
                _ => None,
            };
            let wanted: StringViewArray = texts.iter().map(read).collect();
            if let Some(found) = column(&[ColumnarValue::Array(array)], &[KqlType::String]) {
                assert_eq!(found.as_string_view(), &wanted);
                quick += 1;
            }
        }
        assert_eq!(quick, 2);
        // a dynamic that is a string is parsed again
        let dynamics: ArrayRef = Arc::new(StringViewArray::from(vec!["\"1\""]));
        assert!(column(&[ColumnarValue::Array(dynamics)], &[KqlType::Dynamic]).is_none());
    }
}
