//! Queries over tables that the caller brings along: the control plane's resources, which are in no workspace.
//!
//! A query is analysed first, with the tables' columns alone, so that only the tables it reads need be brought.

use std::sync::Arc;

use bartizan_base::WorkspaceId;
use bartizan_kql::bound::ColumnSchema;
use bartizan_kql::{AnalyzeOptions, Catalog, FunctionSymbol, TableSymbol};
use bartizan_schema::{Column, Table, TableKind};
use bartizan_store::TableSnapshot;
use bartizan_store::decode::Layout;
use bartizan_store::layout::pad;
use serde_json::{Map, Value as Json};

use crate::engine::{Checked, Engine, Inner, LEARNED_CALLS_MAX, QueryRequest, aggregates, tables_read};
use crate::error::QueryError;
use crate::interrupt::{Interrupt, InterruptOnDrop};
use crate::learn;
use crate::lower::Context;
use crate::output::QueryOutput;
use crate::provider::SnapshotTable;
use crate::transform::with_seq;

/// A table that a query may read: its name, in any case, and its columns.
#[derive(Clone, Debug)]
pub struct GivenTable {
    pub name: &'static str,
    pub columns: Vec<Column>,
}

/// Rows of such a table, as JSON objects by column.
#[derive(Clone, Debug)]
pub struct GivenRows {
    pub table: GivenTable,
    pub rows: Vec<Map<String, Json>>,
}

impl Engine {
    /// What a query over `tables` would give and which of them it reads, without running it.
    pub fn check_given(&self, tables: &[GivenTable], text: &str) -> Checked {
        let analysis = bartizan_kql::analyze(text, &Given(tables), &AnalyzeOptions::default());
        let query = analysis.query.as_ref();
        Checked {
            columns: query.map(|query| query.root.columns()),
            tables_used: query.map(tables_read).unwrap_or_default(),
            diagnostics: analysis.diagnostics,
        }
    }

    /// Runs a query over nothing but `given`. The request's workspace and time span are not used.
    ///
    /// # Errors
    /// As [`Engine::query`].
    pub async fn query_given(
        &self,
        given: Vec<GivenRows>,
        request: QueryRequest,
    ) -> Result<QueryOutput, QueryError> {
        let inner = Arc::clone(self.inner());
        let interrupt = Interrupt::default();
        let _guard = InterruptOnDrop(interrupt.clone());
        let timeout = request.limits.timeout;
        let request = QueryRequest { workspace: WorkspaceId(uuid::Uuid::nil()), timespan: None, ..request };
        let work = async move { inner.run_given(given, &request, &interrupt).await };
        self.inner().threads.run(timeout, work).await
    }
}

impl Inner {
    async fn run_given(
        &self,
        given: Vec<GivenRows>,
        request: &QueryRequest,
        interrupt: &Interrupt,
    ) -> Result<QueryOutput, QueryError> {
        let tables: Vec<GivenTable> = given.iter().map(|given| given.table.clone()).collect();
        let mut context = Context::new(request, &self.options.endpoint, interrupt);
        for GivenRows { table, rows } in given {
            let name = table.name.to_owned();
            context.tables.insert(name, Arc::new(snapshot(table, rows, request)?));
        }
        let mut options = AnalyzeOptions { now: request.now, ..AnalyzeOptions::default() };
        // As in a workspace: columns that only rows tell are asked for first.
        for _ in 0..=LEARNED_CALLS_MAX {
            let analysis = bartizan_kql::analyze(&request.text, &Given(&tables), &options);
            let Some(query) = analysis.query else { return Err(QueryError::Invalid(analysis.diagnostics)) };
            let roots = std::iter::once(&query.root).chain(query.results.iter().map(|result| &result.root));
            let Some(call) = learn::first_unlearned(roots) else {
                return self.run_bound(query, request, context, 0).await;
            };
            let session = self.session(aggregates(&call.whole), interrupt)?;
            let (number, learned) = learn::learn(call, &mut context, &session).await?;
            options.learned.insert(number, learned);
        }
        let what =
            format!("it has more than {LEARNED_CALLS_MAX} plugin calls whose columns are in their rows");
        Err(QueryError::TooLarge { what })
    }
}

fn snapshot(
    table: GivenTable,
    rows: Vec<Map<String, Json>>,
    request: &QueryRequest,
) -> Result<SnapshotTable, QueryError> {
    let layout = Layout::new(Arc::new(Table {
        name: table.name.to_owned(),
        description: String::new(),
        kind: TableKind::Custom,
        categories: Vec::new(),
        retention_days: 1,
        columns: table.columns,
    }));
    let internal = |error: &dyn std::fmt::Display| QueryError::Internal(error.to_string());
    let body = serde_json::to_vec(&rows).map_err(|error| internal(&error))?;
    drop(rows);
    let decoded = layout.decode_source(&body, request.now)?;
    let memory = with_seq(&decoded.batch)
        .and_then(|batch| pad(&batch, &layout.schema))
        .map_err(|error| internal(&error))?;
    Ok(SnapshotTable::new(TableSnapshot {
        table: Arc::clone(&layout.table),
        schema: Arc::clone(&layout.schema),
        files: bartizan_store::Files::default(),
        memory: vec![memory],
        damaged: Vec::new(),
    }))
}

/// The tables that were brought, by name in any case.
struct Given<'a>(&'a [GivenTable]);

impl Catalog for Given<'_> {
    fn table(&self, name: &str) -> Option<TableSymbol> {
        let table = self.0.iter().find(|table| table.name.eq_ignore_ascii_case(name))?;
        let column = |column: &Column| ColumnSchema { name: column.name.clone(), ty: column.ty };
        Some(TableSymbol { name: table.name.to_owned(), columns: table.columns.iter().map(column).collect() })
    }

    fn function(&self, _name: &str) -> Option<FunctionSymbol> {
        None
    }

    fn table_names(&self) -> Vec<String> {
        self.0.iter().map(|table| table.name.to_owned()).collect()
    }
}
