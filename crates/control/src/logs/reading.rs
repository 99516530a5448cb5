//! Queries of callers: who may read which table, and running them.
//!
//! A role at the workspace, or above it, reads every table. A role at a table (`…/tables/{name}`) reads that
//! one: a query is then run only if the caller may read every table that it reads, also through functions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, Ticks, WorkspaceId};
use bartizan_engine::{QueryError, QueryLimits, QueryOutput, QueryRequest};
use bartizan_kql::bound::table_place;
use bartizan_schema::Table;

use crate::access::Caller;
use crate::app::App;
use crate::http::Failure;
use crate::logs::query_record::{self, Outcome};

pub(crate) const READ_ACTION: &str = "Microsoft.OperationalInsights/workspaces/query/read";

/// A caller's query.
pub(crate) struct Question<'a> {
    pub(crate) workspace: WorkspaceId,
    pub(crate) text: &'a str,
    pub(crate) timespan: Option<(Ticks, Ticks)>,
    /// The values of `declare query_parameters`, by name.
    pub(crate) parameters: HashMap<String, String>,
    pub(crate) limits: QueryLimits,
    /// The path that was asked.
    pub(crate) target: &'a str,
    /// What the client calls itself.
    pub(crate) client: String,
}

/// Why there is no answer.
pub(crate) enum Unanswered {
    Query(QueryError),
    Other(Failure),
}

/// Runs a query if its caller may, and keeps a record of it either way.
pub(crate) async fn ask(
    app: &App,
    caller: &Caller,
    question: &Question<'_>,
) -> Result<QueryOutput, Unanswered> {
    let started = Instant::now();
    let answer = run(app, caller, question).await;
    let (code, rows) = match &answer {
        Ok(output) => (200, output.stats.rows),
        Err(Unanswered::Query(error)) => (bartizan_api::error::status(error.kind()), 0),
        Err(Unanswered::Other(Failure(error))) => (error.status(), 0),
    };
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    query_record::note(app, caller, question, &Outcome { code, rows, milliseconds });
    answer
}

async fn run(app: &App, caller: &Caller, question: &Question<'_>) -> Result<QueryOutput, Unanswered> {
    let principal = caller.principal().map_err(Unanswered::Other)?;
    let request = QueryRequest {
        workspace: question.workspace,
        text: question.text.to_owned(),
        timespan: question.timespan,
        now: app.clock.now(),
        principal: format!("aaduser={}", principal.object_id),
        ingested: None,
        limits: question.limits,
    };
    if let Err(refused) = app.authorize(caller, READ_ACTION, &app.home.workspace).await {
        may_read(app, caller, &request, &question.parameters, refused).await?;
    }
    app.engine.query_with(request, question.parameters.clone()).await.map_err(Unanswered::Query)
}

/// Whether a caller without a role at the workspace may read all tables of a query.
async fn may_read(
    app: &App,
    caller: &Caller,
    request: &QueryRequest,
    parameters: &HashMap<String, String>,
    refused: Failure,
) -> Result<(), Unanswered> {
    // Strangers do not learn the names of tables from what is wrong with their texts.
    if !reads_any_table(app, caller).await.map_err(Unanswered::Other)? {
        return Err(Unanswered::Other(refused));
    }
    let checked = app.engine.check_request(request, parameters);
    if checked.columns.is_none() {
        // Not run at all: which tables it would read is not known.
        return Err(Unanswered::Query(QueryError::Invalid(checked.diagnostics)));
    }
    for table in checked.tables_used {
        let (_, name) = table_place(&table);
        may_read_table(app, caller, name).await.map_err(Unanswered::Other)?;
    }
    Ok(())
}

/// The tables that a caller may read.
pub(crate) struct Readable {
    pub(crate) tables: Vec<Arc<Table>>,
    /// All there are and will be: the caller has a role at the workspace.
    pub(crate) all: bool,
}

/// What the caller may read; who may read nothing is refused.
pub(crate) async fn readable_tables(app: &App, caller: &Caller) -> Result<Readable, Failure> {
    let tables = app.store.tables(app.home.customer);
    let Err(refused) = app.authorize(caller, READ_ACTION, &app.home.workspace).await else {
        return Ok(Readable { tables, all: true });
    };
    let roles = roles(app, caller).await?;
    if roles.is_empty() {
        return Err(refused);
    }
    let readable = |table: &Arc<Table>| {
        let scope = app.home.workspace.join(&format!("tables/{}", table.name));
        scope.is_ok_and(|scope| roles.iter().any(|at| scope.is_within(at)))
    };
    Ok(Readable { tables: tables.into_iter().filter(readable).collect(), all: false })
}

/// Whether the caller may read one table.
async fn may_read_table(app: &App, caller: &Caller, name: &str) -> Result<(), Failure> {
    let scope = app.home.workspace.join(&format!("tables/{name}"));
    let scope =
        scope.map_err(|_| ApiError::new(ErrorKind::NotFound, format!("There is no table `{name}`.")))?;
    app.authorize(caller, READ_ACTION, &scope).await
}

/// Whether the caller has a role with reading rights at some table.
async fn reads_any_table(app: &App, caller: &Caller) -> Result<bool, Failure> {
    Ok(!roles(app, caller).await?.is_empty())
}

/// Where below the workspace the caller has reading rights.
async fn roles(app: &App, caller: &Caller) -> Result<Vec<ResourceId>, Failure> {
    let principal = caller.principal()?;
    let roles = app.roles_of(&principal.object_id.to_string()).await?;
    let reads = roles
        .into_iter()
        .filter(|(at, role)| at.is_within(&app.home.workspace) && role.allows(READ_ACTION, false));
    Ok(reads.map(|(at, _)| at).collect())
}
