//! Parquet files: how they are written, and reading them whole for a merge.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use arrow::datatypes::{DataType, Schema};
use bartizan_schema::KqlType;
use uuid::Uuid;

use crate::disk::Disk;
use crate::error::StoreError;
use crate::integrity::Fault;
use crate::layout::{self, SEQ_COLUMN, TIME_COLUMN};
use crate::manifest::{IndexPlace, TableKey};
use crate::snapshot::FileEntry;
use crate::text_index;

/// Rows in a row group: small enough that pruning helps and scans run in parallel.
const ROW_GROUP_ROWS: usize = 131_072;
/// Rows in a data page, the finest unit that the page index can skip: two blocks of the text index.
const PAGE_ROWS: usize = 2 * text_index::BLOCK_ROWS;
/// The cheapest level: higher ones cost a quarter more time and saved nothing on log rows.
const ZSTD_LEVEL: i32 = 1;

/// The bytes of a file with the rows of `batch`, which are sorted by `sorted_by`, and where in them the text index is.
pub(crate) fn encode(
    batch: &RecordBatch,
    sorted_by: &[String],
) -> Result<(Vec<u8>, IndexPlace), ParquetError> {
    let properties = properties(batch.schema_ref(), sorted_by)?;
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, Arc::clone(batch.schema_ref()), Some(properties))?;
    let mut columns = || {
        writer.write(batch)?;
        // The last row group must be out before bytes of our own can follow it.
        writer.flush()
    };
    // Rows that arrive wait for this file when there is no room for more: the index is made beside the columns,
    // or after them where no thread is to be had.
    let index = std::thread::scope(|scope| {
        let beside = std::thread::Builder::new().name("text-index".to_owned());
        let index = beside.spawn_scoped(scope, || text_index::build(batch));
        columns()?;
        match index {
            Ok(index) => {
                index.join().map_err(|_| ParquetError::General("the text index could not be made".to_owned()))
            }
            Err(_) => Ok(text_index::build(batch)),
        }
    })?;
    let place = IndexPlace { offset: writer.bytes_written() as u64, len: index.len() };
    writer.write_all(&index)?;
    writer.close()?;
    Ok((bytes, place))
}

/// The place of a new file with rows of a day, relative to the store's folder.
pub(crate) fn new_path((workspace, table): &TableKey, day: i64) -> String {
    format!("data/{workspace}/{table}/{day}/{}.parquet", Uuid::now_v7().simple())
}

/// Writes a file so that it survives a crash from here on.
pub(crate) fn write(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(path);
    disk.create_dir_all(dir).map_err(StoreError::io("create", dir))?;
    let mut file = disk.create(path).map_err(StoreError::io("create", path))?;
    file.append(bytes).and_then(|()| file.sync()).map_err(StoreError::io("write", path))?;
    disk.sync_dir(dir).map_err(StoreError::io("sync", dir))
}

/// All rows of a file, if it is what was written.
pub(crate) fn read(file: &FileEntry) -> Result<Vec<RecordBatch>, StoreError> {
    let damaged = |fault| StoreError::Damaged { path: file.path.clone(), fault };
    decode(file.read_sound().map_err(damaged)?).map_err(|error| damaged(Fault::Content(error.to_string())))
}

/// All rows in the bytes of a file.
pub(crate) fn decode(bytes: Bytes) -> Result<Vec<RecordBatch>, ParquetError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?.with_batch_size(ROW_GROUP_ROWS).build()?;
    reader.map(|batch| batch.map_err(ParquetError::from)).collect()
}

fn properties(schema: &Schema, sorted_by: &[String]) -> Result<WriterProperties, ParquetError> {
    let sorting = sorted_by
        .iter()
        .filter_map(|name| schema.index_of(name).ok())
        .map(|at| SortingColumn { column_idx: at as i32, descending: false, nulls_first: true })
        .collect();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(Some(sorting));
    for field in schema.fields() {
        let counts_up = field.name() == TIME_COLUMN
            || field.name() == SEQ_COLUMN
            || layout::kql_type(field) == Some(KqlType::DateTime);
        if counts_up && field.data_type() == &DataType::Int64 {
            let path = ColumnPath::from(field.name().as_str());
            builder = builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    Ok(builder.build())
}
