//! `union`: inputs are matched by name, and filled up where they lack a column.

use std::collections::HashSet;

use bartizan_kql::bound::{ColumnSchema, Rel};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};

use super::{Context, Lowered, column, rows};
use crate::error::QueryError;
use crate::types::absent;
use crate::wide_union::{self, Input};

/// Inputs times columns from which a union is planned input by input. DataFusion's work on one plan of a hundred
/// tables with three thousand columns takes minutes.
const WIDE_CELLS: usize = 4096;

impl Context {
    pub(super) fn union(&self, inputs: &[Rel], columns: &[ColumnSchema]) -> Result<Lowered, QueryError> {
        if inputs.len().saturating_mul(columns.len()) >= WIDE_CELLS && inputs.len() > 1 {
            return self.wide_union(inputs, columns);
        }
        let mut all: Option<LogicalPlan> = None;
        for input in inputs {
            let (lowered, own) = self.union_input(input)?;
            let items: Vec<Expr> = columns
                .iter()
                .map(|to| {
                    let value = if own.contains(&to.name) { column(&to.name) } else { lit(absent(to.ty)) };
                    value.alias(to.name.clone())
                })
                .collect();
            let plan = LogicalPlanBuilder::from(lowered).project(items)?.build()?;
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

    fn wide_union(&self, inputs: &[Rel], columns: &[ColumnSchema]) -> Result<Lowered, QueryError> {
        let mut parts = Vec::with_capacity(inputs.len());
        for input in inputs {
            let (plan, own) = self.union_input(input)?;
            let own = columns.iter().map(|to| own.contains(&to.name)).collect();
            parts.push(Input { plan, own });
        }
        Ok(Lowered::new(wide_union::scan(parts, columns)?, columns.to_vec()))
    }

    /// An input whose columns are called as the union calls them, and which those are.
    fn union_input(&self, input: &Rel) -> Result<(LogicalPlan, HashSet<String>), QueryError> {
        let lowered = self.relation(input)?;
        let own = lowered.columns.iter().map(|column| column.name.clone()).collect();
        Ok((lowered.plan, own))
    }
}
