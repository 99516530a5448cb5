//! `dcount`, `hll` and `hll_merge`: distinct values by HyperLogLog.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, Int64Array, StringViewArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int32Type, Int64Type};
use bartizan_analytics::sketch::{Hll, hash_bytes, hash_u64};
use bartizan_schema::KqlType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::EmitTo;

use super::grouped::{Definition, Grouped, Rows};
use crate::functions::sketch;
use crate::types::arrow_type;

/// What the column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum From {
    Values(KqlType),
    /// Sketches, as dynamics.
    Sketches,
}

/// What is wanted of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Give {
    Count,
    Sketch,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Distinct {
    pub from: From,
    pub give: Give,
    /// KQL's accuracy level.
    pub accuracy: usize,
}

impl Definition for Distinct {
    type Groups = Sets;

    fn name(&self) -> &'static str {
        match (self.from, self.give) {
            (From::Values(_), Give::Count) => "dcount",
            (From::Values(_), Give::Sketch) => "hll",
            (From::Sketches, _) => "hll_merge",
        }
    }

    fn arguments(&self) -> Vec<DataType> {
        match self.from {
            From::Values(ty) => vec![arrow_type(ty)],
            From::Sketches => vec![arrow_type(KqlType::Dynamic)],
        }
    }

    fn result(&self) -> DataType {
        match self.give {
            Give::Count => DataType::Int64,
            Give::Sketch => arrow_type(KqlType::Dynamic),
        }
    }

    fn state(&self) -> Vec<DataType> {
        vec![DataType::Binary]
    }

    fn start(&self) -> Sets {
        Sets { definition: self.clone(), sets: Vec::new(), heap: 0 }
    }
}

#[derive(Debug)]
pub(super) struct Sets {
    definition: Distinct,
    /// A merge takes the accuracy of what it merges, so its sets start with none.
    sets: Vec<Option<Hll>>,
    /// Memory of the sets' contents.
    heap: usize,
}

impl Sets {
    fn insert(&mut self, group: usize, hash: u64) {
        let accuracy = self.definition.accuracy;
        let set = &mut self.sets[group];
        if set.is_none() {
            *set = Hll::with_accuracy(accuracy);
        }
        if let Some(set) = set {
            let before = set.heap_bytes();
            if set.insert(hash) {
                self.heap = (self.heap + set.heap_bytes()).saturating_sub(before);
            }
        }
    }

    fn unite(&mut self, group: usize, other: Hll) {
        self.heap += other.heap_bytes();
        match &mut self.sets[group] {
            Some(set) => {
                let before = set.heap_bytes() + other.heap_bytes();
                set.merge(&other);
                self.heap = (self.heap + set.heap_bytes()).saturating_sub(before);
            }
            empty => *empty = Some(other),
        }
    }

    fn take(&mut self, emit: EmitTo) -> Vec<Option<Hll>> {
        let taken = emit.take_needed(&mut self.sets);
        let held: usize = taken.iter().flatten().map(Hll::heap_bytes).sum();
        self.heap = self.heap.saturating_sub(held);
        taken
    }

    /// Inserts the hashes of a column's values. A value that follows itself, as values of clustered files
    /// do, is not inserted again.
    fn insert_all<T: PartialEq + Copy>(
        &mut self,
        column: &dyn Array,
        rows: &Rows<'_>,
        value: impl Fn(usize) -> T,
        hash: impl Fn(T) -> u64,
    ) {
        let mut last = None;
        for (row, group) in rows.iter().filter(|(row, _)| column.is_valid(*row)) {
            let value = value(row);
            if last != Some((group, value)) {
                self.insert(group, hash(value));
                last = Some((group, value));
            }
        }
    }

    fn insert_numbers<T: ArrowPrimitiveType>(
        &mut self,
        column: &ArrayRef,
        rows: &Rows<'_>,
        bits: impl Fn(T::Native) -> u64,
    ) {
        let values = column.as_primitive::<T>();
        self.insert_all(values, rows, |row| bits(values.value(row)), hash_u64);
    }
}

impl Grouped for Sets {
    fn grow(&mut self, groups: usize) {
        self.sets.resize_with(groups, || None);
    }

    fn update(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        let column = &values[0];
        if self.definition.from == From::Sketches {
            let texts = column.as_string_view();
            for (row, group) in rows.iter().filter(|(row, _)| texts.is_valid(*row)) {
                if let Some(set) = sketch::read_hll(texts.value(row)) {
                    self.unite(group, set);
                }
            }
            return Ok(());
        }
        match column.data_type() {
            DataType::Int64 => self.insert_numbers::<Int64Type>(column, rows, |value| value as u64),
            DataType::Int32 => {
                self.insert_numbers::<Int32Type>(column, rows, |value| i64::from(value) as u64)
            }
            // The two zeros are equal.
            DataType::Float64 => {
                self.insert_numbers::<Float64Type>(column, rows, |value| (value + 0.0).to_bits())
            }
            DataType::Boolean => {
                let values = column.as_boolean();
                self.insert_all(values, rows, |row| u64::from(values.value(row)), hash_u64);
            }
            _ => {
                let texts = column.as_string_view();
                self.insert_all(texts, rows, |row| texts.value(row), |text| hash_bytes(text.as_bytes()));
            }
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let states = states[0].as_binary::<i32>();
        for (row, group) in groups.iter().enumerate().filter(|(row, _)| states.is_valid(*row)) {
            let set = Hll::from_bytes(states.value(row))
                .ok_or_else(|| DataFusionError::Internal("a partial `dcount` cannot be read".to_owned()))?;
            self.unite(*group, set);
        }
        Ok(())
    }

    fn results(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let give = self.definition.give;
        let accuracy = self.definition.accuracy;
        let sets = self.take(emit).into_iter();
        Ok(match give {
            Give::Count => {
                let count = |set: Option<Hll>| set.map_or(0, |set| set.count() as i64);
                Arc::new(sets.map(count).collect::<Int64Array>())
            }
            Give::Sketch => {
                let text = |set: Option<Hll>| {
                    set.or_else(|| Hll::with_accuracy(accuracy)).map(|set| sketch::write_hll(&set))
                };
                Arc::new(sets.map(text).collect::<StringViewArray>())
            }
        })
    }

    fn states(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let mut states = BinaryBuilder::new();
        for set in self.take(emit) {
            states.append_option(set.map(|set| set.to_quick_bytes()));
        }
        Ok(vec![Arc::new(states.finish())])
    }

    fn bytes(&self) -> usize {
        self.heap + self.sets.capacity() * size_of::<Option<Hll>>()
    }
}
