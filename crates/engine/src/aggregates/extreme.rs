//! `arg_max`, `arg_min`, `take_any`: one row of the group, whole.
//!
//! Each group remembers its best ordering value and where its row is. Rows are copied out of a batch only
//! for groups that improved in it, a batch at a time, so that a wide `arg_max(t, *)` costs little more
//! than `max(t)`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StructArray, UInt32Array, new_null_array};
use arrow::compute::{interleave, take};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int32Type, Int64Type};
use bartizan_schema::KqlType;
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;

use super::grouped::{Definition, Grouped, Rows};
use crate::types::arrow_type;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pick {
    Greatest,
    Least,
    /// Any row.
    Any,
    /// Any row whose first value is not empty, if there is one.
    AnyFilled,
}

/// The name of output `at` in the struct these aggregates return.
pub(super) fn field_name(at: usize) -> String {
    format!("f{at}")
}

/// The struct type with one field per output.
pub(super) fn fields(types: &[DataType]) -> Fields {
    types.iter().enumerate().map(|(at, ty)| Field::new(field_name(at), ty.clone(), true)).collect()
}

/// Arguments: the row's number, then the ordering value, then what else is returned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Extreme {
    pick: Pick,
    types: Vec<DataType>,
}

impl Extreme {
    pub(super) fn new(pick: Pick, types: &[KqlType]) -> Self {
        Self { pick, types: types.iter().map(|ty| arrow_type(*ty)).collect() }
    }
}

impl Definition for Extreme {
    type Groups = Best;

    fn name(&self) -> &'static str {
        match self.pick {
            Pick::Greatest => "arg_max",
            Pick::Least => "arg_min",
            Pick::Any | Pick::AnyFilled => "take_any",
        }
    }

    fn arguments(&self) -> Vec<DataType> {
        std::iter::once(DataType::Int64).chain(self.types.iter().cloned()).collect()
    }

    fn result(&self) -> DataType {
        DataType::Struct(fields(&self.types))
    }

    fn state(&self) -> Vec<DataType> {
        self.arguments()
    }

    fn start(&self) -> Best {
        Best {
            pick: self.pick,
            types: self.types.clone(),
            groups: Vec::new(),
            chunks: Chunks::default(),
            text_bytes: 0,
        }
    }
}

/// An ordering value, comparable within its column.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Key {
    Number(i64),
    Text(Box<str>),
}

/// The best row of a group so far.
#[derive(Clone, Debug)]
struct Found {
    /// `None` when it is null: such a row is kept until there is a better one.
    key: Option<Key>,
    number: i64,
    chunk: u32,
    row: u32,
}

/// Rows that were copied out of batches: in each chunk one array per output.
#[derive(Debug, Default)]
struct Chunks {
    arrays: Vec<Vec<ArrayRef>>,
    rows: usize,
    bytes: usize,
}

impl Chunks {
    fn push(&mut self, columns: Vec<ArrayRef>) {
        self.rows += columns.first().map_or(0, |column| column.len());
        self.bytes += columns.iter().map(|column| column.get_array_memory_size()).sum::<usize>();
        self.arrays.push(columns);
    }

    /// The rows at `places` (chunk and row), `None` giving null.
    fn gather(&self, types: &[DataType], places: &[Option<(u32, u32)>]) -> Result<Vec<ArrayRef>> {
        let absent = self.arrays.len();
        let indices: Vec<(usize, usize)> = places
            .iter()
            .map(|place| place.map_or((absent, 0), |(chunk, row)| (chunk as usize, row as usize)))
            .collect();
        types
            .iter()
            .enumerate()
            .map(|(at, ty)| {
                let null = new_null_array(ty, 1);
                let mut parts: Vec<&dyn Array> = self.arrays.iter().map(|chunk| chunk[at].as_ref()).collect();
                parts.push(&null);
                Ok(compact(interleave(&parts, &indices)?))
            })
            .collect()
    }
}

/// Text views without the buffers they do not need any more.
fn compact(array: ArrayRef) -> ArrayRef {
    match array.as_string_view_opt() {
        Some(views) => Arc::new(views.gc()),
        None => array,
    }
}

#[derive(Debug)]
pub(super) struct Best {
    pick: Pick,
    types: Vec<DataType>,
    groups: Vec<Option<Found>>,
    chunks: Chunks,
    text_bytes: usize,
}

/// Chunks are made one when this many rows, or twice as many as there are groups, are held.
const COMPACT_FROM_ROWS: usize = 8192;

impl Best {
    /// Whether a value beats the one that is kept. Nulls lose; equal values keep the earlier row.
    fn beats(&self, new: Option<&KeyRef<'_>>, old: &Found, number: i64) -> bool {
        let earlier = number < old.number;
        match (new, &old.key) {
            (None, Some(_)) => false,
            (Some(_), None) => true,
            (None, None) => earlier,
            (Some(new), Some(old)) => match (self.pick, new.compare(old)) {
                (Pick::Greatest, std::cmp::Ordering::Greater) | (Pick::Least, std::cmp::Ordering::Less) => {
                    true
                }
                (Pick::Any | Pick::AnyFilled, _) | (_, std::cmp::Ordering::Equal) => earlier,
                _ => false,
            },
        }
    }

    /// Offers rows: the first column has their numbers (null for no row at all), the others the outputs.
    fn offer(&mut self, columns: &[ArrayRef], rows: impl Iterator<Item = (usize, usize)>) -> Result<()> {
        let numbers = columns[0].as_primitive::<Int64Type>();
        let keys = Keys::of(self.pick, &columns[1]);
        let chunk = u32::try_from(self.chunks.arrays.len()).unwrap_or(u32::MAX);
        let mut improved = Vec::new();
        for (row, group) in BestOfRuns::new(self.pick, numbers, &keys, rows) {
            if numbers.is_null(row) {
                continue;
            }
            let number = numbers.value(row);
            let key = keys.get(row);
            if let Some(old) = &self.groups[group] {
                if !self.beats(key.as_ref(), old, number) {
                    continue;
                }
                if old.chunk != chunk {
                    improved.push(group);
                }
                self.text_bytes = self.text_bytes.saturating_sub(old.text_bytes());
            } else {
                improved.push(group);
            }
            let found = Found { key: key.map(|key| key.owned()), number, chunk, row: row as u32 };
            self.text_bytes += found.text_bytes();
            self.groups[group] = Some(found);
        }
        if improved.is_empty() {
            return Ok(());
        }
        let mut picked = Vec::with_capacity(improved.len());
        for group in improved {
            if let Some(found) = &mut self.groups[group] {
                picked.push(found.row);
                found.row = (picked.len() - 1) as u32;
            }
        }
        let picked = UInt32Array::from(picked);
        let copied = columns[1..].iter().map(|column| Ok(compact(take(column, &picked, None)?)));
        self.chunks.push(copied.collect::<Result<_>>()?);
        if self.chunks.rows > COMPACT_FROM_ROWS.max(2 * self.groups.len()) {
            self.compact()?;
        }
        Ok(())
    }

    fn compact(&mut self) -> Result<()> {
        let places: Vec<_> =
            self.groups.iter().flatten().map(|found| Some((found.chunk, found.row))).collect();
        let columns = self.chunks.gather(&self.types, &places)?;
        self.chunks = Chunks::default();
        self.chunks.push(columns);
        for (at, found) in self.groups.iter_mut().flatten().enumerate() {
            (found.chunk, found.row) = (0, at as u32);
        }
        Ok(())
    }

    fn take(&mut self, emit: EmitTo) -> Result<(Int64Array, Vec<ArrayRef>)> {
        let taken = emit.take_needed(&mut self.groups);
        let numbers = taken.iter().map(|found| found.as_ref().map(|found| found.number)).collect();
        let places: Vec<_> =
            taken.iter().map(|found| found.as_ref().map(|found| (found.chunk, found.row))).collect();
        let columns = self.chunks.gather(&self.types, &places)?;
        self.text_bytes -= taken.iter().flatten().map(Found::text_bytes).sum::<usize>().min(self.text_bytes);
        if self.groups.is_empty() {
            self.chunks = Chunks::default();
        }
        Ok((numbers, columns))
    }
}

impl Grouped for Best {
    fn grow(&mut self, groups: usize) {
        self.groups.resize(groups, None);
    }

    fn update(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        self.offer(values, rows.iter())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        self.offer(states, groups.iter().copied().enumerate())
    }

    fn results(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (_, columns) = self.take(emit)?;
        Ok(Arc::new(StructArray::try_new(fields(&self.types), columns, None)?))
    }

    fn states(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let (numbers, columns) = self.take(emit)?;
        let numbers: ArrayRef = Arc::new(numbers);
        Ok(std::iter::once(numbers).chain(columns).collect())
    }

    fn bytes(&self) -> usize {
        self.chunks.bytes + self.text_bytes + self.groups.capacity() * size_of::<Option<Found>>()
    }
}

impl Found {
    fn text_bytes(&self) -> usize {
        match &self.key {
            Some(Key::Text(text)) => text.len(),
            _ => 0,
        }
    }
}

/// An ordering value in a batch.
enum KeyRef<'a> {
    Number(i64),
    Text(&'a str),
}

impl KeyRef<'_> {
    fn compare(&self, old: &Key) -> std::cmp::Ordering {
        match (self, old) {
            (Self::Number(new), Key::Number(old)) => new.cmp(old),
            (Self::Text(new), Key::Text(old)) => (*new).cmp(old),
            // One column has one type.
            _ => std::cmp::Ordering::Equal,
        }
    }

    fn owned(&self) -> Key {
        match self {
            Self::Number(number) => Key::Number(*number),
            Self::Text(text) => Key::Text((*text).into()),
        }
    }
}

/// Leaves one row of neighbours of the same group: the one that beats the others. Rows of clustered files come
/// in long runs of one group, in which each beats the one before.
struct BestOfRuns<'a, I: Iterator<Item = (usize, usize)>> {
    rows: std::iter::Peekable<I>,
    /// The ordering values and the numbers of rows, when they can be compared without looking further.
    plain: Option<(&'a [i64], &'a [i64])>,
    greatest: bool,
}

impl<'a, I: Iterator<Item = (usize, usize)>> BestOfRuns<'a, I> {
    fn new(pick: Pick, numbers: &'a Int64Array, keys: &Keys<'a>, rows: I) -> Self {
        let plain = match keys {
            Keys::Long(values) if values.null_count() == 0 && numbers.null_count() == 0 => {
                Some((values.values().as_ref(), numbers.values().as_ref()))
            }
            _ => None,
        };
        Self { rows: rows.peekable(), plain, greatest: pick == Pick::Greatest }
    }
}

impl<I: Iterator<Item = (usize, usize)>> Iterator for BestOfRuns<'_, I> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let (mut best, group) = self.rows.next()?;
        let Some((values, numbers)) = self.plain else { return Some((best, group)) };
        while let Some((row, _)) = self.rows.next_if(|(_, next)| *next == group) {
            let better = if self.greatest { values[row] > values[best] } else { values[row] < values[best] };
            let equal = values[row] == values[best];
            if better || (equal && numbers[row] < numbers[best]) {
                best = row;
            }
        }
        Some((best, group))
    }
}

/// The ordering column of a batch.
enum Keys<'a> {
    /// All rows are as good as each other.
    Alike,
    /// As good as each other, but for the empty ones.
    Filled(&'a ArrayRef),
    Long(&'a Int64Array),
    Other(&'a ArrayRef),
}

impl<'a> Keys<'a> {
    fn of(pick: Pick, column: &'a ArrayRef) -> Self {
        match (pick, column.as_primitive_opt::<Int64Type>()) {
            (Pick::Any, _) => Self::Alike,
            (Pick::AnyFilled, _) => Self::Filled(column),
            (_, Some(values)) => Self::Long(values),
            _ => Self::Other(column),
        }
    }

    fn get(&self, row: usize) -> Option<KeyRef<'a>> {
        match self {
            Self::Alike => Some(KeyRef::Number(0)),
            Self::Filled(column) => {
                let empty = column.is_null(row)
                    || column.as_string_view_opt().is_some_and(|texts| texts.value(row).is_empty());
                (!empty).then_some(KeyRef::Number(0))
            }
            Self::Long(values) => values.is_valid(row).then(|| KeyRef::Number(values.value(row))),
            Self::Other(column) if column.is_null(row) => None,
            Self::Other(column) => Some(match column.data_type() {
                DataType::Int32 => KeyRef::Number(i64::from(column.as_primitive::<Int32Type>().value(row))),
                DataType::Boolean => KeyRef::Number(i64::from(column.as_boolean().value(row))),
                DataType::Float64 => {
                    // The order of floats, as an integer: negative ones count backwards.
                    let bits = column.as_primitive::<Float64Type>().value(row).to_bits() as i64;
                    KeyRef::Number(bits ^ (((bits >> 63) as u64) >> 1) as i64)
                }
                _ => KeyRef::Text(column.as_string_view().value(row)),
            }),
        }
    }
}
