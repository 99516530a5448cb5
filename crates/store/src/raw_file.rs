//! Files as large bodies leave them: columns as they came, unsorted, not compressed, without a text index.
//!
//! Making one takes a fraction of the work of a sorted file, and no row is written to the log before. The columns of a
//! body are encoded where it is decoded, apart from other bodies; [`assemble`] puts the columns of several bodies into
//! one file, each a row group, when their sequence numbers are known.

use std::io;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use bartizan_schema::KqlType;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};
use parquet::basic::{Compression, Encoding};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::decode::{FileColumn, FileRows, Tally};
use crate::layout::{self, SEQ_COLUMN};
use crate::raw_pages;

/// The encoded columns of one body, without its sequence number.
#[derive(Debug)]
pub(crate) struct RawRows {
    /// The columns and [`SEQ_COLUMN`].
    schema: SchemaRef,
    chunks: Vec<Chunk>,
    /// The least and the greatest time.
    pub(crate) times: (i64, i64),
    pub(crate) tally: Tally,
}

/// One column.
#[derive(Debug)]
enum Chunk {
    Array(ArrowColumnChunk),
    Texts(Bytes, ColumnCloseResult),
}

impl RawRows {
    /// Encodes the columns of a body.
    pub(crate) fn encode(rows: FileRows) -> Result<Self, ParquetError> {
        let FileRows { columns, times, tally } = rows;
        let mut fields: Vec<FieldRef> = columns.iter().map(|(field, _)| Arc::clone(field)).collect();
        fields.push(Arc::new(layout::arrow_field(SEQ_COLUMN, KqlType::Long).with_nullable(false)));
        let schema = Arc::new(Schema::new(fields));
        let (file, factory) =
            ArrowWriter::try_new(io::sink(), Arc::clone(&schema), Some(properties(&schema)))?
                .into_serialized_writer()?;
        let writers = factory.create_column_writers(0)?;
        let mut chunks = Vec::with_capacity(columns.len());
        for (at, ((field, column), writer)) in columns.into_iter().zip(writers).enumerate() {
            chunks.push(match column {
                FileColumn::Array(values) => Chunk::Array(array(writer, &field, &values)?),
                FileColumn::Texts(texts) => {
                    let (bytes, close) = raw_pages::encode(texts, file.schema_descr().column(at))?;
                    Chunk::Texts(bytes, close)
                }
            });
        }
        Ok(Self { schema, chunks, times, tally })
    }

    /// Whether rows of both can lie in one file.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.schema == other.schema
    }
}

/// The bytes of a file with the rows of some bodies, which are alike, with their sequence numbers.
pub(crate) fn assemble(parts: Vec<(RawRows, u64)>) -> Result<Vec<u8>, ParquetError> {
    let Some((first, _)) = parts.first() else { return Ok(Vec::new()) };
    let schema = Arc::clone(&first.schema);
    let (mut file, factory) =
        ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties(&schema)))?
            .into_serialized_writer()?;
    for (at, (RawRows { chunks, tally, .. }, seq)) in parts.into_iter().enumerate() {
        let numbers = factory.create_column_writers(at)?.pop().zip(schema.fields().last());
        let (writer, field) =
            numbers.ok_or_else(|| ParquetError::General("a file of no columns".to_owned()))?;
        let numbers = array(writer, field, &layout::seq_column(seq, tally.rows))?;
        let mut group = file.next_row_group()?;
        for chunk in chunks.into_iter().chain([Chunk::Array(numbers)]) {
            match chunk {
                Chunk::Array(chunk) => chunk.append_to_row_group(&mut group)?,
                Chunk::Texts(bytes, close) => group.append_column(&bytes, close)?,
            }
        }
        group.close()?;
    }
    file.into_inner()
}

fn array(
    mut writer: ArrowColumnWriter,
    field: &Field,
    values: &ArrayRef,
) -> Result<ArrowColumnChunk, ParquetError> {
    for leaf in compute_leaves(field, values)? {
        writer.write(&leaf)?;
    }
    writer.close()
}

fn properties(schema: &Schema) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_dictionary_enabled(false);
    for field in schema.fields() {
        // Times grow from row to row; a sequence number is the same in all of them.
        let is_time = layout::kql_type(field) == Some(KqlType::DateTime) || field.name() == SEQ_COLUMN;
        if is_time && field.data_type() == &DataType::Int64 {
            let path = ColumnPath::from(field.name().as_str());
            builder = builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, RecordBatch};
    use arrow::compute::concat_batches;
    use arrow::datatypes::Int64Type;
    use bartizan_base::{ResourceId, TenantId, Ticks};
    use bartizan_schema::{Column, Table, TableKind};

    use super::*;
    use crate::decode::{Layout, Stamp};
    use crate::parquet_file;

    fn layout() -> Layout {
        let columns = [
            ("N", KqlType::Long),
            ("Few", KqlType::String),
            ("Many", KqlType::String),
            ("Sometimes", KqlType::String),
            ("Facts", KqlType::Dynamic),
            ("Key", KqlType::Guid),
            ("Small", KqlType::Int),
            ("Flag", KqlType::Bool),
            ("Ratio", KqlType::Real),
        ];
        let table = Table {
            name: "T_CL".into(),
            description: String::new(),
            kind: TableKind::Custom,
            categories: Vec::new(),
            retention_days: 1,
            columns: columns.into_iter().map(|(name, ty)| Column::new(name, ty)).collect(),
        };
        Layout::new(Arc::new(table.with_standard_columns()))
    }

    fn stamp() -> Stamp {
        Stamp {
            tenant: TenantId(uuid::Uuid::from_u128(5)),
            received: Ticks(77),
            resource_id: ResourceId::parse("/subscriptions/s/resourceGroups/g").ok(),
            force: Default::default(),
        }
    }

    fn body(from: usize, rows: usize) -> String {
        let row = |n: usize| {
            let time = Ticks(n as i64 * 10_000_000 + 630_000_000_000_000_000);
            let sometimes = if n.is_multiple_of(5) {
                format!(r#""Sometimes":"only now {}","#, n % 10)
            } else {
                String::new()
            };
            let key = if n.is_multiple_of(7) {
                format!(r#""Key":"{}","#, uuid::Uuid::from_u128(n as u128))
            } else {
                String::new()
            };
            format!(
                r#"{{"TimeGenerated":"{time}",{sometimes}{key}"N":{n},"Few":"kind {}","Many":"line \"{n}\"","Facts":{{"a":{n}}},"Small":{},"Flag":{},"Ratio":{n}.5}}"#,
                n % 13,
                n % 100,
                n.is_multiple_of(2),
            )
        };
        (from..from + rows).map(row).collect::<Vec<_>>().join("\n")
    }

    fn whole(batches: &[RecordBatch]) -> RecordBatch {
        concat_batches(&batches[0].schema(), batches).unwrap()
    }

    #[test]
    fn what_was_encoded_apart_is_read_together_as_it_was_sent() {
        let layout = layout();
        let bodies = [body(0, 5_000), body(5_000, 1), body(5_001, 3_000)];
        let rows = |body: &String| {
            RawRows::encode(layout.decode_for_file(body.as_bytes(), &stamp()).unwrap()).unwrap()
        };
        let (first, last) = (rows(&bodies[0]), rows(&bodies[2]));
        assert!(first.is_like(&last) && !first.is_like(&rows(&bodies[1])), "the middle one lacks columns");
        assert_eq!((first.times.1, last.tally.rows), (630_000_049_990_000_000, 3_000));
        let found = parquet_file::decode(assemble(vec![(first, 4), (last, 9)]).unwrap().into()).unwrap();
        let found = whole(&found);
        let sent =
            [&bodies[0], &bodies[2]].map(|body| layout.decode(body.as_bytes(), &stamp()).unwrap().batch);
        let sent = whole(&sent);
        assert_eq!(found.num_columns(), sent.num_columns() + 1);
        for (at, field) in sent.schema().fields().iter().enumerate() {
            assert_eq!(found.schema().field(at), &**field);
            assert_eq!(found.column(at), sent.column(at), "{}", field.name());
        }
        let numbers = found.column_by_name(SEQ_COLUMN).unwrap().as_primitive::<Int64Type>();
        assert_eq!([0, 4_999, 5_000, 7_999].map(|row| numbers.value(row)), [4, 4, 9, 9]);
    }
}
