//! JSON rows to Arrow columns, by a table's declaration.
//!
//! One pass over the text: every value goes from the parser straight into its column's builder, without
//! a tree in between. A body is a JSON array of objects or one object per line. A body that is not is
//! refused as a whole, with the byte it goes wrong at; a value that does not fit its column becomes
//! null and is counted; a field without a column is dropped and counted. Columns that no row has a
//! value for are not built at all: tables of 200 columns receive rows of 15 fields.

mod cell;
mod column;
mod json;
mod rows;
mod stamp;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use bartizan_base::Ticks;
use bartizan_schema::{KqlType, Table};

pub use stamp::{Stamp, is_free};

use crate::error::StoreError;
use crate::layout::{self, TIME_COLUMN};
use column::{ColumnBuilder, Size};
use rows::RowReader;

/// A table's declaration, prepared for decoding and padding.
#[derive(Debug)]
pub struct Layout {
    pub table: Arc<Table>,
    /// All columns, then `__seq`.
    pub schema: SchemaRef,
    columns: HashMap<String, usize>,
}

/// A decoded body: one batch of the columns that have values, in table order, without `__seq`.
#[derive(Debug)]
pub struct Decoded {
    pub batch: RecordBatch,
    pub rejected_cells: u64,
    pub unknown_fields: u64,
    /// The sum of `_BilledSize`; 0 in tables that are free.
    pub billed_bytes: f64,
}

impl Layout {
    /// Prepares `table`, completing its standard columns.
    pub fn new(table: Arc<Table>) -> Self {
        let schema = layout::arrow_schema(&table);
        let columns =
            table.columns.iter().enumerate().map(|(at, column)| (column.name.clone(), at)).collect();
        Self { table, schema, columns }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.columns.get(name).copied()
    }

    /// Decodes `body` and stamps the standard columns.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] when the body is not rows in JSON.
    pub fn decode(&self, body: &[u8], stamp: &Stamp) -> Result<Decoded, StoreError> {
        self.read(body, stamp.received, Some(stamp))
    }

    /// Decodes `body` and leaves every column as the sender wrote it: rows on their way through a
    /// transformation, that are not in a table yet. A missing `TimeGenerated` is `received`.
    ///
    /// # Errors
    /// As [`Layout::decode`].
    pub fn decode_source(&self, body: &[u8], received: Ticks) -> Result<Decoded, StoreError> {
        self.read(body, received, None)
    }

    fn read(&self, body: &[u8], received: Ticks, stamp: Option<&Stamp>) -> Result<Decoded, StoreError> {
        let text = std::str::from_utf8(body)
            .map_err(|error| malformed(error.valid_up_to(), "the text is not UTF-8"))?;
        let size = Size::of_body(body.len());
        let mut builders: Vec<ColumnBuilder> =
            self.table.columns.iter().map(|column| ColumnBuilder::new(column.ty, size)).collect();
        let mut reader = RowReader::new(self, &mut builders, size.rows());
        reader.read_body(text)?;
        let counts = reader.finish();
        if let Some(stamp) = stamp {
            stamp.apply(self, &mut builders, &counts.billed_bytes);
        }
        let is_free = is_free(&self.table.name);
        let billed_bytes = if is_free { 0.0 } else { counts.billed_bytes.iter().sum() };
        self.assemble(builders, counts.billed_bytes.len(), received)
            .map(|batch| Decoded {
                batch,
                rejected_cells: counts.rejected_cells,
                unknown_fields: counts.unknown_fields,
                billed_bytes,
            })
            .map_err(StoreError::arrow(&self.table.name))
    }

    fn assemble(
        &self,
        builders: Vec<ColumnBuilder>,
        rows: usize,
        received: Ticks,
    ) -> Result<RecordBatch, arrow::error::ArrowError> {
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        for (at, builder) in builders.into_iter().enumerate() {
            let is_time = self.table.columns[at].name == TIME_COLUMN;
            let array = if is_time && builder.ty() == KqlType::DateTime {
                Some(builder.finish_time(rows, received.0)?)
            } else {
                builder.finish(rows)?
            };
            if let Some(array) = array {
                fields.push(Arc::clone(&self.schema.fields()[at]));
                arrays.push(array);
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
    }
}

fn malformed(position: usize, reason: impl Into<String>) -> StoreError {
    StoreError::Malformed { position, reason: reason.into() }
}
