//! The two halves of a function: declared by the language, run by the engine.

use bartizan_engine::{QueryError, supports_aggregate, supports_function};
use bartizan_kql::functions;

use crate::support::Fixture;

/// Families whose every function runs, except those in [`REFUSED`].
const WHOLE_FAMILIES: &[&str] = &[
    "string",
    "parsing",
    "conversion",
    "conditional",
    "datetime",
    "math",
    "binary",
    "array",
    "bag",
    "hash",
    "ip",
    "system",
];

/// Functions that are refused for good, and why.
const REFUSED: &[(&str, &str)] = &[
    ("extent_id", "segments are merged behind the scenes, so an id would not last"),
    ("extent_tags", "segments carry no tags"),
    ("current_node_id", "one process answers; there are no nodes"),
    ("row_id", "merging moves rows, so a position would not last"),
    ("cursor_after", "no database cursors: ingestion_time() does their work"),
    ("cursor_before_or_at", "no database cursors: ingestion_time() does their work"),
    ("cursor_current", "no database cursors: ingestion_time() does their work"),
    ("rowstore_ordinal_range", "there is no row store"),
];

/// Runs the example of every declared function: it gives an answer, or is refused by name.
#[tokio::test]
async fn declared_examples_run_or_are_refused() {
    let fixture = Fixture::new(Vec::new()).await;
    let (mut run, mut refused) = (0, 0);
    let mut failed = Vec::new();
    for declared in functions::all() {
        let function = declared.function;
        if function.example.is_empty() {
            continue;
        }
        let excused = REFUSED.iter().any(|(name, _)| *name == function.name);
        let whole = WHOLE_FAMILIES.contains(&declared.family);
        match fixture.query(function.example).await {
            Ok(_) if excused => failed.push(format!("{}: runs, but is listed as refused", function.name)),
            Ok(_) => run += 1,
            Err(QueryError::Unsupported { .. }) if excused || !whole => refused += 1,
            Err(error) => failed.push(format!("{}: {error}", function.example)),
        }
    }
    println!("examples of declared functions: {run} run, {refused} are refused");
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Runs the example of every plugin that is not refused.
#[tokio::test]
async fn declared_plugins_run() {
    let fixture = Fixture::new(Vec::new()).await;
    let mut failed = Vec::new();
    for plugin in functions::PLUGINS.iter().filter(|plugin| !plugin.example.is_empty()) {
        if let Err(error) = fixture.query(plugin.example).await {
            failed.push(format!("{}: {error}", plugin.name));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn progress_is_a_count() {
    let names: Vec<&str> = functions::all().map(|declared| declared.function.name).collect();
    let count = names.iter().filter(|name| supports_function(name) || supports_aggregate(name)).count();
    println!("{count} of {} declared functions run", names.len());
    assert!(count >= 240, "{count} functions run");
}
