//! `evaluate narrow()`: one row per cell.

use arrow::array::ArrayRef;
use bartizan_schema::KqlType;

use super::super::{Rows, Task};
use super::ROWS_PER_CHECK;
use crate::error::QueryError;
use crate::functions::convert::convert;
use crate::value::{ColumnBuilder, Value};

/// Row number, column name and value as text.
pub(super) fn run(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let input = &inputs[0];
    let readers = (0..input.columns.len()).map(|at| input.reader(at)).collect::<Result<Vec<_>, _>>()?;
    let cells = input.len() * readers.len();
    let mut rows = ColumnBuilder::new(KqlType::Long, cells);
    let mut names = ColumnBuilder::new(KqlType::String, cells);
    let mut values = ColumnBuilder::new(KqlType::String, cells);
    for row in 0..input.len() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
        }
        for (column, reader) in input.columns.iter().zip(&readers) {
            rows.push(Value::Long(row as i64));
            names.push(Value::string(column.name.as_str()));
            values.push(convert(reader.get(row), KqlType::String));
        }
    }
    Ok(vec![rows.finish(), names.finish(), values.finish()])
}
