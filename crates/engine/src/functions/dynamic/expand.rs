//! The list that one row becomes under `mv-expand`.

use arrow::array::{ArrayRef, Int64Builder, ListArray, StringViewBuilder, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use bartizan_schema::KqlType;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use serde_json::Value as Tree;
use std::sync::Arc;

use super::Json;
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
    items: usize,
    bag_as_array: bool,
    row_limit: Option<u64>,
    interrupt: Interrupt,
    signature: Signature,
}

impl Expand {
    pub(crate) fn new(
        items: usize,
        bag_as_array: bool,
        row_limit: Option<u64>,
        interrupt: Interrupt,
    ) -> Self {
        let types = vec![arrow_type(KqlType::Dynamic); items];
        let signature = Signature::new(TypeSignature::Exact(types), Volatility::Immutable);
        Self { items, bag_as_array, row_limit, interrupt, signature }
    }

    fn fields(&self) -> Fields {
        (0..self.items)
            .map(|at| Field::new(element_name(at), DataType::Utf8View, true))
            .chain(std::iter::once(Field::new(INDEX, DataType::Int64, false)))
            .collect()
    }

    fn element_field(&self) -> FieldRef {
        FieldRef::new(Field::new_list_field(DataType::Struct(self.fields()), true))
    }

    /// The elements of one value, as JSON texts; `None` is null.
    fn elements(&self, value: &Value<'_>) -> Vec<Option<String>> {
        let Value::Dynamic(json) = value else { return vec![None] };
        let text = |tree: &Tree| (!tree.is_null()).then(|| tree.to_string());
        match Json::of(json) {
            Json::Null => vec![None],
            Json::Array => super::elements(json).unwrap_or_default().iter().map(text).collect(),
            Json::Bag => match serde_json::from_str(json) {
                Ok(Tree::Object(bag)) => bag
                    .into_iter()
                    .map(|(key, value)| {
                        let element = if self.bag_as_array {
                            Tree::Array(vec![Tree::String(key), value])
                        } else {
                            Tree::Object(std::iter::once((key, value)).collect())
                        };
                        Some(element.to_string())
                    })
                    .collect(),
                _ => Vec::new(),
            },
            _ => vec![Some(json.to_string())],
        }
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
        for row in 0..rows {
            self.interrupt.check()?;
            let columns: Vec<_> = readers.iter().map(|reader| self.elements(&reader.get(row))).collect();
            let count = columns.iter().map(Vec::len).max().unwrap_or(0).min(limit);
            total += count;
            if total > ELEMENTS_MAX {
                let what = format!("mv-expand makes more than {ELEMENTS_MAX} rows of {rows}");
                return Err(DataFusionError::ResourcesExhausted(what));
            }
            for (builder, elements) in texts.iter_mut().zip(&columns) {
                for at in 0..count {
                    builder.append_option(elements.get(at).and_then(Option::as_deref));
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
