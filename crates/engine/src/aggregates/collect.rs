//! `make_list`, `make_set`, `make_bag`. Elements arrive as JSON text with the number of their row, so that
//! a list keeps the order of a sort below whatever order partitions finish in.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use crate::types::arrow_type;
use bartizan_schema::KqlType;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Collection {
    List,
    ListWithNulls,
    Set,
    Bag,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Collect {
    collection: Collection,
    max: usize,
    signature: Signature,
}

impl Collect {
    pub(super) fn new(collection: Collection, max: usize) -> Self {
        let args = vec![arrow_type(KqlType::Dynamic), DataType::Int64];
        Self { collection, max, signature: Signature::exact(args, Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for Collect {
    fn name(&self) -> &str {
        match self.collection {
            Collection::List => "make_list",
            Collection::ListWithNulls => "make_list_with_nulls",
            Collection::Set => "make_set",
            Collection::Bag => "make_bag",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(KqlType::Dynamic))
    }

    fn state_fields(&self, _args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name: &str, ty: DataType| {
            FieldRef::new(Field::new_list(name, Field::new_list_field(ty, true), true))
        };
        Ok(vec![list("elements", DataType::Utf8View), list("rows", DataType::Int64)])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Elements {
            collection: self.collection,
            max: self.max,
            elements: Vec::new(),
            seen: HashSet::new(),
            bytes: 0,
        }))
    }
}

#[derive(Debug)]
struct Elements {
    collection: Collection,
    max: usize,
    /// Row number and JSON text.
    elements: Vec<(i64, String)>,
    /// Texts in `elements`, for sets.
    seen: HashSet<String>,
    bytes: usize,
}

impl Elements {
    fn add(&mut self, texts: &ArrayRef, rows: &ArrayRef) {
        let texts = texts.as_string_view();
        let rows = rows.as_primitive::<Int64Type>();
        for at in 0..texts.len() {
            let text = match texts.is_valid(at) {
                true => texts.value(at),
                false if self.collection == Collection::ListWithNulls => "null",
                false => continue,
            };
            if self.collection == Collection::Set && !self.seen.insert(text.to_owned()) {
                continue;
            }
            self.bytes += text.len() * 2;
            self.elements.push((rows.value(at), text.to_owned()));
        }
    }
}

impl Accumulator for Elements {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], &values[1]);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.elements.sort_by_key(|(row, _)| *row);
        let kept = self.elements.iter().take(self.max).map(|(_, text)| text.as_str());
        let json = if self.collection == Collection::Bag {
            crate::functions::dynamic::merge_bags(kept)
        } else {
            let mut json = String::with_capacity(self.bytes / 2 + self.elements.len() + 2);
            json.push('[');
            for (at, text) in kept.enumerate() {
                if at > 0 {
                    json.push(',');
                }
                json.push_str(text);
            }
            json.push(']');
            json
        };
        Ok(ScalarValue::Utf8View(Some(json)))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes + self.elements.capacity() * size_of::<(i64, String)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let texts: Vec<_> =
            self.elements.iter().map(|(_, text)| ScalarValue::Utf8View(Some(text.clone()))).collect();
        let rows: Vec<_> = self.elements.iter().map(|(row, _)| ScalarValue::Int64(Some(*row))).collect();
        Ok(vec![
            ScalarValue::List(ScalarValue::new_list_nullable(&texts, &DataType::Utf8View)),
            ScalarValue::List(ScalarValue::new_list_nullable(&rows, &DataType::Int64)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (texts, rows) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for at in 0..texts.len() {
            if texts.is_valid(at) {
                self.add(&texts.value(at), &rows.value(at));
            }
        }
        Ok(())
    }
}
