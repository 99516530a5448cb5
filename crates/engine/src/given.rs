//! Queries over tables that the caller brings along: the control plane's resources, which are in no workspace.
//!
//! A query is analysed first, with the tables' columns alone, so that only the tables it reads need be brought.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::error::ArrowError;
use bartizan_base::{Ticks, WorkspaceId};
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

/// Rows of such a table, read once and kept in the engine's own form: cheap to copy, to choose from and to join.
#[derive(Clone, Debug)]
pub struct GivenRows {
    pub(crate) name: &'static str,
    pub(crate) layout: Arc<Layout>,
    pub(crate) batches: Vec<RecordBatch>,
}

impl GivenRows {
    /// No rows.
    pub fn none(table: GivenTable) -> Self {
        let layout = Layout::new(Arc::new(Table {
            name: table.name.to_owned(),
            description: String::new(),
            kind: TableKind::Custom,
            categories: Vec::new(),
            retention_days: 1,
            columns: table.columns,
        }));
        Self { name: table.name, layout: Arc::new(layout), batches: Vec::new() }
    }

    /// The same table with these rows, JSON objects by column. `now` is the time of rows that bring none.
    ///
    /// # Errors
    /// When they are too large to be read.
    pub fn with(&self, rows: &[Map<String, Json>], now: Ticks) -> Result<Self, QueryError> {
        let body = serde_json::to_vec(rows).map_err(|error| QueryError::Internal(error.to_string()))?;
        self.with_json(&body, now)
    }

    /// The same with rows that are written already: a JSON array, or an object on each line.
    ///
    /// # Errors
    /// When they are too large to be read, or are no such thing.
    pub fn with_json(&self, body: &[u8], now: Ticks) -> Result<Self, QueryError> {
        let internal = |error: &dyn std::fmt::Display| QueryError::Internal(error.to_string());
        let decoded = self.layout.decode_source(body, now)?;
        let batch = with_seq(&decoded.batch)
            .and_then(|batch| pad(&batch, &self.layout.schema))
            .map_err(|error| internal(&error))?;
        Ok(Self { name: self.name, layout: Arc::clone(&self.layout), batches: vec![batch] })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows whose place in `keep` is `true`; rows beyond its end are left out.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn chosen(&self, keep: &[bool]) -> Result<Self, QueryError> {
        let mut batches = Vec::with_capacity(self.batches.len());
        let mut rest = keep;
        for batch in &self.batches {
            let (here, after) = rest.split_at(batch.num_rows().min(rest.len()));
            rest = after;
            let mut mask = here.to_vec();
            mask.resize(batch.num_rows(), false);
            let chosen = filter_record_batch(batch, &BooleanArray::from(mask));
            batches.push(chosen.map_err(|error| QueryError::Internal(error.to_string()))?);
        }
        Ok(Self { name: self.name, layout: Arc::clone(&self.layout), batches })
    }

    /// Adds the rows of `other`, which are of the same table.
    pub fn append(&mut self, other: Self) {
        self.batches.extend(other.batches.into_iter().filter(|batch| batch.num_rows() > 0));
    }

    /// The same rows in one piece, with the text of no others: rows that were chosen from many share the text of all.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn in_one_piece(&self) -> Result<Self, QueryError> {
        let internal = |error: ArrowError| QueryError::Internal(error.to_string());
        let one = concat_batches(&self.layout.schema, &self.batches).map_err(internal)?;
        let own_text = |column: &ArrayRef| match column.as_string_view_opt() {
            Some(texts) => Arc::new(texts.gc()) as ArrayRef,
            None => Arc::clone(column),
        };
        let columns = one.columns().iter().map(own_text).collect();
        let one = RecordBatch::try_new(one.schema(), columns).map_err(internal)?;
        Ok(Self { name: self.name, layout: Arc::clone(&self.layout), batches: vec![one] })
    }

    fn snapshot(&self) -> SnapshotTable {
        SnapshotTable::new(TableSnapshot {
            table: Arc::clone(&self.layout.table),
            schema: Arc::clone(&self.layout.schema),
            files: bartizan_store::Files::default(),
            memory: self.batches.clone(),
            damaged: Vec::new(),
        })
    }

    fn table(&self) -> GivenTable {
        GivenTable { name: self.name, columns: self.layout.table.columns.clone() }
    }
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
        let tables: Vec<GivenTable> = given.iter().map(GivenRows::table).collect();
        let mut context = Context::new(request, &self.options.endpoint, interrupt);
        for rows in given {
            context.tables.insert(rows.name.to_owned(), Arc::new(rows.snapshot()));
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

#[cfg(test)]
mod tests {
    use bartizan_schema::KqlType;
    use serde_json::json;

    use super::*;

    fn bytes(rows: &GivenRows) -> usize {
        rows.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }

    #[test]
    fn rows_in_one_piece_keep_no_text_of_the_others() {
        let table = GivenTable { name: "t", columns: vec![Column::new("text", KqlType::String)] };
        let rows: Vec<Map<String, Json>> = (0..1000)
            .filter_map(|row| json!({"text": format!("{row} {}", "x".repeat(1000))}).as_object().cloned())
            .collect();
        let all = GivenRows::none(table).with(&rows, Ticks(0)).unwrap();
        let keep: Vec<bool> = (0..1000).map(|row| row == 7 || row == 900).collect();
        let mut two = all.chosen(&keep).unwrap();
        two.append(all.chosen(&[true]).unwrap());
        let one = two.in_one_piece().unwrap();
        assert_eq!((one.len(), one.batches.len()), (3, 1));
        assert!(bytes(&two) > 1_000_000 && bytes(&one) < 20_000, "{} and {}", bytes(&two), bytes(&one));
        let texts = one.batches[0].column_by_name("text").unwrap().as_string_view().clone();
        let begins: Vec<&str> = texts.iter().flatten().filter_map(|text| text.split(' ').next()).collect();
        assert_eq!(begins, ["7", "900", "0"]);
    }
}
