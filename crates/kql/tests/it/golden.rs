//! Queries beside what comes of them: `tests/data/<topic>.kql` holds queries between blank lines,
//! `<topic>.txt` their columns and diagnostics. `UPDATE_GOLDEN=1` rewrites the latter.

use std::fmt::Write as _;
use std::path::Path;

use bartizan_kql::{AnalyzeOptions, analyze};
use bartizan_schema::KqlType;

use crate::catalog::{MemoryCatalog, describe};

pub(crate) fn catalog() -> MemoryCatalog {
    MemoryCatalog::default()
        .with(
            "Logons",
            "TimeGenerated:datetime,Account:string,Computer:string,LogonType:int,Bytes:long,Extra:dynamic",
        )
        .with(
            "DeviceEvents",
            "TimeGenerated:datetime,DeviceName:string,ActionType:string,AdditionalFields:dynamic",
        )
        .with("Hosts", "Computer:string,Owner:string,Bytes:string")
}

fn outcome(query: &str) -> String {
    let analysis = analyze(query, &catalog(), &AnalyzeOptions::default());
    let mut out = String::new();
    if let Some(tree) = &analysis.query {
        writeln!(out, "columns {}", describe(&tree.root.columns(), analysis.open)).unwrap();
    }
    for finding in &analysis.diagnostics {
        let at = query.get(finding.span.start..finding.span.end).unwrap_or_default();
        write!(out, "{} {:?} at `{at}`: {}", finding.code, finding.severity, finding.message).unwrap();
        writeln!(out, "{}", finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())
            .unwrap();
    }
    out
}

#[test]
fn queries_have_their_expected_outcome() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut wrong = Vec::new();
    let mut topics: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    topics.retain(|path| path.extension().is_some_and(|extension| extension == "kql"));
    topics.sort();
    assert!(!topics.is_empty());
    for topic in topics {
        let text = std::fs::read_to_string(&topic).unwrap();
        let mut actual = String::new();
        for query in text.split("\n\n").map(str::trim).filter(|query| !query.is_empty()) {
            write!(actual, "{query}\n----\n{}\n", outcome(query)).unwrap();
        }
        let expected_path = topic.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&expected_path, &actual).unwrap();
        } else if std::fs::read_to_string(&expected_path).unwrap_or_default() != actual {
            wrong.push(format!("{}:\n{actual}", expected_path.display()));
        }
    }
    assert!(wrong.is_empty(), "run with UPDATE_GOLDEN=1 and read the difference\n{}", wrong.join("\n"));
}

/// Codes whose message is about a type that is not as it should be.
const OF_TYPES: &[&str] = &["K0111", "K0112", "K0114", "K0120"];

/// A message about a type names the type that is there and the one that is wanted or stands on the other side, and
/// its place is a part of the query.
#[test]
fn type_errors_name_both_types_and_the_place() {
    let topic = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/type_errors.kql");
    let text = std::fs::read_to_string(topic).unwrap();
    let words = |message: &str| {
        let words = message.split(|c: char| !c.is_alphanumeric());
        words.filter(|word| word.parse::<KqlType>().is_ok() || WANTED.contains(word)).count()
    };
    let mut wrong = Vec::new();
    let mut seen = 0;
    for query in text.split("\n\n").map(str::trim) {
        for finding in analyze(query, &catalog(), &AnalyzeOptions::default()).diagnostics {
            if !OF_TYPES.contains(&finding.code) {
                continue;
            }
            seen += 1;
            let place = query.get(finding.span.start..finding.span.end).unwrap_or_default();
            if words(&finding.message) < 2 || place.is_empty() || place == query {
                wrong.push(format!("{query}\n  {} at `{place}`: {}", finding.code, finding.message));
            }
        }
    }
    assert!(seen > 60, "{seen} findings are about types");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words for several types at once, and for those that are no scalar.
const WANTED: &[&str] = &["number", "integer", "table", "graph", "order"];
