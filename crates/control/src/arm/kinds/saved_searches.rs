//! Saved queries and functions of a workspace.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_kql::{Diagnostic, Severity};
use bartizan_records::Written;
use serde_json::json;

use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::http::Failure;
use crate::logs::{SAVED_SEARCH_TYPE, Workspace, reach_of};

/// Longest query that can be saved, in bytes.
const QUERY_BYTES_MAX: usize = 256 << 10;
/// Saved queries and functions a workspace may have.
const SAVED_MAX: usize = 2_000;

pub(super) struct SavedSearches;

#[async_trait]
impl Kind for SavedSearches {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let workspace = app.workspace_around(draft.id)?;
        for name in ["category", "displayName", "query"] {
            if draft.text(name).trim().is_empty() {
                let text = format!("a saved search needs a `{name}`");
                return Err(ApiError::field(&format!("properties.{name}"), text).into());
            }
        }
        if draft.text("query").len() > QUERY_BYTES_MAX {
            let text = format!("a saved query is at most {QUERY_BYTES_MAX} bytes long");
            return Err(ApiError::field("properties.query", text).into());
        }
        if draft.before.is_none() {
            let saved = app.records.list_all(&workspace.resource, SAVED_SEARCH_TYPE).await?;
            if saved.len() >= SAVED_MAX {
                let text = format!("a workspace has at most {SAVED_MAX} saved searches; delete some");
                return Err(ApiError::new(ErrorKind::Conflict, &text).into());
            }
        }
        check_function(app, &workspace, draft).await?;
        if draft.property("version").is_null() {
            draft.set("version", 2);
        }
        Ok(())
    }

    async fn written(&self, app: &App, written: &Written) -> Result<(), Failure> {
        // Here as well as by the change feed, so that the next query of the writer knows the function.
        let workspace = app.workspace_around(&written.resource.id)?;
        Ok(app.functions.reload_of(&app.records, &workspace).await?)
    }
}

/// Refuses a function that no query could call.
async fn check_function(app: &App, workspace: &Workspace, draft: &Draft<'_>) -> Result<(), Failure> {
    let alias = draft.text("functionAlias");
    if alias.is_empty() {
        return Ok(());
    }
    let is_name = alias.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && alias.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !is_name || alias.len() > 256 {
        let text = "a function's name has letters, digits and `_`, and does not start with a digit";
        return Err(ApiError::field("properties.functionAlias", text).into());
    }
    if app.store.table(workspace.id, alias).is_some() {
        let text = format!("`{alias}` is a table of this workspace; choose another name");
        return Err(ApiError::field("properties.functionAlias", text).into());
    }
    let others = app.records.list_all(&workspace.resource, SAVED_SEARCH_TYPE).await?;
    let taken = others.iter().any(|other| {
        other.id != *draft.id && other.property("functionAlias").and_then(|name| name.as_str()) == Some(alias)
    });
    if taken {
        let text = format!("another saved search is already the function `{alias}`");
        return Err(ApiError::field("properties.functionAlias", text).into());
    }
    let head = format!("let {alias} = ({}) {{\n", draft.text("functionParameters"));
    let query = draft.text("query");
    // Parameters have no values yet, so only the declaration is bound, and the body is read.
    let text = format!("{head}{query}\n}};\nprint 1");
    let reach = reach_of(app, draft.caller, workspace.id, &text).await?;
    let checked = app.engine.check_reaching(workspace.id, &text, &reach);
    let errors: Vec<&Diagnostic> =
        checked.diagnostics.iter().filter(|finding| finding.severity == Severity::Error).collect();
    let Some(first) = errors.first() else { return Ok(()) };
    let in_parameters = first.span.start < head.len();
    let field = if in_parameters { "properties.functionParameters" } else { "properties.query" };
    let details = errors.iter().map(|finding| {
        let at = |place: usize| place.saturating_sub(head.len()).min(query.len());
        json!({"code": finding.code, "message": finding.message, "start": at(finding.span.start), "end": at(finding.span.end)})
    });
    let details = details.collect::<Vec<_>>();
    tracing::debug!(alias, ?details, "a saved function was refused");
    Err(ApiError::field(field, format!("the function cannot be read: {} ({})", first.message, first.code))
        .into())
}
