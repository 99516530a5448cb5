//! Reading only what the text index lets through must give what reading everything gives.

use bartizan_schema::{Column, KqlType, Table, TableKind};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

use crate::support::Fixture;

/// Two files of three blocks each.
const FILE_ROWS: usize = 20_000;
const WORDS: [&str; 12] = [
    "svchost",
    "PowerShell",
    "Invoke-Expression",
    "C:\\Windows\\",
    "/usr/bin/",
    "--flag=1",
    "Ünïcode",
    "\u{212a}elvin",
    "ſtraße",
    "日本語",
    "10.0.0.1",
    "\"quoted\"",
];

fn table() -> Table {
    let columns = [
        ("TimeGenerated", KqlType::DateTime),
        ("N", KqlType::Long),
        ("Text", KqlType::String),
        ("Short", KqlType::String),
        ("Never", KqlType::String),
        ("Bag", KqlType::Dynamic),
        ("Key", KqlType::Guid),
    ];
    Table {
        name: "Texts_CL".to_owned(),
        description: String::new(),
        kind: TableKind::Standard,
        categories: Vec::new(),
        retention_days: 90,
        columns: columns.into_iter().map(|(name, ty)| Column::new(name, ty)).collect(),
    }
}

/// Rows in order of time, so that what is rare in time is rare in blocks.
fn rows(from: usize, rng: &mut StdRng) -> Vec<Map<String, Value>> {
    (from..from + FILE_ROWS)
        .map(|n| {
            let word = WORDS[rng.random_range(0..WORDS.len())];
            let era = n / 4_000;
            let text = format!(
                "{word} era{era}x{era}y run {:04x} {}",
                n / 10,
                if n % 9_000 == 77 { "MimiKatz.exe" } else { "" }
            );
            let row = json!({
                "TimeGenerated": format!("2026-03-01T{:02}:{:02}:{:02}Z", n / 3600 % 12, n / 60 % 60, n % 60),
                "N": n, "Text": text, "Short": format!("s{}", n % 7),
                "Bag": {"word": word, "path": "C:\\Temp\\mimi", "n": n % 50},
                "Key": format!("00000000-0000-4000-8000-{:012x}", n % 1000),
            });
            match row {
                Value::Object(row) => row,
                _ => Map::new(),
            }
        })
        .collect()
}

/// A filter over the columns: one comparison, or several together.
fn filter(rng: &mut StdRng, depth: usize) -> String {
    match rng.random_range(0..if depth == 0 { 6 } else { 10 }) {
        6 => format!("({} and {})", filter(rng, depth - 1), filter(rng, depth - 1)),
        7 => format!("({} or {})", filter(rng, depth - 1), filter(rng, depth - 1)),
        8 => format!("not({})", filter(rng, depth - 1)),
        9 => format!("(N < {} and {})", rng.random_range(0..2 * FILE_ROWS), filter(rng, depth - 1)),
        _ => comparison(rng),
    }
}

fn comparison(rng: &mut StdRng) -> String {
    const OPERATORS: [&str; 17] = [
        "contains",
        "contains_cs",
        "!contains",
        "has",
        "has_cs",
        "!has",
        "startswith",
        "endswith",
        "hasprefix",
        "hassuffix",
        "==",
        "!=",
        "=~",
        "in",
        "has_any",
        "has_all",
        "matches regex",
    ];
    let column = ["Text", "Text", "Text", "Short", "Never", "Bag", "Key"][rng.random_range(0..7)];
    let subject = if column == "Bag" && rng.random() { "Bag.word" } else { column };
    let operator = OPERATORS[rng.random_range(0..OPERATORS.len())];
    let mut needle = || {
        let n = rng.random_range(0..2 * FILE_ROWS);
        let word = WORDS[rng.random_range(0..WORDS.len())];
        let whole = match rng.random_range(0..7) {
            0 => format!("era{}x{}", n / 4_000, n / 4_000),
            1 => word.to_owned(),
            2 => word.to_uppercase(),
            3 => word.to_lowercase(),
            4 => format!("{:04x}", n / 10),
            5 => ["mimikatz", "absent thing", "s3", "kelvin", "STRASSE", "strasse", "\\temp\\"][n % 7]
                .to_owned(),
            _ => format!("{word} era{}x{}y run {:04x} ", n / 4_000, n / 4_000, n / 10),
        };
        if rng.random_range(0..4) > 0 {
            return whole;
        }
        let chars: Vec<char> = whole.chars().collect();
        let from = rng.random_range(0..chars.len());
        chars[from..rng.random_range(from..chars.len()) + 1].iter().collect()
    };
    let quoted = |text: String| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let subject = if subject == "Key" || subject.starts_with("Bag") {
        format!("tostring({subject})")
    } else {
        subject.to_owned()
    };
    match operator {
        "in" | "has_any" | "has_all" => {
            let list: Vec<String> = (0..3).map(|_| quoted(needle())).collect();
            format!("{subject} {operator} ({})", list.join(", "))
        }
        "matches regex" => {
            let escaped: String = needle()
                .chars()
                .flat_map(|c| if c.is_alphanumeric() { vec![c] } else { vec!['\\', c] })
                .collect();
            let ascii = escaped.is_ascii();
            let pattern =
                if ascii { format!("(?i){escaped}.*[0-9a-f]") } else { "era[35]x[0-9]y".to_owned() };
            format!("{subject} matches regex {}", quoted(pattern))
        }
        _ => format!("{subject} {operator} {}", quoted(needle())),
    }
}

async fn both() -> (Fixture, Fixture) {
    let (memory, files) = (Fixture::new(vec![table()]).await, Fixture::new(vec![table()]).await);
    let mut rng = StdRng::seed_from_u64(11);
    for from in [0, FILE_ROWS] {
        let rows = rows(from, &mut rng);
        memory.append("Texts_CL", rows.clone()).await;
        files.append("Texts_CL", rows).await;
        files.store.flush().await.unwrap();
    }
    (memory, files)
}

#[tokio::test]
async fn pruned_by_the_index_is_what_a_full_scan_gives() {
    let (memory, files) = both().await;
    let mut rng = StdRng::seed_from_u64(5);
    let (mut some, mut none) = (0, 0);
    for case in 0..250 {
        let text =
            format!("Texts_CL | where {} | summarize rows = count(), sum = sum(N)", filter(&mut rng, 2));
        let expected =
            memory.query(&text).await.unwrap_or_else(|error| panic!("{case}: {text}: {error}")).rows_json();
        let found =
            files.query(&text).await.unwrap_or_else(|error| panic!("{case}: {text}: {error}")).rows_json();
        assert_eq!(found, expected, "{case}: {text}");
        if expected[0][0] == json!(0) { none += 1 } else { some += 1 }
    }
    assert!(some > 50 && none > 20, "{some} queries with rows, {none} without");
}

#[tokio::test]
async fn files_without_the_text_are_not_even_planned() {
    let (_, files) = both().await;
    for (filter, expected) in [
        ("Text contains 'era9x9y'", 1),
        ("Text has 'era1x1y'", 1),
        ("Text contains 'svchost'", 2),
        ("Text contains 'nowhere at all'", 0),
        ("Text == 'nowhere at all'", 0),
        ("Text in ('nowhere at all', 'nor this')", 0),
        ("Text has_any ('era9x9y', 'nothing')", 1),
        ("Text matches regex 'er?a9x9y.*'", 1),
        ("Never startswith 'anything'", 0),
        ("Text contains 'era1x1y' or Text contains 'era9x9y'", 2),
        ("Text contains 'era1x1y' or N == 39999", 2),
        ("Text !contains 'era1x1y'", 2),
        ("Text contains 'er'", 2),
        ("Bag has 'nowhere at all'", 2),
    ] {
        let plans = files
            .engine
            .plan(files.request(&format!("Texts_CL | where {filter} | summarize count()")))
            .await
            .unwrap();
        let named: usize = plans.iter().map(|plan| plan.to_string().matches(".parquet").count()).sum();
        assert_eq!(named, expected, "{filter}: {plans:?}");
    }
}
