//! Transformations: a query over one batch of rows on its way into a table.
//!
//! A data collection rule's `transformKql` is KQL whose only table is `source`, the batch as it was sent.
//! What it may use is what gives the same rows however a sender cuts its rows into batches: operators that
//! look at one row at a time. Everything else is refused when the rule is written, with its place.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use bartizan_base::{Ticks, WorkspaceId};
use bartizan_kql::bound::{BoundQuery, ColumnSchema, Rel};
use bartizan_kql::{
    Analysis, AnalyzeOptions, Catalog, Diagnostic, FunctionSymbol, Severity, Span, TableSymbol, visit,
};
use bartizan_schema::{Column, KqlType, Table, TableKind};
use bartizan_store::TableSnapshot;
use bartizan_store::decode::Layout;
use bartizan_store::layout::{SEQ_COLUMN, pad, seq_column};
use serde_json::{Map, Value as Json};

use crate::engine::{Checked, Engine, Inner, QueryRequest};
use crate::error::QueryError;
use crate::interrupt::{Interrupt, InterruptOnDrop};
use crate::limits::QueryLimits;
use crate::lower::Context;
use crate::output::{QueryOutput, cell};
use crate::provider::SnapshotTable;
use crate::value::{Reader, Value};

/// What a transformation calls its input.
const SOURCE: &str = "source";
/// A part of the language that a transformation may not use.
const NOT_IN_TRANSFORMATIONS: &str = "K9100";

/// A transformation, ready to be run over batches.
#[derive(Clone, Debug)]
pub struct Transform {
    source: Arc<Layout>,
    text: String,
}

/// What came of a batch.
#[derive(Clone, Debug)]
pub struct Transformed {
    pub columns: Vec<ColumnSchema>,
    /// Rows in the form that the store takes.
    pub rows: Vec<Map<String, Json>>,
    /// Rows that went in.
    pub rows_in: u64,
    /// Values that did not fit the declared column of `source` and became null.
    pub rejected_cells: u64,
    /// Fields that `source` has no column for.
    pub unknown_fields: u64,
}

impl Transform {
    /// The transformation `text` of rows that have `columns`.
    pub fn new(columns: Vec<Column>, text: impl Into<String>) -> Self {
        let table = Table {
            name: SOURCE.to_owned(),
            description: String::new(),
            kind: TableKind::Custom,
            categories: Vec::new(),
            retention_days: 1,
            columns,
        };
        Self { source: Arc::new(Layout::new(Arc::new(table))), text: text.into() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn analyze(&self, now: Ticks) -> Analysis {
        let options = AnalyzeOptions { now, ..AnalyzeOptions::default() };
        let mut analysis = bartizan_kql::analyze(&self.text, &SourceOnly(&self.source.table), &options);
        if let Some(query) = &analysis.query {
            let refused = refusals(query);
            if !refused.is_empty() {
                analysis.diagnostics.extend(refused);
                analysis.query = None;
            }
        }
        analysis
    }
}

impl Engine {
    /// Whether a transformation can run, and the columns it gives.
    pub fn check_transform(&self, transform: &Transform) -> Checked {
        let analysis = transform.analyze(Ticks(0));
        Checked {
            columns: analysis.query.as_ref().map(|query| query.root.columns()),
            diagnostics: analysis.diagnostics,
            tables_used: Vec::new(),
        }
    }

    /// Runs a transformation over a body of JSON rows.
    ///
    /// # Errors
    /// [`QueryError::Store`] for a body that is not rows; `TooLarge` when more comes out than `limits`
    /// allow, because rows are never cut off silently; otherwise as [`Engine::query`].
    pub async fn transform(
        &self,
        transform: &Transform,
        body: impl AsRef<[u8]> + Send + Sync + 'static,
        now: Ticks,
        limits: QueryLimits,
    ) -> Result<Transformed, QueryError> {
        let inner = Arc::clone(self.inner());
        let transform = transform.clone();
        let interrupt = Interrupt::default();
        let _guard = InterruptOnDrop(interrupt.clone());
        let work = async move { inner.transform(&transform, body.as_ref(), now, limits, &interrupt).await };
        self.inner().threads.run(limits.timeout, work).await
    }
}

impl Inner {
    async fn transform(
        &self,
        transform: &Transform,
        body: &[u8],
        now: Ticks,
        limits: QueryLimits,
        interrupt: &Interrupt,
    ) -> Result<Transformed, QueryError> {
        let analysis = transform.analyze(now);
        let Some(query) = analysis.query else { return Err(QueryError::Invalid(analysis.diagnostics)) };
        let decoded = transform.source.decode_source(body, now)?;
        let rows_in = decoded.batch.num_rows() as u64;
        let request = QueryRequest {
            workspace: WorkspaceId(uuid::Uuid::nil()),
            text: String::new(),
            timespan: None,
            now,
            principal: String::new(),
            ingested: None,
            limits,
        };
        let mut context = Context::new(&request, &self.options.endpoint, interrupt);
        let memory = with_seq(&decoded.batch)
            .and_then(|batch| pad(&batch, &transform.source.schema))
            .map_err(|error| QueryError::Internal(error.to_string()))?;
        let snapshot = TableSnapshot {
            table: Arc::clone(&transform.source.table),
            schema: Arc::clone(&transform.source.schema),
            files: bartizan_store::Files::default(),
            memory: vec![memory],
            damaged: Vec::new(),
        };
        context.tables.insert(SOURCE.to_owned(), Arc::new(SnapshotTable::new(snapshot)));
        let output = self.run_bound(query, &request, context, 0).await?;
        if let Some(partial) = output.partial {
            return Err(QueryError::TooLarge { what: partial.message });
        }
        let rows = store_rows(&output);
        Ok(Transformed {
            columns: output.columns,
            rows,
            rows_in,
            rejected_cells: decoded.rejected_cells,
            unknown_fields: decoded.unknown_fields,
        })
    }
}

/// The hidden column that every stored batch has.
pub(crate) fn with_seq(batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut fields: Vec<_> = batch.schema_ref().fields().iter().cloned().collect();
    let seq = bartizan_store::layout::arrow_field(SEQ_COLUMN, KqlType::Long).with_nullable(false);
    fields.push(Arc::new(seq));
    let mut columns = batch.columns().to_vec();
    columns.push(seq_column(0, batch.num_rows()));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// Rows as the store's JSON door takes them: a dynamic value is JSON and not the text of it.
fn store_rows(output: &QueryOutput) -> Vec<Map<String, Json>> {
    let mut rows = Vec::new();
    for batch in &output.batches {
        let readers: Vec<Option<Reader>> = output
            .columns
            .iter()
            .zip(batch.columns())
            .map(|(column, array)| Reader::new(array, column.ty, false).ok())
            .collect();
        for row in 0..batch.num_rows() {
            let mut out = Map::new();
            for (column, reader) in output.columns.iter().zip(&readers) {
                let Some(reader) = reader else { continue };
                let value = match reader.get(row) {
                    Value::Dynamic(text) => {
                        serde_json::from_str(&text).unwrap_or_else(|_| Json::from(text.as_ref()))
                    }
                    other => cell(&other),
                };
                if !value.is_null() {
                    out.insert(column.name.clone(), value);
                }
            }
            rows.push(out);
        }
    }
    rows
}

/// The one table a transformation sees.
struct SourceOnly<'a>(&'a Table);

impl Catalog for SourceOnly<'_> {
    fn table(&self, name: &str) -> Option<TableSymbol> {
        let column = |column: &Column| ColumnSchema { name: column.name.clone(), ty: column.ty };
        (name == SOURCE).then(|| TableSymbol {
            name: SOURCE.to_owned(),
            columns: self.0.columns.iter().map(column).collect(),
        })
    }

    fn function(&self, _name: &str) -> Option<FunctionSymbol> {
        None
    }

    fn table_names(&self) -> Vec<String> {
        vec![SOURCE.to_owned()]
    }
}

/// What a transformation uses and may not.
fn refusals(query: &BoundQuery) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let mut refuse = |span: Span, message: String, hint: &str| {
        let hint = Some(hint.to_owned());
        out.push(Diagnostic { code: NOT_IN_TRANSFORMATIONS, severity: Severity::Error, span, message, hint });
    };
    if !query.results.is_empty() {
        refuse(Span::default(), "a transformation has one result".to_owned(), "keep one tabular expression");
    }
    if !begins_with_source(&query.root) {
        refuse(Span::default(), "a transformation begins with `source`".to_owned(), "write `source | …`");
    }
    visit::relations(&query.root, &mut |rel| {
        if let Some(what) = across_rows(rel) {
            let hint =
                "use where, extend, project and its kin, parse and mv-expand, and aggregate when querying";
            refuse(
                place(rel),
                format!("{what} looks at more than one row and is not available in a transformation"),
                hint,
            );
        }
    });
    out
}

fn begins_with_source(root: &Rel) -> bool {
    let mut rel = root;
    loop {
        match (rel, visit::inputs(rel).as_slice()) {
            (Rel::Table { .. }, _) => return true,
            (_, [input]) => rel = input,
            // What has several inputs is refused by its own name.
            (_, inputs) => return !inputs.is_empty(),
        }
    }
}

/// The name of what reads several rows at once.
fn across_rows(rel: &Rel) -> Option<&'static str> {
    match rel {
        Rel::Table { .. }
        | Rel::Rows { .. }
        | Rel::Print { .. }
        | Rel::Filter { .. }
        | Rel::Project { .. }
        | Rel::MvExpand(_)
        | Rel::Parse(_)
        | Rel::Shared { .. } => None,
        Rel::Range { .. } => Some("`range`"),
        Rel::Summarize { .. } => Some("an aggregation (`summarize`, `distinct`, `count`)"),
        Rel::Sort { .. } => Some("`sort`"),
        Rel::Take { .. } | Rel::TakeWithin { .. } => Some("`take` or `top`"),
        Rel::Join(_) => Some("`join` or `lookup`"),
        Rel::Union { .. } => Some("`union`"),
        Rel::Serialize { .. } => Some("`serialize`"),
        Rel::Sample { .. } => Some("`sample`"),
        Rel::Whole(_) => Some("a plugin, series or graph operator"),
        Rel::Unsupported { .. } => Some("this operator"),
    }
}

/// Where a relation is written, as near as its parts tell.
fn place(rel: &Rel) -> Span {
    match rel {
        Rel::Table { span, .. } | Rel::Unsupported { span, .. } => *span,
        Rel::Join(join) => join.span,
        Rel::Whole(whole) => whole.span,
        Rel::Summarize { aggregates, .. } if !aggregates.is_empty() => aggregates[0].span,
        _ => {
            let own = visit::scalars(rel).first().map(|scalar| scalar.span);
            own.or_else(|| visit::inputs(rel).first().map(|input| place(input))).unwrap_or_default()
        }
    }
}
