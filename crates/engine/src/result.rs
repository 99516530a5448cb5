//! The reader of a query's result: what DataFusion computed, the constants it never saw, and the result's limits.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use bartizan_kql::bound::{ColumnSchema, ScalarKind};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;

use crate::error::QueryError;
use crate::limits::{Partial, QueryLimits};
use crate::lower::to_scalar_value;
use crate::prune::Place;
use crate::types::{absent, arrow_field};

/// Where each result column comes from.
#[derive(Debug)]
pub(crate) struct Columns {
    sources: Vec<Source>,
    schema: SchemaRef,
}

#[derive(Debug)]
enum Source {
    At(usize),
    Constant(ScalarValue),
}

impl Columns {
    /// The columns a query declares, found at `places` in what is computed.
    pub(crate) fn new(declared: &[ColumnSchema], places: &[Place]) -> Self {
        let source = |(column, place): (&ColumnSchema, &Place)| match place {
            Place::At(at) => Source::At(*at),
            Place::Fixed(value) => Source::Constant(match &value.kind {
                ScalarKind::Literal(literal) => to_scalar_value(literal, column.ty),
                _ => absent(column.ty),
            }),
            Place::Gone => Source::Constant(absent(column.ty)),
        };
        let fields: Vec<Field> =
            declared.iter().map(|column| arrow_field(&column.name, column.ty).with_nullable(true)).collect();
        Self {
            sources: declared.iter().zip(places).map(source).collect(),
            schema: Arc::new(Schema::new(fields)),
        }
    }

    fn fill(&self, batch: &RecordBatch) -> Result<RecordBatch, DataFusionError> {
        let rows = batch.num_rows();
        let arrays = self.sources.iter().map(|source| match source {
            Source::At(at) => Ok(Arc::clone(batch.column(*at))),
            Source::Constant(value) => value.to_array_of_size(rows),
        });
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }

    /// Bytes that the constants add to a row.
    fn constant_bytes(&self) -> u64 {
        let bytes = self.sources.iter().map(|source| match source {
            Source::At(_) => 0,
            Source::Constant(ScalarValue::Utf8View(text)) => 16 + text.as_ref().map_or(0, String::len) as u64,
            Source::Constant(_) => 8,
        });
        bytes.sum()
    }
}

/// Rows that were read, and what they count for.
pub(crate) struct Collected {
    pub batches: Vec<RecordBatch>,
    pub partial: Option<Partial>,
    pub rows: u64,
    pub bytes: u64,
}

/// Reads a stream up to the limits.
pub(crate) async fn collect(
    mut stream: SendableRecordBatchStream,
    columns: &Columns,
    limits: &QueryLimits,
) -> Result<Collected, QueryError> {
    let mut batches = Vec::new();
    let (mut rows, mut bytes) = (0_u64, 0_u64);
    let constant_bytes = columns.constant_bytes();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let room = usize::try_from(limits.rows - rows).unwrap_or(usize::MAX);
        if batch.num_rows() > room {
            batches.push(columns.fill(&batch.slice(0, room))?);
            let message = format!("the result has more than {} rows; the rest is cut off", limits.rows);
            let partial = Some(Partial { code: "RowLimit", message });
            return Ok(Collected { batches, partial, rows: limits.rows, bytes });
        }
        let size = content_bytes(&batch) + constant_bytes * batch.num_rows() as u64;
        if bytes + size > limits.bytes {
            // As many rows as fit, were they all alike; one at least, so that an answer is never empty for its size.
            let share = u128::from(limits.bytes - bytes) * batch.num_rows() as u128 / u128::from(size.max(1));
            let fits = usize::try_from(share).unwrap_or(usize::MAX).max(usize::from(batches.is_empty()));
            batches.push(columns.fill(&batch.slice(0, fits.min(batch.num_rows())))?);
            let message = format!("the result has more than {} bytes; the rest is cut off", limits.bytes);
            let partial = Some(Partial { code: "SizeLimit", message });
            let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            return Ok(Collected { batches, partial, rows, bytes: limits.bytes });
        }
        rows += batch.num_rows() as u64;
        bytes += size;
        batches.push(columns.fill(&batch)?);
    }
    Ok(Collected { batches, partial: None, rows, bytes })
}

/// Bytes of a batch's values. Its buffers may be shared with other batches, so their size says nothing.
fn content_bytes(batch: &RecordBatch) -> u64 {
    let bytes = batch.columns().iter().map(|column| match column.as_string_view_opt() {
        // The low half of a view's first word is the text's length.
        Some(texts) => texts.views().iter().map(|view| 16 + u64::from(*view as u32)).sum(),
        None => column.len() as u64 * 8,
    });
    bytes.sum()
}
