//! Grouping that looks a group up once for each run of rows with the same keys.
//!
//! The store sorts a file's rows by event, computer and time, so rows that are grouped by any of these, or by a part
//! of the time, come in runs of hundreds. DataFusion (55.2) hashes and compares the keys of every row; the
//! operator here stands for the first of its two steps of grouping, and does that for the first row of each run only.
//! Where keys do not come in runs, it does what DataFusion's does.

mod runs;
mod table;

use std::fmt::Formatter;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::common::config::ConfigOptions;
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::{EmptyRecordBatchStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputOrderMode, PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, stream};

use table::Table;

/// Puts [`PartialByRuns`] in the place of each first step of grouping that it can stand for.
#[derive(Debug)]
pub(crate) struct GroupByRuns;

impl PhysicalOptimizerRule for GroupByRuns {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = plan.transform_up(|plan| {
            Ok(match plan.downcast_ref::<AggregateExec>().and_then(PartialByRuns::standing_for) {
                Some(found) => Transformed::yes(Arc::new(found) as Arc<dyn ExecutionPlan>),
                None => Transformed::no(plan),
            })
        });
        replaced.map(|done| done.data)
    }

    fn name(&self) -> &str {
        "group_by_runs"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The first step of grouping: rows in, one row of partial results for each group out.
#[derive(Debug)]
struct PartialByRuns {
    /// What is to be done; it does not run itself.
    aggregate: AggregateExec,
}

impl PartialByRuns {
    /// `None` for what is left to DataFusion: other steps, input in an order that it makes use of, a limit
    /// that it stops at, several sets of keys, aggregates that work on one group only, keys that have no runs.
    fn standing_for(aggregate: &AggregateExec) -> Option<Self> {
        let group_by = aggregate.group_expr();
        let suits = *aggregate.mode() == AggregateMode::Partial
            && *aggregate.input_order_mode() == InputOrderMode::Linear
            && aggregate.limit_options().is_none()
            && group_by.is_single()
            && !group_by.expr().is_empty()
            && aggregate.aggr_expr().iter().all(|call| call.groups_accumulator_supported());
        if !suits {
            return None;
        }
        let keys = group_by.group_schema(&aggregate.input_schema()).ok()?;
        let comparable = keys.fields().iter().all(|key| runs::comparable(key.data_type()));
        comparable.then(|| Self { aggregate: aggregate.clone() })
    }
}

impl DisplayAs for PartialByRuns {
    fn fmt_as(&self, form: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByRuns")?;
        self.aggregate.fmt_as(form, f)
    }
}

impl ExecutionPlan for PartialByRuns {
    fn name(&self) -> &str {
        "PartialByRuns"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.aggregate.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.aggregate.children()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.aggregate.apply_expressions(visit)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let changed = Arc::new(self.aggregate.clone()).replace_children(children, recompute())?;
        match changed.downcast_ref::<AggregateExec>() {
            Some(aggregate) => Ok(Arc::new(Self { aggregate: aggregate.clone() })),
            None => internal_err!("grouping became another operator"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let options = &context.session_config().options().execution;
        let work = Work {
            input: self.aggregate.input().execute(partition, Arc::clone(&context))?,
            table: Table::new(&self.aggregate)?,
            memory: MemoryConsumer::new(format!("PartialByRuns[{partition}]"))
                .with_can_spill(true)
                .register(context.memory_pool()),
            batch_rows: context.session_config().batch_size().max(1),
            rows: 0,
            judged_after: options.skip_partial_aggregation_probe_rows_threshold,
            groups_per_row_max: options.skip_partial_aggregation_probe_ratio_threshold,
            passing: false,
            ended: false,
            made: None,
        };
        let batches = stream::try_unfold(work, |mut work| async move {
            let batch = work.next().await?;
            Ok(batch.map(|batch| (batch, work)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

/// Other inputs may have other properties.
fn recompute() -> ReplaceChildrenOptions {
    ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute)
}

/// One partition at work.
struct Work {
    input: SendableRecordBatchStream,
    table: Table,
    memory: MemoryReservation,
    /// Rows of a batch that is passed on.
    batch_rows: usize,
    /// Rows that were read.
    rows: usize,
    /// So many rows must have been read before it is judged whether grouping them first pays.
    judged_after: usize,
    /// It does while there are fewer groups for each row.
    groups_per_row_max: f64,
    /// It does not: rows are passed on as groups of their own.
    passing: bool,
    /// There is no more input.
    ended: bool,
    /// Results that are still to be passed on.
    made: Option<RecordBatch>,
}

impl Work {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.next_made() {
                return Ok(Some(batch));
            }
            if self.ended {
                return Ok(None);
            }
            let Some(batch) = self.input.next().await.transpose()? else {
                self.ended = true;
                // what the input holds is needed by who merges the results
                self.input = Box::pin(EmptyRecordBatchStream::new(self.input.schema()));
                self.made = self.table.take()?;
                continue;
            };
            if batch.num_rows() == 0 {
                continue;
            }
            if self.passing {
                return self.table.each_row(&batch).map(Some);
            }
            self.table.add(&batch)?;
            self.rows += batch.num_rows();
            let groups = self.table.groups();
            if self.rows >= self.judged_after && groups as f64 > self.groups_per_row_max * self.rows as f64 {
                self.passing = true;
                self.made = self.table.take()?;
            } else if !self.fits()? {
                // Partial results are merged whether a group has one or several of them.
                self.made = self.table.take()?;
                self.memory.try_resize(self.table.bytes())?;
            }
        }
    }

    fn next_made(&mut self) -> Option<RecordBatch> {
        let made = self.made.take()?;
        let rows = made.num_rows();
        if rows <= self.batch_rows {
            return Some(made);
        }
        self.made = Some(made.slice(self.batch_rows, rows - self.batch_rows));
        Some(made.slice(0, self.batch_rows))
    }

    /// Whether the table is within the query's memory.
    fn fits(&mut self) -> Result<bool> {
        match self.memory.try_resize(self.table.bytes()) {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
