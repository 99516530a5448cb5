//! The declarations themselves: complete, well-formed, and with examples that bind.

use std::collections::HashSet;

use bartizan_kql::{AnalyzeOptions, analyze, functions};

use crate::catalog::MemoryCatalog;

#[test]
fn every_declaration_is_whole() {
    let catalog = MemoryCatalog::default();
    let mut wrong = Vec::new();
    let mut names = HashSet::new();
    for declared in functions::all() {
        let function = declared.function;
        let kind = declared.family == "aggregate";
        for name in std::iter::once(&function.name).chain(function.aliases) {
            if !names.insert((kind, *name)) {
                wrong.push(format!("{name} is declared twice"));
            }
        }
        if declared.signatures.len() != function.signatures.len() {
            wrong.push(format!("{}: a signature cannot be read", function.name));
        }
        if function.summary.is_empty() || function.example.is_empty() {
            wrong.push(format!("{}: no summary or example", function.name));
        }
        let analysis = analyze(function.example, &catalog, &AnalyzeOptions::default());
        if analysis.query.is_none() {
            wrong.push(format!("{}: {} {:?}", function.name, function.example, analysis.diagnostics));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(names.len() > 400, "{}", names.len());
}

#[test]
fn older_names_lead_to_the_same_declaration() {
    let canonical = |name: &str| functions::lookup(name).map(|declared| declared.function.name);
    assert_eq!(canonical("todynamic"), Some("parse_json"));
    assert_eq!(canonical("iif"), Some("iff"));
    assert_eq!(canonical("nonesuch"), None);
    let aggregate = |name: &str| functions::lookup_aggregate(name).map(|declared| declared.function.name);
    assert_eq!(aggregate("makeset"), Some("make_set"));
}
