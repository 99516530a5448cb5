//! The reader of bodies against serde_json's: whatever comes in, both take it or both refuse it, and see the same.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use bartizan_base::{TenantId, Ticks};
use bartizan_schema::{Column, KqlType, Table, TableKind};
use bartizan_store::decode::{Layout, Stamp};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Map, Value};

fn layout() -> Layout {
    let columns = [
        ("Text", KqlType::String),
        ("N", KqlType::Long),
        ("At", KqlType::DateTime),
        ("Facts", KqlType::Dynamic),
        ("Ratio", KqlType::Real),
    ];
    let table = Table {
        name: "T_CL".into(),
        description: String::new(),
        kind: TableKind::Custom,
        categories: Vec::new(),
        retention_days: 1,
        columns: columns.map(|(name, ty)| Column::new(name, ty)).into(),
    };
    Layout::new(Arc::new(table.with_standard_columns()))
}

fn stamp() -> Stamp {
    Stamp {
        tenant: TenantId(uuid::Uuid::nil()),
        received: Ticks(0),
        resource_id: None,
        force: Default::default(),
    }
}

/// One row, with what is hard about rows: escapes, numbers at their ends, nesting, spaces, names not in the table.
const LINES: [&str; 8] = [
    r#"{"Text":"plain","N":1,"At":"2026-03-01T12:00:00.1234567Z","Facts":{"a":[1,2,{"b":null}]},"Ratio":0.5}"#,
    r#"{"Text":"C:\\Windows\\x \u00fc\ud83d\ude00 \"q\" \/","N":-9223372036854775808,"Ratio":1e-7}"#,
    r#" { "Text" : "eight by" , "N" : 18446744073709551615 , "Facts" : "{\"a\":1}" } "#,
    r#"{"Nobody":{"deep":[[["x","y"]]]},"Text":"ünïcödé — text over sixteen bytes","Facts":[],"N":"12"}"#,
    r#"{"T\u0065xt":"a name with an escape","N":null,"Ratio":true,"Facts":false}"#,
    r#"{"Text":{"k":[1,2,3]},"N":0,"Facts":-1.50,"Ratio":-0.0}"#,
    r#"{}"#,
    r#"{"Text":"","At":"","Facts":"","N":7,"N":8}"#,
];

/// What serde_json makes of the lines, unless one of them is no object.
fn by_serde(text: &str) -> Option<Vec<Map<String, Value>>> {
    text.split('\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn text_of(batch: &RecordBatch, column: &str, row: usize) -> String {
    batch
        .column_by_name(column)
        .map(|column| column.as_string_view())
        .filter(|column| column.is_valid(row))
        .map(|column| column.value(row).to_owned())
        .unwrap_or_default()
}

/// Compares what can be compared simply: accepted or not, rows, texts, and whole numbers.
fn compare(layout: &Layout, text: &str) {
    let ours = layout.decode(text.as_bytes(), &stamp());
    let theirs = by_serde(text);
    let (ours, theirs) = match (ours, theirs) {
        (Ok(ours), Some(theirs)) => (ours, theirs),
        (Err(_), None) => return,
        (Err(error), Some(_)) => panic!("only we refuse: {error}\n{text}"),
        (Ok(_), None) => {
            // Halves of surrogate pairs stay in dynamic values and in fields that nobody reads.
            assert!(text.contains("\\u"), "only serde_json refuses\n{text}");
            return;
        }
    };
    assert_eq!(ours.batch.num_rows(), theirs.len(), "{text}");
    for (row, fields) in theirs.iter().enumerate() {
        // Of a member that comes twice, serde_json keeps the last and we keep the first.
        let line = text.split('\n').filter(|line| !line.trim_ascii().is_empty()).nth(row).unwrap();
        let once = |name: &str| line.matches(name).count() < 2 && !line.contains("\\u00");
        if let (Some(Value::String(expected)), true) = (fields.get("Text"), once("Text")) {
            assert_eq!(&text_of(&ours.batch, "Text", row), expected, "{line}");
        }
        if let (Some(expected), true) = (fields.get("N").and_then(Value::as_i64), once("\"N\"")) {
            let column = ours.batch.column_by_name("N").unwrap().as_primitive::<Int64Type>();
            assert_eq!(column.value(row), expected, "{line}");
        }
        if let (Some(expected @ (Value::Object(_) | Value::Array(_))), true) =
            (fields.get("Facts"), once("Facts"))
        {
            let stored: Value = serde_json::from_str(&text_of(&ours.batch, "Facts", row)).unwrap();
            assert_eq!(&stored, expected, "{line}");
        }
    }
}

#[test]
fn agrees_with_serde_json_on_whatever_comes() {
    let layout = layout();
    compare(&layout, &LINES.join("\n"));
    let mut random = SmallRng::seed_from_u64(42);
    let bytes = br#"{}[]",:\u0tfn e-+.x19aZ"#;
    for _ in 0..40_000 {
        let mut text: Vec<u8> = (0..random.random_range(1..4))
            .flat_map(|_| [LINES[random.random_range(0..LINES.len())].as_bytes(), b"\n"].concat())
            .collect();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..text.len().max(1));
            match random.random_range(0..4) {
                0 if at < text.len() => text[at] = bytes[random.random_range(0..bytes.len())],
                1 if at < text.len() => drop(text.remove(at)),
                2 if at < text.len() => text.insert(at, bytes[random.random_range(0..bytes.len())]),
                _ => text.truncate(at + 1),
            }
        }
        if let Ok(text) = String::from_utf8(text) {
            compare(&layout, &text);
        }
    }
}

#[test]
fn an_array_and_lines_give_the_same() {
    let layout = layout();
    let lines = layout.decode(LINES.join("\r\n").as_bytes(), &stamp()).unwrap();
    let array = layout.decode(format!("\n[{} ]\n", LINES.join(" ,\n")).as_bytes(), &stamp()).unwrap();
    assert_eq!(lines.batch, array.batch);
    assert_eq!((lines.rejected_cells, lines.unknown_fields), (array.rejected_cells, array.unknown_fields));
    // A number above `long`, and the second value of a field; a field that nobody declared.
    assert_eq!((lines.rejected_cells, lines.unknown_fields), (2, 1));
}
