//! The rows that a state remembers, and how an expression's columns are found in them.

use std::sync::Arc;

use arrow::array::ArrayRef;
use bartizan_kql::bound::{ColumnSchema, Scan};

use crate::error::QueryError;
use crate::types::absent;
use crate::whole::Rows;

/// A row of the input with its declared columns. The row itself stays in the input.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub row: usize,
    /// One array of one element per declared column.
    pub declared: Arc<[ArrayRef]>,
}

/// What the columns of expressions are.
pub(super) struct Frame<'s> {
    pub input: &'s Rows,
    /// The declared columns where nothing has been assigned.
    pub unset: Arc<[ArrayRef]>,
    /// Every column that an expression can name: the input's, the declared, then both for each step.
    pub columns: Vec<ColumnSchema>,
    inputs: usize,
    width: usize,
}

impl<'s> Frame<'s> {
    pub(super) fn new(scan: &Scan, input: &'s Rows, unset: Arc<[ArrayRef]>) -> Self {
        let own = input.columns.iter().map(|column| column.ty);
        let own: Vec<_> = own.chain(scan.declared.iter().map(|declared| declared.value.ty)).collect();
        let width = own.len();
        let types = own.iter().cycle().take(width * (scan.steps.len() + 1));
        // names only have to differ
        let columns =
            types.enumerate().map(|(at, ty)| ColumnSchema { name: format!("c{at}"), ty: *ty }).collect();
        Self { input, unset, columns, inputs: scan.inputs, width }
    }

    /// Whether a column belongs to a step's state.
    pub(super) fn is_state(&self, column: usize) -> bool {
        column >= self.width
    }

    /// A column of all rows; declared ones have nothing assigned yet.
    pub(super) fn all(&self, column: usize) -> Result<ArrayRef, QueryError> {
        if column < self.inputs {
            return Ok(Arc::clone(self.input.batch.column(column)));
        }
        let value = datafusion::common::ScalarValue::try_from_array(&self.unset[column - self.inputs], 0)?;
        Ok(value.to_array_of_size(self.input.len())?)
    }

    /// The one value of a column, for a row and the records of a sequence.
    pub(super) fn one(
        &self,
        column: usize,
        row: usize,
        records: &[Option<Record>],
    ) -> Result<ArrayRef, QueryError> {
        let within = column % self.width;
        if column < self.width {
            return Ok(match within.checked_sub(self.inputs) {
                Some(declared) => Arc::clone(&self.unset[declared]),
                None => self.input.batch.column(within).slice(row, 1),
            });
        }
        let record = records.get(column / self.width - 1).and_then(Option::as_ref);
        Ok(match (record, within.checked_sub(self.inputs)) {
            (Some(record), Some(declared)) => Arc::clone(&record.declared[declared]),
            (Some(record), None) => self.input.batch.column(within).slice(record.row, 1),
            (None, Some(declared)) => Arc::clone(&self.unset[declared]),
            (None, None) => absent(self.columns[column].ty).to_array()?,
        })
    }
}
