//! Every declared function, aggregate, operator and plugin, from its own example: what it gives for values, for
//! nulls, for no rows, of which type, and how its mistakes are told.
//!
//! The queries are made from the declarations, so nothing that is declared can be left out. What must hold for all
//! of them is asserted: values in rows give what constants give, null gives null where that is declared, no rows
//! keep the type, and a mistake is told by name. The answers themselves are kept in `tests/matrix/<family>.txt`, to
//! be read by eye; `UPDATE_GOLDEN=1` rewrites them.

mod aggregates;
mod calls;
mod functions;
mod operators;

use std::path::Path;

use bartizan_engine::{QueryError, QueryOutput};
use bartizan_schema::KqlType;
use serde_json::Value;

use crate::support::Fixture;

/// Longest text of one cell in a golden file.
const CELL_CHARS_MAX: usize = 300;

/// What one family gave: the golden text, and what does not hold.
#[derive(Default)]
struct Report {
    text: String,
    failures: Vec<String>,
}

impl Report {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn fail(&mut self, what: String) {
        self.failures.push(what);
    }

    /// Compares the text with the golden file of the family, or rewrites that.
    fn finish(mut self, family: &str) -> Vec<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/matrix").join(format!("{family}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &self.text).unwrap();
            return self.failures;
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        let differing =
            self.text.lines().zip(kept.lines().chain(std::iter::repeat(""))).find(|(a, b)| a != b);
        if let Some((got, kept)) = differing {
            self.failures.push(format!("{}:\n  kept {kept}\n  got  {got}", path.display()));
        } else if kept != self.text {
            self.failures.push(format!("{}: the file has more lines", path.display()));
        }
        self.failures
    }
}

/// The types of the columns of a query that is right.
fn types(fixture: &Fixture, text: &str) -> Option<Vec<KqlType>> {
    let checked = fixture.engine.check(fixture.workspace, text);
    checked.columns.map(|columns| columns.iter().map(|column| column.ty).collect())
}

/// What is wrong with a query that is not run; none when nothing is.
fn mistake(fixture: &Fixture, text: &str) -> Option<(String, String)> {
    let checked = fixture.engine.check(fixture.workspace, text);
    if checked.columns.is_some() {
        return None;
    }
    checked.diagnostics.first().map(|found| {
        let place = text.get(found.span.start..found.span.end).unwrap_or_default();
        (found.code.to_owned(), format!("at `{}`: {}", cut(place), found.message))
    })
}

fn null_of(ty: KqlType) -> String {
    match ty {
        KqlType::String => "\"\"".to_owned(),
        ty => format!("{}(null)", ty.name()),
    }
}

fn cut(text: &str) -> String {
    let short: String = text.chars().take(CELL_CHARS_MAX).collect();
    if short.len() < text.len() { format!("{short}… of {} bytes", text.len()) } else { short }
}

/// The bytes of a sketch are its own matter, and so are the last digits of reals: sums of them depend on the order,
/// and transforms on the processor.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) if text.starts_with("{\"hll\"") || text.starts_with("{\"tdigest\"") => {
            "a sketch".to_owned()
        }
        Value::String(text) if text.starts_with(['[', '{']) => match serde_json::from_str(text) {
            Ok(inside) => cut(&Value::from(rounded(inside).to_string()).to_string()),
            Err(_) => cut(&value.to_string()),
        },
        value => cut(&rounded(value.clone()).to_string()),
    }
}

/// Reals to nine digits, and nought for what is left of one.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let real = number.as_f64().unwrap_or(f64::NAN);
            let short = if real.abs() < 1e-12 { 0.0 } else { format!("{real:.8e}").parse().unwrap_or(real) };
            Value::from(short)
        }
        Value::Array(elements) => elements.into_iter().map(rounded).collect(),
        Value::Object(pairs) => {
            Value::Object(pairs.into_iter().map(|(key, value)| (key, rounded(value))).collect())
        }
        other => other,
    }
}

/// How a query ended that gave no answer.
fn ended(error: &QueryError) -> String {
    match error {
        QueryError::Invalid(found) => format!(
            "{} {}",
            found.first().map_or("?", |found| found.code),
            found.first().map_or("", |found| found.message.as_str())
        ),
        error => error.to_string(),
    }
}

/// Whether a cell is how the API writes a value of the type.
fn is_of(ty: KqlType, value: &Value) -> bool {
    match value {
        Value::Null => ty != KqlType::String,
        Value::Bool(_) => ty == KqlType::Bool,
        Value::Number(number) => match ty {
            KqlType::Int | KqlType::Long => number.is_i64(),
            KqlType::Real => true,
            KqlType::Dynamic => true,
            _ => false,
        },
        // reals that JSON has no number for, and everything that has none at all
        Value::String(text) => match ty {
            KqlType::Bool | KqlType::Int | KqlType::Long => false,
            KqlType::Real => matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity"),
            _ => true,
        },
        Value::Array(_) | Value::Object(_) => ty == KqlType::Dynamic,
    }
}

/// Rows as lines, at most so many.
fn rows(output: &QueryOutput, most: usize) -> Vec<String> {
    let all = output.rows_json();
    let mut lines: Vec<String> =
        all.iter().take(most).map(|row| row.iter().map(cell).collect::<Vec<_>>().join("  ")).collect();
    if all.len() > most {
        lines.push(format!("… {} rows", all.len()));
    }
    lines
}

fn header(output: &QueryOutput) -> String {
    output
        .columns
        .iter()
        .map(|column| format!("{}:{}", column.name, column.ty))
        .collect::<Vec<_>>()
        .join("  ")
}
