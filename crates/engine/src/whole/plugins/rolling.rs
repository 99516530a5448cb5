//! `evaluate rolling_percentile(…)`: nearest rank over the bins up to each bin.

use arrow::array::ArrayRef;
use bartizan_analytics::activity::{Bins, Row, rolling};
use bartizan_kql::bound::Literal;

use super::super::{Rows, Task};
use super::timeline::{Timeline, number, on};
use crate::error::QueryError;
use crate::value::{Reader, Value};

/// Values are looked at in the order of this key, which keeps the order of the values themselves.
fn rank_key(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Real(value) => Some(*value).filter(|value| !value.is_nan()),
        Value::Int(value) => Some(f64::from(*value)),
        Value::Long(value) | Value::DateTime(value) | Value::TimeSpan(value) => Some(*value as f64),
        Value::Decimal(text) => text.parse().ok(),
        _ => None,
    }
}

pub(super) fn run(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let rows = &inputs[0];
    let values = task.column(rows, 0)?;
    let timeline = Timeline::of_rows(rows, task, 1)?;
    let percentile = match task.constant(2)? {
        Literal::Real(percentile) => percentile.clamp(0.0, 100.0),
        _ => 50.0,
    };
    // bins of an index start where `bin()` starts them
    let bins: Bins = task.bins(3, 0)?;
    let count = number(&task.constant(4)?).and_then(|count| usize::try_from(count).ok()).unwrap_or(1).max(1);
    let (from, to) = timeline.range(&Literal::Null, &Literal::Null);
    let starts = match timeline.events.is_empty() {
        true => Vec::new(),
        false => timeline.starts(bins, from, to)?,
    };
    let mut out: Vec<Row<u32>> = Vec::new();
    for (events, windows) in rolling(&timeline.events, bins, &starts, count) {
        for (bin, range) in windows {
            task.interrupt().check()?;
            let window = events[range].iter().map(|event| event.id);
            if let Some(row) = nearest_rank(&values, window, percentile) {
                out.push(Row { slice: events[0].slice, bin, value: row });
            }
        }
    }
    let ty = task.whole.columns[0].ty;
    let value = |row: u32| owned(values.get(row as usize));
    Ok(timeline.write(task, &out, 1, |row| vec![on(ty, row.bin), value(row.value)]))
}

/// The row whose value has the rank of the percentile among the rows of a window.
fn nearest_rank(values: &Reader, rows: impl Iterator<Item = u32>, percentile: f64) -> Option<u32> {
    let keyed = rows.filter_map(|row| Some((rank_key(&values.get(row as usize))?, row)));
    let mut keyed: Vec<(f64, u32)> = keyed.collect();
    if keyed.is_empty() {
        return None;
    }
    let rank = (percentile / 100.0 * keyed.len() as f64).ceil() as usize;
    let at = rank.saturating_sub(1).min(keyed.len() - 1);
    let (_, found, _) = keyed.select_nth_unstable_by(at, |a, b| a.0.total_cmp(&b.0));
    Some(found.1)
}

fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Decimal(text) => Value::Decimal(text.into_owned().into()),
        Value::Real(value) => Value::Real(value),
        Value::Int(value) => Value::Int(value),
        Value::Long(value) => Value::Long(value),
        Value::DateTime(value) => Value::DateTime(value),
        Value::TimeSpan(value) => Value::TimeSpan(value),
        _ => Value::Null,
    }
}
