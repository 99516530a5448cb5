//! What has to be run before a query can be planned: `toscalar`, `in (Table)`, and shared relations.
//!
//! Innermost first, each on the same snapshot as the query itself.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use bartizan_kql::bound::{Literal, Operation, PathSegment, Rel, Scalar, ScalarKind};
use bartizan_kql::visit::{inputs, scalars, sub_relations};
use bartizan_schema::KqlType;
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use futures::future::BoxFuture;

use crate::constant;
use crate::error::QueryError;
use crate::functions::dynamic;
use crate::lower::{Answer, Context, address};
use crate::share;
use crate::value::Reader;
use crate::whole;

/// Members an `in (Table)` may have.
const MEMBERS_MAX: usize = 1 << 20;
/// Memory for a relation that a query only happens to have twice. A larger one is computed where it is used.
const SHARED_BYTES_MAX: usize = 64 << 20;

/// A sub-query found in an expression.
enum Sub<'a> {
    Scalar(&'a Rel),
    Members(&'a Rel),
}

/// Runs everything below `root` that its plan needs the value of.
pub(crate) async fn resolve(
    root: &Rel,
    uses: &HashMap<u32, usize>,
    context: &mut Context,
    state: &SessionState,
) -> Result<(), QueryError> {
    walk(root, context, state, uses).await
}

/// How often each shared relation occurs in the results of a query. Those that are kept for later occur once
/// more.
pub(crate) fn shared_uses<'a>(
    roots: impl IntoIterator<Item = &'a Rel>,
    kept: &HashSet<u32>,
) -> HashMap<u32, usize> {
    let mut uses = HashMap::new();
    roots.into_iter().for_each(|root| count_shared(root, &mut uses));
    for id in kept {
        *uses.entry(*id).or_default() += 1;
    }
    uses
}

fn walk<'a>(
    rel: &'a Rel,
    context: &'a mut Context,
    state: &'a SessionState,
    uses: &'a HashMap<u32, usize>,
) -> BoxFuture<'a, Result<(), QueryError>> {
    Box::pin(async move {
        if let Rel::Shared { id, .. } = rel
            && context.shared.contains_key(id)
        {
            return Ok(());
        }
        for input in inputs(rel) {
            walk(input, context, state, uses).await?;
        }
        let mut subs = Vec::new();
        for scalar in scalars(rel) {
            find(scalar, &mut subs);
        }
        for sub in subs {
            match sub {
                Sub::Scalar(inner) => {
                    let literal = value_of(inner, context, state, uses).await?;
                    context.answers.insert(address(inner), Answer::Scalar(literal));
                }
                Sub::Members(inner) => {
                    walk(inner, context, state, uses).await?;
                    let members = first_column(inner, context, state).await?;
                    context.answers.insert(address(inner), Answer::Members(members));
                }
            }
        }
        if let Rel::Whole(whole) = rel {
            let table = match &whole.operation {
                Operation::EachGroup(each) => whole::each_group(each, whole, context, state).await?,
                _ => whole::compute(whole, context, state).await?,
            };
            context.computed.insert(address(rel), table);
        }
        if let Rel::Shared { id, input } = rel {
            let repeated = uses.get(id).copied().unwrap_or(0) > 1;
            if repeated && worth_keeping(input) && !context.too_large.contains(id) {
                let most = if share::is_implicit(*id) { SHARED_BYTES_MAX } else { usize::MAX };
                match materialize(input, context, state, most).await? {
                    Some(table) => {
                        context.shared.insert(*id, table);
                    }
                    None => {
                        context.too_large.insert(*id);
                    }
                }
            }
        }
        Ok(())
    })
}

/// The value of a `toscalar`, worked out once for all places where it stands.
async fn value_of(
    rel: &Rel,
    context: &mut Context,
    state: &SessionState,
    uses: &HashMap<u32, usize>,
) -> Result<Literal, QueryError> {
    let Rel::Shared { id, input } = rel else {
        walk(rel, context, state, uses).await?;
        return first_value(rel, context, state).await;
    };
    if let Some(known) = context.scalars.get(id) {
        return Ok(known.clone());
    }
    walk(input, context, state, uses).await?;
    let literal = first_value(input, context, state).await?;
    context.scalars.insert(*id, literal.clone());
    Ok(literal)
}

/// Whether computing once beats computing where it is used: a plain filtered scan is cheaper run twice,
/// because each use then reads only its own columns.
pub(crate) fn worth_keeping(rel: &Rel) -> bool {
    match rel {
        Rel::Table { .. } | Rel::Rows { .. } => false,
        Rel::Filter { input, predicate } => worth_keeping(input) || is_random(predicate),
        Rel::Project { input, items } => {
            worth_keeping(input) || items.iter().any(|item| is_random(&item.value))
        }
        _ => true,
    }
}

fn is_random(scalar: &Scalar) -> bool {
    match &scalar.kind {
        ScalarKind::Call { function, args } => {
            crate::functions::registry::is_volatile(function) || args.iter().any(is_random)
        }
        _ => false,
    }
}

fn count_shared(rel: &Rel, uses: &mut HashMap<u32, usize>) {
    if let Rel::Shared { id, .. } = rel {
        let count = uses.entry(*id).or_default();
        *count += 1;
        if *count > 1 {
            return;
        }
    }
    for input in inputs(rel) {
        count_shared(input, uses);
    }
    for scalar in scalars(rel) {
        sub_relations(scalar, &mut |inner| count_shared(inner, uses));
    }
}

fn find<'a>(scalar: &'a Scalar, into: &mut Vec<Sub<'a>>) {
    match &scalar.kind {
        ScalarKind::Literal(_) | ScalarKind::Column(_) => {}
        ScalarKind::Call { args, .. } => args.iter().for_each(|arg| find(arg, into)),
        ScalarKind::Path { value, segments } => {
            find(value, into);
            for segment in segments {
                if let PathSegment::Dynamic(key) = segment {
                    find(key, into);
                }
            }
        }
        ScalarKind::InRelation { value, relation, .. } => {
            find(value, into);
            into.push(Sub::Members(relation));
        }
        ScalarKind::ToScalar(relation) => into.push(Sub::Scalar(relation)),
    }
}

async fn first_value(rel: &Rel, context: &Context, state: &SessionState) -> Result<Literal, QueryError> {
    let ty = first_type(rel);
    let lowered = context.relation(rel)?;
    let plan = LogicalPlanBuilder::from(lowered.plan).limit(0, Some(1))?.build()?;
    let (batches, _held) = run(&plan, state).await?;
    for batch in batches {
        if batch.num_rows() > 0 && batch.num_columns() > 0 {
            return Ok(constant::literal(&Reader::new(batch.column(0), ty, false)?.get(0)));
        }
    }
    Ok(Literal::Null)
}

async fn first_column(
    rel: &Rel,
    context: &Context,
    state: &SessionState,
) -> Result<Vec<Literal>, QueryError> {
    let ty = first_type(rel);
    let lowered = context.relation(rel)?;
    let Some(first) = lowered.columns.first() else { return Ok(Vec::new()) };
    let value = crate::lower::column(&first.name);
    let plan = LogicalPlanBuilder::from(lowered.plan).project(vec![value])?.distinct()?.build()?;
    let (batches, _held) = run(&plan, state).await?;
    let mut members = Vec::new();
    for batch in batches {
        let reader = Reader::new(batch.column(0), ty, false)?;
        for row in 0..batch.num_rows() {
            match constant::literal(&reader.get(row)) {
                // A one-row table of a list stands for the list.
                Literal::Dynamic(json) => members.extend(dynamic::leaves(&json)),
                literal => members.push(literal),
            }
            if members.len() > MEMBERS_MAX {
                let what = format!("`in` has more than {MEMBERS_MAX} members");
                return Err(QueryError::TooLarge { what });
            }
        }
    }
    Ok(members)
}

/// A relation that has been computed, and the memory it is accounted for while the query runs.
#[derive(Debug)]
pub(crate) struct Materialized {
    pub table: Arc<MemTable>,
    _held: MemoryReservation,
}

impl Materialized {
    /// Rows that are accounted for by `_held`.
    pub(crate) fn of(batch: RecordBatch, held: MemoryReservation) -> Result<Self, QueryError> {
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
        Ok(Self { table: Arc::new(table), _held: held })
    }
}

/// The rows of a relation, or `None` when they take more than `most` bytes.
async fn materialize(
    rel: &Rel,
    context: &Context,
    state: &SessionState,
    most: usize,
) -> Result<Option<Materialized>, QueryError> {
    let lowered = context.relation(rel)?;
    let schema = Arc::clone(lowered.plan.schema().inner());
    let Some((batches, held)) = run_up_to(&lowered.plan, state, most).await? else { return Ok(None) };
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    let table = Arc::new(MemTable::try_new(schema, vec![batches])?);
    Ok(Some(Materialized { table, _held: held }))
}

/// All rows of a plan, within the query's memory.
pub(crate) async fn run(
    plan: &LogicalPlan,
    state: &SessionState,
) -> Result<(Vec<RecordBatch>, MemoryReservation), QueryError> {
    let too_many = || QueryError::Internal("rows without a limit were too many".to_owned());
    run_up_to(plan, state, usize::MAX).await?.ok_or_else(too_many)
}

async fn run_up_to(
    plan: &LogicalPlan,
    state: &SessionState,
    most: usize,
) -> Result<Option<(Vec<RecordBatch>, MemoryReservation)>, QueryError> {
    let physical = state.create_physical_plan(plan).await?;
    let task = state.task_ctx();
    let held = MemoryConsumer::new("sub-query").register(task.memory_pool());
    let mut stream = execute_stream(physical, task)?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        held.try_grow(get_record_batch_memory_size(&batch))?;
        if held.size() > most {
            return Ok(None);
        }
        batches.push(batch);
    }
    Ok(Some((batches, held)))
}

fn first_type(rel: &Rel) -> KqlType {
    rel.columns().first().map_or(KqlType::String, |column| column.ty)
}
