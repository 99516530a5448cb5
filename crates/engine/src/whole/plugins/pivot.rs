//! `evaluate pivot(…)`: spreads rows of keys, name and value to one row per keys.
//!
//! The first input is grouped already: its last two columns are the value that names a column, as text, and
//! the aggregate. The second has one row, the aggregate over nothing, which fills the other cells.

use std::collections::{BTreeSet, HashMap};

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use bartizan_kql::bound::ColumnSchema;
use bartizan_schema::KqlType;
use datafusion::error::DataFusionError;

use super::super::{Rows, Task};
use super::{COLUMNS_MAX, ROWS_PER_CHECK, too_many_columns};
use crate::error::QueryError;
use crate::functions::convert::{convert, text};
use crate::value::{ColumnBuilder, Reader, Value};

/// A column for each distinct value, in their order.
pub(super) fn learn(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ColumnSchema>, QueryError> {
    let grouped = &inputs[0];
    let names = names(grouped, task)?;
    let ty = grouped.columns.last().map_or(KqlType::Long, |column| column.ty);
    let keys = grouped.columns.len().saturating_sub(2);
    let mut columns: Vec<ColumnSchema> = names.into_values().map(|name| ColumnSchema { name, ty }).collect();
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    if keys + columns.len() > COLUMNS_MAX {
        return Err(too_many_columns("pivot"));
    }
    Ok(columns)
}

pub(super) fn run(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let grouped = &inputs[0];
    let key_count = grouped.columns.len().saturating_sub(2);
    let names = names(grouped, task)?;
    let turned = grouped.reader(key_count)?;
    let (lines, firsts) = lines(grouped, key_count, task)?;
    let mut arrays = Vec::with_capacity(task.whole.columns.len());
    let firsts = UInt32Array::from(firsts);
    let mut spread: HashMap<&str, usize> = HashMap::new();
    let mut cells = Vec::new();
    for (at, column) in task.whole.columns.iter().enumerate() {
        match grouped.columns[..key_count].iter().position(|key| key.name == column.name) {
            Some(key) => {
                let array = take(grouped.batch.column(key), &firsts, None).map_err(DataFusionError::from)?;
                arrays.push(converted(array, grouped.columns[key].ty, column.ty)?);
            }
            None => {
                spread.insert(column.name.as_str(), cells.len());
                cells.push(at);
                arrays.push(ColumnBuilder::new(column.ty, 0).finish());
            }
        }
    }
    // where each cell's value is, `NONE` for none
    task.hold(cells.len().saturating_mul(firsts.len()).saturating_mul(size_of::<u32>() + CELL_BYTES))?;
    let mut found = vec![vec![NONE; firsts.len()]; cells.len()];
    for (row, line) in lines.iter().enumerate() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
        }
        let value = text(turned.get(row));
        if let Some(at) = names.get(value.as_ref()).and_then(|name| spread.get(name.as_str())) {
            found[*at][*line as usize] = row as u32;
        }
    }
    let values = grouped.reader(key_count + 1)?;
    let nothing = inputs.get(1).filter(|rows| rows.len() > 0).map(|rows| rows.reader(0)).transpose()?;
    for (rows, at) in found.iter().zip(cells) {
        task.interrupt().check()?;
        arrays[at] = cell_column(rows, &values, nothing.as_ref(), task.whole.columns[at].ty);
    }
    Ok(arrays)
}

const NONE: u32 = u32::MAX;
/// What a cell takes in an array, about.
const CELL_BYTES: usize = 16;

fn cell_column(rows: &[u32], values: &Reader, nothing: Option<&Reader>, ty: KqlType) -> ArrayRef {
    let mut builder = ColumnBuilder::new(ty, rows.len());
    for row in rows {
        let value = match (*row, nothing) {
            (NONE, Some(nothing)) => nothing.get(0),
            (NONE, None) => Value::Null,
            (row, _) => values.get(row as usize),
        };
        builder.push(if value.is_null() { value } else { convert(value, ty) });
    }
    builder.finish()
}

fn converted(array: ArrayRef, from: KqlType, to: KqlType) -> Result<ArrayRef, QueryError> {
    if from == to {
        return Ok(array);
    }
    let reader = Reader::new(&array, from, false)?;
    let mut builder = ColumnBuilder::new(to, array.len());
    (0..array.len()).for_each(|row| builder.push(convert(reader.get(row), to)));
    Ok(builder.finish())
}

/// The column name of each value: itself, with a number where a key is called so. Empty text names
/// `Column1`, as an expression without a name does.
fn names(grouped: &Rows, task: &Task<'_>) -> Result<HashMap<String, String>, QueryError> {
    let key_count = grouped.columns.len().saturating_sub(2);
    let turned = grouped.reader(key_count)?;
    let mut distinct = BTreeSet::new();
    for row in 0..grouped.len() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
        }
        let value = turned.get(row);
        let value = text(value);
        if !distinct.contains(value.as_ref()) {
            if distinct.len() >= COLUMNS_MAX {
                return Err(too_many_columns("pivot"));
            }
            distinct.insert(value.into_owned());
        }
    }
    let mut taken: BTreeSet<String> =
        grouped.columns[..key_count].iter().map(|column| column.name.clone()).collect();
    let mut names = HashMap::new();
    for value in distinct {
        let base = if value.is_empty() { "Column1" } else { value.as_str() };
        let mut name = base.to_owned();
        let mut number = 0_usize;
        while !taken.insert(name.clone()) {
            number += 1;
            name = format!("{base}{number}");
        }
        names.insert(value, name);
    }
    Ok(names)
}

/// The output row of each input row, and the first input row of each output row: rows with equal keys are
/// one row, in the order of their first.
fn lines(grouped: &Rows, key_count: usize, task: &Task<'_>) -> Result<(Vec<u32>, Vec<u32>), QueryError> {
    let readers = (0..key_count).map(|at| grouped.reader(at)).collect::<Result<Vec<_>, _>>()?;
    let mut by_key: HashMap<Vec<u8>, u32> = HashMap::new();
    let (mut lines, mut firsts) = (Vec::with_capacity(grouped.len()), Vec::new());
    let mut key = Vec::new();
    for row in 0..grouped.len() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
        }
        key.clear();
        for reader in &readers {
            push_key(&reader.get(row), &mut key);
        }
        let line = match by_key.get(&key) {
            Some(line) => *line,
            None => {
                let line = firsts.len() as u32;
                task.hold(key.len() + KEY_BYTES)?;
                by_key.insert(key.clone(), line);
                firsts.push(row as u32);
                line
            }
        };
        lines.push(line);
    }
    Ok((lines, firsts))
}

/// What a key takes in the map besides its bytes, about.
const KEY_BYTES: usize = 64;

/// Bytes that are equal for equal values: a mark, and the text with its length.
pub(super) fn push_key(value: &Value<'_>, into: &mut Vec<u8>) {
    let number = |bytes: [u8; 8], into: &mut Vec<u8>| {
        into.push(1);
        into.extend_from_slice(&bytes);
    };
    match value {
        Value::Null => into.push(0),
        Value::Bool(value) => number(i64::from(*value).to_le_bytes(), into),
        Value::Int(value) => number(i64::from(*value).to_le_bytes(), into),
        Value::Long(value) | Value::DateTime(value) | Value::TimeSpan(value) => {
            number(value.to_le_bytes(), into);
        }
        Value::Real(value) => number(value.to_le_bytes(), into),
        Value::String(text) | Value::Guid(text) | Value::Dynamic(text) | Value::Decimal(text) => {
            into.push(2);
            into.extend_from_slice(&(text.len() as u64).to_le_bytes());
            into.extend_from_slice(text.as_bytes());
        }
    }
}
