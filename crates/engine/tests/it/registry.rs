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

/// Runs the example of every declared function: it gives an answer, or is refused by name.
#[tokio::test]
async fn declared_examples_run_or_are_refused() {
    let fixture = Fixture::new(Vec::new()).await;
    let (mut run, mut refusals) = (0, 0);
    let mut failed = Vec::new();
    for declared in functions::all() {
        let function = declared.function;
        if function.example.is_empty() {
            continue;
        }
        // its summary says why it will never run, and so does the refusal
        let refused = function.summary.split_once("; refused").map(|(_, why)| format!("refused{why}"));
        let excused = refused.is_some();
        let whole = WHOLE_FAMILIES.contains(&declared.family);
        match fixture.query(function.example).await {
            Ok(_) if excused => failed.push(format!("{}: runs, but is listed as refused", function.name)),
            Ok(_) => run += 1,
            Err(error @ QueryError::Unsupported { .. }) if excused || !whole => {
                let text = error.to_string();
                if refused.is_some_and(|why| !text.contains(&why)) {
                    failed.push(format!("{}: `{text}` does not say why", function.name));
                }
                refusals += 1;
            }
            Err(error) => failed.push(format!("{}: {error}", function.example)),
        }
    }
    println!("examples of declared functions: {run} run, {refusals} are refused");
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

/// Who only asks whether a query is right, as editors and rules do, hears of its patterns too.
#[tokio::test]
async fn a_check_looks_at_patterns() {
    let fixture = Fixture::new(Vec::new()).await;
    let text = "print s = 'a' | extend n = iff(s matches regex '(a', 1, 2) | where toscalar(print extract('[', 0, 'b')) == ''";
    let checked = fixture.engine.check(fixture.workspace, text);
    let mut found: Vec<(&str, &str)> = checked
        .diagnostics
        .iter()
        .map(|found| (found.code, &text[found.span.start..found.span.end]))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("K0123", "'(a'"), ("K0123", "'['")]);
    assert!(checked.columns.is_none());
    assert!(fixture.engine.check(fixture.workspace, "print 'a' matches regex '(a)'").columns.is_some());
}
