//! Queries of callers: who may read which table, and running them.
//!
//! A role at the workspace, or above it, reads every table. A role at a table (`…/tables/{name}`) reads that
//! one: a query is then run only if the caller may read every table that it reads, also through functions. The same
//! holds for each workspace that a query names with `workspace("…")` or in its body: those that the caller may not read
//! are unknown to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bartizan_base::{ResourceId, Ticks, WorkspaceId};
use bartizan_engine::{NamedWorkspace, QueryError, QueryLimits, QueryOutput, QueryRequest, Reach};
use bartizan_kql::bound::table_place;
use bartizan_schema::Table;

use crate::access::Caller;
use crate::app::App;
use crate::http::Failure;
use crate::logs::Workspace;
use crate::logs::functions::names_workspaces;
use crate::logs::query_record::{self, Outcome};

pub(crate) const READ_ACTION: &str = "Microsoft.OperationalInsights/workspaces/query/read";

/// A caller's query.
pub(crate) struct Question<'a> {
    pub(crate) workspace: Workspace,
    /// Workspaces that are asked together with it: their tables are read with those of the same name.
    pub(crate) among: Vec<Workspace>,
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
    let own = question.workspace.id;
    let request = QueryRequest {
        workspace: own,
        text: question.text.to_owned(),
        timespan: question.timespan,
        now: app.clock.now(),
        principal: format!("aaduser={}", principal.object_id),
        ingested: None,
        limits: question.limits,
    };
    let mut sight = Sight::default();
    for workspace in std::iter::once(&question.workspace).chain(&question.among) {
        sight.must_see(app, caller, workspace).await.map_err(Unanswered::Other)?;
    }
    let reach = Reach {
        others: sight.others(app, caller, own, question.text).await.map_err(Unanswered::Other)?.into(),
        among: question.among.iter().map(|workspace| workspace.id).filter(|id| *id != own).collect(),
    };
    if !sight.in_part.is_empty() {
        may_read(app, caller, &request, &question.parameters, &reach, &sight).await?;
    }
    let parameters = question.parameters.clone();
    app.engine.query_reaching(request, parameters, reach).await.map_err(Unanswered::Query)
}

/// Which workspaces the caller of a query may read.
#[derive(Default)]
struct Sight {
    /// Those of which the caller may read tables, but not all.
    in_part: Vec<Workspace>,
}

impl Sight {
    /// Refuses a caller who may read nothing of a workspace.
    async fn must_see(&mut self, app: &App, caller: &Caller, workspace: &Workspace) -> Result<(), Failure> {
        let Err(refused) = app.authorize(caller, READ_ACTION, &workspace.resource).await else {
            return Ok(());
        };
        // Strangers do not learn the names of tables from what is wrong with their texts.
        if roles(app, caller, workspace).await?.is_empty() {
            return Err(refused);
        }
        self.in_part.push(workspace.clone());
        Ok(())
    }

    /// The workspaces that `workspace("…")` may name in a text or in the functions of its workspace.
    async fn others(
        &mut self,
        app: &App,
        caller: &Caller,
        own: WorkspaceId,
        text: &str,
    ) -> Result<Vec<NamedWorkspace>, Failure> {
        let is_named = names_workspaces(text) || app.functions.name_workspaces(own);
        if !is_named || app.workspaces.others() == 0 {
            return Ok(Vec::new());
        }
        let mut seen = Vec::new();
        for workspace in app.workspaces.all() {
            if workspace.id != own && self.must_see(app, caller, &workspace).await.is_ok() {
                seen.push(workspace.named());
            }
        }
        Ok(seen)
    }
}

/// Whether a caller may read all tables that a query reads of workspaces which the caller may read in part.
async fn may_read(
    app: &App,
    caller: &Caller,
    request: &QueryRequest,
    parameters: &HashMap<String, String>,
    reach: &Reach,
    sight: &Sight,
) -> Result<(), Unanswered> {
    let checked = app.engine.check_request(request, parameters, reach);
    if checked.columns.is_none() {
        // Not run at all: which tables it would read is not known.
        return Err(Unanswered::Query(QueryError::Invalid(checked.diagnostics)));
    }
    for table in checked.tables_used {
        let (place, name) = table_place(&table);
        for workspace in &sight.in_part {
            let is_asked = workspace.id == request.workspace || reach.among.contains(&workspace.id);
            let reads = match place {
                Some(place) => place == workspace.id,
                None => is_asked,
            };
            if reads {
                let scope = workspace.table_scope(name).map_err(Unanswered::Other)?;
                app.authorize(caller, READ_ACTION, &scope).await.map_err(Unanswered::Other)?;
            }
        }
    }
    Ok(())
}

/// The other workspaces that a caller may read in full, for who only looks names up.
pub(crate) async fn reach_of(
    app: &App,
    caller: &Caller,
    own: WorkspaceId,
    text: &str,
) -> Result<Reach, Failure> {
    let mut sight = Sight::default();
    let mut others = sight.others(app, caller, own, text).await?;
    others.retain(|other| sight.in_part.iter().all(|part| part.id != other.id));
    Ok(Reach { others: others.into(), ..Reach::default() })
}

/// The tables that a caller may read.
pub(crate) struct Readable {
    pub(crate) tables: Vec<Arc<Table>>,
    /// All there are and will be: the caller has a role at the workspace.
    pub(crate) all: bool,
}

/// What the caller may read of a workspace; who may read nothing is refused.
pub(crate) async fn readable_tables(
    app: &App,
    caller: &Caller,
    workspace: &Workspace,
) -> Result<Readable, Failure> {
    let tables = app.store.tables(workspace.id);
    let Err(refused) = app.authorize(caller, READ_ACTION, &workspace.resource).await else {
        return Ok(Readable { tables, all: true });
    };
    let roles = roles(app, caller, workspace).await?;
    if roles.is_empty() {
        return Err(refused);
    }
    let readable = |table: &Arc<Table>| {
        let scope = workspace.table_scope(&table.name);
        scope.is_ok_and(|scope| roles.iter().any(|at| scope.is_within(at)))
    };
    Ok(Readable { tables: tables.into_iter().filter(readable).collect(), all: false })
}

/// The workspaces of which the caller may read something; who may read nothing of any is refused.
pub(crate) async fn readable_workspaces(app: &App, caller: &Caller) -> Result<Vec<Workspace>, Failure> {
    let mut sight = Sight::default();
    let (mut seen, mut refused) = (Vec::new(), None);
    for workspace in app.workspaces.all() {
        match sight.must_see(app, caller, &workspace).await {
            Ok(()) => seen.push(workspace),
            Err(failure) => refused = refused.or(Some(failure)),
        }
    }
    refused.filter(|_| seen.is_empty()).map_or(Ok(seen), Err)
}

/// Where below a workspace the caller has reading rights.
async fn roles(app: &App, caller: &Caller, workspace: &Workspace) -> Result<Vec<ResourceId>, Failure> {
    let principal = caller.principal()?;
    let roles = app.roles_of(&principal.object_id.to_string()).await?;
    let reads = roles
        .into_iter()
        .filter(|(at, role)| at.is_within(&workspace.resource) && role.allows(READ_ACTION, false));
    Ok(reads.map(|(at, _)| at).collect())
}
