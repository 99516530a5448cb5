//! The groups of one partition, and what each aggregate knows of them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use datafusion::physical_plan::aggregates::{AggregateExec, aggregate_expressions};

use super::runs::Runs;

pub(super) struct Table {
    /// Keys first, then the partial results of each aggregate.
    schema: SchemaRef,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    values: Box<dyn GroupValues>,
    calls: Vec<Call>,
    runs: Runs,
    /// The group of each run of the batch at hand.
    of_runs: Vec<usize>,
    /// The group of each row of it.
    of_rows: Vec<usize>,
}

/// One aggregate over all groups.
struct Call {
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    /// Rows it is for; all without one.
    filter: Option<Arc<dyn PhysicalExpr>>,
    accumulator: Box<dyn GroupsAccumulator>,
}

impl Table {
    pub(super) fn new(aggregate: &AggregateExec) -> Result<Self> {
        let group_by = aggregate.group_expr();
        let arguments =
            aggregate_expressions(aggregate.aggr_expr(), aggregate.mode(), group_by.num_group_exprs())?;
        let calls = aggregate.aggr_expr().iter().zip(arguments).zip(aggregate.filter_expr());
        let calls = calls.map(|((call, arguments), filter)| {
            let accumulator = call.create_groups_accumulator()?;
            Ok(Call { arguments, filter: filter.clone(), accumulator })
        });
        Ok(Self {
            schema: aggregate.schema(),
            keys: group_by.expr().iter().map(|(key, _)| Arc::clone(key)).collect(),
            values: new_group_values(
                group_by.group_schema(&aggregate.input_schema())?,
                &GroupOrdering::None,
            )?,
            calls: calls.collect::<Result<_>>()?,
            runs: Runs::default(),
            of_runs: Vec::new(),
            of_rows: Vec::new(),
        })
    }

    /// How many groups there are.
    pub(super) fn groups(&self) -> usize {
        self.values.len()
    }

    /// Adds rows to their groups.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let keys = evaluate(&self.keys, batch)?;
        self.look_up(&keys)?;
        let groups = self.values.len();
        for call in &mut self.calls {
            let arguments = evaluate(&call.arguments, batch)?;
            let filter = call.filter(batch)?;
            call.accumulator.update_batch(&arguments, &self.of_rows, filter.as_ref(), groups)?;
        }
        Ok(())
    }

    /// Finds the group of each row.
    fn look_up(&mut self, keys: &[ArrayRef]) -> Result<()> {
        let Some(starts) = self.runs.find(keys) else {
            return self.values.intern(keys, &mut self.of_rows);
        };
        let rows = keys.first().map_or(0, |key| key.len());
        let first_rows = UInt32Array::from(starts.to_vec());
        let firsts = keys.iter().map(|key| Ok(take(key, &first_rows, None)?)).collect::<Result<Vec<_>>>()?;
        self.values.intern(&firsts, &mut self.of_runs)?;
        self.of_rows.clear();
        let ends = starts.iter().skip(1).map(|start| *start as usize).chain([rows]);
        for (group, end) in self.of_runs.iter().zip(ends) {
            self.of_rows.resize(end, *group);
        }
        Ok(())
    }

    /// The partial results of all groups, which are gone then; `None` when there are none.
    pub(super) fn take(&mut self) -> Result<Option<RecordBatch>> {
        if self.values.is_empty() {
            return Ok(None);
        }
        let mut columns = self.values.emit(EmitTo::All)?;
        for call in &mut self.calls {
            columns.extend(call.accumulator.state(EmitTo::All)?);
        }
        self.values.clear_shrink(0);
        Ok(Some(RecordBatch::try_new(Arc::clone(&self.schema), columns)?))
    }

    /// The rows as partial results of a group each.
    pub(super) fn each_row(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut columns = evaluate(&self.keys, batch)?;
        for call in &self.calls {
            let arguments = evaluate(&call.arguments, batch)?;
            let filter = call.filter(batch)?;
            columns.extend(call.accumulator.convert_to_state(&arguments, filter.as_ref())?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// Memory held.
    pub(super) fn bytes(&self) -> usize {
        let calls: usize = self.calls.iter().map(|call| call.accumulator.size()).sum();
        let groups = (self.of_runs.capacity() + self.of_rows.capacity()) * size_of::<usize>();
        calls + groups + self.values.size() + self.runs.bytes()
    }
}

impl Call {
    fn filter(&self, batch: &RecordBatch) -> Result<Option<BooleanArray>> {
        let Some(filter) = &self.filter else { return Ok(None) };
        let kept = filter.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(Some(kept.as_boolean().clone()))
    }
}

fn evaluate(exprs: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    exprs.iter().map(|expr| expr.evaluate(batch)?.into_array(batch.num_rows())).collect()
}
