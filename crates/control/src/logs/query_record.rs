//! The record of each query that a caller asks: rows of `LAQueryLogs`. The server's own rules are not in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bartizan_base::WorkspaceId;
use bartizan_kql::syntax::{SourceKind, source_tokens};
use http::HeaderMap;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::http::{chain, header};
use crate::logs::reading::Question;

/// Records that wait to be written; more are lost, and that is counted.
const RECORDS_MAX: usize = 10_000;
/// Longest query text kept in a record.
const TEXT_BYTES_MAX: usize = 32 << 10;

/// The program that a request comes from, as it names itself.
pub(crate) fn client_of(headers: &HeaderMap) -> String {
    let named = ["x-ms-app", "x-bartizan-app", "user-agent"].map(|name| header(headers, name));
    let portal = if header(headers, "x-bartizan-portal").is_empty() { "" } else { "Portal" };
    let name = std::iter::once(portal).chain(named).find(|name| !name.is_empty()).unwrap_or_default();
    name.chars().take(200).collect()
}

/// How a query went.
pub(super) struct Outcome {
    /// The status of the answer.
    pub(super) code: u16,
    pub(super) rows: u64,
    pub(super) milliseconds: f64,
}

/// Notes that `caller` asked `question`.
pub(super) fn note(app: &App, caller: &Caller, question: &Question<'_>, outcome: &Outcome) {
    app.query_records.add(question.workspace.id, record(app, caller, question, outcome));
}

fn record(app: &App, caller: &Caller, question: &Question<'_>, outcome: &Outcome) -> Map<String, Value> {
    let principal = caller.principal().ok();
    let text = without_secrets(question.text);
    let text: String = match text.char_indices().find(|(at, _)| *at >= TEXT_BYTES_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    };
    let workspaces: Vec<WorkspaceId> =
        std::iter::once(&question.workspace).chain(&question.among).map(|workspace| workspace.id).collect();
    let members = [
        ("TimeGenerated", json!(app.clock.now())),
        ("CorrelationId", json!(Uuid::new_v4())),
        ("AADObjectId", json!(principal.map(|who| who.object_id))),
        ("AADEmail", json!(principal.map(|who| who.name.clone()))),
        ("AADClientId", json!(principal.and_then(|who| who.app_id))),
        ("AADTenantId", json!(app.home.tenant)),
        ("RequestClientApp", json!(question.client)),
        ("RequestTarget", json!(question.target)),
        ("RequestContext", json!({"workspaces": workspaces})),
        ("QueryText", json!(text)),
        ("QueryTimeRangeStart", json!(question.timespan.map(|(from, _)| from))),
        ("QueryTimeRangeEnd", json!(question.timespan.map(|(_, to)| to))),
        ("ResponseCode", json!(outcome.code)),
        ("ResponseRowCount", json!(i32::try_from(outcome.rows).unwrap_or(i32::MAX))),
        ("ResponseDurationMs", json!(outcome.milliseconds)),
        ("StatsWorkspaceCount", json!(workspaces.len())),
        ("StatsRegionCount", json!(1)),
        ("WorkspaceRegion", json!(question.workspace.location)),
        ("IsBillableQuery", json!(false)),
        ("SourceSystem", json!("Bartizan")),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The text with the insides of `h"…"` and its kin hidden: KQL's own mark for what no log may have.
fn without_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for token in source_tokens(text) {
        let written = &text[token.span.start..token.span.end];
        let hidden = token.kind == SourceKind::String && written.starts_with(['h', 'H']);
        out.push_str(if hidden { "h'****'" } else { written });
    }
    out
}

/// Records of queries on their way into `LAQueryLogs`: they are written behind the answers, not before them.
#[derive(Debug, Default)]
pub(crate) struct QueryRecords {
    /// With the workspace that was asked.
    rows: Mutex<Vec<(WorkspaceId, Map<String, Value>)>>,
    some: Notify,
}

impl QueryRecords {
    fn add(&self, workspace: WorkspaceId, row: Map<String, Value>) {
        let mut rows = self.rows.lock();
        if rows.len() >= RECORDS_MAX {
            bartizan_base::counters::count("bartizan_query_records_lost_total", "", 1);
            return;
        }
        rows.push((workspace, row));
        self.some.notify_one();
    }
}

/// Writes records until the server stops, and those that are left then.
pub(crate) async fn write_query_records(app: Arc<App>) {
    loop {
        tokio::select! {
            () = app.query_records.some.notified() => {}
            () = app.stop.cancelled() => {}
        }
        let rows = std::mem::take(&mut *app.query_records.rows.lock());
        let mut of_each: BTreeMap<WorkspaceId, Vec<Map<String, Value>>> = BTreeMap::new();
        for (workspace, row) in rows {
            of_each.entry(workspace).or_default().push(row);
        }
        for (workspace, rows) in of_each {
            // None when it was deleted since.
            let Some(workspace) = app.workspaces.get(workspace) else { continue };
            if let Err(error) = app.store.append_rows(workspace.target("LAQueryLogs"), rows).await {
                tracing::warn!(error = chain(&error), "cannot write to LAQueryLogs");
            }
        }
        if app.stop.is_cancelled() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn hidden_texts_stay_hidden() {
        for (text, expected) in [
            ("print h'secret'", "print h'****'"),
            ("print h\"a\\\"b\", 'h\\'x\\''", "print h'****', 'h\\'x\\''"),
            ("print H@'c:\\', 1", "print h'****', 1"),
            ("T | where path == 'c' and oh'x'", "T | where path == 'c' and oh'x'"),
            ("print 'say h\"this\"'", "print 'say h\"this\"'"),
            ("print h'never closed", "print h'****'"),
            ("// don't\nprint h'secret' // h'this'", "// don't\nprint h'****' // h'this'"),
            ("print h```one\ntwo```, 1", "print h'****', 1"),
        ] {
            assert_eq!(without_secrets(text), expected, "{text}");
        }
    }
}
