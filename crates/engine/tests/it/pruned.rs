//! What is passed over must not be missed: random questions to store files, whose statistics, page and text indexes
//! and order let a scan pass over most of them, give what the same rows give in memory, where every row is looked at.
//!
//! The questions are made from a fixed seed, so a failure comes back; `BARTIZAN_SEED` asks others.

use bartizan_schema::{Column, KqlType, Table};
use serde_json::{Map, Value, json};

use crate::support::{Fixture, Random};

/// Rows of the first file: two row groups and several pages.
const MANY: usize = 140_000;
/// Rows of the files after it.
const FEW: [usize; 3] = [7_000, 1, 500];
/// Rows that stay in memory.
const FRESH: usize = 300;
const QUESTIONS: usize = 120;

fn table() -> Table {
    let declared = json!({ "name": "Sample", "columns": [] });
    let mut table: Table = serde_json::from_value(declared).unwrap();
    table.columns = [
        ("TimeGenerated", KqlType::DateTime),
        ("Id", KqlType::Long),
        ("Rising", KqlType::Long),
        ("Mixed", KqlType::Long),
        ("Share", KqlType::Real),
        ("Host", KqlType::String),
        ("Text", KqlType::String),
        ("Seen", KqlType::DateTime),
        ("Flag", KqlType::Bool),
        ("More", KqlType::Dynamic),
    ]
    .map(|(name, ty)| Column::new(name, ty))
    .to_vec();
    table
}

/// Row `n`. Some columns follow time, so that statistics tell files, row groups and pages apart, others do not; all
/// but the first two have gaps.
fn row(n: usize, random: &mut Random) -> Map<String, Value> {
    let gap = |value: Value, random: &mut Random| if random.below(17) == 0 { Value::Null } else { value };
    let time = |seconds: usize| {
        let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
        format!("2026-02-20T{hour:02}:{minute:02}:{:02}Z", seconds % 60)
    };
    let mut row = Map::new();
    let mut set = |name: &str, value: Value| {
        row.insert(name.to_owned(), value);
    };
    // within one day, which is one file
    set("TimeGenerated", json!(time(n / 2)));
    set("Id", json!(n));
    set("Rising", gap(json!(n / 700), random));
    let mixed = random.below(1000) as i64 - 500;
    set("Mixed", gap(json!(mixed), random));
    set("Share", gap(json!((n / 900) as f64 / 4.0), random));
    // a text that is not there is empty
    let host = if random.below(23) == 0 { String::new() } else { format!("host-{:03}", n / 5000) };
    set("Host", json!(host));
    let words = ["alpha", "Beta", "gamma-7", "Straße", "x_y", "delta", "1.2.3.4"];
    let text = format!("{} {} {}", words[random.below(7)], words[random.below(7)], n / 10_000);
    set("Text", json!(text));
    set("Seen", gap(json!(time(n / 3)), random));
    set("Flag", gap(json!(n % 30_000 < 9_000), random));
    set("More", gap(json!({ "k": n / 8000, "list": [mixed, "a"], "who": format!("u{}", n % 5) }), random));
    row
}

/// One condition on one column. Values lie inside, at the edge of and beyond what there is.
fn condition(random: &mut Random) -> String {
    let number = random.below(230) as i64 - 10;
    let small = random.below(1100) as i64 - 550;
    let comparison = random.one_of(&["==", "!=", "<", "<=", ">", ">="]);
    let moment = format!(
        "datetime(2026-02-{:02}T{:02}:{:02}:00Z)",
        19 + random.below(3),
        random.below(24),
        random.below(60)
    );
    let host = format!("host-{:03}", random.below(34));
    let word = random.one_of(&[
        "alpha", "beta", "GAMMA", "gamma-7", "straße", "STRASSE", "x_y", "x", "delta", "1.2.3", "3", "13", "",
    ]);
    match random.below(22) {
        0 | 1 => format!("Rising {comparison} {number}"),
        2 => format!("Mixed {comparison} {small}"),
        3 => format!("Share {comparison} {}", number as f64 / 4.0),
        4 | 5 => format!("TimeGenerated {comparison} {moment}"),
        6 => format!("Seen {comparison} {moment}"),
        7 => format!(
            "Host {} '{host}'",
            random.one_of(&[
                "==",
                "!=",
                "=~",
                "!~",
                "has",
                "startswith",
                "!startswith",
                "endswith",
                "contains"
            ])
        ),
        8 => format!(
            "Text {} '{word}'",
            random.one_of(&[
                "has",
                "!has",
                "contains",
                "!contains",
                "has_cs",
                "contains_cs",
                "startswith",
                "endswith",
                "==",
                "!=",
                "startswith_cs",
                "hasprefix",
                "hassuffix"
            ])
        ),
        9 => format!(
            "Text {} ('{word}', 'nothing', 'delta')",
            random.one_of(&["has_any", "has_all", "in", "!in", "in~"])
        ),
        10 => format!("Rising {} ({number}, {}, 5000)", random.one_of(&["in", "!in"]), number + 3),
        11 => format!(
            "Rising {} ({number} .. {})",
            random.one_of(&["between", "!between"]),
            number + random.below(20) as i64
        ),
        12 => format!("TimeGenerated between ({moment} .. {}m)", random.below(2000)),
        13 => format!(
            "{}({})",
            random.one_of(&["isnull", "isnotnull"]),
            random.one_of(&["Rising", "Mixed", "Share", "Seen", "Flag", "More"])
        ),
        14 => format!(
            "{}({})",
            random.one_of(&["isempty", "isnotempty"]),
            random.one_of(&["Host", "Text", "Rising"])
        ),
        15 => {
            random.one_of(&["Flag", "Flag == true", "Flag == false", "Flag != true", "not(Flag)"]).to_owned()
        }
        16 => format!("tolong(More.k) {comparison} {}", number / 10),
        17 => format!("tostring(More.who) == 'u{}'", random.below(7)),
        18 => format!("Rising + 1 {comparison} {number}"),
        19 => format!("bin(TimeGenerated, 1h) {comparison} bin({moment}, 1h)"),
        20 => format!(
            "Text matches regex @'{}'",
            random.one_of(&["^alpha", "delta$", r"(beta|x_y) \w+", r"\d+$", "Stra.e"])
        ),
        _ => format!("Host in ('{host}', 'host-001', '')"),
    }
}

fn predicate(random: &mut Random, depth: usize) -> String {
    match random.below(if depth == 0 { 1 } else { 5 }) {
        0 => condition(random),
        1 | 2 => format!("({} and {})", predicate(random, depth - 1), predicate(random, depth - 1)),
        3 => format!("({} or {})", predicate(random, depth - 1), predicate(random, depth - 1)),
        _ => format!("not({})", predicate(random, depth - 1)),
    }
}

/// A question whose answer tells which rows it found, whatever order they came in.
fn question(random: &mut Random) -> String {
    let asked = format!("Sample | where {}", predicate(random, 3));
    match random.below(8) {
        0 => {
            let by = random.one_of(&["TimeGenerated", "Rising", "Host", "Mixed", "Seen", "Share"]);
            let way = random.one_of(&["asc", "desc"]);
            format!(
                "{asked} | sort by {by} {way}, Id asc | take {} | summarize count(), sum(Id)",
                1 + random.below(40)
            )
        }
        1 => format!(
            "{asked} | join kind={} (range Id from {} to {} step {}) on Id | summarize count(), sum(Id)",
            random.one_of(&["inner", "leftsemi", "leftanti", "leftouter"]),
            random.below(150_000),
            random.below(150_000),
            1 + random.below(900)
        ),
        2 => format!(
            "{asked} | where {} | summarize n = count() by Host | sort by Host asc | take 50",
            condition(random)
        ),
        3 => format!(
            "{asked} | summarize count(), min(TimeGenerated), max(TimeGenerated), min(Rising), max(Rising), dcount(Host)"
        ),
        _ => format!("{asked} | summarize count(), sum(Id), min(Id), max(Id)"),
    }
}

#[tokio::test]
async fn files_are_passed_over_and_no_row_is_missed() {
    let seed = std::env::var("BARTIZAN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = Random(seed);
    let files = Fixture::new(vec![table()]).await;
    let memory = Fixture::new(vec![table()]).await;
    let mut next = 0;
    for count in std::iter::once(MANY).chain(FEW).chain([FRESH]) {
        // too few for a body that goes straight to a file
        for from in (next..next + count).step_by(10_000) {
            let rows: Vec<_> =
                (from..(from + 10_000).min(next + count)).map(|n| row(n, &mut random)).collect();
            memory.append("Sample", rows.clone()).await;
            files.append("Sample", rows).await;
        }
        next += count;
        if count != FRESH {
            files.store.flush().await.unwrap();
        }
    }
    let snapshot = files.store.snapshot(files.workspace, &["Sample"]).unwrap();
    assert!(snapshot.tables["Sample"].files.len() >= 4, "files of all sizes");
    let snapshot = memory.store.snapshot(memory.workspace, &["Sample"]).unwrap();
    assert!(snapshot.tables["Sample"].files.is_empty(), "rows in memory only");
    let (mut some, mut none) = (0, 0);
    for _ in 0..QUESTIONS {
        let text = question(&mut random);
        let pruned = files.query(&text).await.unwrap_or_else(|error| panic!("{text}: {error}")).rows_json();
        let whole = memory.query(&text).await.unwrap_or_else(|error| panic!("{text}: {error}")).rows_json();
        assert_eq!(pruned, whole, "{text}");
        match whole.first().and_then(|row| row.last()) {
            None | Some(Value::Null) => none += 1,
            Some(_) => some += 1,
        }
    }
    // questions that find nothing prove little
    assert!(some > QUESTIONS / 2, "{some} of {} questions found rows", some + none);
}
