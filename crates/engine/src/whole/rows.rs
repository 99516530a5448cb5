//! All rows of a relation, in their meaningful order, as one batch.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use bartizan_kql::bound::{ColumnSchema, Rel};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};

use crate::error::QueryError;
use crate::lower::{Context, column};
use crate::subquery;
use crate::value::Reader;

/// Rows that an operation reads.
pub(crate) struct Rows {
    pub columns: Vec<ColumnSchema>,
    pub batch: RecordBatch,
    _held: MemoryReservation,
}

impl Rows {
    /// Runs a relation whose sub-queries have been run.
    pub(crate) async fn read(rel: &Rel, context: &Context, state: &SessionState) -> Result<Self, QueryError> {
        let lowered = context.ordered_relation(rel, true)?;
        let wanted: Vec<Expr> = lowered.columns.iter().map(|wanted| column(&wanted.name)).collect();
        let mut builder = LogicalPlanBuilder::from(lowered.plan);
        if let Some(order) = &lowered.order {
            builder = builder.sort(vec![column(order).sort(true, false)])?;
        }
        let plan = builder.project(wanted)?.build()?;
        let schema: SchemaRef = Arc::clone(plan.schema().inner());
        let (batches, held) = subquery::run(&plan, state).await?;
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        let batch = concat_batches(&schema, &batches).map_err(DataFusionError::from)?;
        Ok(Self { columns: lowered.columns, batch, _held: held })
    }

    pub(crate) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// The values of a column.
    pub(crate) fn reader(&self, at: usize) -> Result<Reader, QueryError> {
        Ok(Reader::new(self.batch.column(at), self.columns[at].ty, false)?)
    }
}
