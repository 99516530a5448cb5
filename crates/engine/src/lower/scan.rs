//! Base tables and shared relations.

use std::sync::Arc;

use bartizan_kql::Span;
use bartizan_kql::bound::{ColumnSchema, Rel};
use bartizan_schema::KqlType;
use bartizan_store::layout::{SEQ_COLUMN, TIME_COLUMN};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};

use super::{Context, Lowered, column};
use crate::error::QueryError;
use crate::types::{absent, arrow_type};

/// The second name that Defender's tables know their time by.
pub(crate) const TIMESTAMP: &str = "Timestamp";

impl Context {
    pub(super) fn scan(
        &self,
        name: &str,
        columns: &[ColumnSchema],
        span: Span,
    ) -> Result<Lowered, QueryError> {
        let table = self.tables.get(name).ok_or_else(|| {
            QueryError::Internal(format!("table `{name}` at {} has no snapshot", span.start))
        })?;
        let names = columns.iter().map(|wanted| wanted.name.as_str());
        let hidden = [
            self.timespan.map(|_| TIME_COLUMN),
            self.ingested.map(|_| SEQ_COLUMN),
            columns.iter().any(|wanted| wanted.name == TIMESTAMP).then_some(TIME_COLUMN),
        ];
        let table = table.narrowed(&names.chain(hidden.into_iter().flatten()).collect());
        let schema = Arc::clone(table.arrow_schema());
        let has = |name: &str| schema.field_with_name(name).is_ok();
        let source = provider_as_source(Arc::new(table));
        let mut plan = LogicalPlanBuilder::scan("t", source, None)?;
        if let (Some((from, to)), true) = (self.timespan, has(TIME_COLUMN)) {
            let time = || column(TIME_COLUMN);
            plan = plan.filter(time().gt_eq(lit(from.0)).and(time().lt(lit(to.0))))?;
        }
        if let Some((after, upto)) = self.ingested {
            let seq = || column(SEQ_COLUMN);
            plan = plan.filter(seq().gt(lit(after)).and(seq().lt_eq(lit(upto))))?;
        }
        let items = columns.iter().map(|wanted| {
            let value = match schema.field_with_name(&wanted.name) {
                // Rows whose sender set no `Timestamp` happened when they were generated.
                Ok(_) if wanted.name == TIMESTAMP && wanted.ty == KqlType::DateTime && has(TIME_COLUMN) => {
                    datafusion::functions::core::expr_fn::coalesce(vec![
                        column(TIMESTAMP),
                        column(TIME_COLUMN),
                    ])
                }
                Ok(field) if field.data_type() == &arrow_type(wanted.ty) => column(&wanted.name),
                _ if wanted.name == TIMESTAMP && has(TIME_COLUMN) => column(TIME_COLUMN),
                _ => Expr::Literal(absent(wanted.ty), None),
            };
            value.alias(wanted.name.clone())
        });
        let plan = plan.project(items.collect::<Vec<_>>())?.build()?;
        Ok(Lowered::new(plan, columns.to_vec()))
    }

    pub(super) fn shared(&self, id: u32, input: &Rel, ordered: bool) -> Result<Lowered, QueryError> {
        let Some(found) = self.shared.get(&id) else {
            return self.ordered_relation(input, ordered);
        };
        let columns = input.columns();
        let source = provider_as_source(Arc::clone(&found.table) as _);
        let items: Vec<Expr> =
            columns.iter().map(|wanted| column(&wanted.name).alias(wanted.name.clone())).collect();
        let plan = LogicalPlanBuilder::scan("shared", source, None)?.project(items)?.build()?;
        Ok(Lowered::new(plan, columns))
    }
}
