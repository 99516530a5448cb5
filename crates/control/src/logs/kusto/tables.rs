//! Answers in the form of version 1, which management commands have too: tables, and behind those of a query
//! how to draw them, how it went, and a table of contents.

use bartizan_base::Ticks;
use bartizan_engine::QueryOutput;
use bartizan_kql::bound::ColumnSchema;
use bartizan_kql::system_type;
use bartizan_schema::KqlType;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{results, visualization};

/// The tables of a query's answer. Where rows are missing, an error stands in their place.
pub(super) fn data_set(output: &QueryOutput, now: Ticks, request_id: &str) -> Value {
    let mut tables = Vec::new();
    let mut contents = Vec::new();
    let mut errors: Vec<&str> = Vec::new();
    let mut drawn = Vec::new();
    for result in results(output) {
        let mut rows: Vec<Value> = result.rows.into_iter().map(Value::Array).collect();
        if let Some(partial) = result.partial {
            rows.push(json!({"Exceptions": [partial.message]}));
            errors.push(&partial.message);
        }
        drawn.push(json!([visualization(result.render)]));
        contents.push(json!([tables.len(), "QueryResult", result.name, Uuid::new_v4(), ""]));
        tables.push(table(tables.len(), result.columns, rows));
    }
    contents.push(json!([tables.len(), "QueryProperties", "@ExtendedProperties", Uuid::new_v4(), ""]));
    tables.push(table(tables.len(), &columns(&[("Value", KqlType::String)]), drawn));
    contents.push(json!([tables.len(), "QueryStatus", "QueryStatus", Uuid::nil(), ""]));
    let status = status(output, now, request_id, errors.first().copied());
    tables.push(table(tables.len(), &columns(&STATUS), status));
    tables.push(table(tables.len(), &columns(&CONTENTS), contents));
    let mut answer = json!({"Tables": tables});
    if !errors.is_empty() {
        answer["Exceptions"] = json!(errors);
    }
    answer
}

/// The one table of a management command's answer.
pub(super) fn one(columns: &[ColumnSchema], rows: Vec<Value>) -> Value {
    json!({"Tables": [table(0, columns, rows)]})
}

/// Columns by name and type.
pub(super) fn columns(columns: &[(&str, KqlType)]) -> Vec<ColumnSchema> {
    columns.iter().map(|(name, ty)| ColumnSchema { name: (*name).to_owned(), ty: *ty }).collect()
}

const CONTENTS: [(&str, KqlType); 5] = [
    ("Ordinal", KqlType::Long),
    ("Kind", KqlType::String),
    ("Name", KqlType::String),
    ("Id", KqlType::String),
    ("PrettyName", KqlType::String),
];
const STATUS: [(&str, KqlType); 10] = [
    ("Timestamp", KqlType::DateTime),
    ("Severity", KqlType::Int),
    ("SeverityName", KqlType::String),
    ("StatusCode", KqlType::Int),
    ("StatusDescription", KqlType::String),
    ("Count", KqlType::Int),
    ("RequestId", KqlType::Guid),
    ("ActivityId", KqlType::Guid),
    ("SubActivityId", KqlType::Guid),
    ("ClientActivityId", KqlType::String),
];

fn status(output: &QueryOutput, now: Ticks, request_id: &str, cut: Option<&str>) -> Vec<Value> {
    let activity = Uuid::new_v4();
    let row = |severity: u8, name: &str, code: u8, text: &str| {
        json!([now, severity, name, code, text, 1, activity, activity, activity, request_id])
    };
    // Clients take a severity below 4 for an error.
    let outcome = match cut {
        None => row(4, "Info", 0, "Query completed"),
        Some(why) => row(2, "Error", 1, why),
    };
    let used = json!({
        "ExecutionTime": output.stats.elapsed_us as f64 / 1e6,
        "dataset_statistics": [{"table_row_count": output.stats.rows}],
    });
    vec![outcome, row(6, "Stats", 0, &used.to_string())]
}

fn table(number: usize, columns: &[ColumnSchema], rows: Vec<Value>) -> Value {
    let columns: Vec<Value> = columns
        .iter()
        .map(|column| {
            json!({"ColumnName": column.name, "DataType": dot_net(column.ty), "ColumnType": column.ty.name()})
        })
        .collect();
    json!({"TableName": format!("Table_{number}"), "Columns": columns, "Rows": rows})
}

/// The .NET type that answers name, without its namespace.
fn dot_net(ty: KqlType) -> &'static str {
    let name = system_type(ty);
    name.rsplit('.').next().unwrap_or(name)
}
