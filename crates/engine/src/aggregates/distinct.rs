//! `dcount`, `hll` and `hll_merge`: distinct values by HyperLogLog.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, LargeBinaryArray, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int32Type, Int64Type};
use bartizan_analytics::sketch::{Hll, hash_bytes, hash_padded, hash_u64};
use bartizan_schema::KqlType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::EmitTo;

use super::grouped::{Definition, Grouped, Rows};
use crate::functions::sketch;
use crate::types::arrow_type;

/// Hashes of a run that are gathered before they are added.
const HASHES_AT_ONCE: usize = 64;

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
        // sets of registers: two gigabytes are soon together
        vec![DataType::LargeBinary]
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
    /// Memory of the contents of sets.
    heap: usize,
}

impl Sets {
    #[inline]
    fn insert(&mut self, group: usize, hash: u64) {
        if !self.sets[group].as_mut().is_some_and(|set| set.insert_quickly(hash)) {
            self.insert_many(group, &[hash]);
        }
    }

    /// Adds hashes of one group, and notes what memory that takes.
    fn insert_many(&mut self, group: usize, hashes: &[u64]) {
        let accuracy = self.definition.accuracy;
        let set = &mut self.sets[group];
        if set.is_none() {
            *set = Hll::with_accuracy(accuracy);
        }
        if let Some(set) = set {
            let before = set.heap_bytes();
            set.insert_many(hashes);
            self.heap = (self.heap + set.heap_bytes()).saturating_sub(before);
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
        let mut taken = emit.take_needed(&mut self.sets);
        let held = taken.iter().flatten().map(Hll::heap_bytes).sum::<usize>();
        self.heap = self.heap.saturating_sub(held);
        taken.iter_mut().flatten().for_each(Hll::settle);
        taken
    }

    /// Inserts the hashes of a column's values. A value that follows itself, as values of clustered files
    /// do, is not inserted again. Rows of one group come in runs there too, and its set is looked up once for many.
    #[inline]
    fn insert_all<T: PartialEq + Copy>(
        &mut self,
        nulls: Option<&NullBuffer>,
        rows: &Rows<'_>,
        value: impl Fn(usize) -> T,
        hash: impl Fn(usize, T) -> u64,
    ) {
        let mut hashes = [0; HASHES_AT_ONCE];
        for (group, run) in rows.runs() {
            let (mut last, mut filled) = (None, 0);
            for row in run {
                if nulls.is_some_and(|nulls| nulls.is_null(row)) || !rows.counts(row) {
                    continue;
                }
                let value = value(row);
                if last == Some(value) {
                    continue;
                }
                last = Some(value);
                hashes[filled] = hash(row, value);
                filled += 1;
                if filled == HASHES_AT_ONCE {
                    self.insert_many(group, &hashes);
                    filled = 0;
                }
            }
            match &hashes[..filled] {
                [] => {}
                [one] => self.insert(group, *one),
                many => self.insert_many(group, many),
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
        self.insert_all(values.nulls(), rows, |row| bits(values.value(row)), |_, bits| hash_u64(bits));
    }

    /// Equal views of one array are equal texts, so only views are compared. Short texts are inside theirs.
    fn insert_texts(&mut self, texts: &StringViewArray, rows: &Rows<'_>) {
        let views = texts.views();
        let hash = |row: usize, view: u128| match view as u32 {
            length @ 1..=12 => hash_padded(view >> 32, length),
            _ => hash_bytes(texts.value(row).as_bytes()),
        };
        self.insert_all(texts.nulls(), rows, |row| views[row], hash);
    }

    fn insert_bools(&mut self, values: &BooleanArray, rows: &Rows<'_>) {
        let value = |row| u64::from(values.value(row));
        self.insert_all(values.nulls(), rows, value, |_, value| hash_u64(value));
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
            DataType::Boolean => self.insert_bools(column.as_boolean(), rows),
            _ => self.insert_texts(column.as_string_view(), rows),
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let unreadable = || DataFusionError::Internal("a partial `dcount` cannot be read".to_owned());
        let states = states[0].as_binary::<i64>();
        for (row, group) in groups.iter().enumerate().filter(|(row, _)| states.is_valid(*row)) {
            let bytes = states.value(row);
            match &mut self.sets[*group] {
                Some(set) => {
                    let before = set.heap_bytes();
                    set.merge_quick(bytes).ok_or_else(unreadable)?;
                    self.heap = (self.heap + set.heap_bytes()).saturating_sub(before);
                }
                empty => {
                    let set = Hll::from_bytes(bytes).ok_or_else(unreadable)?;
                    self.heap += set.heap_bytes();
                    *empty = Some(set);
                }
            }
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
        let sets = self.take(emit);
        let lengths = sets.iter().map(|set| set.as_ref().map_or(0, Hll::quick_bytes));
        let ends = OffsetBuffer::<i64>::from_lengths(lengths);
        let mut bytes = Vec::with_capacity(ends.last().map_or(0, |end| *end as usize));
        let filled: NullBuffer = sets.iter().map(Option::is_some).collect::<Vec<bool>>().into();
        for set in sets.into_iter().flatten() {
            set.write_quick(&mut bytes);
        }
        Ok(vec![Arc::new(LargeBinaryArray::try_new(ends, Buffer::from_vec(bytes), Some(filled))?)])
    }

    fn bytes(&self) -> usize {
        self.heap + self.sets.capacity() * size_of::<Option<Hll>>()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::GroupsAccumulator as _;

    use super::*;
    use crate::aggregates::grouped::Many;

    /// Thousands of values that many groups have, in batches whose texts are at other places each.
    #[test]
    fn a_value_counts_once_however_often_it_comes() {
        const GROUPS: usize = 5;
        const VALUES: usize = 3_000;
        let text =
            |at: usize| if at.is_multiple_of(3) { format!("v{at}") } else { format!("CORP\\user{at:08}") };
        let definition = |ty| Distinct { from: From::Values(ty), give: Give::Count, accuracy: 1 };
        let mut texts = Many::new(definition(KqlType::String));
        let mut longs = Many::new(definition(KqlType::Long));
        let mut wanted: Vec<[Hll; 2]> =
            (0..GROUPS).map(|_| [Hll::with_accuracy(1).unwrap(), Hll::with_accuracy(1).unwrap()]).collect();
        for batch in 0..60 {
            let at: Vec<usize> =
                (0..1_000).map(|row| (batch * 397 + row * 7) % (VALUES + batch * 20)).collect();
            let groups: Vec<usize> = (0..at.len()).map(|row| row / 100 % GROUPS).collect();
            for (at, group) in at.iter().zip(&groups) {
                wanted[*group][0].insert(hash_bytes(text(*at).as_bytes()));
                wanted[*group][1].insert(hash_u64(*at as u64));
            }
            let column: ArrayRef = Arc::new(StringViewArray::from_iter_values(at.iter().map(|at| text(*at))));
            texts.update_batch(&[column], &groups, None, GROUPS).unwrap();
            let column: ArrayRef = Arc::new(at.iter().map(|at| Some(*at as i64)).collect::<Int64Array>());
            longs.update_batch(&[column], &groups, None, GROUPS).unwrap();
        }
        for (kind, counted) in [texts, longs].iter_mut().enumerate() {
            assert!(counted.size() > GROUPS << 14, "registers are memory");
            let got = counted.evaluate(EmitTo::All).unwrap();
            for (group, wanted) in wanted.iter().enumerate() {
                assert!(wanted[kind].has_registers());
                let got = got.as_primitive::<Int64Type>().value(group);
                assert_eq!(got as u64, wanted[kind].count(), "{kind} {group}");
            }
        }
    }
}
