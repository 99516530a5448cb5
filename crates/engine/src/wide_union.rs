//! A union of many inputs with many columns, of which each input has few: `search *` and `union *`.
//!
//! It looks like one table. Each input is planned by itself, with the columns and filters that reach the scan, and
//! the columns that it lacks are added to its rows at the very end. So the size of the plan is that of the
//! inputs, not inputs times columns.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use bartizan_kql::bound::ColumnSchema;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::{TableType, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, lit};
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;

use crate::lower::column;
use crate::types::{absent, arrow_field};

/// An input of a wide union.
#[derive(Debug)]
pub(crate) struct Input {
    /// Its columns are called as the union's.
    pub plan: LogicalPlan,
    /// Which of the union's columns it has.
    pub own: Vec<bool>,
}

/// A plan with exactly these columns.
pub(crate) fn scan(inputs: Vec<Input>, columns: &[ColumnSchema]) -> Result<LogicalPlan> {
    let fields: Vec<_> = columns.iter().map(|column| arrow_field(&column.name, column.ty)).collect();
    let schema = Arc::new(Schema::new(fields));
    let absent = columns.iter().map(|column| absent(column.ty)).collect();
    let source = provider_as_source(Arc::new(WideUnion { schema, absent, inputs }));
    let items: Vec<Expr> =
        columns.iter().map(|wanted| column(&wanted.name).alias(wanted.name.clone())).collect();
    LogicalPlanBuilder::scan("union", source, None)?.project(items)?.build()
}

#[derive(Debug)]
struct WideUnion {
    schema: SchemaRef,
    /// What rows have in a column that their input lacks.
    absent: Vec<ScalarValue>,
    inputs: Vec<Input>,
}

impl WideUnion {
    /// A filter over the union as one over an input.
    fn over(&self, filter: &Expr, input: &Input) -> Result<Expr> {
        let replaced = filter.clone().transform(|expr| {
            let Expr::Column(from) = &expr else { return Ok(Transformed::no(expr)) };
            let at = self.schema.index_of(&from.name)?;
            let here = if input.own[at] { column(&from.name) } else { lit(self.absent[at].clone()) };
            Ok(Transformed::yes(here))
        })?;
        Ok(replaced.data)
    }

    /// The rows of one input that pass the filters, with all of the wanted columns. `None` when there are none.
    async fn part(
        &self,
        input: &Input,
        wanted: &[usize],
        filters: &[Expr],
        limit: Option<usize>,
        state: &dyn Session,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let mut plan = LogicalPlanBuilder::from(input.plan.clone());
        for filter in filters {
            plan = plan.filter(self.over(filter, input)?)?;
        }
        let name = |at: usize| self.schema.field(at).name();
        let own: Vec<usize> = wanted.iter().copied().filter(|at| input.own[*at]).collect();
        plan = plan.project(own.iter().map(|at| column(name(*at)).alias(name(*at).clone())))?;
        if limit.is_some() {
            plan = plan.limit(0, limit)?;
        }
        let plan = state.create_physical_plan(&plan.build()?).await?;
        if plan.name() == "EmptyExec" {
            return Ok(None);
        }
        let mut next = 0;
        let items: Vec<(Arc<dyn PhysicalExpr>, String)> = wanted
            .iter()
            .map(|at| {
                let value: Arc<dyn PhysicalExpr> = if input.own[*at] {
                    next += 1;
                    Arc::new(Column::new(name(*at), next - 1))
                } else {
                    Arc::new(Literal::new(self.absent[*at].clone()))
                };
                (value, name(*at).clone())
            })
            .collect();
        Ok(Some(Arc::new(ProjectionExec::try_new(items, plan)?)))
    }
}

#[async_trait]
impl TableProvider for WideUnion {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Each input applies them before its rows are widened.
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize>;
        let wanted = match projection {
            Some(columns) => columns,
            None => {
                all = (0..self.schema.fields().len()).collect();
                &all
            }
        };
        let mut parts = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            parts.extend(self.part(input, wanted, filters, limit, state).await?);
        }
        match parts.len() {
            0 => Ok(Arc::new(EmptyExec::new(Arc::new(self.schema.project(wanted)?)))),
            1 => Ok(parts.remove(0)),
            _ => UnionExec::try_new(parts),
        }
    }
}
