//! A checkpoint: all actions that hold at a version, in one Parquet file with a column for each kind of action.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::json::ReaderBuilder;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

use super::actions::{Commit, Published};

/// The bytes of a checkpoint, and how many actions it has.
pub(super) fn encode(commit: &Commit<'_>, published: &Published) -> Result<(Vec<u8>, usize), ParquetError> {
    let mut rows = vec![json!({"protocol": commit.protocol()}), json!({"metaData": commit.meta_data()})];
    rows.extend(published.files.iter().map(|(path, add)| {
        let mut action = commit.add(path, add);
        // What a checkpoint says is no change.
        action["dataChange"] = false.into();
        json!({"add": action})
    }));
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    let schema = Arc::new(schema());
    let mut bytes = Vec::new();
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(&mut bytes, Arc::clone(&schema), Some(properties))?;
    let text = lines.join("\n");
    for batch in ReaderBuilder::new(schema).build(text.as_bytes())? {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok((bytes, rows.len()))
}

fn schema() -> Schema {
    let action =
        |name: &str, fields: Vec<Field>| Field::new(name, DataType::Struct(Fields::from(fields)), true);
    Schema::new(vec![
        action("txn", vec![text("appId"), long("version"), long("lastUpdated")]),
        action(
            "add",
            vec![
                text("path"),
                map("partitionValues"),
                long("size"),
                long("modificationTime"),
                flag("dataChange"),
                text("stats"),
            ],
        ),
        action(
            "remove",
            vec![
                text("path"),
                long("deletionTimestamp"),
                flag("dataChange"),
                flag("extendedFileMetadata"),
                map("partitionValues"),
                long("size"),
            ],
        ),
        action(
            "metaData",
            vec![
                text("id"),
                text("name"),
                text("description"),
                action("format", vec![text("provider"), map("options")]),
                text("schemaString"),
                Field::new("partitionColumns", DataType::List(Arc::new(text("element"))), true),
                map("configuration"),
                long("createdTime"),
            ],
        ),
        action("protocol", vec![int("minReaderVersion"), int("minWriterVersion")]),
    ])
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn long(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn int(name: &str) -> Field {
    Field::new(name, DataType::Int32, true)
}

fn flag(name: &str) -> Field {
    Field::new(name, DataType::Boolean, true)
}

fn map(name: &str) -> Field {
    let entry = vec![Field::new("key", DataType::Utf8, false), text("value")];
    let entries = Field::new("key_value", DataType::Struct(Fields::from(entry)), false);
    Field::new(name, DataType::Map(Arc::new(entries), false), true)
}
