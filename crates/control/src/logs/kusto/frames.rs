//! Answers in the form of version 2: a list of frames.

use bartizan_base::Ticks;
use bartizan_engine::QueryOutput;
use serde_json::{Value, json};
use uuid::Uuid;

use super::refusal::cut_off;
use super::{results, visualization};

/// Levels of completion information: clients take anything below 4 for an error.
const ERROR: u8 = 2;
const INFO: u8 = 4;
const STATS: u8 = 6;

/// The frames of an answer. Where rows are missing, an error stands in their place.
pub(super) fn data_set(output: &QueryOutput, now: Ticks, request_id: &str) -> Value {
    let mut frames = vec![json!({"FrameType": "DataSetHeader", "IsProgressive": false, "Version": "v2.0"})];
    let results = results(output);
    let drawn = results.iter().enumerate();
    let drawn =
        drawn.map(|(at, result)| json!([at + 1, "Visualization", visualization(result.render)])).collect();
    let columns = [("TableId", "int"), ("Key", "string"), ("Value", "dynamic")];
    frames.push(table(0, "QueryProperties", "@ExtendedProperties", &columns, drawn));
    let mut errors = Vec::new();
    let count = results.len();
    for (at, result) in results.into_iter().enumerate() {
        let columns: Vec<(&str, &str)> =
            result.columns.iter().map(|column| (column.name.as_str(), column.ty.name())).collect();
        let mut rows: Vec<Value> = result.rows.into_iter().map(Value::Array).collect();
        if let Some(partial) = result.partial {
            let error = cut_off(partial);
            rows.push(json!({"OneApiErrors": [error]}));
            errors.push((error, partial.message.as_str()));
        }
        frames.push(table(at + 1, "PrimaryResult", result.name, &columns, rows));
    }
    frames.push(completion(count + 1, output, now, request_id, errors.first().map(|(_, text)| *text)));
    let mut end =
        json!({"FrameType": "DataSetCompletion", "HasErrors": !errors.is_empty(), "Cancelled": false});
    if !errors.is_empty() {
        end["OneApiErrors"] = errors.into_iter().map(|(error, _)| error).collect();
    }
    frames.push(end);
    Value::Array(frames)
}

fn completion(id: usize, output: &QueryOutput, now: Ticks, request_id: &str, cut: Option<&str>) -> Value {
    let columns = [
        ("Timestamp", "datetime"),
        ("ClientRequestId", "string"),
        ("ActivityId", "guid"),
        ("SubActivityId", "guid"),
        ("ParentActivityId", "guid"),
        ("Level", "int"),
        ("LevelName", "string"),
        ("StatusCode", "int"),
        ("StatusCodeName", "string"),
        ("EventType", "int"),
        ("EventTypeName", "string"),
        ("Payload", "string"),
    ];
    let activity = Uuid::new_v4();
    let row = |level: u8, level_name: &str, status: &str, event: u8, event_name: &str, payload: Value| {
        json!([
            now,
            request_id,
            activity,
            activity,
            activity,
            level,
            level_name,
            i32::from(level == ERROR),
            status,
            event,
            event_name,
            payload.to_string(),
        ])
    };
    let outcome = match cut {
        None => row(INFO, "Info", "S_OK (0)", 4, "QueryInfo", json!({"Count": 1, "Text": "Query completed"})),
        Some(why) => {
            let payload = json!({"Count": 1, "Text": why});
            row(ERROR, "Error", "Query result set is not whole", 1, "QueryLimitsExceeded", payload)
        }
    };
    let used = json!({
        "ExecutionTime": output.stats.elapsed_us as f64 / 1e6,
        "dataset_statistics": [{"table_row_count": output.stats.rows}],
    });
    let rows = vec![outcome, row(STATS, "Stats", "S_OK (0)", 0, "QueryResourceConsumption", used)];
    table(id, "QueryCompletionInformation", "QueryCompletionInformation", &columns, rows)
}

fn table(id: usize, kind: &str, name: &str, columns: &[(&str, &str)], rows: Vec<Value>) -> Value {
    let columns: Vec<Value> =
        columns.iter().map(|(name, ty)| json!({"ColumnName": name, "ColumnType": ty})).collect();
    json!({
        "FrameType": "DataTable", "TableId": id, "TableKind": kind, "TableName": name, "Columns": columns, "Rows": rows,
    })
}
