//! The engine: text in, result out.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bartizan_base::{Ticks, WorkspaceId};
use bartizan_kql::bound::{BoundQuery, ColumnSchema, Rel};
use bartizan_kql::{AnalyzeOptions, Diagnostic};
use bartizan_store::Store;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionConfig;
use tokio::sync::Semaphore;

use crate::catalog::{FunctionSource, WorkspaceCatalog};
use crate::error::{EngineError, QueryError};
use crate::interrupt::{GiveWay, Interrupt, InterruptOnDrop};
use crate::learn;
use crate::limits::{QueryLimits, QueryThreads};
use crate::lower::Context;
use crate::output::{QueryOutput, QueryStats};
use crate::provider::SnapshotTable;
use crate::prune::{Kept, prune};
use crate::result::{Columns, collect};
use crate::subquery;

/// Settings of the engine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Threads that queries run on.
    pub threads: usize,
    /// Queries that run at the same time; more wait, within their own time limit.
    pub concurrent_queries: usize,
    /// Memory one query may use before it spills to disk.
    pub query_memory_bytes: usize,
    /// Where spilled data goes; the system's temporary folder when absent.
    pub spill_dir: Option<PathBuf>,
    /// Disk that spilled data may use, all queries together.
    pub spill_bytes: u64,
    /// What `current_cluster_endpoint()` is: the name this service is reached by.
    pub endpoint: String,
    /// Saved functions, parsers and watchlists.
    pub functions: Option<Arc<dyn FunctionSource>>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            threads,
            concurrent_queries: threads * 4,
            query_memory_bytes: 512 << 20,
            spill_dir: None,
            spill_bytes: 16 << 30,
            endpoint: "localhost".to_owned(),
            functions: None,
        }
    }
}

/// Plugin calls of one query whose columns are learned from their rows. Each costs a run of its input.
const LEARNED_CALLS_MAX: usize = 64;

/// Restricts base tables to rows committed after `after`, up to and including `upto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeqWindow {
    pub after: u64,
    pub upto: u64,
}

/// A query to run.
#[derive(Clone, Debug)]
pub struct QueryRequest {
    pub workspace: WorkspaceId,
    pub text: String,
    /// Base tables' `TimeGenerated` is at or after the first and before the second.
    pub timespan: Option<(Ticks, Ticks)>,
    /// What `now()` is.
    pub now: Ticks,
    /// What `current_principal()` is: who asks, empty for the service itself.
    pub principal: String,
    pub ingested: Option<SeqWindow>,
    pub limits: QueryLimits,
}

/// What a query would give, without running it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The result's columns, when the text is right.
    pub columns: Option<Vec<ColumnSchema>>,
    pub diagnostics: Vec<Diagnostic>,
    /// Base tables the query reads.
    pub tables_used: Vec<String>,
}

/// Runs queries over a store. Clones share everything.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    options: EngineOptions,
    runtime: Arc<RuntimeEnv>,
    threads: QueryThreads,
    running: Semaphore,
}

impl Engine {
    /// Starts the query threads.
    ///
    /// # Errors
    /// When threads or the spill folder cannot be made.
    pub fn new(store: Store, options: EngineOptions) -> Result<Self, EngineError> {
        let mode = match &options.spill_dir {
            Some(dir) => DiskManagerMode::Directories(vec![dir.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        };
        let disk =
            DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(options.spill_bytes);
        let runtime = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(|error| EngineError::Runtime(Box::new(error)))?;
        let threads = QueryThreads::start(options.threads.max(1))?;
        let running = Semaphore::new(options.concurrent_queries.max(1));
        Ok(Self { inner: Arc::new(Inner { store, options, runtime, threads, running }) })
    }

    /// Runs a query.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn query(&self, request: QueryRequest) -> Result<QueryOutput, QueryError> {
        let started = Instant::now();
        let timeout = request.limits.timeout;
        let deadline = tokio::time::Instant::now() + timeout;
        let permit = tokio::time::timeout_at(deadline, self.inner.running.acquire()).await;
        let Ok(Ok(_permit)) = permit else { return Err(QueryError::Timeout { limit: timeout }) };
        let inner = Arc::clone(&self.inner);
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let interrupt = Interrupt::default();
        let _guard = InterruptOnDrop(interrupt.clone());
        let work = async move { inner.run(&request, &interrupt).await };
        let mut output = self.inner.threads.run(left, work).await.map_err(|error| match error {
            QueryError::Timeout { .. } => QueryError::Timeout { limit: timeout },
            QueryError::Memory { .. } => {
                QueryError::Memory { limit_bytes: self.inner.options.query_memory_bytes }
            }
            error => error,
        })?;
        output.stats.elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(output)
    }

    /// Analyses a query without running it.
    pub fn check(&self, workspace: WorkspaceId, text: &str) -> Checked {
        let analysis =
            bartizan_kql::analyze(text, &self.inner.catalog(workspace), &AnalyzeOptions::default());
        let query = analysis.query.as_ref();
        Checked {
            columns: query.map(|query| query.root.columns()),
            tables_used: query.map(|query| tables(&query.root).into_iter().collect()).unwrap_or_default(),
            diagnostics: analysis.diagnostics,
        }
    }
}

impl Inner {
    fn catalog(&self, workspace: WorkspaceId) -> WorkspaceCatalog<'_> {
        WorkspaceCatalog { store: &self.store, workspace, functions: self.options.functions.as_ref() }
    }

    async fn run(&self, request: &QueryRequest, interrupt: &Interrupt) -> Result<QueryOutput, QueryError> {
        let mut options = AnalyzeOptions { now: request.now, ..AnalyzeOptions::default() };
        let catalog = self.catalog(request.workspace);
        let mut context = Context::new(request, &self.options.endpoint, interrupt);
        let mut first_seq = None;
        // columns that only rows tell are asked for first, one call after the other
        for _ in 0..=LEARNED_CALLS_MAX {
            let analysis = bartizan_kql::analyze(&request.text, &catalog, &options);
            let Some(query) = analysis.query else { return Err(QueryError::Invalid(analysis.diagnostics)) };
            let seq = self.open_tables(&query.root, request, &mut context)?;
            let seq = *first_seq.get_or_insert(seq);
            let Some(call) = learn::first_unlearned(&query.root) else {
                return self.run_bound(query, request, context, seq).await;
            };
            let session = self.session(&call.whole, interrupt)?;
            let (number, learned) = learn::learn(call, &mut context, &session).await?;
            options.learned.insert(number, learned);
        }
        let what =
            format!("it has more than {LEARNED_CALLS_MAX} plugin calls whose columns are in their rows");
        Err(QueryError::TooLarge { what })
    }

    /// Takes snapshots of the tables that a query reads and `context` lacks.
    fn open_tables(
        &self,
        root: &Rel,
        request: &QueryRequest,
        context: &mut Context,
    ) -> Result<u64, QueryError> {
        let used = tables(root);
        let names = used.iter().map(String::as_str).filter(|name| !context.tables.contains_key(*name));
        let names: Vec<&str> = names.collect();
        let snapshot = self.store.snapshot(request.workspace, &names)?;
        for (name, table) in snapshot.tables {
            context.tables.insert(name, Arc::new(SnapshotTable::new(table)));
        }
        Ok(snapshot.seq)
    }

    async fn run_bound(
        &self,
        query: BoundQuery,
        request: &QueryRequest,
        mut context: Context,
        seq: u64,
    ) -> Result<QueryOutput, QueryError> {
        let used = tables(&query.root);
        let declared = query.root.columns();
        let Kept { rel: root, places } = prune(query.root, &context);
        let columns = Columns::new(&declared, &places);
        let state = self.session(&root, &context.interrupt)?;
        subquery::resolve(&root, &mut context, &state).await?;
        let lowered = context.relation(&root)?;
        let physical = state.create_physical_plan(&lowered.plan).await?;
        let stream = execute_stream(physical, state.task_ctx())?;
        let (batches, partial) = collect(stream, &columns, &request.limits).await?;
        let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        Ok(QueryOutput {
            columns: declared,
            batches,
            render: query.render,
            partial,
            seq,
            stats: QueryStats { elapsed_us: 0, rows, tables: used.into_iter().collect() },
        })
    }

    /// A DataFusion session for one query, with its own memory.
    fn session(&self, root: &Rel, interrupt: &Interrupt) -> Result<SessionState, QueryError> {
        let pool = Arc::new(FairSpillPool::new(self.options.query_memory_bytes));
        let runtime =
            RuntimeEnvBuilder::from_runtime_env(&self.runtime).with_memory_pool(pool).build_arc()?;
        // Filtering inside the Parquet reader pays when many columns meet few rows, and costs elsewhere.
        let selective = !aggregates(root);
        let config = SessionConfig::new()
            .with_target_partitions(self.options.threads.max(1))
            // Splits `get_field` off projections and trips over columns that keep their name (55.2).
            .set_bool("datafusion.optimizer.enable_leaf_expression_pushdown", false)
            .set_bool("datafusion.execution.parquet.pushdown_filters", selective)
            .set_bool("datafusion.execution.parquet.reorder_filters", selective);
        // One optimizer rule looks this function up by name; no other name is needed, and no other is offered.
        let functions = vec![datafusion::functions_aggregate::first_last::first_value_udaf()];
        let builder = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_optimizer_rules(interrupt.optimizer_rules())
            .with_physical_optimizer_rule(Arc::new(GiveWay));
        Ok(builder.with_aggregate_functions(functions).build())
    }
}

/// Whether a relation groups or joins anywhere.
fn aggregates(rel: &Rel) -> bool {
    matches!(rel, Rel::Summarize { .. } | Rel::Join(_)) || subquery::inputs(rel).into_iter().any(aggregates)
}

/// The base tables a relation reads, those of its sub-queries too.
fn tables(rel: &Rel) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    subquery::visit(rel, &mut |rel| {
        if let Rel::Table { name, .. } = rel {
            found.insert(name.clone());
        }
    });
    found
}
