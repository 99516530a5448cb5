//! What no golden file mentions: every function, aggregate, operator and plugin of the language has one.

use std::collections::HashSet;
use std::path::Path;

use bartizan_kql::{functions, operators};

use crate::golden::golden_files;

#[test]
fn every_declared_name_is_in_a_golden_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kql");
    let mut words = HashSet::new();
    for file in golden_files(&root) {
        let text = std::fs::read_to_string(file).unwrap();
        for line in text.lines() {
            words.extend(words_of(line).map(str::to_owned));
        }
    }
    let mut missing: Vec<(&str, &str)> = Vec::new();
    let functions = functions::all().map(|declared| (declared.family, declared.function.name));
    let plugins = functions::PLUGINS.iter().map(|plugin| ("plugin", plugin.name));
    let operators = operators::all().map(|operator| ("operator", operator.name));
    for (kind, name) in functions.chain(plugins).chain(operators) {
        if !words.contains(name) {
            missing.push((kind, name));
        }
    }
    missing.sort_unstable();
    for group in missing.chunk_by(|a, b| a.0 == b.0) {
        let names: Vec<&str> = group.iter().map(|(_, name)| *name).collect();
        println!("{} {}: {}", names.len(), group[0].0, names.join(" "));
    }
    assert!(missing.is_empty(), "{} names stand in no golden file", missing.len());
}

/// Names as a query writes them: letters, digits, `_`, and a `-` between letters.
fn words_of(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).filter(|word| !word.is_empty())
}
