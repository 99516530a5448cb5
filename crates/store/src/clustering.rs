//! The order of rows inside a file: first by what detections filter on, then by time. Equal values then
//! fill whole pages, and page statistics skip the rest (measured: 3 to 200 times less work for
//! selective queries).

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, filter_record_batch, lexsort_to_indices, take_record_batch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use bartizan_base::time::TICKS_PER_DAY;
use bartizan_schema::Table;

use crate::layout::{SEQ_COLUMN, TIME_COLUMN};

/// The columns that say what kind of event a row is; a table is clustered by the first it has.
const KINDS: &[&str] = &[
    "EventID",
    "ActionType",
    "OperationName",
    "EventName",
    "ResultType",
    "DeviceEventClassID",
    "Facility",
    "ObjectName",
    "AlertName",
    "Category",
];

/// The columns that say where it happened; the first the table has comes second.
const PLACES: &[&str] =
    &["Computer", "DeviceName", "DeviceId", "HostName", "DvcHostname", "UserPrincipalName", "Caller"];

/// Time slices are days. Rows spread over more days than this in one flush share wider slices, so that a
/// sender of random times cannot make a file per row.
const SLICES_MAX: usize = 32;

/// The columns that rows of `table` are sorted by, first one first.
pub(crate) fn sort_columns(table: &Table) -> Vec<String> {
    let first =
        |names: &'static [&'static str]| names.iter().find(|name| table.column(name).is_some()).copied();
    [first(KINDS), first(PLACES), Some(TIME_COLUMN), Some(SEQ_COLUMN)]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .collect()
}

/// Rows of one time slice, sorted.
#[derive(Debug)]
pub(crate) struct Slice {
    /// The first day, in days since 0001-01-01.
    pub(crate) day: i64,
    pub(crate) batch: RecordBatch,
}

/// Splits rows into time slices and sorts each by `columns`; those that the batch lacks are skipped,
/// as all its rows have the same value there.
pub(crate) fn slices(batch: &RecordBatch, columns: &[String]) -> Result<Vec<Slice>, ArrowError> {
    let days: Vec<i64> = times(batch)?.iter().map(|time| time.div_euclid(TICKS_PER_DAY)).collect();
    let starts = slice_starts(&days);
    let sorted = |day, batch: &RecordBatch| sort(batch, columns).map(|batch| Slice { day, batch });
    if let [day] = starts.as_slice() {
        return Ok(vec![sorted(*day, batch)?]);
    }
    let mut slices = Vec::with_capacity(starts.len());
    for (at, start) in starts.iter().enumerate() {
        let end = starts.get(at + 1).copied().unwrap_or(i64::MAX);
        let inside: BooleanArray = days.iter().map(|day| Some((*start..end).contains(day))).collect();
        slices.push(sorted(*start, &filter_record_batch(batch, &inside)?)?);
    }
    Ok(slices)
}

/// The `TimeGenerated` values, which are never null in what the store holds.
pub(crate) fn times(batch: &RecordBatch) -> Result<&[i64], ArrowError> {
    long_values(batch, TIME_COLUMN)
}

/// The values of a long column without nulls.
pub(crate) fn long_values<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a [i64], ArrowError> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<Int64Type>())
        .filter(|column| column.null_count() == 0)
        .map(|column| column.values().as_ref())
        .ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` is missing or has nulls")))
}

/// The first days of the slices: each day by itself, or as many days together as keeps the number small.
fn slice_starts(days: &[i64]) -> Vec<i64> {
    let mut starts: Vec<i64> = days.to_vec();
    starts.sort_unstable();
    starts.dedup();
    let per_slice = starts.len().div_ceil(SLICES_MAX).max(1);
    starts.into_iter().step_by(per_slice).collect()
}

fn sort(batch: &RecordBatch, columns: &[String]) -> Result<RecordBatch, ArrowError> {
    let keys: Vec<SortColumn> = columns
        .iter()
        .filter_map(|name| batch.column_by_name(name))
        .map(|values| SortColumn { values: values.clone(), options: None })
        .collect();
    let order: UInt32Array = lexsort_to_indices(&keys, None)?;
    take_record_batch(batch, &order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_slices_until_there_are_too_many() {
        assert_eq!(slice_starts(&[5, 3, 5, 3]), [3, 5]);
        let spread: Vec<i64> = (0..1000).map(|n| n * 7).collect();
        let starts = slice_starts(&spread);
        assert!(starts.len() <= SLICES_MAX);
        assert_eq!(starts[0], 0);
    }
}
