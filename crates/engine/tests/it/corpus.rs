//! Real rules and hunting queries over empty tables: every one that binds must plan and run, or be refused
//! by name. They are read from the folder of shared material when it is there.

use std::collections::BTreeMap;

use bartizan_engine::QueryError;
use bartizan_schema::{Column, Table};
use serde_json::Value;

use crate::support::{Fixture, shared};

/// Every how many-th query runs by default; `BARTIZAN_CORPUS_STEP=1` runs all of them, in minutes.
const STEP: usize = 20;

#[derive(serde::Deserialize)]
struct Entry {
    #[serde(alias = "text", alias = "kql")]
    query: String,
}

/// The tables the queries read, beyond those that are shipped.
fn tables() -> Vec<Table> {
    let text = std::fs::read_to_string(shared("kql/schema.json").unwrap()).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let declare = |(name, columns): (&String, &Value)| {
        let columns = columns
            .as_array()?
            .iter()
            .map(|column| Some(Column::new(column[0].as_str()?, column[1].as_str()?.parse().ok()?)));
        let table = serde_json::json!({ "name": name, "columns": [] });
        let mut table: Table = serde_json::from_value(table).ok()?;
        table.columns = columns.collect::<Option<_>>()?;
        Some(table)
    };
    schema["tables"].as_object().unwrap().iter().filter_map(declare).collect()
}

#[tokio::test]
async fn real_queries_run_or_are_refused() {
    let Some(path) = shared("kql/corpus.jsonl") else {
        println!("skipped: no corpus of real queries");
        return;
    };
    let fixture = Fixture::new(tables()).await;
    let text = std::fs::read_to_string(path).unwrap();
    let (mut run, mut invalid) = (0, 0);
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut failed = Vec::new();
    let step = std::env::var("BARTIZAN_CORPUS_STEP").ok().and_then(|step| step.parse().ok()).unwrap_or(STEP);
    for line in text.lines().step_by(step) {
        let entry: Entry = serde_json::from_str(line).unwrap();
        match fixture.query(&entry.query).await {
            Ok(_) => run += 1,
            Err(QueryError::Invalid(_)) => invalid += 1,
            Err(QueryError::Unsupported { what, .. }) => *refused.entry(what).or_default() += 1,
            // external data, which this server may not read
            Err(QueryError::Refused { reason }) => *refused.entry(reason).or_default() += 1,
            Err(error) => {
                println!("- {error}\n{}\n", entry.query);
                failed.push(error);
            }
        }
    }
    let mut reasons: Vec<_> = refused.iter().map(|(what, count)| (*count, what.as_str())).collect();
    reasons.sort_unstable_by(|a, b| b.cmp(a));
    println!("refused for: {reasons:?}");
    println!(
        "real queries: {run} run, {} refused, {invalid} do not bind here, {} fail",
        refused.values().sum::<usize>(),
        failed.len()
    );
    assert!(failed.is_empty(), "{} real queries fail", failed.len());
}
