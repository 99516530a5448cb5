//! Runs `tests/kql/<area>/<topic>.kqlt`: queries beside their answers.
//!
//! `data name = path` loads a fixture (columns and types follow from its rows). `## title` starts a case:
//! the query, `----`, and the answer as a header and rows, cells two spaces apart; or `---- error CODE`, or
//! `---- unsupported WHAT`. Further results of a query follow, each under `-- name`. `UPDATE_GOLDEN=1`
//! rewrites the answers of cases without an origin, and `BARTIZAN_GOLDEN=text` runs only the files whose path
//! contains the text.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bartizan_base::Ticks;
use bartizan_engine::{QueryError, QueryOutput};
use bartizan_kql::bound::ColumnSchema;
use bartizan_schema::{Column, KqlType, Table, TableKind};
use serde_json::{Map, Value};

use crate::support::{Fixture, rows};

struct Case {
    title: String,
    query: String,
    answer: String,
}

#[tokio::test]
async fn queries_give_their_golden_answers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kql");
    let only = std::env::var("BARTIZAN_GOLDEN").unwrap_or_default();
    let files: Vec<PathBuf> = golden_files(&root)
        .into_iter()
        .filter(|file| file.strip_prefix(&root).unwrap().to_string_lossy().contains(&only))
        .collect();
    assert!(!files.is_empty(), "no golden file under `{}` is called like `{only}`", root.display());
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut failures = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        let text = std::fs::read_to_string(&file).unwrap();
        let (data, cases) = match parse(&text) {
            Ok(parsed) => parsed,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let fixture = match load(&root, &data).await {
            Ok(fixture) => fixture,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let head = text.find("\n## ").filter(|_| !text.starts_with("## "));
        let mut out = text[..head.map_or(0, |at| at + 1)].to_owned();
        for case in &cases {
            let got = print(fixture.query(&case.query).await);
            let kept = case.title.contains("[origin:");
            if got != case.answer && (!update || kept) {
                failures.push(format!(
                    "{name}: {}\n{}\n--- expected\n{}--- got\n{got}",
                    case.title, case.query, case.answer
                ));
            }
            let answer = if kept { &case.answer } else { &got };
            write!(out, "## {}\n{}\n----{answer}\n", case.title, case.query).unwrap();
        }
        if update {
            std::fs::write(&file, format!("{}\n", out.trim_end())).unwrap();
        }
    }
    assert!(failures.is_empty(), "{} cases differ\n\n{}", failures.len(), failures.join("\n"));
}

/// Every `.kqlt` file below `root`, in order.
pub(crate) fn golden_files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    find(root, &mut files);
    files.sort();
    files
}

/// The queries of a golden file.
pub(crate) fn golden_queries(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let (_, cases) = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    cases.into_iter().map(|case| case.query).collect()
}

fn find(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "kqlt") {
            into.push(path);
        }
    }
}

/// The `data` lines of a file, and its cases.
type Parsed = (Vec<(String, String)>, Vec<Case>);

/// Takes a file apart; the error says which line is not as it should be.
fn parse(text: &str) -> Result<Parsed, String> {
    let text = format!("\n{text}");
    let mut parts = text.split("\n## ");
    let head = parts.next().unwrap_or_default();
    let mut data = Vec::new();
    for line in head.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let assignment = line.strip_prefix("data ").and_then(|rest| rest.split_once('='));
        let (name, path) = assignment.ok_or_else(|| {
            format!("`{line}` stands before the first `## title` and is not `data name = path`")
        })?;
        data.push((name.trim().to_owned(), path.trim().to_owned()));
    }
    let mut cases = Vec::new();
    for part in parts {
        let (title, rest) = part.split_once('\n').ok_or_else(|| format!("`## {part}` has no query"))?;
        let (query, answer) = rest
            .split_once("\n----")
            .ok_or_else(|| format!("`## {title}` has no line `----` between its query and its answer"))?;
        cases.push(Case {
            title: title.to_owned(),
            query: query.to_owned(),
            answer: format!("{}\n", answer.trim_end()),
        });
    }
    if cases.is_empty() {
        return Err("it has no case: a case starts with `## title`".to_owned());
    }
    Ok((data, cases))
}

async fn load(root: &Path, data: &[(String, String)]) -> Result<Fixture, String> {
    let mut tables = Vec::new();
    let mut loaded = Vec::new();
    for (name, path) in data {
        let text = std::fs::read_to_string(root.join(path))
            .map_err(|error| format!("cannot read the fixture `{path}`: {error}"))?;
        let rows = rows(&text);
        if !name.starts_with(|c: char| c.is_uppercase()) {
            tables.push(declare(name, &rows));
        }
        loaded.push((name, rows));
    }
    let fixture = Fixture::new(tables).await;
    for (name, rows) in loaded {
        fixture.append(name, rows).await;
    }
    Ok(fixture)
}

/// A table for rows like these. Names of shipped tables start with a capital and are not declared.
fn declare(name: &str, rows: &[Map<String, Value>]) -> Table {
    let mut columns: Vec<Column> = Vec::new();
    for (key, value) in rows.iter().flatten() {
        if columns.iter().any(|column| &column.name == key) || value.is_null() {
            continue;
        }
        let ty = match value {
            Value::Bool(_) => KqlType::Bool,
            Value::Number(number) if number.is_i64() => KqlType::Long,
            Value::Number(_) => KqlType::Real,
            Value::String(text) if Ticks::parse(text).is_ok() => KqlType::DateTime,
            Value::String(_) => KqlType::String,
            _ => KqlType::Dynamic,
        };
        columns.push(Column::new(key.clone(), ty));
    }
    Table {
        name: name.to_owned(),
        description: String::new(),
        kind: TableKind::Standard,
        categories: Vec::new(),
        retention_days: 90,
        columns,
    }
}

/// What stands after `----`.
fn print(result: Result<QueryOutput, QueryError>) -> String {
    let output = match result {
        Ok(output) => output,
        Err(QueryError::Invalid(diagnostics)) => {
            return format!(" error {}\n", diagnostics.first().map_or("?", |found| found.code));
        }
        Err(QueryError::Unsupported { what, .. }) => return format!(" unsupported {what}\n"),
        Err(error) => return format!(" failed {error}\n"),
    };
    let mut text = print_table(&output.columns, &output.rows_json());
    for table in &output.tables {
        write!(text, "-- {}{}", table.name, print_table(&table.columns, &table.rows_json())).unwrap();
    }
    text
}

fn print_table(columns: &[ColumnSchema], rows: &[Vec<Value>]) -> String {
    let header: Vec<String> = columns.iter().map(|column| format!("{}:{}", column.name, column.ty)).collect();
    let mut text = format!("\n{}\n", header.join("  "));
    for row in rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        text.push_str(&cells.join("  "));
        text.push('\n');
    }
    text
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let plain = !text.is_empty()
                && text.trim() == text
                && text != "null"
                && !text.contains("  ")
                && !text.contains('\n')
                && !text.starts_with('"');
            if plain { text.clone() } else { Value::from(text.as_str()).to_string() }
        }
        other => other.to_string(),
    }
}
