//! How KQL types lie in Arrow and Parquet, for this crate and for the engine.
//!
//! | KQL | Arrow |
//! | --- | --- |
//! | bool, int, long, real | Boolean, Int32, Int64, Float64, nullable |
//! | string | Utf8View, never null: an absent string is `""` |
//! | datetime, timespan | Int64 ticks, nullable |
//! | guid | Utf8View, lower-case with hyphens, nullable |
//! | dynamic | Utf8View holding JSON text, nullable |
//! | decimal | Utf8View holding the number's text, nullable |
//!
//! Batches in the buffer and files on disk may lack columns that no row of theirs has a value for, or
//! that the table did not have yet: a missing column reads as its [`default_column`].

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray, new_null_array};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use bartizan_schema::{KqlType, Table};

/// The hidden column with the commit sequence number of a row's batch.
pub const SEQ_COLUMN: &str = "__seq";

/// The column that time slices, retention and query time ranges go by.
pub const TIME_COLUMN: &str = "TimeGenerated";

/// The field metadata key that holds the KQL type's name.
pub const KQL_TYPE_KEY: &str = "kql.type";

/// The Arrow type of a KQL type.
pub fn arrow_type(ty: KqlType) -> DataType {
    match ty {
        KqlType::Bool => DataType::Boolean,
        KqlType::Int => DataType::Int32,
        KqlType::Long | KqlType::DateTime | KqlType::TimeSpan => DataType::Int64,
        KqlType::Real => DataType::Float64,
        KqlType::String | KqlType::Guid | KqlType::Dynamic | KqlType::Decimal => DataType::Utf8View,
    }
}

/// The Arrow field of a column, with its KQL type in the metadata.
pub fn arrow_field(name: &str, ty: KqlType) -> Field {
    let metadata = HashMap::from([(KQL_TYPE_KEY.to_owned(), ty.name().to_owned())]);
    Field::new(name, arrow_type(ty), ty != KqlType::String).with_metadata(metadata)
}

/// The KQL type that a field's metadata names.
pub fn kql_type(field: &Field) -> Option<KqlType> {
    field.metadata().get(KQL_TYPE_KEY)?.parse().ok()
}

/// The Arrow schema of a table: its columns in declared order, then [`SEQ_COLUMN`].
pub fn arrow_schema(table: &Table) -> SchemaRef {
    let mut fields: Vec<Field> =
        table.columns.iter().map(|column| arrow_field(&column.name, column.ty)).collect();
    fields.push(arrow_field(SEQ_COLUMN, KqlType::Long).with_nullable(false));
    Arc::new(Schema::new(fields))
}

/// What a column holds where nothing was stored: `""` in a string column, null in any other.
pub fn default_column(field: &Field, rows: usize) -> ArrayRef {
    if field.data_type() == &DataType::Utf8View && !field.is_nullable() {
        let views = ScalarBuffer::from(vec![0_u128; rows]);
        // A view of sixteen zero bytes is the empty string.
        return Arc::new(StringViewArray::new(views, Vec::new(), None));
    }
    new_null_array(field.data_type(), rows)
}

/// A constant [`SEQ_COLUMN`].
pub fn seq_column(seq: u64, rows: usize) -> ArrayRef {
    Arc::new(Int64Array::from(vec![seq as i64; rows]))
}

/// `batch` with exactly the columns of `schema`, by name; missing ones take their default. Defaults of
/// one type share one array, because wide tables are mostly empty.
///
/// # Errors
/// When a column of the batch has another type than the schema says.
pub fn pad(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let rows = batch.num_rows();
    let mut defaults: HashMap<(DataType, bool), ArrayRef> = HashMap::new();
    let present: HashMap<&str, usize> = batch
        .schema_ref()
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| (field.name().as_str(), at))
        .collect();
    let columns = schema
        .fields()
        .iter()
        .map(|field| match present.get(field.name().as_str()) {
            Some(at) => Arc::clone(batch.column(*at)),
            None => Arc::clone(
                defaults
                    .entry((field.data_type().clone(), field.is_nullable()))
                    .or_insert_with(|| default_column(field, rows)),
            ),
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Array;
    use bartizan_schema::TableRegistry;

    #[test]
    fn every_shipped_table_has_a_schema_that_keeps_its_types() {
        for table in TableRegistry::shipped().unwrap().iter() {
            let schema = arrow_schema(table);
            assert_eq!(schema.fields().len(), table.columns.len() + 1);
            for column in &table.columns {
                let field = schema.field_with_name(&column.name).unwrap();
                assert_eq!(kql_type(field), Some(column.ty));
                assert_eq!(field.is_nullable(), column.ty != KqlType::String);
            }
        }
    }

    #[test]
    fn missing_columns_read_as_empty_text_or_null() {
        let narrow = Arc::new(Schema::new(vec![arrow_field("n", KqlType::Long)]));
        let batch = RecordBatch::try_new(narrow, vec![Arc::new(Int64Array::from(vec![1, 2]))]).unwrap();
        let wide = Arc::new(Schema::new(vec![
            arrow_field("s", KqlType::String),
            arrow_field("n", KqlType::Long),
            arrow_field("d", KqlType::Dynamic),
        ]));
        let padded = pad(&batch, &wide).unwrap();
        let text = padded.column(0).as_any().downcast_ref::<StringViewArray>().unwrap();
        assert_eq!((text.null_count(), text.value(1)), (0, ""));
        assert_eq!(padded.column(2).null_count(), 2);
    }
}
