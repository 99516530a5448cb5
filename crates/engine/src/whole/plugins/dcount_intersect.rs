//! `evaluate dcount_intersect(…)`: each row, and what the first sketches of it have in common.

use arrow::array::ArrayRef;
use bartizan_analytics::sketch::{Hll, intersection};
use bartizan_kql::bound::Scalar;

use super::super::{Rows, Task};
use crate::error::QueryError;
use crate::functions::convert::text;
use crate::functions::sketch::read_hll;
use crate::value::{ColumnBuilder, Value};

pub(super) fn run(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let rows = &inputs[0];
    let read = |values: &[Scalar]| {
        values.iter().map(|value| task.values(rows, value)).collect::<Result<Vec<_>, _>>()
    };
    let (kept, sketches) = (read(&task.call().rest)?, read(&task.call().args)?);
    let columns = &task.whole.columns;
    let mut builders: Vec<ColumnBuilder> =
        columns.iter().map(|column| ColumnBuilder::new(column.ty, rows.len())).collect();
    for row in 0..rows.len() {
        let (own, counts) = builders.split_at_mut(kept.len());
        for (reader, builder) in kept.iter().zip(own) {
            builder.push(reader.get(row));
        }
        let mut sets: Vec<Hll> = Vec::with_capacity(sketches.len());
        let mut known = true;
        for (reader, builder) in sketches.iter().zip(counts) {
            task.interrupt().check()?;
            // behind a value that is no sketch nothing is known
            match read_hll(&text(reader.get(row))).filter(|_| known) {
                Some(set) => sets.push(set),
                None => known = false,
            }
            builder.push(if known { Value::Long(intersection(&sets) as i64) } else { Value::Null });
        }
    }
    Ok(builders.into_iter().map(ColumnBuilder::finish).collect())
}
