//! Formatting changes nothing but the layout: once is enough, and the formatted query means the same.

use bartizan_kql::{Analysis, Catalog, analyze, format};

use crate::corpus::without_values;
use crate::report::Outcome;

/// Longest query whose whole tree is compared; of longer ones the columns are. Their trees take megabytes.
const TREE_BYTES_MAX: usize = 8 << 10;

/// `before` is what the query was bound to as it is written.
pub(crate) fn check(query: &str, before: &Analysis, catalog: &dyn Catalog) -> Outcome {
    let refused = |findings: Vec<bartizan_kql::Diagnostic>| {
        let first = findings.first().map(|found| format!("{} {}", found.code, found.message));
        Outcome::failed("the formatter refuses it", first.unwrap_or_default())
    };
    let once = match format(query) {
        Ok(once) => once,
        Err(findings) => return refused(findings),
    };
    match format(&once) {
        Ok(twice) if twice == once => {}
        Ok(twice) => {
            return Outcome::failed(
                "formatting it twice is not formatting it once",
                difference(&once, &twice),
            );
        }
        Err(findings) => return refused(findings),
    }
    let after = analyze(&once, catalog, &without_values());
    let (left, right) = (meaning(before, query.len()), meaning(&after, query.len()));
    if left == right {
        return Outcome::Passed;
    }
    Outcome::failed("formatted, it means something else", difference(&left, &right))
}

/// What a query was bound to, without places.
fn meaning(analysis: &Analysis, bytes: usize) -> String {
    let Some(query) = &analysis.query else {
        // places decide their order, and those move
        let mut codes: Vec<_> = analysis.diagnostics.iter().map(|finding| finding.code).collect();
        codes.sort_unstable();
        return codes.concat();
    };
    if bytes > TREE_BYTES_MAX {
        return format!("{:?}", query.root.columns());
    }
    let shown = format!("{query:?}");
    let mut out = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some(at) = rest.find("Span { ") {
        out.push_str(&rest[..at]);
        rest = rest[at..].find('}').map_or("", |end| &rest[at + end + 1..]);
    }
    out + rest
}

/// The text around the first place where the two differ.
fn difference(left: &str, right: &str) -> String {
    const AROUND: usize = 60;
    let same = left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count();
    let from = same.saturating_sub(AROUND);
    let part = |text: &str| text.chars().skip(from).take(2 * AROUND).collect::<String>();
    format!("{:?} and {:?}", part(left), part(right))
}
