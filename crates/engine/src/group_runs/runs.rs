//! Where the keys of a batch change from one row to the next.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int32Type, Int64Type};

/// Rows that a run has at least, on average, for it to pay to look for runs.
const LENGTH_MIN: usize = 4;
/// Batches that are not looked at after one without runs.
const REST: usize = 15;

/// Whether runs of a type can be found: what KQL's types are stored as.
pub(super) fn comparable(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Int64 | DataType::Int32 | DataType::Float64 | DataType::Boolean | DataType::Utf8View
    )
}

/// The runs of the batch at hand.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// The first row of each run.
    starts: Vec<u32>,
    /// For each row, whether it differs from the one before.
    changes: Vec<bool>,
    /// Batches that are still to be passed over.
    resting: usize,
}

impl Runs {
    /// The first rows of the runs of rows with equal keys; `None` when they are too short to be of use. Two
    /// runs next to each other may have equal keys all the same.
    pub(super) fn find(&mut self, keys: &[ArrayRef]) -> Option<&[u32]> {
        if self.resting > 0 {
            self.resting -= 1;
            return None;
        }
        let rows = keys.first().map_or(0, |key| key.len());
        self.changes.clear();
        self.changes.resize(rows, false);
        for key in keys {
            note_changes(key, &mut self.changes);
        }
        self.starts.clear();
        self.starts.push(0);
        let changed = self.changes.iter().enumerate().skip(1).filter(|(_, changed)| **changed);
        self.starts.extend(changed.map(|(row, _)| row as u32));
        if self.starts.len() * LENGTH_MIN > rows {
            self.resting = REST;
            return None;
        }
        Some(&self.starts)
    }

    pub(super) fn bytes(&self) -> usize {
        self.starts.capacity() * size_of::<u32>() + self.changes.capacity()
    }
}

/// Marks the rows whose key is not the same as that of the row before, bit for bit: what looks different and is
/// equal only ends a run early.
fn note_changes(key: &ArrayRef, changes: &mut [bool]) {
    match key.data_type() {
        DataType::Int64 => note_numbers::<Int64Type>(key, changes, |a, b| a == b),
        DataType::Int32 => note_numbers::<Int32Type>(key, changes, |a, b| a == b),
        DataType::Float64 => {
            note_numbers::<Float64Type>(key, changes, |a, b| a.to_bits() == b.to_bits());
        }
        DataType::Boolean => {
            let values = key.as_boolean().values();
            note(changes, |row| values.value(row - 1) != values.value(row));
        }
        DataType::Utf8View => {
            // equal views of one array are equal texts
            let views = key.as_string_view().views();
            note_pairs(views, changes, |a, b| a == b);
        }
        _ => changes.fill(true),
    }
    if let Some(nulls) = key.nulls().filter(|nulls| nulls.null_count() > 0) {
        note(changes, |row| nulls.is_null(row - 1) != nulls.is_null(row));
    }
}

fn note_numbers<T: ArrowPrimitiveType>(
    key: &ArrayRef,
    changes: &mut [bool],
    same: impl Fn(T::Native, T::Native) -> bool,
) {
    note_pairs(key.as_primitive::<T>().values(), changes, same);
}

fn note_pairs<T: Copy>(values: &[T], changes: &mut [bool], same: impl Fn(T, T) -> bool) {
    for (change, pair) in changes.iter_mut().skip(1).zip(values.windows(2)) {
        *change |= !same(pair[0], pair[1]);
    }
}

fn note(changes: &mut [bool], changed: impl Fn(usize) -> bool) {
    for (row, change) in changes.iter_mut().enumerate().skip(1) {
        *change |= changed(row);
    }
}
