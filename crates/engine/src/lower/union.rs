//! `union`: the binder has given every input the same columns.

use bartizan_kql::bound::{ColumnSchema, Rel};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::{Context, Lowered, column, rows};
use crate::error::QueryError;

impl Context {
    pub(super) fn union(&self, inputs: &[Rel], columns: &[ColumnSchema]) -> Result<Lowered, QueryError> {
        let mut all: Option<LogicalPlan> = None;
        for input in inputs {
            let lowered = self.relation(input)?;
            // Same names in every input, whatever the input called them.
            let items: Vec<Expr> = lowered
                .columns
                .iter()
                .zip(columns)
                .map(|(from, to)| column(&from.name).alias(to.name.clone()))
                .collect();
            let plan = LogicalPlanBuilder::from(lowered.plan).project(items)?.build()?;
            all = Some(match all {
                Some(before) => LogicalPlanBuilder::from(before).union(plan)?.build()?,
                None => plan,
            });
        }
        match all {
            Some(plan) => Ok(Lowered::new(plan, columns.to_vec())),
            None => rows::datatable(columns, &[], false),
        }
    }
}
