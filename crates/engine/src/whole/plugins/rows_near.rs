//! `evaluate rows_near(…)`: rows that meet a condition, and those around them.

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::filter;
use bartizan_kql::bound::Literal;
use datafusion::error::DataFusionError;

use super::super::{Rows, Task};
use crate::error::QueryError;
use crate::value::Value;

pub(super) fn run(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let rows = &inputs[0];
    let condition = task.column(rows, 0)?;
    let (before, after) = (count(&task.constant(1)?), count(&task.constant(2)?));
    let mut kept = vec![false; rows.len()];
    let mut from = 0;
    for row in (0..rows.len()).filter(|row| condition.get(*row) == Value::Bool(true)) {
        // never marks a row twice, so that wide reaches stay cheap
        let start = row.saturating_sub(before).max(from);
        let end = row.saturating_add(after).saturating_add(1).min(rows.len());
        if start < end {
            kept[start..end].fill(true);
        }
        from = from.max(end);
    }
    let kept = BooleanArray::from(kept);
    let columns = &rows.batch.columns()[..task.whole.columns.len()];
    Ok(columns
        .iter()
        .map(|column| filter(column, &kept))
        .collect::<Result<_, _>>()
        .map_err(DataFusionError::from)?)
}

/// A number of rows; what is null or negative is none.
fn count(value: &Literal) -> usize {
    match value {
        Literal::Long(value) => usize::try_from(*value).unwrap_or(0),
        _ => 0,
    }
}
