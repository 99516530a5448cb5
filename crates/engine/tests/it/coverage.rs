//! What no golden file asks: every function, aggregate, operator and plugin of the language stands in a query of one.
//! Titles and answers do not count. Beside the reference's own examples, whose rows the conformance test compares,
//! these are all the examples there are.

use std::collections::HashSet;
use std::path::Path;

use bartizan_kql::{functions, operators};

use crate::golden::{golden_files, golden_queries};

#[test]
fn every_declared_name_is_asked_by_a_golden_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kql");
    let mut words = HashSet::new();
    for file in golden_files(&root) {
        for query in golden_queries(&file) {
            words.extend(query.lines().flat_map(|line| words_of(code_of(line))).map(str::to_owned));
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
    assert!(missing.is_empty(), "{} names stand in no query of a golden file", missing.len());
}

/// A line without its comment. Texts with `//` in them lose their end, which can only hide names.
fn code_of(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// Names as a query writes them: letters, digits, `_`, and a `-` between letters.
fn words_of(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).filter(|word| !word.is_empty())
}
