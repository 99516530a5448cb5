//! The formatter: what it makes of our own queries, that it is idempotent, and that a formatted query is
//! bound to the same tree. The conformance test holds it to the same with real queries.

use std::fmt::Write as _;
use std::path::Path;

use bartizan_kql::{AnalyzeOptions, Catalog, analyze, format};

use crate::catalog::MemoryCatalog;

/// The bound tree without places, or the codes of the findings.
fn meaning(text: &str, catalog: &dyn Catalog) -> String {
    let analysis = analyze(text, catalog, &AnalyzeOptions::default());
    let shown = match &analysis.query {
        Some(query) => format!("{query:?}"),
        None => {
            // places decide their order, and those move
            let mut codes: Vec<_> = analysis.diagnostics.iter().map(|finding| finding.code).collect();
            codes.sort_unstable();
            codes.concat()
        }
    };
    let mut out = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some(at) = rest.find("Span { ") {
        out.push_str(&rest[..at]);
        rest = rest[at..].find('}').map_or("", |end| &rest[at + end + 1..]);
    }
    out + rest
}

/// The formatted query, after all that must hold of it was checked.
fn formatted(text: &str, catalog: &dyn Catalog) -> Result<String, String> {
    let once = format(text).map_err(|findings| format!("refused: {findings:?}"))?;
    let twice = format(&once).map_err(|findings| format!("refused its own work: {findings:?}\n{once}"))?;
    if once != twice {
        return Err(format!("not idempotent\n{once}\n----\n{twice}"));
    }
    if meaning(text, catalog) != meaning(&once, catalog) {
        return Err(format!("another meaning\n{once}"));
    }
    Ok(once)
}

#[test]
fn our_queries_are_formatted_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let text = std::fs::read_to_string(folder.join("format.txt")).unwrap();
    let catalog = MemoryCatalog::default();
    let mut actual = String::new();
    for case in text.split("\n====\n").filter(|case| !case.trim().is_empty()) {
        let query = case.split("\n----\n").next().unwrap();
        let outcome = formatted(query, &catalog).unwrap_or_else(|problem| panic!("{query}\n{problem}"));
        write!(actual, "{query}\n----\n{outcome}\n====\n").unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(folder.join("format.txt"), &actual).unwrap();
    } else {
        assert_eq!(text, actual, "run with UPDATE_GOLDEN=1 and read the difference");
    }
}

#[test]
fn syntax_errors_are_not_formatted() {
    let findings = format("T | where (a").unwrap_err();
    assert_eq!(findings[0].code, "K0020");
    assert_eq!(format(&"x".repeat(3 << 20)).unwrap_err()[0].code, "K0001");
}
