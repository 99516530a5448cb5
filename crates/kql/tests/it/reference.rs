//! The operators' declarations, and the reference pages made of all of them.

use std::collections::BTreeSet;
use std::path::Path;

use bartizan_kql::reference::{STATE_PREFIX, pages};
use bartizan_kql::{AnalyzeOptions, analyze, operators};

use crate::catalog::MemoryCatalog;

#[test]
fn every_operator_and_statement_is_whole() {
    let catalog = MemoryCatalog::default();
    let mut names = BTreeSet::new();
    for operator in operators::all().chain(operators::STATEMENTS) {
        for name in std::iter::once(&operator.name).chain(operator.aliases) {
            assert!(names.insert(*name), "{name} is declared twice");
        }
        assert!(!operator.syntax.is_empty() && !operator.summary.is_empty(), "{}", operator.name);
        let findings = analyze(operator.example, &catalog, &AnalyzeOptions::default()).diagnostics;
        // what is declared and not bound yet may be refused, but never misread
        let misread = findings.iter().find(|finding| finding.code < "K0100");
        assert!(misread.is_none(), "{}: {} {misread:?}", operator.name, operator.example);
        let first_word = operator.name.split([' ', '-']).next().unwrap();
        assert!(operator.example.contains(first_word), "{}", operator.name);
    }
    assert_eq!(operators::lookup("filter").map(|operator| operator.name), Some("where"));
}

#[test]
fn reference_pages_are_in_step() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/kql");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    if update {
        std::fs::create_dir_all(&folder).unwrap();
    }
    let mut files = BTreeSet::new();
    for page in pages(None) {
        let path = folder.join(&page.file);
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        // what an engine says about an entry is filled in by its own test
        let stated = |line: &str| line.starts_with(STATE_PREFIX);
        let mut bare: Vec<&str> = found.lines().collect();
        while let Some(at) = bare.iter().position(|line| stated(line)) {
            bare.drain(at..(at + 2).min(bare.len()));
        }
        let same = bare == page.text.lines().collect::<Vec<_>>();
        if update && !same {
            std::fs::write(&path, &page.text).unwrap();
        }
        assert!(same || update, "{} is stale: run with UPDATE_GOLDEN=1", page.file);
        files.insert(page.file);
    }
    let present =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let strangers: Vec<String> = present.filter(|file| !files.contains(file)).collect();
    assert!(strangers.is_empty(), "pages without a declaration: {strangers:?}");
}
