//! Rows of one table that are in the log but not yet in files.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use bartizan_base::Ticks;
use bartizan_schema::KqlType;

use crate::decode::Layout;
use crate::layout::{self, SEQ_COLUMN};

/// Runs are merged up to this many rows. A query pays per batch, a merge per row; a few thousand rows
/// make the first cost small and keep one merge well below a millisecond for tables of usual width.
const RUN_ROWS_MAX: usize = 8192;

/// A string array with more data buffers than this is copied into fresh ones when runs merge.
const STRING_BUFFERS_MAX: usize = 8;

/// Buffered rows, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer {
    runs: Vec<Run>,
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    /// When the oldest row arrived. `None` while empty.
    pub(crate) oldest: Option<Ticks>,
    /// The first sequence number held.
    pub(crate) first_seq: Option<u64>,
    pub(crate) last_seq: u64,
}

#[derive(Clone, Debug)]
struct Run {
    /// The columns that have values, in table order, then `__seq`.
    batch: RecordBatch,
    bytes: usize,
}

impl Buffer {
    /// Adds the rows of one commit. Small runs are merged, so that many small appends do not become
    /// many small batches: each row is copied about log2(`RUN_ROWS_MAX`) times.
    pub(crate) fn push(
        &mut self,
        layout: &Layout,
        batch: &RecordBatch,
        seq: u64,
        received: Ticks,
    ) -> Result<(), ArrowError> {
        debug_assert!(seq > self.last_seq, "commits arrive in order");
        let batch = with_seq(batch, seq)?;
        self.rows += batch.num_rows();
        self.oldest.get_or_insert(received);
        self.first_seq.get_or_insert(seq);
        self.last_seq = seq;
        self.add_run(batch);
        while let [.., before, last] = self.runs.as_slice() {
            let (left, right) = (before.batch.num_rows(), last.batch.num_rows());
            if left > 2 * right || left + right > RUN_ROWS_MAX {
                break;
            }
            let merged = concat(layout, &[before.batch.clone(), last.batch.clone()])?;
            for run in self.runs.drain(self.runs.len() - 2..) {
                self.bytes -= run.bytes;
            }
            self.add_run(merged);
        }
        Ok(())
    }

    fn add_run(&mut self, batch: RecordBatch) {
        let bytes = batch.get_array_memory_size();
        self.bytes += bytes;
        self.runs.push(Run { batch, bytes });
    }

    /// Takes over the rows of `newer`, which all came after this buffer's.
    pub(crate) fn absorb(&mut self, newer: Buffer) {
        if newer.is_empty() {
            return;
        }
        self.runs.extend(newer.runs);
        self.rows += newer.rows;
        self.bytes += newer.bytes;
        self.oldest = self.oldest.or(newer.oldest);
        self.first_seq = self.first_seq.or(newer.first_seq);
        self.last_seq = newer.last_seq;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The batches as they are held: columns without values are missing.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &RecordBatch> {
        self.runs.iter().map(|run| &run.batch)
    }
}

fn with_seq(batch: &RecordBatch, seq: u64) -> Result<RecordBatch, ArrowError> {
    let rows = batch.num_rows();
    let mut fields = batch.schema_ref().fields().to_vec();
    fields.push(Arc::new(layout::arrow_field(SEQ_COLUMN, KqlType::Long).with_nullable(false)));
    let mut columns = batch.columns().to_vec();
    columns.push(layout::seq_column(seq, rows));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

/// All rows of `batches` in one batch that has every column any of them has, in table order.
pub(crate) fn concat(layout: &Layout, batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let has = |name: &str| batches.iter().any(|batch| batch.schema_ref().index_of(name).is_ok());
    let fields: Vec<_> =
        layout.schema.fields().iter().filter(|field| has(field.name())).map(Arc::clone).collect();
    let schema = Arc::new(Schema::new(fields));
    let padded = batches.iter().map(|batch| layout::pad(batch, &schema)).collect::<Result<Vec<_>, _>>()?;
    let whole = concat_batches(&schema, &padded)?;
    let columns = whole.columns().iter().map(compact).collect();
    RecordBatch::try_new(schema, columns)
}

/// Copies the texts of a string column whose data lies in many small buffers.
fn compact(column: &ArrayRef) -> ArrayRef {
    if column.data_type() != &DataType::Utf8View {
        return Arc::clone(column);
    }
    let texts = column.as_string_view();
    if texts.data_buffers().len() <= STRING_BUFFERS_MAX {
        return Arc::clone(column);
    }
    Arc::new(texts.gc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Stamp;
    use bartizan_base::TenantId;
    use bartizan_schema::{Column, Table, TableKind};

    #[test]
    fn many_small_appends_become_few_batches() {
        let table = Table {
            name: "T_CL".into(),
            description: String::new(),
            kind: TableKind::Custom,
            categories: Vec::new(),
            retention_days: 1,
            columns: vec![Column::new("Text", KqlType::String), Column::new("N", KqlType::Long)],
        };
        let layout = Layout::new(Arc::new(table.with_standard_columns()));
        let stamp = Stamp {
            tenant: TenantId(uuid::Uuid::nil()),
            received: Ticks(0),
            resource_id: None,
            force: Default::default(),
        };
        let mut buffer = Buffer::default();
        for n in 1..=1000_u64 {
            let row = format!(r#"{{"Text":"a text longer than twelve bytes {n}","N":{n}}}"#);
            let decoded = layout.decode(row.as_bytes(), &stamp).unwrap();
            buffer.push(&layout, &decoded.batch, n, Ticks(0)).unwrap();
        }
        assert!(buffer.runs.len() < 16, "{} runs", buffer.runs.len());
        assert_eq!(buffer.rows, 1000);
        let whole = concat(&layout, &buffer.batches().cloned().collect::<Vec<_>>()).unwrap();
        let texts = whole.column_by_name("Text").unwrap().as_string_view();
        for n in 0..1000 {
            assert_eq!(texts.value(n), format!("a text longer than twelve bytes {}", n + 1));
        }
    }
}
