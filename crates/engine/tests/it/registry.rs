//! The two halves of a function: declared by the language, run by the engine.

use bartizan_engine::{QueryError, supports_aggregate, supports_function};
use bartizan_kql::functions;

use crate::support::Fixture;

/// Runs the example of every declared function: it gives an answer, or is refused by name.
#[tokio::test]
async fn declared_examples_run_or_are_refused() {
    let fixture = Fixture::new(Vec::new()).await;
    let (mut run, mut refused) = (0, 0);
    let mut failed = Vec::new();
    for declared in functions::all() {
        let example = declared.function.example;
        if example.is_empty() {
            continue;
        }
        match fixture.query(example).await {
            Ok(_) => run += 1,
            Err(QueryError::Unsupported { .. }) => refused += 1,
            Err(error) => failed.push(format!("{example}: {error}")),
        }
    }
    println!("examples of declared functions: {run} run, {refused} are refused");
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn progress_is_a_count() {
    let names: Vec<&str> = functions::all().map(|declared| declared.function.name).collect();
    let count = names.iter().filter(|name| supports_function(name) || supports_aggregate(name)).count();
    println!("{count} of {} declared functions run", names.len());
    assert!(count >= 180, "{count} functions run");
}
