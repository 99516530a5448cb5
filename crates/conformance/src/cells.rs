//! Answers as the documentation prints them, compared cell by cell.

use bartizan_base::Ticks;
use bartizan_kql::bound::ColumnSchema;
use serde_json::Value;

use crate::folder::Example;

/// How far an approximate number may be from the printed one.
const APPROXIMATE_SHARE: f64 = 0.1;
/// How far any other real may be.
const REAL_SHARE: f64 = 1e-6;

/// How the result differs from what the reference prints.
pub(crate) fn difference(example: &Example, columns: &[ColumnSchema], rows: &[Vec<Value>]) -> Option<String> {
    let got: Vec<_> =
        columns.iter().map(|column| (column.name.clone(), column.ty.name().to_owned())).collect();
    let types: Vec<&str> = columns.iter().map(|column| column.ty.name()).collect();
    if got.len() != example.columns.len() {
        return Some(format!("columns {got:?}, documented {:?}", example.columns));
    }
    let mut got: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().zip(&types).map(|(cell, ty)| normal(&plain(cell), ty)).collect())
        .collect();
    let mut wanted: Vec<Vec<String>> = example
        .rows
        .iter()
        .map(|row| row.iter().zip(&types).map(|(cell, ty)| normal(cell, ty)).collect())
        .collect();
    if !example.ordered {
        got.sort();
        wanted.sort();
    }
    if got.len() != wanted.len() {
        return Some(format!("{} rows, documented {}: {got:?}", got.len(), wanted.len()));
    }
    let share = if example.approximate { APPROXIMATE_SHARE } else { REAL_SHARE };
    for (mine, theirs) in got.iter().zip(&wanted) {
        for (at, (mine, theirs)) in mine.iter().zip(theirs).enumerate() {
            if !alike(mine, theirs, example.approximate, share) {
                return Some(format!("column {at}: `{mine}`, documented `{theirs}`"));
            }
        }
    }
    None
}

fn plain(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// One spelling of a cell, by its type.
fn normal(text: &str, ty: &str) -> String {
    let text = text.trim();
    match ty {
        _ if text.eq_ignore_ascii_case("null") => String::new(),
        // pages group the digits of long decimals
        "decimal" => text.replace(',', ""),
        "bool" => text.to_ascii_lowercase().replace("1", "true").replace('0', "false"),
        "datetime" => match Ticks::parse(text) {
            Ok(ticks) => ticks.to_string(),
            Err(_) => text.to_owned(),
        },
        "real" => match text.replace('∞', "inf").parse::<f64>() {
            Ok(value) => format!("{value:.9e}"),
            Err(_) => text.to_owned(),
        },
        "dynamic" => match serde_json::from_str::<Value>(text) {
            Ok(value) => canonical(&value).to_string(),
            Err(_) => canonical(&Value::from(text)).to_string(),
        },
        _ => text.to_owned(),
    }
}

/// Keys in order, whole reals as integers, moments in one spelling.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(canonical).collect(),
        Value::Object(bag) => {
            let mut pairs: Vec<_> = bag.iter().map(|(key, value)| (key.clone(), canonical(value))).collect();
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(pairs.into_iter().collect())
        }
        Value::Number(number) => match number.as_f64() {
            Some(real) if real.fract() == 0.0 && real.abs() < 9e15 => Value::from(real as i64),
            Some(real) => format!("{real:.9e}").into(),
            None => value.clone(),
        },
        Value::String(text) => match Ticks::parse(text) {
            Ok(ticks) if text.len() > 10 => Value::from(ticks.to_string()),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

/// Whether two cells agree. Of an approximate answer only numbers can be compared: which of several equal
/// values stand for a sketch is left open.
fn alike(mine: &str, theirs: &str, approximate: bool, share: f64) -> bool {
    if mine == theirs {
        return true;
    }
    match (mine.parse::<f64>(), theirs.parse::<f64>()) {
        (Ok(a), Ok(b)) => {
            let close = (a - b).abs() <= share * a.abs().max(b.abs()).max(1e-9);
            close && (approximate || mine.contains(['.', 'e']))
        }
        _ => approximate,
    }
}
