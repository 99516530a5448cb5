//! `make_list`: the values of a group themselves. Each comes with the number of its row, so that a list keeps
//! the order of a sort below whatever order partitions finish in.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Builder, ListBuilder, StringViewBuilder};
use arrow::datatypes::{DataType, Field, Int64Type};
use bartizan_schema::KqlType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::EmitTo;

use super::elements::{Elements, Raw, bits, is_text};
use super::grouped::{Definition, Grouped, Rows};
use crate::error::too_large;
use crate::functions::dynamic::{nesting, push_json};
use crate::types::arrow_type;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Collection {
    List,
    ListWithNulls,
}

/// Arguments: value and row number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Collect {
    pub collection: Collection,
    pub of: KqlType,
    /// Elements of the result at most.
    pub max: usize,
}

impl Definition for Collect {
    type Groups = Collected;

    fn name(&self) -> &'static str {
        match self.collection {
            Collection::List => "make_list",
            Collection::ListWithNulls => "make_list_with_nulls",
        }
    }

    fn arguments(&self) -> Vec<DataType> {
        vec![arrow_type(self.of), DataType::Int64]
    }

    fn result(&self) -> DataType {
        arrow_type(KqlType::Dynamic)
    }

    fn state(&self) -> Vec<DataType> {
        let element = if is_text(self.of) { DataType::Utf8View } else { DataType::Int64 };
        [element, DataType::Int64]
            .map(|ty| DataType::List(Arc::new(Field::new_list_field(ty, true))))
            .to_vec()
    }

    fn start(&self) -> Collected {
        Collected { what: self.clone(), groups: Vec::new(), heap: 0, heap_max: usize::MAX, is_over: false }
    }
}

#[derive(Debug)]
pub(super) struct Collected {
    what: Collect,
    groups: Vec<Elements>,
    /// Memory of the groups' contents.
    heap: usize,
    /// What `heap` may become within this batch, and whether it would have become more.
    heap_max: usize,
    is_over: bool,
}

/// Memory that the elements of one batch of rows may take. Arrays are taken apart, so a few rows can have billions, and
/// the query's own limit is asked between batches only.
pub(super) const BATCH_BYTES_MAX: usize = 256 << 20;

/// What is said when a batch would take more than [`BATCH_BYTES_MAX`].
pub(super) fn gathers_too_much(aggregate: &str) -> DataFusionError {
    too_large(format!("`{aggregate}` gathers more than {BATCH_BYTES_MAX} bytes of one batch of rows"))
}

/// A null in a list that keeps nulls. Such lists are made of dynamics.
pub(super) const NULL_TEXT: &str = "null";

impl Collected {
    fn add(&mut self, group: usize, value: Raw<'_>, row: i64) {
        if self.heap > self.heap_max {
            self.is_over = true;
            return;
        }
        let elements = &mut self.groups[group];
        // Without an order any of the values may be kept; with one, only the end knows which are first.
        if row == 0 && elements.len() >= self.what.max {
            return;
        }
        let before = elements.heap_bytes();
        elements.push(value, row);
        self.heap += elements.heap_bytes().saturating_sub(before);
    }

    fn add_column(&mut self, column: &ArrayRef, places: impl Iterator<Item = (usize, usize, i64)>) {
        if let Some(texts) = column.as_string_view_opt() {
            for (at, group, row) in places {
                if texts.is_null(at) {
                    if self.what.collection == Collection::ListWithNulls {
                        self.add(group, Raw::Text(NULL_TEXT), row);
                    }
                } else if self.what.of == KqlType::Dynamic {
                    self.add_dynamic(group, texts.value(at), row);
                } else {
                    self.add(group, Raw::Text(texts.value(at)), row);
                }
            }
            return;
        }
        let bits = bits(column);
        for (at, group, row) in places.filter(|(at, ..)| bits.is_valid(*at)) {
            self.add(group, Raw::Bits(bits.value(at)), row);
        }
    }

    /// Lists take the elements of an array, not the array: who wants a list of arrays packs each into another one.
    fn add_dynamic(&mut self, group: usize, json: &str, row: i64) {
        if !json.starts_with('[') {
            return self.add(group, Raw::Text(json), row);
        }
        for element in nesting::array(json).map_while(Result::ok) {
            if self.is_over {
                return;
            }
            if element.as_raw_str() != NULL_TEXT {
                self.add(group, Raw::Text(element.as_raw_str()), row);
            }
        }
    }

    fn take(&mut self, emit: EmitTo) -> Vec<Elements> {
        let taken = emit.take_needed(&mut self.groups);
        self.heap = self.heap.saturating_sub(taken.iter().map(Elements::heap_bytes).sum());
        taken
    }

    fn write(&self, elements: &Elements, json: &mut String) {
        json.push('[');
        for (place, at) in elements.order().into_iter().take(self.what.max).enumerate() {
            if place > 0 {
                json.push(',');
            }
            match elements.get(at, is_text(self.what.of)) {
                Raw::Text(text) if self.what.of == KqlType::Dynamic => json.push_str(text),
                raw => push_json(json, &raw.value(self.what.of)),
            }
        }
        json.push(']');
    }
}

impl Grouped for Collected {
    fn grow(&mut self, groups: usize) {
        self.groups.resize_with(groups, Elements::default);
    }

    fn update(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        let numbers = values[1].as_primitive::<Int64Type>();
        self.heap_max = self.heap.saturating_add(BATCH_BYTES_MAX);
        self.add_column(&values[0], rows.iter().map(|(at, group)| (at, group, numbers.value(at))));
        self.heap_max = usize::MAX;
        if self.is_over {
            return Err(gathers_too_much(self.what.name()));
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let (values, rows) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        let numbers = rows.values().as_primitive::<Int64Type>();
        for (state, group) in groups.iter().enumerate().filter(|(state, _)| values.is_valid(*state)) {
            let (from, to) =
                (values.value_offsets()[state] as usize, values.value_offsets()[state + 1] as usize);
            let shift = rows.value_offsets()[state] as usize;
            let places = (from..to).map(|at| (at, *group, numbers.value(shift + at - from)));
            if is_text(self.what.of) {
                let texts = values.values().as_string_view();
                places.for_each(|(at, group, row)| self.add(group, Raw::Text(texts.value(at)), row));
            } else {
                let bits = values.values().as_primitive::<Int64Type>();
                places.for_each(|(at, group, row)| self.add(group, Raw::Bits(bits.value(at)), row));
            }
        }
        Ok(())
    }

    fn results(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let mut texts = StringViewBuilder::new();
        let mut json = String::new();
        for elements in self.take(emit) {
            json.clear();
            self.write(&elements, &mut json);
            texts.append_value(&json);
        }
        Ok(Arc::new(texts.finish()))
    }

    fn states(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let taken = self.take(emit);
        let mut rows = ListBuilder::new(Int64Builder::new());
        for elements in &taken {
            (0..elements.len()).for_each(|at| rows.values().append_value(elements.row(at)));
            rows.append(true);
        }
        let values: ArrayRef = if is_text(self.what.of) {
            let mut lists = ListBuilder::new(StringViewBuilder::new());
            for elements in &taken {
                for at in 0..elements.len() {
                    if let Raw::Text(text) = elements.get(at, true) {
                        lists.values().append_value(text);
                    }
                }
                lists.append(true);
            }
            Arc::new(lists.finish())
        } else {
            let mut lists = ListBuilder::new(Int64Builder::new());
            for elements in &taken {
                for at in 0..elements.len() {
                    if let Raw::Bits(bits) = elements.get(at, false) {
                        lists.values().append_value(bits);
                    }
                }
                lists.append(true);
            }
            Arc::new(lists.finish())
        };
        Ok(vec![values, Arc::new(rows.finish())])
    }

    fn bytes(&self) -> usize {
        self.heap + self.groups.capacity() * size_of::<Elements>()
    }
}
