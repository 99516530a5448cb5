//! The list that one row becomes under `mv-expand`.

use arrow::array::{ArrayRef, Int64Builder, ListArray, StringViewBuilder, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use bartizan_schema::KqlType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use serde_json::Value as Tree;
use std::borrow::Cow;
use std::sync::Arc;

use super::super::convert;
use super::{Json, nesting};
use crate::error::too_large;
use crate::interrupt::Interrupt;
use crate::types::arrow_type;
use crate::value::{Reader, Value};

/// Elements that the rows of one batch may have: about the memory a query has.
const ELEMENTS_MAX: usize = 16 << 20;

/// The field with the element's number.
pub(crate) const INDEX: &str = "index";

/// The field with the elements of item `at`.
pub(crate) fn element_name(at: usize) -> String {
    format!("e{at}")
}

/// Takes dynamic columns, gives a list of structs: one struct a row to come, one field a column.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Expand {
    /// For each item, whether its elements are wanted as texts (`to typeof(string)`) and not as dynamics.
    items: Vec<bool>,
    bag_as_array: bool,
    row_limit: Option<u64>,
    interrupt: Interrupt,
    signature: Signature,
}

impl Expand {
    pub(crate) fn new(
        items: Vec<bool>,
        bag_as_array: bool,
        row_limit: Option<u64>,
        interrupt: Interrupt,
    ) -> Self {
        let types = vec![arrow_type(KqlType::Dynamic); items.len()];
        // Not because it were: a constant list would be worked out while planning, and a copy of it made for each
        // row of a batch (DataFusion 55.2), before anybody counts the elements.
        let signature = Signature::new(TypeSignature::Exact(types), Volatility::Volatile);
        Self { items, bag_as_array, row_limit, interrupt, signature }
    }

    fn fields(&self) -> Fields {
        (0..self.items.len())
            .map(|at| Field::new(element_name(at), DataType::Utf8View, true))
            .chain(std::iter::once(Field::new(INDEX, DataType::Int64, false)))
            .collect()
    }

    fn element_field(&self) -> FieldRef {
        FieldRef::new(Field::new_list_field(DataType::Struct(self.fields()), true))
    }

    /// Puts the elements of one value into `into`, as JSON texts; `None` is null.
    fn elements<'v>(&self, value: Value<'v>, into: &mut Vec<Option<Cow<'v, str>>>) {
        into.clear();
        let Value::Dynamic(json) = value else { return into.push(None) };
        let written = |tree: &Tree| (!tree.is_null()).then(|| Cow::Owned(tree.to_string()));
        match (Json::of(&json), &json) {
            (Json::Null, _) => into.push(None),
            (Json::Array, Cow::Borrowed(json)) if plain_elements(json, into) => {}
            (Json::Array, _) => {
                into.clear();
                into.extend(super::elements(&json).unwrap_or_default().iter().map(written));
            }
            (Json::Bag, _) => {
                let Ok(Tree::Object(bag)) = serde_json::from_str(&json) else { return };
                into.extend(bag.into_iter().map(|(key, value)| {
                    written(&if self.bag_as_array {
                        Tree::Array(vec![Tree::String(key), value])
                    } else {
                        Tree::Object(std::iter::once((key, value)).collect())
                    })
                }));
            }
            _ => into.push(Some(json)),
        }
    }
}

/// Puts the elements of an array into `into`, as they are written there. False when one might be written
/// otherwise: texts with escapes, reals and nested values have many spellings.
fn plain_elements<'v>(json: &'v str, into: &mut Vec<Option<Cow<'v, str>>>) -> bool {
    let mut end = 0;
    for element in nesting::array(json) {
        let Ok(element) = element else { return false };
        let Cow::Borrowed(text) = element.as_raw_cow() else { return false };
        let plain = match text.as_bytes() {
            [b'"', inside @ .., b'"'] => !inside.contains(&b'\\'),
            [b'-', b'1'..=b'9', digits @ ..] | [b'0'..=b'9', digits @ ..] => {
                digits.len() < 18 && digits.iter().all(u8::is_ascii_digit)
            }
            other => matches!(other, b"true" | b"false" | b"null"),
        };
        if !plain {
            return false;
        }
        into.push((text != "null").then_some(Cow::Borrowed(text)));
        end = text.as_ptr() as usize + text.len() - json.as_ptr() as usize;
    }
    nesting::is_end_of_array(json, end)
}

/// An element as a string.
fn text(json: &str) -> Cow<'_, str> {
    match json.as_bytes() {
        [b'"', inside @ .., b'"'] if !inside.contains(&b'\\') => Cow::Borrowed(&json[1..json.len() - 1]),
        _ => convert::text(Value::dynamic(json)),
    }
}

impl ScalarUDFImpl for Expand {
    fn name(&self) -> &str {
        "mv_expand"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(self.element_field()))
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(FieldRef::new(Field::new(self.name(), DataType::List(self.element_field()), false)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let readers = args
            .args
            .into_iter()
            .map(|arg| Reader::new(&arg.into_array(rows)?, KqlType::Dynamic, false))
            .collect::<Result<Vec<_>>>()?;
        let mut texts: Vec<StringViewBuilder> = readers.iter().map(|_| StringViewBuilder::new()).collect();
        let mut index = Int64Builder::new();
        let mut lengths = Vec::with_capacity(rows);
        let limit = self.row_limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let mut total = 0_usize;
        let mut columns: Vec<Vec<Option<Cow<'_, str>>>> = readers.iter().map(|_| Vec::new()).collect();
        for row in 0..rows {
            self.interrupt.check()?;
            for (reader, elements) in readers.iter().zip(&mut columns) {
                self.elements(reader.get(row), elements);
            }
            let count = columns.iter().map(Vec::len).max().unwrap_or(0).min(limit);
            total += count;
            if total > ELEMENTS_MAX {
                let what = format!("`mv-expand` makes more than {ELEMENTS_MAX} rows of {rows}");
                return Err(too_large(what));
            }
            for ((builder, elements), as_text) in texts.iter_mut().zip(&columns).zip(&self.items) {
                for at in 0..count {
                    let element = elements.get(at).and_then(Option::as_deref);
                    if *as_text {
                        builder.append_value(element.map_or(Cow::Borrowed(""), text));
                    } else {
                        builder.append_option(element);
                    }
                }
            }
            for at in 0..count {
                index.append_value(at as i64);
            }
            lengths.push(count);
        }
        let mut arrays: Vec<ArrayRef> =
            texts.into_iter().map(|mut builder| Arc::new(builder.finish()) as ArrayRef).collect();
        arrays.push(Arc::new(index.finish()));
        let elements = StructArray::try_new(self.fields(), arrays, None)?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        let list = ListArray::try_new(self.element_field(), offsets, Arc::new(elements), None)?;
        Ok(ColumnarValue::Array(Arc::new(list)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_what_reading_and_writing_them_gives() {
        let expand = Expand::new(vec![false], false, None, Interrupt::default());
        let arrays = [
            "[]",
            " [ ] ",
            "[1,-2, 0,-0,1.0,1e5,123456789012345678,1234567890123456789012]",
            r#"["a", "b\"c", "\u0041", "", "é", null,true , false]"#,
            r#"[{"b": 1, "a": [1, 2]}, [ 3 ], "x"]"#,
            "[null]",
            "[1, 2",
            "[1, 2] 3",
            "[\"a\" \"b\"]",
        ];
        for json in arrays {
            let mut found = Vec::new();
            expand.elements(Value::dynamic(json), &mut found);
            let wanted = super::super::elements(json).unwrap_or_default();
            let wanted: Vec<Option<String>> =
                wanted.iter().map(|tree| (!tree.is_null()).then(|| tree.to_string())).collect();
            let found: Vec<Option<String>> =
                found.into_iter().map(|text| text.map(Cow::into_owned)).collect();
            assert_eq!(found, wanted, "{json}");
        }
    }
}
