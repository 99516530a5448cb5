//! `summarize`, and with it `distinct` and `count`.

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
        for (at, key) in keys.iter().enumerate() {
            let name = format!("k{at}");
            groups.push(self.scalar(&key.value, scope)?.alias(name.clone()));
            outputs.push(column(&name).alias(key.name.clone()));
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
