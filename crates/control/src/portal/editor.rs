//! What the query editor asks while somebody types: findings, completion, hover, the forms of a call, layout
//! and colours, all from the `kql` crate with the workspace's own names.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use bartizan_api::ApiError;
use bartizan_api::portal::{
    CallForm, CallForms, CheckRequest, Checked, Colours, CompletionItem, Completions, Diagnostic,
    FormatRequest, Formatted, HoverText, PlaceRequest,
};
use bartizan_base::{ErrorKind, WorkspaceId};
use bartizan_engine::Reach;
use bartizan_kql::Severity;
use http::HeaderMap;
use tokio::sync::Semaphore;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::logs::{READ_ACTION, columns, find_workspace, reach_of};

/// The largest question: a query of the longest that the query API takes, and its JSON.
const BODY_MAX: usize = 1 << 20;
/// Questions that are worked on at the same time. More wait: a query's text is analysed in milliseconds, and
/// the rest of the server must not wait for typists.
const AT_ONCE: usize = 2;
/// A question that waited this long is about a text that has changed since.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Completions in one answer; a longer list is cut, best first, and asked for again as more is typed.
const ITEMS_MAX: usize = 1_000;

/// Where questions are answered: a few at a time, on threads that may be busy.
#[derive(Debug)]
pub(crate) struct Desk {
    places: Arc<Semaphore>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Desk {
    /// Runs `work`. A caller who went away before its turn costs nothing: the editor drops questions about a
    /// text that has changed.
    async fn answer<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Failure> {
        let busy = || {
            let message = "Too many questions of query editors are being answered; ask again.";
            Failure(ApiError::new(ErrorKind::TooMany, message))
        };
        let turn = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = turn else { return Err(busy()) };
        let done = tokio::task::spawn_blocking(move || {
            // given back when the work is done, not when the asker has left
            let _place = place;
            work()
        });
        done.await.map_err(|_| {
            Failure(ApiError::new(ErrorKind::Internal, "The question about the query could not be answered."))
        })
    }
}

/// The workspace whose names are asked for, and which others the text may name.
async fn opened(
    app: &App,
    caller: &Caller,
    workspace: Option<&str>,
    text: &str,
) -> Result<(WorkspaceId, Reach), Failure> {
    let workspace = match workspace {
        Some(workspace) => find_workspace(app, workspace)?,
        None => app.home_workspace(),
    };
    app.authorize(caller, READ_ACTION, &workspace.resource).await?;
    Ok((workspace.id, reach_of(app, caller, workspace.id, text).await?))
}

pub(super) async fn check(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Checked>, Failure> {
    let request: CheckRequest = read_json(&headers, body, BODY_MAX).await?;
    let (workspace, reach) = opened(&app, &caller, request.workspace.as_deref(), &request.query).await?;
    let engine = app.engine.clone();
    let checked = app.editor.answer(move || engine.check_reaching(workspace, &request.query, &reach)).await?;
    let diagnostics = checked.diagnostics.into_iter().map(diagnostic).collect();
    Ok(Json(Checked { diagnostics, columns: checked.columns.as_deref().map(columns) }))
}

pub(super) async fn complete(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Completions>, Failure> {
    let request: PlaceRequest = read_json(&headers, body, BODY_MAX).await?;
    let (workspace, reach) = opened(&app, &caller, request.workspace.as_deref(), &request.query).await?;
    let engine = app.engine.clone();
    let work = move || {
        engine.with_catalog(workspace, &reach, |names| {
            bartizan_kql::complete(&request.query, request.offset, names)
        })
    };
    let found = app.editor.answer(work).await?;
    let incomplete = found.len() > ITEMS_MAX;
    let items = found.into_iter().take(ITEMS_MAX).map(|completion| CompletionItem {
        label: completion.label,
        kind: format!("{:?}", completion.kind),
        detail: completion.detail,
        documentation: completion.documentation,
        insert: completion.insert,
        start: completion.span.start,
        end: completion.span.end,
    });
    Ok(Json(Completions { items: items.collect(), incomplete }))
}

/// `null` when the place holds no name.
pub(super) async fn hover(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Option<HoverText>>, Failure> {
    let request: PlaceRequest = read_json(&headers, body, BODY_MAX).await?;
    let (workspace, reach) = opened(&app, &caller, request.workspace.as_deref(), &request.query).await?;
    let engine = app.engine.clone();
    let work = move || {
        engine.with_catalog(workspace, &reach, |names| {
            bartizan_kql::hover(&request.query, request.offset, names)
        })
    };
    let hover = app.editor.answer(work).await?;
    Ok(Json(hover.map(|hover| HoverText { start: hover.span.start, end: hover.span.end, text: hover.text })))
}

/// `null` when the place is in no call.
pub(super) async fn call(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Option<CallForms>>, Failure> {
    let request: PlaceRequest = read_json(&headers, body, BODY_MAX).await?;
    let (workspace, reach) = opened(&app, &caller, request.workspace.as_deref(), &request.query).await?;
    let engine = app.engine.clone();
    let work = move || {
        engine.with_catalog(workspace, &reach, |names| {
            bartizan_kql::call_help(&request.query, request.offset, names)
        })
    };
    let help = app.editor.answer(work).await?;
    Ok(Json(help.map(|help| CallForms {
        forms: help.forms.into_iter().map(call_form).collect(),
        form: help.form,
        parameter: help.parameter,
        documentation: help.documentation,
    })))
}

/// Reads no names, so it only asks who is there.
pub(super) async fn format(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Formatted>, Failure> {
    let request: FormatRequest = read_json(&headers, body, BODY_MAX).await?;
    caller.principal()?;
    let formatted = app.editor.answer(move || bartizan_kql::format(&request.query)).await?;
    Ok(Json(match formatted {
        Ok(query) => Formatted { query: Some(query), diagnostics: Vec::new() },
        Err(findings) => {
            Formatted { query: None, diagnostics: findings.into_iter().map(diagnostic).collect() }
        }
    }))
}

pub(super) async fn colours(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Colours>, Failure> {
    let request: CheckRequest = read_json(&headers, body, BODY_MAX).await?;
    let (workspace, reach) = opened(&app, &caller, request.workspace.as_deref(), &request.query).await?;
    let engine = app.engine.clone();
    let work =
        move || engine.with_catalog(workspace, &reach, |names| bartizan_kql::classify(&request.query, names));
    let found = app.editor.answer(work).await?;
    let mut kinds = Vec::new();
    let mut pieces = Vec::with_capacity(found.len());
    for piece in found {
        let at = kinds.iter().position(|kind| *kind == piece.kind).unwrap_or_else(|| {
            kinds.push(piece.kind);
            kinds.len() - 1
        });
        pieces.push((piece.span.start, piece.span.end, at));
    }
    Ok(Json(Colours { pieces, kinds: kinds.into_iter().map(|kind| format!("{kind:?}")).collect() }))
}

fn call_form(form: bartizan_kql::editor::CallForm) -> CallForm {
    let parameters = form.parameters.into_iter().map(|span| (span.start, span.end)).collect();
    CallForm { label: form.label, parameters }
}

fn diagnostic(finding: bartizan_kql::Diagnostic) -> Diagnostic {
    Diagnostic {
        code: finding.code.to_owned(),
        severity: if finding.severity == Severity::Error { "Error" } else { "Warning" }.to_owned(),
        start: finding.span.start,
        end: finding.span.end,
        message: finding.message,
        hint: finding.hint,
    }
}
