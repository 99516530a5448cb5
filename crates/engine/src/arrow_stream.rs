//! Results as an Arrow IPC stream, in types that any Arrow reader has: times are microseconds since 1970 in
//! UTC, timespans durations of microseconds, texts plain UTF-8. The KQL type is in each field's metadata.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, DurationMicrosecondArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use bartizan_base::Ticks;
use bartizan_base::time::UNIX_EPOCH_TICKS;
use bartizan_kql::bound::ColumnSchema;
use bartizan_schema::KqlType;
use bartizan_store::layout::KQL_TYPE_KEY;

use crate::error::QueryError;
use crate::output::QueryOutput;

/// The media type of such a stream.
pub const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";

const TICKS_PER_MICROSECOND: i64 = 10;

impl QueryOutput {
    /// The first result as an Arrow IPC stream. What the JSON answer shows as null is null here too.
    ///
    /// # Errors
    /// `Internal` when a batch is not what the result's columns say.
    pub fn arrow_stream(&self) -> Result<Vec<u8>, QueryError> {
        self.write().map_err(|error| QueryError::Internal(error.to_string()))
    }

    fn write(&self) -> Result<Vec<u8>, ArrowError> {
        let schema = Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()));
        let mut out = Vec::new();
        let mut writer = StreamWriter::try_new(&mut out, &schema)?;
        for batch in &self.batches {
            let columns =
                self.columns.iter().zip(batch.columns()).map(|(column, array)| plain(array, column.ty));
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let columns = columns.collect::<Result<_, _>>()?;
            writer.write(&RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?)?;
        }
        writer.finish()?;
        drop(writer);
        Ok(out)
    }
}

fn field(column: &ColumnSchema) -> Field {
    let ty = match column.ty {
        KqlType::Bool => DataType::Boolean,
        KqlType::Int => DataType::Int32,
        KqlType::Long => DataType::Int64,
        KqlType::Real => DataType::Float64,
        KqlType::DateTime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        KqlType::TimeSpan => DataType::Duration(TimeUnit::Microsecond),
        KqlType::String | KqlType::Guid | KqlType::Dynamic | KqlType::Decimal => DataType::Utf8,
    };
    let metadata = HashMap::from([(KQL_TYPE_KEY.to_owned(), column.ty.name().to_owned())]);
    Field::new(&column.name, ty, true).with_metadata(metadata)
}

fn plain(array: &ArrayRef, ty: KqlType) -> Result<ArrayRef, ArrowError> {
    let ticks = || {
        array
            .as_primitive_opt::<Int64Type>()
            .ok_or_else(|| ArrowError::CastError("times are not ticks".to_owned()))
    };
    match ty {
        KqlType::DateTime => {
            let is_date = |ticks: &i64| (0..=Ticks::MAX.0).contains(ticks);
            let micros = |ticks: i64| (ticks - UNIX_EPOCH_TICKS).div_euclid(TICKS_PER_MICROSECOND);
            let micros = ticks()?.iter().map(|ticks| ticks.filter(is_date).map(micros));
            Ok(Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC")))
        }
        KqlType::TimeSpan => {
            let micros = ticks()?.iter().map(|ticks| ticks.map(|ticks| ticks / TICKS_PER_MICROSECOND));
            Ok(Arc::new(micros.collect::<DurationMicrosecondArray>()))
        }
        KqlType::String | KqlType::Guid | KqlType::Dynamic | KqlType::Decimal => cast(array, &DataType::Utf8),
        _ => Ok(Arc::clone(array)),
    }
}
