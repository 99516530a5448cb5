//! Real queries: what the reference finds clean binds to the same columns and runs over empty tables; what it
//! cannot read is rejected.

use bartizan_engine::QueryError;
use bartizan_kql::bound::ColumnSchema;
use bartizan_kql::{Analysis, AnalyzeOptions, Diagnostic, Severity, analyze};
use futures::stream::{self, StreamExt as _};

use crate::Selection;
use crate::divergence;
use crate::documented::refused_plugin;
use crate::exceptions::Exceptions;
use crate::folder::{Entry, Folder, Verdict};
use crate::formatting;
use crate::report::{Outcome, Report};
use crate::workspace::{Names, Workspace};

const BINDS: &str = "corpus, clean: parses and binds";
const COLUMNS: &str = "corpus, clean: same columns";
const RUNS: &str = "corpus, clean: runs over empty tables";
const FORMATS: &str = "corpus, clean: formatting keeps its meaning";
const REJECTED: &str = "corpus, syntax errors: rejected";
const PARSES: &str = "corpus, other errors: parses";

/// The binder's first code; smaller ones are the parser's.
const FIRST_BINDER_CODE: &str = "K0100";
/// A column is declared twice.
const DUPLICATE: &str = "K0106";
/// A script that declares names and has no query. The reference finds it clean and gives it no columns.
const NO_QUERY: &str = "K0131";

/// What the reference does not look at and the service refuses, as we do.
const UNCHECKED: &[(&str, &str)] = &[
    ("K0012", "the reference does not look into literals, and this one cannot be read"),
    ("K0118", "the reference does not ask for an order of rows where a function looks at other rows"),
    ("K0122", "the reference does not run what the query asserts, and it does not hold"),
    ("K0123", "the reference does not read regular expressions, and this one cannot be used"),
];

/// Operators behind which the reference knows no columns.
const MORE_THAN_ONE: &[&str] = &["fork", "facet", "consume", "graph-to-table", "make-graph", "preview"];

pub(crate) async fn check(
    folder: &Folder,
    workspace: &Workspace,
    exceptions: &Exceptions,
    selection: &Selection,
    report: &mut Report,
) {
    let entries = folder.entries.iter().filter(|entry| selection.query(&entry.id));
    let at_once = std::thread::available_parallelism().map_or(2, usize::from);
    let checks = stream::iter(entries).map(|entry| check_entry(entry, workspace, exceptions));
    let mut outcomes = checks.buffered(at_once);
    while let Some((id, checked)) = outcomes.next().await {
        for (kind, outcome) in checked {
            report.add(kind, id, outcome);
        }
    }
}

async fn check_entry<'e>(
    entry: &'e Entry,
    workspace: &Workspace,
    exceptions: &Exceptions,
) -> (&'e str, Vec<(&'static str, Outcome)>) {
    let mut checked = match entry.verdict {
        Verdict::Clean => check_clean(entry, workspace).await,
        Verdict::SyntaxError => vec![(REJECTED, rejected(entry))],
        Verdict::Other => vec![(PARSES, parses(entry))],
    };
    for (_, outcome) in &mut checked {
        if let Outcome::Failed { .. } = outcome
            && let Some(reason) = exceptions.reason(&entry.id, &entry.query)
        {
            *outcome = Outcome::Excepted(reason);
        }
    }
    (&entry.id, checked)
}

async fn check_clean(entry: &Entry, workspace: &Workspace) -> Vec<(&'static str, Outcome)> {
    let analysis = analyze(&entry.query, &workspace.names, &without_values());
    let Some(query) = &analysis.query else {
        let error = analysis.diagnostics.iter().find(|found| found.severity == Severity::Error);
        if entry.columns.as_ref().is_none_or(Vec::is_empty)
            && error.is_some_and(|error| error.code == NO_QUERY)
        {
            return vec![(BINDS, Outcome::Passed)];
        }
        let nothing = || Outcome::failed("no query and no error", "");
        return vec![(BINDS, error.map_or_else(nothing, |error| refused(entry, error)))];
    };
    let ours = pairs(&query.root.columns());
    let mut checked = vec![(BINDS, Outcome::Passed)];
    if entry.columns.is_some() {
        checked.push((COLUMNS, same_columns(entry, &analysis, &ours, workspace)));
    }
    checked.push((FORMATS, formatting::check(&entry.query, &analysis, &workspace.names)));
    checked.push((RUNS, runs(entry, &query.unset_parameters, workspace).await));
    checked
}

/// The reference calls a type it does not know `unknown`; here that is dynamic.
fn wanted(entry: &Entry) -> Vec<(String, String)> {
    let known = |ty: &str| if ty == "unknown" { "dynamic".to_owned() } else { ty.to_owned() };
    entry.columns.iter().flatten().map(|(name, ty)| (name.clone(), known(ty))).collect()
}

fn same_columns(
    entry: &Entry,
    analysis: &Analysis,
    ours: &[(String, String)],
    workspace: &Workspace,
) -> Outcome {
    let wanted = wanted(entry);
    let open = entry.open.unwrap_or(false);
    if ours == wanted && analysis.open == open {
        return Outcome::Passed;
    }
    if wanted.is_empty() && open && MORE_THAN_ONE.iter().any(|word| entry.query.contains(word)) {
        return Outcome::Excepted(
            "the reference knows no columns where a query has several results, or a graph".to_owned(),
        );
    }
    // part of the answers were made before columns were added to the schema
    let before = analyze(&entry.query, &workspace.older, &without_values());
    let before_columns = before.query.as_ref().map(|query| pairs(&query.root.columns()));
    if before.open == open && before_columns.as_ref() == Some(&wanted) {
        return Outcome::Passed;
    }
    let texts = workspace.names.reached(&entry.query);
    for columns in [Some(ours), before_columns.as_deref()].into_iter().flatten() {
        if let Some(reason) = divergence::explains(&texts, &wanted, columns) {
            return Outcome::Excepted(reason.to_owned());
        }
    }
    Outcome::failed("other columns", first_difference(&wanted, ours, open, analysis.open))
}

/// A query that we refuse and the reference does not.
fn refused(entry: &Entry, error: &Diagnostic) -> Outcome {
    match UNCHECKED.iter().find(|(code, _)| *code == error.code) {
        Some((_, reason)) => Outcome::Excepted((*reason).to_owned()),
        None => Outcome::failed(described(error), near(&entry.query, error)),
    }
}

fn first_difference(
    wanted: &[(String, String)],
    ours: &[(String, String)],
    open: bool,
    ours_open: bool,
) -> String {
    let show = |column: Option<&(String, String)>| {
        column.map_or("no column".to_owned(), |(name, ty)| format!("`{name}: {ty}`"))
    };
    let longest = wanted.len().max(ours.len());
    match (0..longest).find(|at| wanted.get(*at) != ours.get(*at)) {
        Some(at) => format!(
            "column {} of {}: {}, the reference has {} (of {})",
            at + 1,
            ours.len(),
            show(ours.get(at)),
            show(wanted.get(at)),
            wanted.len()
        ),
        None => format!("more columns at run time: {ours_open}, the reference says {open}"),
    }
}

/// Query parameters need no values to be bound.
pub(crate) fn without_values() -> AnalyzeOptions {
    AnalyzeOptions { allow_unset_parameters: true, ..AnalyzeOptions::default() }
}

/// Runs the query with null for the parameters that it gives no default.
async fn runs(entry: &Entry, unset: &[ColumnSchema], workspace: &Workspace) -> Outcome {
    let value = |ty: &str| if ty == "string" { String::new() } else { format!("{ty}(null)") };
    let parameters = unset.iter().map(|parameter| (parameter.name.clone(), value(parameter.ty.name())));
    match workspace.query_with(&entry.query, parameters.collect()).await {
        Ok(_) => Outcome::Passed,
        Err(QueryError::Unsupported { what, .. }) => {
            refused_plugin(&what).unwrap_or_else(|| Outcome::failed(format!("`{what}` is not supported"), ""))
        }
        Err(QueryError::Invalid(diagnostics)) => {
            match diagnostics.iter().find(|found| found.severity == Severity::Error) {
                Some(first) if first.code == DUPLICATE => Outcome::Excepted(
                    "every table of the store has the standard columns, of which this query makes one itself"
                        .to_owned(),
                ),
                Some(first) => refused(entry, first),
                None => Outcome::failed("refused without a reason", ""),
            }
        }
        Err(error) => Outcome::failed("fails", error.to_string()),
    }
}

fn rejected(entry: &Entry) -> Outcome {
    match analyze(&entry.query, &Names::default(), &AnalyzeOptions::default()).query {
        None => Outcome::Passed,
        Some(_) => Outcome::failed("accepted", ""),
    }
}

fn parses(entry: &Entry) -> Outcome {
    let found = bartizan_kql::analysis::syntax_diagnostics(&entry.query);
    let error =
        found.iter().find(|found| found.severity == Severity::Error && found.code < FIRST_BINDER_CODE);
    match error {
        None => Outcome::Passed,
        Some(error) => refused(entry, error),
    }
}

fn pairs(columns: &[ColumnSchema]) -> Vec<(String, String)> {
    columns.iter().map(|column| (column.name.clone(), column.ty.name().to_owned())).collect()
}

fn described(found: &Diagnostic) -> String {
    format!("{} {}", found.code, found.message)
}

/// The text around a diagnostic, on one line.
fn near(query: &str, found: &Diagnostic) -> String {
    const AROUND: usize = 60;
    let start = (0..=found.span.start.saturating_sub(AROUND)).rev().find(|at| query.is_char_boundary(*at));
    let text: String = query[start.unwrap_or(0).min(query.len())..].chars().take(2 * AROUND).collect();
    format!("near {:?}", text)
}
