//! `make_set` and `count_distinct`: the different values of each group. Where rows have an order, each value
//! comes with the number of its row, so that a set keeps the order of a sort below whatever order partitions
//! finish in.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, StringViewArray, StringViewBuilder, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use bartizan_schema::KqlType;
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;

use super::collect::{BATCH_BYTES_MAX, NULL_TEXT, gathers_too_much};
use super::elements::{Raw, bits, is_text};
use super::grouped::{Definition, Grouped, Rows};
use super::interner::Interner;
use super::members::Members;
use crate::functions::dynamic::{nesting, push_json};
use crate::types::arrow_type;

/// What is wanted of the sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Give {
    Set,
    Size,
}

/// Arguments: the value, and the row's number where rows have an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SetOf {
    pub of: KqlType,
    pub give: Give,
    /// Members of the result at most.
    pub max: usize,
    pub ordered: bool,
}

impl Definition for SetOf {
    type Groups = Sets;

    fn name(&self) -> &'static str {
        match self.give {
            Give::Set => "make_set",
            Give::Size => "count_distinct",
        }
    }

    fn arguments(&self) -> Vec<DataType> {
        std::iter::once(arrow_type(self.of)).chain(self.ordered.then_some(DataType::Int64)).collect()
    }

    fn result(&self) -> DataType {
        match self.give {
            Give::Set => arrow_type(KqlType::Dynamic),
            Give::Size => DataType::Int64,
        }
    }

    fn state(&self) -> Vec<DataType> {
        let values = std::iter::once(if is_text(self.of) { DataType::Utf8View } else { DataType::Int64 });
        values.chain(self.ordered.then_some(DataType::Int64)).map(|ty| DataType::List(element(ty))).collect()
    }

    fn start(&self) -> Sets {
        let values = Interner::new(is_text(self.of));
        Sets {
            what: self.clone(),
            values,
            groups: Vec::new(),
            members: 0,
            heap: 0,
            bytes_max: BATCH_BYTES_MAX,
        }
    }
}

fn element(ty: DataType) -> FieldRef {
    Arc::new(Field::new_list_field(ty, true))
}

#[derive(Debug)]
pub(super) struct Sets {
    what: SetOf,
    /// The values of all groups.
    values: Interner,
    groups: Vec<Members>,
    /// How many members the groups have together.
    members: usize,
    /// Memory of the groups' contents.
    heap: usize,
    /// Memory that the elements of one batch may take, see [`BATCH_BYTES_MAX`].
    bytes_max: usize,
}

/// Elements of arrays between two looks at the memory they take.
const ELEMENTS_UNSEEN: usize = 1 << 12;

/// Values that no group has any more are kept until they are this many times those that groups have.
const UNUSED_MAX: usize = 4;

impl Sets {
    /// Without an order any of the values may be kept; with one, only the end knows which are first.
    #[inline]
    fn has_all_it_may(&self, group: usize) -> bool {
        !self.what.ordered && self.what.give == Give::Set && self.groups[group].len() >= self.what.max
    }

    #[inline]
    fn add(&mut self, group: usize, id: u32, row: i64) {
        let members = &mut self.groups[group];
        let before = members.heap_bytes();
        let is_new = if self.what.ordered { members.insert_row(id, row) } else { members.insert(id) };
        if is_new {
            self.members += 1;
            self.heap += members.heap_bytes();
            self.heap -= before.min(self.heap);
        }
    }

    fn add_texts(
        &mut self,
        texts: &StringViewArray,
        places: impl Iterator<Item = (usize, usize, i64)>,
    ) -> Result<()> {
        let mut batch = Batch { held_before: self.held(), elements: 0 };
        // Values of clustered files often follow themselves. Equal views of one array are equal texts.
        let mut last = None;
        for (at, group, row) in places {
            let view = texts.views()[at];
            if (!self.what.ordered && last == Some((group, view)))
                || texts.is_null(at)
                || self.has_all_it_may(group)
            {
                continue;
            }
            last = Some((group, view));
            if self.what.of == KqlType::Dynamic {
                self.add_dynamic(group, texts.value(at), row, &mut batch)?;
            } else {
                let id = self.values.view(view, || texts.value(at).as_bytes());
                self.add(group, id, row);
            }
        }
        Ok(())
    }

    fn add_bits(&mut self, bits: &Int64Array, places: impl Iterator<Item = (usize, usize, i64)>) {
        let mut last = None;
        for (at, group, row) in places {
            let value = bits.value(at);
            if (!self.what.ordered && last == Some((group, value)))
                || bits.is_null(at)
                || self.has_all_it_may(group)
            {
                continue;
            }
            last = Some((group, value));
            let id = self.values.bits(value);
            self.add(group, id, row);
        }
    }

    /// Sets take the elements of an array, not the array: who wants a set of arrays packs each into another one.
    /// A few rows can have billions, and the query's own limit is asked between batches only.
    fn add_dynamic(&mut self, group: usize, json: &str, row: i64, batch: &mut Batch) -> Result<()> {
        if !json.starts_with('[') {
            let id = self.values.text(json);
            self.add(group, id, row);
            return Ok(());
        }
        for element in nesting::array(json).map_while(Result::ok) {
            batch.elements += 1;
            let is_time = batch.elements.is_multiple_of(ELEMENTS_UNSEEN);
            if is_time && self.held().saturating_sub(batch.held_before) > self.bytes_max {
                return Err(gathers_too_much(self.what.name()));
            }
            if element.as_raw_str() != NULL_TEXT && !self.has_all_it_may(group) {
                let id = self.values.text(element.as_raw_str());
                self.add(group, id, row);
            }
        }
        Ok(())
    }

    /// Memory of all values and of the groups' contents.
    fn held(&self) -> usize {
        self.heap + self.values.heap_bytes()
    }

    fn take(&mut self, emit: EmitTo) -> Vec<Members> {
        let taken = emit.take_needed(&mut self.groups);
        self.heap = self.heap.saturating_sub(taken.iter().map(Members::heap_bytes).sum());
        self.members = self.members.saturating_sub(taken.iter().map(Members::len).sum());
        taken
    }

    /// Forgets values that only groups had that were taken away, when those are most of them.
    fn forget_unused(&mut self) -> Result<()> {
        if self.values.len() <= self.members.saturating_mul(UNUSED_MAX) {
            return Ok(());
        }
        let mut old = std::mem::replace(&mut self.values, Interner::new(is_text(self.what.of)));
        if self.members == 0 {
            return Ok(());
        }
        let old = old.array()?;
        let groups = std::mem::take(&mut self.groups);
        (self.members, self.heap) = (0, 0);
        self.groups.resize_with(groups.len(), Members::default);
        for (group, members) in groups.into_iter().enumerate() {
            let rows = members.rows();
            let places = members.ids().iter().enumerate();
            let places =
                places.map(|(at, id)| (*id as usize, group, rows.get(at).copied().unwrap_or_default()));
            self.add_stored(&old, places);
        }
        Ok(())
    }

    /// Adds values that are as a partial result has them: dynamics without arrays, numbers by their bits.
    fn add_stored(&mut self, values: &ArrayRef, places: impl Iterator<Item = (usize, usize, i64)>) {
        for (at, group, row) in places {
            if !self.has_all_it_may(group) {
                let id = match values.as_string_view_opt() {
                    Some(texts) => self.values.view(texts.views()[at], || texts.value(at).as_bytes()),
                    None => self.values.bits(values.as_primitive::<Int64Type>().value(at)),
                };
                self.add(group, id, row);
            }
        }
    }

    /// The sets as JSON texts.
    fn texts(&mut self, sets: &[Members]) -> Result<ArrayRef> {
        let values = self.values.array()?;
        let mut texts = StringViewBuilder::with_capacity(sets.len());
        let mut json = String::new();
        for set in sets {
            json.clear();
            json.push('[');
            for (place, id) in set.in_order().into_iter().take(self.what.max).enumerate() {
                if place > 0 {
                    json.push(',');
                }
                match Raw::of(&values, id as usize) {
                    Raw::Text(text) if self.what.of == KqlType::Dynamic => json.push_str(text),
                    raw => push_json(&mut json, &raw.value(self.what.of)),
                }
            }
            json.push(']');
            texts.append_value(&json);
        }
        Ok(Arc::new(texts.finish()))
    }
}

/// A batch of rows that is being added.
struct Batch {
    /// Memory held before it.
    held_before: usize,
    /// Elements of arrays that were looked at.
    elements: usize,
}

impl Grouped for Sets {
    fn grow(&mut self, groups: usize) {
        self.groups.resize_with(groups, Members::default);
    }

    fn update(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        let numbers = values.get(1).map(|numbers| numbers.as_primitive::<Int64Type>());
        let number = |at: usize| numbers.map_or(0, |numbers| numbers.value(at));
        let places = rows.iter().map(|(at, group)| (at, group, number(at)));
        match values[0].as_string_view_opt() {
            Some(texts) => self.add_texts(texts, places)?,
            None => self.add_bits(&bits(&values[0]), places),
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let values = states[0].as_list::<i32>();
        let rows = states.get(1).map(|rows| rows.as_list::<i32>());
        for (state, group) in groups.iter().enumerate().filter(|(state, _)| values.is_valid(*state)) {
            let ends = values.value_offsets();
            let (from, to) = (ends[state] as usize, ends[state + 1] as usize);
            let numbers = rows.map(|rows| {
                let from = rows.value_offsets()[state] as usize;
                &rows.values().as_primitive::<Int64Type>().values()[from..]
            });
            let number = |at: usize| numbers.map_or(0, |numbers| numbers[at - from]);
            self.add_stored(values.values(), (from..to).map(|at| (at, *group, number(at))));
        }
        Ok(())
    }

    fn results(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let taken = self.take(emit);
        let results = match self.what.give {
            Give::Size => Arc::new(Int64Array::from_iter_values(taken.iter().map(|set| set.len() as i64))),
            Give::Set => self.texts(&taken)?,
        };
        self.forget_unused()?;
        Ok(results)
    }

    fn states(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let taken = self.take(emit);
        let ids: UInt32Array = taken.iter().flat_map(|set| set.ids()).copied().collect::<Vec<u32>>().into();
        let values = take(&self.values.array()?, &ids, None)?;
        let ends = OffsetBuffer::from_lengths(taken.iter().map(Members::len));
        let mut parts = vec![values];
        if self.what.ordered {
            let rows = taken.iter().flat_map(|set| set.rows()).copied().collect::<Vec<i64>>();
            parts.push(Arc::new(Int64Array::from(rows)));
        }
        let states = parts.into_iter().map(|part| {
            let list = ListArray::try_new(element(part.data_type().clone()), ends.clone(), part, None)?;
            Ok(Arc::new(list) as ArrayRef)
        });
        let states = states.collect::<Result<_>>()?;
        self.forget_unused()?;
        Ok(states)
    }

    fn bytes(&self) -> usize {
        self.held() + self.groups.capacity() * size_of::<Members>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As DataFusion gives a batch: one row with an array of so many elements, no two alike.
    fn added(elements: usize, bytes_max: usize) -> Result<()> {
        let what = SetOf { of: KqlType::Dynamic, give: Give::Set, max: usize::MAX, ordered: false };
        let mut sets = Sets { bytes_max, ..what.start() };
        sets.grow(1);
        let json = format!("[{}]", (0..elements).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        let texts = StringViewArray::from_iter_values([json]);
        sets.add_texts(&texts, std::iter::once((0, 0, 0)))?;
        assert_eq!(sets.groups[0].len(), elements);
        Ok(())
    }

    #[test]
    fn one_batch_of_arrays_does_not_take_all_memory() {
        assert!(added(20_000, BATCH_BYTES_MAX).is_ok());
        let error = added(20_000, 200_000).unwrap_err().to_string();
        assert!(error.contains("`make_set` gathers more than"), "{error}");
        // what was held before the batch is not the batch's
        let what = SetOf { of: KqlType::Dynamic, give: Give::Set, max: usize::MAX, ordered: false };
        let mut sets = Sets { bytes_max: 4_000_000, ..what.start() };
        sets.grow(1);
        for batch in 0..8_usize {
            let numbers = (0..10_000).map(|n| (batch * 10_000 + n).to_string()).collect::<Vec<_>>().join(",");
            let texts = StringViewArray::from_iter_values([format!("[{numbers}]")]);
            sets.add_texts(&texts, std::iter::once((0, 0, 0))).unwrap();
        }
        assert_eq!(sets.groups[0].len(), 80_000);
        assert!(sets.held() > 4_000_000, "so little that nothing was tried");
    }
}
