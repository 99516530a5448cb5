//! JSON rows to Arrow columns, by a table's declaration.
//!
//! One pass over the text: every value goes from the parser straight into its column's builder, without
//! a tree in between. A body is a JSON array of objects or one object per line. A body that is not is
//! refused as a whole, with the byte it goes wrong at; a value that does not fit its column becomes
//! null and is counted; a field without a column is dropped and counted. Columns that no row has a
//! value for are not built at all: tables of 200 columns receive rows of 15 fields.

mod cell;
mod coded;
mod column;
mod json;
mod rows;
mod stamp;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use bartizan_base::Ticks;
use bartizan_schema::{KqlType, Table};

pub use stamp::{Stamp, is_free};

use crate::error::StoreError;
use crate::layout::{self, TIME_COLUMN};
pub(crate) use coded::CodedTexts;
pub(crate) use column::FileColumn;
use column::{ColumnBuilder, Size};
use rows::{Counts, RowReader};

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

/// What is told of a body beside its rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) rows: usize,
    pub(crate) rejected_cells: u64,
    pub(crate) unknown_fields: u64,
    pub(crate) billed_bytes: f64,
}

impl Decoded {
    pub(crate) fn tally(&self) -> Tally {
        let Self { batch, rejected_cells, unknown_fields, billed_bytes } = self;
        Tally {
            rows: batch.num_rows(),
            rejected_cells: *rejected_cells,
            unknown_fields: *unknown_fields,
            billed_bytes: *billed_bytes,
        }
    }
}

/// A decoded body on its way into a file: the columns that have values, in table order, without `__seq`.
#[derive(Debug)]
pub(crate) struct FileRows {
    pub(crate) columns: Vec<(FieldRef, FileColumn)>,
    /// The least and the greatest time.
    pub(crate) times: (i64, i64),
    pub(crate) tally: Tally,
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

    /// Decodes `body` as [`Layout::decode`] does, into columns that are as good as a file.
    ///
    /// # Errors
    /// As [`Layout::decode`].
    pub(crate) fn decode_for_file(&self, body: &[u8], stamp: &Stamp) -> Result<FileRows, StoreError> {
        let (builders, counts) = self.fill(body, Some(stamp), true)?;
        let rows = counts.billed_bytes.len();
        let (mut columns, mut times) = (Vec::new(), (i64::MAX, i64::MIN));
        for (at, builder) in builders.into_iter().enumerate() {
            let column = if self.is_time(at, &builder) {
                let array = builder.finish_time(rows, stamp.received.0);
                let array = array.map_err(StoreError::arrow(&self.table.name))?;
                let values = array.as_primitive::<Int64Type>().values();
                times = values.iter().fold(times, |(min, max), time| (min.min(*time), max.max(*time)));
                Some(FileColumn::Array(array))
            } else {
                builder.finish_for_file(rows).map_err(StoreError::arrow(&self.table.name))?
            };
            columns.extend(column.map(|column| (Arc::clone(&self.schema.fields()[at]), column)));
        }
        Ok(FileRows { columns, times, tally: self.tally(&counts) })
    }

    fn read(&self, body: &[u8], received: Ticks, stamp: Option<&Stamp>) -> Result<Decoded, StoreError> {
        let (builders, counts) = self.fill(body, stamp, false)?;
        let Tally { rows, rejected_cells, unknown_fields, billed_bytes } = self.tally(&counts);
        self.assemble(builders, rows, received)
            .map(|batch| Decoded { batch, rejected_cells, unknown_fields, billed_bytes })
            .map_err(StoreError::arrow(&self.table.name))
    }

    /// The values of a body, column by column.
    fn fill(
        &self,
        body: &[u8],
        stamp: Option<&Stamp>,
        is_coded: bool,
    ) -> Result<(Vec<ColumnBuilder>, Counts), StoreError> {
        let text = std::str::from_utf8(body)
            .map_err(|error| malformed(error.valid_up_to(), "the text is not UTF-8"))?;
        let size = Size::of_body(body.len());
        let columns = self.table.columns.iter();
        let mut builders: Vec<ColumnBuilder> =
            columns.map(|column| ColumnBuilder::new(column.ty, size, is_coded)).collect();
        let mut reader = RowReader::new(self, &mut builders, size.rows());
        reader.read_body(text)?;
        let counts = reader.finish();
        if let Some(stamp) = stamp {
            stamp.apply(self, &mut builders, &counts.billed_bytes);
        }
        Ok((builders, counts))
    }

    fn tally(&self, counts: &Counts) -> Tally {
        let is_free = is_free(&self.table.name);
        Tally {
            rows: counts.billed_bytes.len(),
            rejected_cells: counts.rejected_cells,
            unknown_fields: counts.unknown_fields,
            billed_bytes: if is_free { 0.0 } else { counts.billed_bytes.iter().sum() },
        }
    }

    fn is_time(&self, at: usize, builder: &ColumnBuilder) -> bool {
        self.table.columns[at].name == TIME_COLUMN && builder.ty() == KqlType::DateTime
    }

    fn assemble(
        &self,
        builders: Vec<ColumnBuilder>,
        rows: usize,
        received: Ticks,
    ) -> Result<RecordBatch, ArrowError> {
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        for (at, builder) in builders.into_iter().enumerate() {
            let array = if self.is_time(at, &builder) {
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
