//! The examples of the public documentation: each gives the columns and rows that the page prints.

use bartizan_engine::QueryError;

use crate::Selection;
use crate::cells::difference;
use crate::exceptions::Exceptions;
use crate::folder::{Example, Folder};
use crate::report::{Outcome, Report};
use crate::workspace::Workspace;

const DOCUMENTED: &str = "documented examples: equal";

/// Plugins that run foreign code or reach out; they are refused by name on purpose.
const REFUSED_PLUGINS: &[&str] = &[
    "ai_chat_completion",
    "ai_chat_completion_prompt",
    "ai_embeddings",
    "azure_digital_twins_query_request",
    "cosmosdb_sql_request",
    "dax_request",
    "execute_query",
    "http_request",
    "http_request_post",
    "infer_storage_schema",
    "mysql_request",
    "postgresql_request",
    "python",
    "r",
    "sql_request",
];

pub(crate) async fn check(
    folder: &Folder,
    workspace: &Workspace,
    exceptions: &Exceptions,
    selection: &Selection,
    report: &mut Report,
) {
    for example in folder.examples.iter().filter(|example| selection.query(&example.id)) {
        let outcome = match check_example(example, workspace).await {
            Outcome::Failed { reason, difference } => match exceptions.reason(&example.id, &example.query) {
                Some(reason) => Outcome::Excepted(reason),
                None => Outcome::Failed { reason: format!("{} ({reason})", example.page), difference },
            },
            outcome => outcome,
        };
        report.add(DOCUMENTED, &example.id, outcome);
    }
}

/// What it means that `what` is not supported, if it is such a plugin.
pub(crate) fn refused_plugin(what: &str) -> Option<Outcome> {
    let plugin = what.trim_start_matches("evaluate ").trim();
    let refused = REFUSED_PLUGINS.contains(&plugin);
    refused.then(|| Outcome::Excepted(format!("`{plugin}` is refused on purpose")))
}

async fn check_example(example: &Example, workspace: &Workspace) -> Outcome {
    match workspace.query(&example.query).await {
        Ok(output) => match difference(example, &output.columns, &output.rows_json()) {
            None => Outcome::Passed,
            Some(difference) => Outcome::failed("another answer", difference),
        },
        Err(QueryError::Unsupported { what, .. }) => {
            refused_plugin(&what).unwrap_or_else(|| Outcome::failed(format!("`{what}` is not supported"), ""))
        }
        Err(QueryError::Invalid(diagnostics)) => {
            let first = diagnostics.first().map(|found| format!("{} {}", found.code, found.message));
            Outcome::failed("does not bind", first.unwrap_or_default())
        }
        Err(error) => Outcome::failed("fails", error.to_string()),
    }
}
