//! Examples of the public reference: those that bind must have the documented columns.

use bartizan_kql::{AnalyzeOptions, analyze};
use serde_json::Value;

use crate::catalog::{MemoryCatalog, describe, reference};

/// Floors that hold today.
const BOUND_MIN: usize = 358;
const AGREED_MIN: usize = 327;

#[test]
fn documented_examples_have_the_documented_columns() {
    let Some(examples) = reference("documented_examples.jsonl") else { return };
    let catalog = MemoryCatalog::default();
    let (mut count, mut bound, mut agreed) = (0, 0, 0);
    for line in examples.lines() {
        let example: Value = serde_json::from_str(line).unwrap();
        let query = example["query"].as_str().unwrap();
        count += 1;
        let analysis = analyze(query, &catalog, &AnalyzeOptions::default());
        let Some(tree) = &analysis.query else {
            println!("not bound {} {:?}", example["page"], analysis.diagnostics.first().map(|d| &d.message));
            continue;
        };
        bound += 1;
        let columns = example["columns"].as_array().unwrap().iter();
        let expected: Vec<String> = columns
            .map(|column| format!("{}:{}", column[0].as_str().unwrap(), column[1].as_str().unwrap()))
            .collect();
        let actual = describe(&tree.root.columns(), false);
        if actual == expected.join(", ") {
            agreed += 1;
        } else if !analysis.open {
            println!("differs {} expected {} actual {actual}", example["page"], expected.join(", "));
        }
    }
    println!("documented examples {count}: bound {bound}, columns agree {agreed}");
    assert!(bound >= BOUND_MIN && agreed >= AGREED_MIN);
}
