//! Operators that read all of their input before they give a row: plugins, sequences, graphs.
//!
//! They run before the query is planned (see `crate::subquery`), innermost first; what they computed is
//! scanned like a table. Their input comes in its meaningful order, as one batch, and both input and output
//! count against the query's memory.

mod each_group;
mod external;
mod graph;
mod make_series;
mod plugins;
mod reduce;
mod rows;
mod scan;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use bartizan_kql::bound::{ColumnSchema, Operation, Whole};
use bartizan_schema::KqlType;
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};

use crate::error::QueryError;
use crate::interrupt::Interrupt;
use crate::lower::{Context, Lowered, column};
use crate::subquery::Materialized;
use crate::types::arrow_field;

pub(crate) use each_group::each_group;
pub use external::{ExternalData, Fetch};
pub(crate) use rows::Rows;

/// The hidden column that keeps the order of computed rows.
const COMPUTED_ORDER: &str = "\u{1}order";

/// What an operation may use besides its input.
pub(crate) struct Task<'a> {
    pub context: &'a Context,
    pub whole: &'a Whole,
    /// To be grown by what the operation holds.
    pub memory: &'a MemoryReservation,
}

impl Task<'_> {
    /// To be checked every few thousand steps, so that a cancelled query ends.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.context.interrupt
    }

    /// A refusal that names the operation and its place.
    pub(crate) fn unsupported(&self, what: &str) -> QueryError {
        QueryError::unsupported(what, self.whole.span)
    }
}

/// The columns that the rows of an unlearned plugin call tell, and whether there were rows at all.
pub(crate) async fn learn(
    whole: &Whole,
    context: &Context,
    state: &SessionState,
) -> Result<(Vec<ColumnSchema>, bool), QueryError> {
    let held = MemoryConsumer::new("columns of a plugin").register(&state.runtime_env().memory_pool);
    let mut inputs = Vec::with_capacity(whole.inputs.len());
    for input in &whole.inputs {
        inputs.push(Rows::read(input, context, state).await?);
    }
    let any = inputs.first().is_some_and(|rows| rows.len() > 0);
    let task = Task { context, whole, memory: &held };
    let Operation::Plugin(call) = &whole.operation else {
        return Err(QueryError::Internal("only a plugin's columns can be learned".to_owned()));
    };
    Ok((plugins::learn(call, &inputs, &task)?, any))
}

/// Runs an operation over its inputs. Sub-queries and operations below it have been run.
pub(crate) async fn compute(
    whole: &Whole,
    context: &Context,
    state: &SessionState,
) -> Result<Materialized, QueryError> {
    let mut inputs = Vec::with_capacity(whole.inputs.len());
    let held = MemoryConsumer::new("whole-input operator").register(&state.runtime_env().memory_pool);
    for input in &whole.inputs {
        inputs.push(Rows::read(input, context, state).await?);
    }
    let task = Task { context, whole, memory: &held };
    let columns = match &whole.operation {
        Operation::Plugin(call) => plugins::run(call, &inputs, &task)?,
        Operation::MakeSeries(series) => make_series::run(series, &inputs[0], &task)?,
        Operation::Scan(scan) => scan::run(scan, &inputs[0], &task)?,
        Operation::GraphNodes(make) => graph::nodes(make, &inputs, &task)?,
        Operation::GraphMatch(wanted) => graph::matching(wanted, &inputs, &task)?,
        Operation::GraphComponents { strong } => graph::components(*strong, &inputs, &task)?,
        Operation::Reduce(reduce) => reduce::run(reduce, &inputs[0], &task)?,
        Operation::External(external) => external::read(external, &task).await?,
        Operation::EachGroup(_) => return Err(task.unsupported("a pipeline per group here")),
    };
    drop(inputs);
    let batch = numbered(columns, whole)?;
    held.try_resize(get_record_batch_memory_size(&batch))?;
    Materialized::of(batch, held)
}

/// The computed columns as a batch whose last column numbers the rows.
fn numbered(mut arrays: Vec<ArrayRef>, whole: &Whole) -> Result<RecordBatch, QueryError> {
    let mut fields: Vec<_> =
        whole.columns.iter().map(|column| arrow_field(&column.name, column.ty)).collect();
    let rows = arrays.first().map_or(0, |array| array.len());
    fields.push(arrow_field(COMPUTED_ORDER, KqlType::Long));
    arrays.push(Arc::new(Int64Array::from_iter_values(0..rows as i64)));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options);
    Ok(batch.map_err(DataFusionError::from)?)
}

impl Context {
    /// A scan of what an operation computed.
    pub(crate) fn computed(
        &self,
        address: usize,
        whole: &Whole,
        ordered: bool,
    ) -> Result<Lowered, QueryError> {
        let found = self.computed.get(&address).ok_or_else(|| {
            QueryError::Internal("a whole-input operator was not run before its query".to_owned())
        })?;
        let source = provider_as_source(Arc::clone(&found.table) as _);
        let mut items: Vec<Expr> =
            whole.columns.iter().map(|wanted| column(&wanted.name).alias(wanted.name.clone())).collect();
        if ordered {
            items.push(column(COMPUTED_ORDER).alias(COMPUTED_ORDER));
        }
        let plan = LogicalPlanBuilder::scan("computed", source, None)?.project(items)?.build()?;
        let order = ordered.then(|| COMPUTED_ORDER.to_owned());
        Ok(Lowered { plan, columns: whole.columns.clone(), order })
    }
}
