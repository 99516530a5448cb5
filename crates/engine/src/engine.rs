//! The engine: text in, result out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_base::{Ticks, WorkspaceId};
use bartizan_kql::bound::{BoundQuery, BoundResult, ColumnSchema, MISTAKE, Rel, Render, table_place};
use bartizan_kql::syntax::codes;
use bartizan_kql::{AnalyzeOptions, Catalog, Diagnostic, Severity, Span, visit};
use bartizan_store::{Store, StoreError, TableSnapshot};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use tokio::sync::Semaphore;

use crate::catalog::{FunctionSource, WorkspaceCatalog};
use crate::error::{EngineError, QueryError};
use crate::extent;
use crate::group_runs::GroupByRuns;
use crate::hoist::hoist;
use crate::hot_paths::{HotPaths, rewrite};
use crate::interrupt::{GiveWay, Interrupt, InterruptOnDrop};
use crate::learn;
use crate::limits::{Partial, QueryLimits, QueryThreads};
use crate::lower::{Context, pattern};
use crate::made_filters::FilterAsMade;
use crate::memory::{Held, QueryPool};
use crate::output::{QueryOutput, QueryStats, QueryTable};
use crate::planning::{self, QueryPlan};
use crate::provider::SnapshotTable;
use crate::prune::{Kept, prune, wanted_of_shared};
use crate::pushdown;
use crate::reach::Reach;
use crate::restore_order;
use crate::result::{Collected, Columns, collect};
use crate::share::share;
use crate::subquery;
use crate::whole::ExternalData;

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
    /// What is known about paths into dynamic columns; the store's options have the same. Nothing is promoted without.
    pub hot_paths: Option<Arc<HotPaths>>,
    /// Places outside the store that `externaldata` may read; none unless set.
    pub external: Option<Arc<ExternalData>>,
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
            hot_paths: None,
            external: None,
        }
    }
}

/// Plugin calls of one query whose columns are learned from their rows. Each costs a run of its input.
pub(crate) const LEARNED_CALLS_MAX: usize = 64;

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

/// What comes with a request.
#[derive(Debug, Default)]
struct Asked {
    /// The values of `declare query_parameters`, by name.
    parameters: HashMap<String, String>,
    reach: Reach,
}

#[derive(Debug)]
pub(crate) struct Inner {
    store: Store,
    pub(crate) options: EngineOptions,
    runtime: Arc<RuntimeEnv>,
    pub(crate) threads: QueryThreads,
    running: Semaphore,
    held: Held,
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
        Ok(Self {
            inner: Arc::new(Inner { store, options, runtime, threads, running, held: Held::default() }),
        })
    }

    /// Runs a query.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn query(&self, request: QueryRequest) -> Result<QueryOutput, QueryError> {
        self.query_with(request, HashMap::new()).await
    }

    /// Runs a query with the caller's values for `declare query_parameters`, by name: literals as KQL writes them,
    /// or plain text for a string.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn query_with(
        &self,
        request: QueryRequest,
        parameters: HashMap<String, String>,
    ) -> Result<QueryOutput, QueryError> {
        self.query_reaching(request, parameters, Reach::default()).await
    }

    /// The same for a caller who may read other workspaces.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn query_reaching(
        &self,
        request: QueryRequest,
        parameters: HashMap<String, String>,
        reach: Reach,
    ) -> Result<QueryOutput, QueryError> {
        let started = Instant::now();
        let limit = request.limits.timeout;
        let work = |inner: Arc<Inner>, interrupt| async move {
            inner.run(&request, &Asked { parameters, reach }, &interrupt).await
        };
        let mut output = self.admit(limit, work).await?;
        output.stats.elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(output)
    }

    /// Plans a query without running it, to learn whether it would run and how: the plan of each result.
    /// Sub-queries that a plan depends on (`toscalar`, `in (Table)`, relations that are used more than
    /// once, operators that read all of their input) do run.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn plan(&self, request: QueryRequest) -> Result<Vec<QueryPlan>, QueryError> {
        let limit = request.limits.timeout;
        let work = |inner: Arc<Inner>, interrupt| async move { inner.plan(&request, &interrupt).await };
        self.admit(limit, work).await
    }

    /// Does the work of a query when there is room for it.
    async fn admit<T: Send + 'static, F: Future<Output = Result<T, QueryError>> + Send + 'static>(
        &self,
        timeout: Duration,
        work: impl FnOnce(Arc<Inner>, Interrupt) -> F,
    ) -> Result<T, QueryError> {
        let deadline = tokio::time::Instant::now() + timeout;
        let permit = tokio::time::timeout_at(deadline, self.inner.running.acquire()).await;
        let Ok(Ok(_permit)) = permit else { return Err(QueryError::Timeout { limit: timeout }) };
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let interrupt = Interrupt::default();
        let _guard = InterruptOnDrop(interrupt.clone());
        let work = work(Arc::clone(&self.inner), interrupt);
        self.inner.threads.run(left, work).await.map_err(|error| match error {
            QueryError::Timeout { .. } => QueryError::Timeout { limit: timeout },
            QueryError::Memory { .. } => {
                QueryError::Memory { limit_bytes: self.inner.options.query_memory_bytes }
            }
            error => error,
        })
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// How many queries run, or have been dropped and are still on their way out.
    pub fn running(&self) -> usize {
        self.inner.threads.running()
    }

    /// Bytes that queries hold now, as they account for them.
    pub fn memory_bytes(&self) -> usize {
        self.inner.held.bytes()
    }

    /// Waits until no query runs.
    pub async fn idle(&self) {
        self.inner.threads.idle().await;
    }

    /// Analyses a query without running it, as it runs by itself: without values of query parameters.
    pub fn check(&self, workspace: WorkspaceId, text: &str) -> Checked {
        self.inner.check(workspace, text, &AnalyzeOptions::default(), &Reach::default())
    }

    /// Analyses a text that is being written, for a caller who may read other workspaces. Query parameters may
    /// have no values yet.
    pub fn check_reaching(&self, workspace: WorkspaceId, text: &str, reach: &Reach) -> Checked {
        let options = AnalyzeOptions { allow_unset_parameters: true, ..AnalyzeOptions::default() };
        self.inner.check(workspace, text, &options, reach)
    }

    /// Analyses a request as [`Engine::query_reaching`] would, with its moment and the caller's parameters, without
    /// running it: for who must know which tables it reads before it does.
    pub fn check_request(
        &self,
        request: &QueryRequest,
        parameters: &HashMap<String, String>,
        reach: &Reach,
    ) -> Checked {
        let parameters = parameters.clone();
        let options = AnalyzeOptions { now: request.now, parameters, ..AnalyzeOptions::default() };
        self.inner.check(request.workspace, &request.text, &options, reach)
    }
}

impl Engine {
    /// Lets `read` look names up as queries of `workspace` do, for editors.
    pub fn with_catalog<R>(
        &self,
        workspace: WorkspaceId,
        reach: &Reach,
        read: impl FnOnce(&dyn Catalog) -> R,
    ) -> R {
        read(&self.inner.catalog(workspace, reach))
    }
}

impl Inner {
    fn catalog<'a>(&'a self, workspace: WorkspaceId, reach: &'a Reach) -> WorkspaceCatalog<'a> {
        WorkspaceCatalog { store: &self.store, workspace, functions: self.options.functions.as_ref(), reach }
    }

    fn check(&self, workspace: WorkspaceId, text: &str, options: &AnalyzeOptions, reach: &Reach) -> Checked {
        let analysis = bartizan_kql::analyze(text, &self.catalog(workspace, reach), options);
        let query = analysis.query.as_ref();
        let tables_used = query.map(tables_read).unwrap_or_default();
        // the front end does not know regular expressions
        let roots = query.into_iter().flat_map(|query| {
            std::iter::once(&query.root).chain(query.results.iter().map(|result| &result.root))
        });
        let patterns: Vec<Diagnostic> = roots.flat_map(pattern::mistakes).collect();
        let right = query.filter(|_| patterns.is_empty());
        let columns = right.map(|query| query.root.columns());
        Checked {
            columns,
            tables_used,
            diagnostics: analysis.diagnostics.into_iter().chain(patterns).collect(),
        }
    }

    /// Runs a query. When a file cannot be read, the files of its tables are looked at: if some are damaged,
    /// they are set aside, and the query runs once more over the rest.
    async fn run(
        &self,
        request: &QueryRequest,
        asked: &Asked,
        interrupt: &Interrupt,
    ) -> Result<QueryOutput, QueryError> {
        let mut read = BTreeSet::new();
        let error = match self.run_once(request, asked, interrupt, &mut read).await {
            Err(QueryError::Unreadable(error)) => error,
            outcome => return outcome,
        };
        let tables: Vec<_> = read.iter().cloned().collect();
        tracing::warn!(error, "a query met a file it cannot read; looking at its tables' files");
        if self.store.examine(&tables).await? == 0 {
            return Err(QueryError::Unreadable(error));
        }
        self.run_once(request, asked, interrupt, &mut read).await
    }

    /// Runs a query, and adds the tables it reads to `read`.
    async fn run_once(
        &self,
        request: &QueryRequest,
        asked: &Asked,
        interrupt: &Interrupt,
        read: &mut BTreeSet<(WorkspaceId, String)>,
    ) -> Result<QueryOutput, QueryError> {
        let Bound { query, diagnostics, context, seq } = self.bind(request, asked, interrupt, read).await?;
        let outcome = self.run_bound(query, request, context, seq).await;
        outcome.map_err(|error| explained(error, diagnostics))
    }

    async fn plan(
        &self,
        request: &QueryRequest,
        interrupt: &Interrupt,
    ) -> Result<Vec<QueryPlan>, QueryError> {
        let Bound { query, diagnostics, mut context, .. } =
            self.bind(request, &Asked::default(), interrupt, &mut BTreeSet::new()).await?;
        let plan = async {
            let (results, state) = self.pruned(query, &mut context)?;
            let uses = uses(&results, &context);
            let mut plans = Vec::with_capacity(results.len());
            for result in &results {
                plans.push(QueryPlan(plan(result, &uses, &mut context, &state).await?));
            }
            Ok(plans)
        };
        plan.await.map_err(|error| explained(error, diagnostics))
    }

    /// Analyses the text over a snapshot of the tables it reads. Columns that only rows tell are asked for
    /// first, one call after the other. Tables that are read are added to `read`.
    async fn bind(
        &self,
        request: &QueryRequest,
        asked: &Asked,
        interrupt: &Interrupt,
        read: &mut BTreeSet<(WorkspaceId, String)>,
    ) -> Result<Bound, QueryError> {
        let parameters = asked.parameters.clone();
        let mut options = AnalyzeOptions { now: request.now, parameters, ..AnalyzeOptions::default() };
        let catalog = self.catalog(request.workspace, &asked.reach);
        let mut context = Context::new(request, &self.options.endpoint, interrupt);
        context.external = self.options.external.clone();
        let mut first_seq = None;
        for _ in 0..=LEARNED_CALLS_MAX {
            let analysis = bartizan_kql::analyze(&request.text, &catalog, &options);
            let Some(query) = analysis.query else { return Err(QueryError::Invalid(analysis.diagnostics)) };
            let seq = self.open_tables(&query, request, &asked.reach, &mut context, read)?;
            let seq = *first_seq.get_or_insert(seq);
            let roots = std::iter::once(&query.root).chain(query.results.iter().map(|result| &result.root));
            let Some(call) = learn::first_unlearned(roots) else {
                return Ok(Bound { query, diagnostics: analysis.diagnostics, context, seq });
            };
            let session = self.session(aggregates(&call.whole), interrupt)?;
            let (number, learned) = learn::learn(call, &mut context, &session).await?;
            options.learned.insert(number, learned);
        }
        let what =
            format!("it has more than {LEARNED_CALLS_MAX} plugin calls whose columns are in their rows");
        Err(QueryError::TooLarge { what })
    }

    /// Takes snapshots of the tables that a query reads and `context` lacks. The sequence number is that of
    /// the query's own workspace.
    fn open_tables(
        &self,
        query: &BoundQuery,
        request: &QueryRequest,
        reach: &Reach,
        context: &mut Context,
        read: &mut BTreeSet<(WorkspaceId, String)>,
    ) -> Result<u64, QueryError> {
        let used = tables_used(query);
        let mut places: BTreeMap<WorkspaceId, Vec<(&str, &str)>> = BTreeMap::new();
        places.entry(request.workspace).or_default();
        let unopened: Vec<&String> = used.iter().filter(|name| !context.tables.contains_key(*name)).collect();
        for name in unopened {
            let (workspace, plain) = table_place(name);
            if workspace.is_none() && !reach.among.is_empty() {
                let table = self.open_among(request.workspace, reach, plain, read)?;
                context.tables.insert(name.clone(), Arc::new(table));
                continue;
            }
            places.entry(workspace.unwrap_or(request.workspace)).or_default().push((plain, name));
        }
        let mut seq = 0;
        for (workspace, names) in places {
            let plain: Vec<&str> = names.iter().map(|(plain, _)| *plain).collect();
            let snapshot = self.store.snapshot(workspace, &plain)?;
            if workspace == request.workspace {
                seq = snapshot.seq;
            }
            for (name, table) in snapshot.tables {
                read.insert((workspace, name.clone()));
                let hot = self.options.hot_paths.as_ref();
                let paths = hot.map(|hot| hot.of(workspace, &name, &table.files));
                let table = Arc::new(SnapshotTable::new(table).with_paths(paths));
                for (_, bound) in names.iter().filter(|(plain, _)| *plain == name) {
                    context.tables.insert((*bound).to_owned(), Arc::clone(&table));
                }
            }
        }
        Ok(seq)
    }

    /// One table of the query's own workspace and of those that are asked together with it.
    fn open_among(
        &self,
        own: WorkspaceId,
        reach: &Reach,
        name: &str,
        read: &mut BTreeSet<(WorkspaceId, String)>,
    ) -> Result<SnapshotTable, QueryError> {
        let workspaces = std::iter::once(&own).chain(reach.among.iter());
        let mut joined: Option<TableSnapshot> = None;
        for workspace in workspaces.filter(|workspace| self.store.table(**workspace, name).is_some()) {
            let mut snapshot = self.store.snapshot(*workspace, &[name])?;
            let Some(table) = snapshot.tables.remove(name) else { continue };
            read.insert((*workspace, name.to_owned()));
            joined = Some(match joined {
                None => table,
                Some(first) => first.joined(table).map_err(|column| differs(name, &column, *workspace))?,
            });
        }
        let table = joined.ok_or_else(|| StoreError::UnknownTable(name.to_owned()))?;
        Ok(SnapshotTable::new(table))
    }

    pub(crate) async fn run_bound(
        &self,
        query: BoundQuery,
        request: &QueryRequest,
        mut context: Context,
        seq: u64,
    ) -> Result<QueryOutput, QueryError> {
        let (results, state) = self.pruned(query, &mut context)?;
        let used: BTreeSet<String> = results.iter().flat_map(|result| result.tables.clone()).collect();
        let uses = uses(&results, &context);
        let mut tables = Vec::with_capacity(results.len());
        let mut limits = request.limits;
        for result in &results {
            let physical = plan(result, &uses, &mut context, &state).await?;
            let stream = execute_stream(physical, state.task_ctx())?;
            let Collected { batches, partial, rows, bytes } =
                collect(stream, &result.columns, &limits).await?;
            // the limits are the whole answer's
            limits.rows = limits.rows.saturating_sub(rows);
            limits.bytes = limits.bytes.saturating_sub(bytes);
            let (name, columns, render) =
                (result.name.clone(), result.declared.clone(), result.render.clone());
            tables.push(QueryTable { name, columns, batches, render, partial });
        }
        let rows = request.limits.rows - limits.rows;
        let mut first = tables.remove(0);
        first.partial = first.partial.or_else(|| missing_rows(&context, request));
        Ok(QueryOutput {
            columns: first.columns,
            batches: first.batches,
            render: first.render,
            partial: first.partial,
            seq,
            stats: QueryStats { elapsed_us: 0, rows, tables: used.into_iter().collect() },
            tables,
        })
    }

    /// A query's results, cut down to what is needed, and a session to run them in.
    fn pruned(
        &self,
        query: BoundQuery,
        context: &mut Context,
    ) -> Result<(Vec<PrunedResult>, SessionState), QueryError> {
        let BoundQuery { root, render, results, .. } = query;
        let first = BoundResult { name: String::new(), root, render };
        let mut results: Vec<BoundResult> = std::iter::once(first).chain(results).collect();
        let read: Vec<BTreeSet<String>> = results.iter().map(|result| tables(&result.root)).collect();
        share(results.iter_mut().map(|result| &mut result.root));
        results.iter_mut().for_each(|result| hoist(&mut result.root));
        if let Some(hot) = &self.options.hot_paths {
            let mut read = HashSet::new();
            for result in &mut results {
                rewrite::use_columns(&mut result.root, context, &mut |paths, path| {
                    // A query counts once, however often it names the path.
                    if read.insert((paths.place.clone(), path.clone())) {
                        hot.note(paths, path, context.now);
                    }
                });
            }
        }
        let uses = subquery::shared_uses(results.iter().map(|result| &result.root), &context.kept);
        let wanted = wanted_of_shared(results.iter().map(|result| &result.root), context, &uses);
        let results: Vec<PrunedResult> = results
            .into_iter()
            .zip(read)
            .map(|(BoundResult { name, root, render }, tables)| {
                let declared = root.columns();
                let Kept { rel: root, places } = prune(root, context, &uses, Some(&wanted));
                let columns = Columns::new(&declared, &places);
                PrunedResult { name, declared, root, columns, render, tables }
            })
            .collect();
        extent::check(results.iter().map(|result| &result.root))?;
        let aggregates = results.iter().any(|result| aggregates(&result.root));
        let state = self.session(aggregates, &context.interrupt)?;
        Ok((results, state))
    }

    /// A DataFusion session for one query, with its own memory.
    pub(crate) fn session(
        &self,
        aggregates: bool,
        interrupt: &Interrupt,
    ) -> Result<SessionState, QueryError> {
        let pool = Arc::new(QueryPool::new(self.options.query_memory_bytes, self.held.clone()));
        let runtime =
            RuntimeEnvBuilder::from_runtime_env(&self.runtime).with_memory_pool(pool).build_arc()?;
        // Filtering inside the Parquet reader pays when many columns meet few rows, and costs elsewhere.
        let selective = !aggregates;
        let config = SessionConfig::new()
            .with_target_partitions(self.options.threads.max(1))
            // Splits `get_field` off projections and trips over columns that keep their name (55.2).
            .set_bool("datafusion.optimizer.enable_leaf_expression_pushdown", false)
            // Simplified plans are sure of fewer nulls than the operators below them promise (55.2).
            .set_bool("datafusion.execution.skip_physical_aggregate_schema_check", true)
            // The rules run in an order that leaves the next passes nothing to do that our plans would gain by.
            .set_usize("datafusion.optimizer.max_passes", 1)
            // Counting groups before rows are divided by group pays only while there are far fewer groups than
            // rows; the default finds out late.
            .set_usize("datafusion.execution.skip_partial_aggregation_probe_rows_threshold", 50_000)
            .set_str("datafusion.execution.skip_partial_aggregation_probe_ratio_threshold", "0.75")
            // A file for each batch that is divided among partitions and finds no memory: of files that go on, a
            // reader may wait for one while its batch is in another, for ever (55.2, apache/datafusion#24883).
            .set_usize("datafusion.execution.max_spill_file_size_bytes", 1)
            // The store writes none.
            .set_bool("datafusion.execution.parquet.bloom_filter_on_read", false)
            .set_bool("datafusion.execution.parquet.pushdown_filters", selective)
            .set_bool("datafusion.execution.parquet.reorder_filters", selective);
        // One optimizer rule looks this function up by name; no other name is needed, and no other is offered.
        let functions = vec![datafusion::functions_aggregate::first_last::first_value_udaf()];
        let builder = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_analyzer_rules(planning::analyzer_rules())
            .with_optimizer_rules(interrupt.optimizer_rules())
            .with_physical_optimizer_rules(pushdown::fenced(restore_order::physical_rules()))
            .with_physical_optimizer_rule(Arc::new(FilterAsMade))
            .with_physical_optimizer_rule(Arc::new(GroupByRuns))
            .with_physical_optimizer_rule(Arc::new(GiveWay(interrupt.clone())));
        Ok(builder.with_aggregate_functions(functions).build())
    }
}

/// Says which rows the answer lacks because their files are damaged.
fn missing_rows(context: &Context, request: &QueryRequest) -> Option<Partial> {
    let (from, to) = request.timespan.map_or((i64::MIN, i64::MAX), |(from, to)| (from.0, to.0));
    let tables: BTreeMap<&str, &SnapshotTable> =
        context.tables.values().map(|table| (table.name(), table.as_ref())).collect();
    let mut texts = Vec::new();
    for (name, table) in tables {
        let (files, rows) = table.missing(from, to);
        if files > 0 {
            texts.push(format!("{rows} rows in {files} files of `{name}`"));
        }
    }
    let message = format!(
        "rows are missing from the answer, because their files are damaged: {}. `Operation` has the details.",
        texts.join(", ")
    );
    (!texts.is_empty()).then_some(Partial { code: "DataMissing", message })
}

/// A result of the query, cut down to what is needed.
struct PrunedResult {
    name: String,
    declared: Vec<ColumnSchema>,
    root: Rel,
    columns: Columns,
    render: Option<Render>,
    /// The base tables it reads.
    tables: BTreeSet<String>,
}

/// A query that is analysed, over the tables it reads.
struct Bound {
    query: BoundQuery,
    diagnostics: Vec<Diagnostic>,
    context: Context,
    seq: u64,
}

/// How often each shared relation occurs in all results.
fn uses(results: &[PrunedResult], context: &Context) -> HashMap<u32, usize> {
    subquery::shared_uses(results.iter().map(|result| &result.root), &context.kept)
}

/// The plan of one result, after everything has been run that it needs the value of.
async fn plan(
    result: &PrunedResult,
    uses: &HashMap<u32, usize>,
    context: &mut Context,
    state: &SessionState,
) -> Result<Arc<dyn ExecutionPlan>, QueryError> {
    subquery::resolve(&result.root, uses, context, state).await?;
    let lowered = context.relation(&result.root)?;
    Ok(planning::physical(lowered.plan, state).await?)
}

/// A refusal of what did not bind inside a saved function, with the findings that tell why.
fn explained(error: QueryError, diagnostics: Vec<Diagnostic>) -> QueryError {
    match error {
        QueryError::Unsupported { what, .. } if what == MISTAKE && !diagnostics.is_empty() => {
            let as_error = |found| Diagnostic { severity: Severity::Error, ..found };
            QueryError::Invalid(diagnostics.into_iter().map(as_error).collect())
        }
        error => error,
    }
}

/// Whether a relation groups or joins anywhere.
pub(crate) fn aggregates(rel: &Rel) -> bool {
    matches!(rel, Rel::Summarize { .. } | Rel::Join(_)) || visit::inputs(rel).into_iter().any(aggregates)
}

/// The table whose rows watchlists are in Sentinel: who may read it may read them.
const WATCHLISTS: &str = "Watchlist";

/// The base tables a query reads for any of its results.
pub(crate) fn tables_used(query: &BoundQuery) -> Vec<String> {
    let roots = std::iter::once(&query.root).chain(query.results.iter().map(|result| &result.root));
    roots.flat_map(tables).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Tables that are asked together must agree about their columns.
fn differs(table: &str, column: &str, workspace: WorkspaceId) -> QueryError {
    QueryError::Invalid(vec![Diagnostic {
        code: codes::UNSUPPORTED,
        severity: Severity::Error,
        span: Span::default(),
        message: format!(
            "column `{column}` of `{table}` has another type in the workspace `{workspace}` than in the ones before it"
        ),
        hint: Some(format!("read them apart: workspace('{workspace}').{table}")),
    }])
}

/// The tables that one must be allowed to read for a query: [`tables_used`], and that of watchlists, whose rows are in
/// the query already.
pub(crate) fn tables_read(query: &BoundQuery) -> Vec<String> {
    let mut used = tables_used(query);
    if query.reads_watchlists && !used.iter().any(|name| name == WATCHLISTS) {
        used.push(WATCHLISTS.to_owned());
    }
    used
}

/// The base tables a relation reads, those of its sub-queries too.
fn tables(rel: &Rel) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    visit::relations(rel, &mut |rel| {
        if let Rel::Table { name, .. } = rel {
            found.insert(name.clone());
        }
    });
    found
}
