//! Management commands: those that say what there is. Nothing is changed through them.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_kql::{FunctionSymbol, system_type};
use bartizan_schema::{KqlType, Table};
use http::HeaderMap;
use serde_json::{Value, json};

use super::refusal::failed;
use super::tables::{columns, one};
use super::{BODY_MAX, KustoRequest, workspace};
use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::logs::Workspace;
use crate::logs::query::find_workspace;
use crate::logs::reading::{self, Readable};

/// The commands, for whoever asks for another.
const KNOWN: &str = "`.show tables`, `.show tables details`, `.show table T`, `.show table T details`, \
    `.show table T cslschema`, `.show functions`, `.show databases`, `.show version` and \
    `.show database [D] schema [as json]`";

const TEXT: KqlType = KqlType::String;
const TABLES: [(&str, KqlType); 4] =
    [("TableName", TEXT), ("DatabaseName", TEXT), ("Folder", TEXT), ("DocString", TEXT)];
const DETAILS: [(&str, KqlType); 7] = [
    ("TableName", TEXT),
    ("DatabaseName", TEXT),
    ("Folder", TEXT),
    ("DocString", TEXT),
    ("TotalExtents", KqlType::Long),
    ("TotalExtentSize", KqlType::Real),
    ("TotalRowCount", KqlType::Long),
];
const FUNCTIONS: [(&str, KqlType); 5] =
    [("Name", TEXT), ("Parameters", TEXT), ("Body", TEXT), ("Folder", TEXT), ("DocString", TEXT)];
const DATABASES: [(&str, KqlType); 7] = [
    ("DatabaseName", TEXT),
    ("PersistentStorage", TEXT),
    ("Version", TEXT),
    ("IsCurrent", KqlType::Bool),
    ("DatabaseAccessMode", TEXT),
    ("PrettyName", TEXT),
    ("DatabaseId", KqlType::Guid),
];
const SCHEMA: [(&str, KqlType); 10] = [
    ("DatabaseName", TEXT),
    ("TableName", TEXT),
    ("ColumnName", TEXT),
    ("ColumnType", TEXT),
    ("IsDefaultTable", KqlType::Bool),
    ("IsDefaultColumn", KqlType::Bool),
    ("PrettyName", TEXT),
    ("Version", TEXT),
    ("Folder", TEXT),
    ("DocString", TEXT),
];
const CSL_SCHEMA: [(&str, KqlType); 5] =
    [("TableName", TEXT), ("Schema", TEXT), ("DatabaseName", TEXT), ("Folder", TEXT), ("DocString", TEXT)];
const VERSION: [(&str, KqlType); 3] =
    [("BuildVersion", TEXT), ("ServiceType", TEXT), ("ProductVersion", TEXT)];

pub(super) async fn management(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: KustoRequest = read_json(&headers, body, BODY_MAX).await?;
    Ok(match answer(&app, &caller, &request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(failure) => failed(failure),
    })
}

async fn answer(app: &App, caller: &Caller, request: &KustoRequest) -> Result<Value, Failure> {
    let mut database = workspace(app, request)?;
    let words: Vec<String> = request.csl.split_whitespace().map(unquoted).collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    if let [".show", "version"] = lower.as_slice() {
        caller.principal()?;
        return Ok(version());
    }
    if let [".show", "databases"] = lower.as_slice() {
        return Ok(databases(&reading::readable_workspaces(app, caller).await?, &database));
    }
    // A command may name another database than its request.
    if let [".show", "database", _, "schema"] | [".show", "database", _, "schema", "as", "json"] =
        lower.as_slice()
    {
        database = find_workspace(app, &words[2])?;
    }
    let database = &database;
    let Readable { tables, all } = reading::readable_tables(app, caller, database).await?;
    // What functions do is for those who may read all that they could read.
    let functions = if all { app.functions.all(database.id) } else { Vec::new() };
    let table = |name: &str| {
        let found = tables.iter().find(|table| table.name.eq_ignore_ascii_case(name));
        let text = || format!("there is no table `{name}`, or it may not be read; `.show tables` lists them");
        found.ok_or_else(|| Failure(ApiError::new(ErrorKind::NotFound, text())))
    };
    Ok(match lower.as_slice() {
        [".show", "tables"] => listed(database, &tables),
        [".show", "tables", "details"] => details(app, database, &tables)?,
        [".show", "table", _] => listed(database, std::slice::from_ref(table(&words[2])?)),
        [".show", "table", _, "details"] => details(app, database, std::slice::from_ref(table(&words[2])?))?,
        [".show", "table", _, "cslschema"] | [".show", "table", _, "schema", "as", "csl"] => {
            csl_schema(database, table(&words[2])?)
        }
        [".show", "functions"] => shown_functions(&functions),
        [".show", "schema"] | [".show", "database", "schema"] | [".show", "database", _, "schema"] => {
            schema(database, &tables)
        }
        [".show", "schema", "as", "json"]
        | [".show", "database", "schema", "as", "json"]
        | [".show", "database", _, "schema", "as", "json"] => schema_json(database, &tables, &functions),
        _ => {
            let shown: String = request.csl.chars().take(80).collect();
            let text = format!("the command `{shown}` is not supported; {KNOWN} are");
            return Err(ApiError::coded(ErrorKind::Invalid, "BadRequest_CommandNotSupported", text).into());
        }
    })
}

/// A name without `["…"]`, `['…']`, quotes or a trailing semicolon.
fn unquoted(word: &str) -> String {
    word.trim_end_matches(';').trim_matches(|c| matches!(c, '[' | ']' | '"' | '\'')).to_owned()
}

fn version() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    one(&columns(&VERSION), vec![json!([version, "Engine", format!("Bartizan {version}")])])
}

fn listed(of: &Workspace, tables: &[Arc<Table>]) -> Value {
    let row = |table: &Arc<Table>| json!([table.name, of.resource.name(), "", table.description]);
    one(&columns(&TABLES), tables.iter().map(row).collect())
}

/// Files and rows of each table, those in memory included.
fn details(app: &App, of: &Workspace, tables: &[Arc<Table>]) -> Result<Value, Failure> {
    let mut rows = Vec::with_capacity(tables.len());
    for table in tables {
        let snapshot = app.store.snapshot(of.id, &[&table.name])?;
        let (mut files, mut bytes, mut count) = (0_u64, 0_u64, 0_u64);
        for part in snapshot.tables.values() {
            files += part.files.len() as u64;
            bytes += part.files.iter().map(|file| file.size_bytes).sum::<u64>();
            count += part.files.iter().map(|file| file.rows).sum::<u64>();
            count += part.memory.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
        }
        let database = of.resource.name();
        rows.push(json!([table.name, database, "", table.description, files, bytes as f64, count]));
    }
    Ok(one(&columns(&DETAILS), rows))
}

fn shown_functions(functions: &[FunctionSymbol]) -> Value {
    let row = |function: &FunctionSymbol| {
        json!([function.name, function.parameters, format!("{{{}}}", function.body), "", ""])
    };
    one(&columns(&FUNCTIONS), functions.iter().map(row).collect())
}

fn databases(all: &[Workspace], current: &Workspace) -> Value {
    let row = |of: &Workspace| {
        let name = of.resource.name();
        json!([name, "", "v1.0", of.id == current.id, "ReadOnly", name, of.id])
    };
    one(&columns(&DATABASES), all.iter().map(row).collect())
}

fn schema(of: &Workspace, tables: &[Arc<Table>]) -> Value {
    let database = of.resource.name();
    let row = |table: &str, column: &str, ty: &str, text: &str| {
        json!([database, table, column, ty, false, false, "", "v1.0", "", text])
    };
    let mut rows = vec![row("", "", "", "")];
    for table in tables {
        rows.push(row(&table.name, "", "", &table.description));
        let columns = table.columns.iter();
        rows.extend(
            columns.map(|column| row(&table.name, &column.name, system_type(column.ty), &column.description)),
        );
    }
    one(&columns(&SCHEMA), rows)
}

fn schema_json(of: &Workspace, tables: &[Arc<Table>], functions: &[FunctionSymbol]) -> Value {
    let database = of.resource.name();
    let described = tables.iter().map(|table| {
        let columns: Vec<Value> = table
            .columns
            .iter()
            .map(|column| {
                json!({
                    "Name": column.name, "Type": system_type(column.ty), "CslType": column.ty.name(),
                    "DocString": column.description,
                })
            })
            .collect();
        let described = json!({
            "Name": table.name, "Folder": null, "DocString": table.description, "OrderedColumns": columns,
        });
        (table.name.clone(), described)
    });
    let functions = functions.iter().map(|function| {
        let body = format!("{{{}}}", function.body);
        (function.name.clone(), json!({"Name": function.name, "Body": body, "FunctionKind": "Unknown"}))
    });
    let schema = json!({"Databases": {(database): {
        "Name": database, "Tables": Value::Object(described.collect()), "PrettyName": null,
        "MajorVersion": 1, "MinorVersion": 0, "Functions": Value::Object(functions.collect()),
        "DatabaseAccessMode": "ReadOnly",
    }}});
    one(&columns(&[("DatabaseSchema", TEXT)]), vec![json!([schema.to_string()])])
}

fn csl_schema(of: &Workspace, table: &Table) -> Value {
    let declared: Vec<String> =
        table.columns.iter().map(|column| format!("{}:{}", column.name, column.ty.name())).collect();
    let row = json!([table.name, declared.join(", "), of.resource.name(), "", table.description]);
    one(&columns(&CSL_SCHEMA), vec![row])
}
