//! `summarize`, and with it `distinct` and `count`.

use std::collections::HashSet;

use bartizan_kql::bound::{ColumnSchema, Named, NamedAggregate, Rel};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};

use super::{Context, Lowered, column, projected};
use crate::aggregates::{self, Planned};
use crate::error::QueryError;

impl Context {
    pub(super) fn summarize(
        &self,
        input: &Rel,
        keys: &[Named],
        aggregates: &[NamedAggregate],
    ) -> Result<Lowered, QueryError> {
        let ordered = aggregates.iter().any(|aggregate| aggregates::keeps_order(aggregate.function));
        let input = self.ordered_relation(input, ordered)?;
        let scope = &input.columns;

        let mut groups = Vec::with_capacity(keys.len());
        let mut outputs = Vec::with_capacity(keys.len() + aggregates.len());
        let mut columns = Vec::with_capacity(keys.len() + aggregates.len());
        let mut kept = HashSet::new();
        for (at, key) in keys.iter().enumerate() {
            // A column keeps its name: filters that a join makes as it runs pass below the grouping by name.
            let (name, group) = match self.scalar(&key.value, scope)? {
                Expr::Column(column) if !is_made_here(&column.name) && kept.insert(column.name.clone()) => {
                    (column.name.clone(), Expr::Column(column))
                }
                value => {
                    let name = format!("k{at}");
                    (name.clone(), value.alias(name))
                }
            };
            groups.push(group);
            outputs.push(if name == key.name {
                column(&name)
            } else {
                column(&name).alias(key.name.clone())
            });
            columns.push(ColumnSchema { name: key.name.clone(), ty: key.value.ty });
        }
        let mut calls = Vec::with_capacity(aggregates.len());
        for (at, aggregate) in aggregates.iter().enumerate() {
            let Planned { call, results } = self.aggregate(aggregate, scope, input.order.as_deref())?;
            let name = format!("a{at}");
            calls.push(call.alias(name.clone()));
            for (result, output) in results.iter().zip(&aggregate.outputs) {
                outputs.push(result(column(&name))?.alias(output.name.clone()));
                columns.push(output.clone());
            }
        }
        let plan = LogicalPlanBuilder::from(input.plan);
        let plan = if calls.is_empty() {
            // `distinct`: grouping alone.
            let items: Vec<Expr> = groups;
            plan.project(items)?.distinct()?
        } else {
            plan.aggregate(groups, calls)?
        };
        Ok(Lowered::new(projected(plan, outputs)?.build()?, columns))
    }
}

/// Whether a name is of the form that results of aggregates and computed keys get: `a0`, `k12`.
fn is_made_here(name: &str) -> bool {
    name.strip_prefix(['a', 'k']).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}
