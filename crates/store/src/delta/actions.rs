//! The actions of Delta's log as JSON lines: `protocol`, `metaData`, `add`, `remove`.
//!
//! Written to the Delta transaction log protocol, reader version 1 and writer version 2: no feature that a reader
//! could lack. Columns have the types their Parquet files have: `datetime` and `timespan` are `long` counts of
//! 100 ns ticks, said in the column's metadata.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use arrow::datatypes::DataType;
use bartizan_base::Ticks;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::decode::Layout;
use crate::layout::{KQL_TYPE_KEY, SEQ_COLUMN, TIME_COLUMN};
use crate::manifest::TableKey;
use crate::snapshot::FileEntry;

/// What readers of a table are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Published {
    /// The last commit; `None` before the first.
    pub(crate) version: Option<u64>,
    /// The columns as [`columns`] has them.
    pub(crate) columns: String,
    pub(crate) files: BTreeMap<PathBuf, Add>,
}

/// A published file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Add {
    pub(crate) size_bytes: u64,
    pub(crate) rows: u64,
    /// Milliseconds since 1970.
    pub(crate) modified: i64,
    /// Least and greatest `TimeGenerated` and `__seq`, where known.
    pub(crate) bounds: Option<[i64; 4]>,
}

impl Add {
    pub(crate) fn of(file: &FileEntry) -> Self {
        Self {
            size_bytes: file.size_bytes,
            rows: file.rows,
            modified: Ticks(file.received).unix_millis(),
            bounds: Some([file.time_min, file.time_max, file.seq_min, file.seq_max]),
        }
    }

    /// The file's statistics, as text that holds JSON.
    pub(crate) fn stats(&self) -> String {
        let Some([time_min, time_max, seq_min, seq_max]) = self.bounds else {
            return json!({"numRecords": self.rows}).to_string();
        };
        json!({
            "numRecords": self.rows,
            "minValues": {TIME_COLUMN: time_min, SEQ_COLUMN: seq_min},
            "maxValues": {TIME_COLUMN: time_max, SEQ_COLUMN: seq_max},
            "nullCount": {TIME_COLUMN: 0, SEQ_COLUMN: 0},
        })
        .to_string()
    }

    fn read(action: &Value) -> Self {
        let stats = action["stats"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let rows = stats.and_then(|stats| stats["numRecords"].as_u64());
        Self {
            size_bytes: action["size"].as_u64().unwrap_or_default(),
            rows: rows.unwrap_or_default(),
            modified: action["modificationTime"].as_i64().unwrap_or_default(),
            bounds: None,
        }
    }
}

impl Published {
    /// Takes over a commit that is in the log already.
    pub(crate) fn take_over(&mut self, folder: &Path, version: u64, bytes: &[u8]) {
        for line in bytes.split(|byte| *byte == b'\n') {
            let Ok(action) = serde_json::from_slice::<Value>(line) else { continue };
            if let Some(path) = action["add"]["path"].as_str() {
                self.files.insert(folder.join(path), Add::read(&action["add"]));
            }
            if let Some(path) = action["remove"]["path"].as_str() {
                self.files.remove(&folder.join(path));
            }
            if let Some(columns) = action["metaData"]["schemaString"].as_str() {
                self.columns = columns.to_owned();
            }
        }
        self.version = Some(version);
    }
}

/// One commit to be written.
pub(crate) struct Commit<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) key: &'a TableKey,
    pub(crate) layout: &'a Layout,
    pub(crate) now: Ticks,
    pub(crate) declares: bool,
    pub(crate) is_first: bool,
}

impl Commit<'_> {
    /// The commit's lines.
    pub(crate) fn json(&self, added: &[(&PathBuf, &Add)], removed: &HashMap<PathBuf, Add>) -> String {
        let now = self.now.unix_millis();
        let operation = if added.is_empty() { "DELETE" } else { "WRITE" };
        let mut lines = vec![json!({"commitInfo": {
            "timestamp": now, "operation": operation, "operationParameters": {},
            "engineInfo": concat!("Bartizan/", env!("CARGO_PKG_VERSION")),
        }})];
        if self.is_first {
            lines.push(json!({"protocol": self.protocol()}));
        }
        if self.declares {
            lines.push(json!({"metaData": self.meta_data()}));
        }
        lines.extend(removed.iter().map(|(path, add)| {
            json!({"remove": {
                "path": self.relative(path), "deletionTimestamp": now, "dataChange": true,
                "extendedFileMetadata": true, "partitionValues": {}, "size": add.size_bytes,
            }})
        }));
        lines.extend(added.iter().map(|(path, add)| json!({"add": self.add(path, add)})));
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        lines.join("\n") + "\n"
    }

    pub(crate) fn protocol(&self) -> Value {
        json!({"minReaderVersion": 1, "minWriterVersion": 2})
    }

    pub(crate) fn meta_data(&self) -> Value {
        let (workspace, table) = self.key;
        json!({
            "id": Uuid::new_v5(&workspace.0, table.as_bytes()).to_string(),
            "name": table.as_ref(),
            "description": self.layout.table.description,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": columns(self.layout),
            "partitionColumns": [],
            "configuration": {},
        })
    }

    pub(crate) fn add(&self, path: &Path, add: &Add) -> Value {
        json!({
            "path": self.relative(path), "partitionValues": {}, "size": add.size_bytes,
            "modificationTime": add.modified, "dataChange": true, "stats": add.stats(),
        })
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(self.folder).unwrap_or(path).to_string_lossy().into_owned()
    }
}

/// The table's columns as Delta's schema, a text that holds JSON.
pub(crate) fn columns(layout: &Layout) -> String {
    let fields: Vec<Value> = layout
        .schema
        .fields()
        .iter()
        .map(|field| {
            let ty = match field.data_type() {
                DataType::Boolean => "boolean",
                DataType::Int32 => "integer",
                DataType::Int64 => "long",
                DataType::Float64 => "double",
                _ => "string",
            };
            let kql = field.metadata().get(KQL_TYPE_KEY).map_or("", String::as_str);
            let mut metadata = json!({KQL_TYPE_KEY: kql});
            if matches!(kql, "datetime" | "timespan") {
                let from = if kql == "datetime" { " since 0001-01-01T00:00:00Z" } else { "" };
                metadata["comment"] = format!("{kql}: a count of 100 ns{from}").into();
            }
            // A file without a column has no value for it in any row, which Delta calls null.
            json!({"name": field.name(), "type": ty, "nullable": true, "metadata": metadata})
        })
        .collect();
    json!({"type": "struct", "fields": fields}).to_string()
}

/// The name of a commit's file.
pub(crate) fn commit_name(version: u64) -> String {
    format!("{version:020}.json")
}
