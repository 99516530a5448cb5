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

/// Runs are merged up to this many rows. A query pays per batch, a merge per row.
const RUN_ROWS_MAX: usize = 8192;
/// A run with this many rows is left as it is. Fewer would do for queries, but glibc does not give the memory of many
/// small arrays back to the system when they go to files (measured: 1.9 GB after twenty seconds of load with 1,000
/// here, and 0.5 GB with its threshold for memory of its own at 16 KiB).
const RUN_ROWS_ENOUGH: usize = 4096;

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

/// Runs at a buffer's end that are to become one.
#[derive(Debug)]
pub(crate) struct Tail {
    from: usize,
    batches: Vec<RecordBatch>,
}

impl Tail {
    /// The rows of all of them.
    pub(crate) fn merge(&self, layout: &Layout) -> Result<RecordBatch, ArrowError> {
        concat(layout, &self.batches)
    }
}

impl Buffer {
    /// Adds the rows of one commit, as a run of their own; see [`Buffer::untidy`].
    pub(crate) fn push(&mut self, batch: &RecordBatch, seq: u64, received: Ticks) -> Result<(), ArrowError> {
        debug_assert!(seq > self.last_seq, "commits arrive in order");
        let batch = with_seq(batch, seq)?;
        self.rows += batch.num_rows();
        self.oldest.get_or_insert(received);
        self.first_seq.get_or_insert(seq);
        self.last_seq = seq;
        self.add_run(batch);
        Ok(())
    }

    /// The last runs that should become one, if there are such: many small appends must not stay many small
    /// batches. Each row is copied about log2(`RUN_ROWS_MAX`) times by and by. Making the one run takes a while, so
    /// that whoever holds a lock around the buffer does it without the lock.
    pub(crate) fn untidy(&self) -> Option<Tail> {
        let (_, before) = self.runs.split_last()?;
        let mut from = before.len();
        let mut rows = self.runs[from].batch.num_rows();
        for run in before.iter().rev() {
            let left = run.batch.num_rows();
            if rows >= RUN_ROWS_ENOUGH || left > 2 * rows || left + rows > RUN_ROWS_MAX {
                break;
            }
            rows += left;
            from -= 1;
        }
        let batches = self.runs[from..].iter().map(|run| run.batch.clone()).collect();
        (from < before.len()).then_some(Tail { from, batches })
    }

    /// Puts `merged` in the place of the runs it was made of, unless they have gone to a file meanwhile.
    pub(crate) fn replace(&mut self, tail: &Tail, merged: RecordBatch) {
        let is_same = |(run, batch): (&Run, &RecordBatch)| {
            let columns = run.batch.columns().first().zip(batch.columns().first());
            columns.is_some_and(|(one, other)| Arc::ptr_eq(one, other))
        };
        let end = tail.from + tail.batches.len();
        let Some(runs) = self.runs.get(tail.from..end) else { return };
        if !runs.iter().zip(&tail.batches).all(is_same) {
            return;
        }
        let bytes = merged.get_array_memory_size();
        let gone: usize = runs.iter().map(|run| run.bytes).sum();
        self.bytes = self.bytes - gone + bytes;
        self.runs.splice(tail.from..end, [Run { batch: merged, bytes }]);
    }

    /// Merges what is untidy, at once.
    pub(crate) fn tidy(&mut self, layout: &Layout) -> Result<(), ArrowError> {
        while let Some(tail) = self.untidy() {
            let merged = tail.merge(layout)?;
            self.replace(&tail, merged);
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

/// All rows of `batches` in one batch that has every column any of them has, with texts that lie together.
fn concat(layout: &Layout, batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let batches = alike(layout, batches)?;
    let Some(schema) = batches.first().map(RecordBatch::schema) else {
        return Ok(RecordBatch::new_empty(Arc::clone(&layout.schema)));
    };
    let whole = concat_batches(&schema, &batches)?;
    let columns = whole.columns().iter().map(compact).collect();
    RecordBatch::try_new(schema, columns)
}

/// The batches with every column that any of them has, in table order. Texts stay where they are, so that rows on
/// their way to a file are not in memory twice.
pub(crate) fn alike(layout: &Layout, batches: &[RecordBatch]) -> Result<Vec<RecordBatch>, ArrowError> {
    let has = |name: &str| batches.iter().any(|batch| batch.schema_ref().index_of(name).is_ok());
    let fields: Vec<_> =
        layout.schema.fields().iter().filter(|field| has(field.name())).map(Arc::clone).collect();
    let schema = Arc::new(Schema::new(fields));
    batches.iter().map(|batch| layout::pad(batch, &schema)).collect()
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
            buffer.push(&decoded.batch, n, Ticks(0)).unwrap();
            // As for groups of several batches.
            if n % 3 != 0 {
                buffer.tidy(&layout).unwrap();
            }
        }
        let sum =
            |buffer: &Buffer| buffer.runs.iter().map(|run| run.batch.get_array_memory_size()).sum::<usize>();
        assert_eq!(buffer.bytes, sum(&buffer));
        assert!(buffer.runs.len() < 16, "{} runs", buffer.runs.len());
        assert_eq!(buffer.rows, 1000);
        let whole = concat(&layout, &buffer.batches().cloned().collect::<Vec<_>>()).unwrap();
        let texts = whole.column_by_name("Text").unwrap().as_string_view();
        for n in 0..1000 {
            assert_eq!(texts.value(n), format!("a text longer than twelve bytes {}", n + 1));
        }
    }

    #[test]
    fn a_merge_that_comes_too_late_changes_nothing() {
        let table = Table {
            name: "T_CL".into(),
            description: String::new(),
            kind: TableKind::Custom,
            categories: Vec::new(),
            retention_days: 1,
            columns: vec![Column::new("N", KqlType::Long)],
        };
        let layout = Layout::new(Arc::new(table.with_standard_columns()));
        let rows = |n: usize| vec!["{\"N\":1}"; n].join("\n");
        let decoded = |n: usize| layout.decode_source(rows(n).as_bytes(), Ticks(0)).unwrap().batch;
        let mut buffer = Buffer::default();
        (1..=2).for_each(|seq| buffer.push(&decoded(3), seq, Ticks(0)).unwrap());
        let tail = buffer.untidy().unwrap();
        let merged = tail.merge(&layout).unwrap();
        // Flushed, and two other runs have come.
        let mut later = Buffer::default();
        (3..=4).for_each(|seq| later.push(&decoded(3), seq, Ticks(0)).unwrap());
        later.replace(&tail, merged.clone());
        assert_eq!((later.runs.len(), later.rows), (2, 6));
        Buffer::default().replace(&tail, merged.clone());
        // Not flushed, and one more has come.
        buffer.push(&decoded(1), 3, Ticks(0)).unwrap();
        buffer.replace(&tail, merged);
        assert_eq!(buffer.runs.iter().map(|run| run.batch.num_rows()).collect::<Vec<_>>(), [6, 1]);
        // Runs that are large enough stay.
        let mut large = Buffer::default();
        (1..=2).for_each(|seq| large.push(&decoded(RUN_ROWS_ENOUGH), seq, Ticks(0)).unwrap());
        assert!(large.untidy().is_none());
    }
}
