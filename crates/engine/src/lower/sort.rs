//! `sort`, `take` and `sample`.

use bartizan_kql::bound::{Literal, Rel, Scalar, ScalarKind, SortKey};
use bartizan_schema::KqlType;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Sort;

use super::{Context, Lowered, Scope, broken};
use crate::error::QueryError;
use crate::functions::decimal;

impl Context {
    pub(super) fn sort(&self, input: &Rel, keys: &[SortKey], ordered: bool) -> Result<Lowered, QueryError> {
        let (plan, columns, order) = self.ordered_relation(input, ordered)?.builder();
        let mut by = Vec::with_capacity(keys.len() + 1);
        for key in keys {
            by.push(Sort {
                expr: self.sort_value(&key.value, &columns)?,
                asc: !key.descending,
                nulls_first: key.nulls_first,
            });
        }
        // A sort is stable: an order the input already has decides between equal keys.
        by.extend(order.as_deref().map(|name| super::column(name).sort(true, false)));
        if ordered {
            return self.renumber(plan, columns, order, by);
        }
        Ok(Lowered::new(plan.sort(by)?.build()?, columns))
    }

    /// What rows are ordered by: the value, or for a decimal text that sorts as the numbers do.
    fn sort_value(&self, value: &Scalar, scope: Scope<'_>) -> Result<Expr, QueryError> {
        let expr = self.scalar(value, scope)?;
        Ok(match value.ty {
            KqlType::Decimal => {
                super::scalar::apply(decimal::SORT_KEY, vec![value.ty], KqlType::Guid, vec![expr])
            }
            _ => expr,
        })
    }

    pub(super) fn take(&self, input: &Rel, count: &Scalar, ordered: bool) -> Result<Lowered, QueryError> {
        let rows = self.constant_long(count)?;
        let rows = usize::try_from(rows).unwrap_or(0);
        let lowered = self.ordered_relation(input, ordered)?;
        let sorted = lowered.order.clone();
        let (plan, columns, order) = lowered.builder();
        // The order column is a number, not a property of the plan: restore the order before cutting.
        let plan = match sorted {
            Some(name) => plan.sort(vec![super::column(&name).sort(true, false)])?,
            None => plan,
        };
        Ok(Lowered { plan: plan.limit(0, Some(rows))?.build()?, columns, order })
    }

    /// The value of a constant `long`, computed if it is an expression.
    pub(super) fn constant_long(&self, value: &Scalar) -> Result<i64, QueryError> {
        match &value.kind {
            ScalarKind::Literal(Literal::Long(value)) => Ok(*value),
            ScalarKind::Literal(Literal::Int(value)) => Ok(i64::from(*value)),
            _ => match self.constant(value)? {
                Literal::Long(value) => Ok(value),
                Literal::Int(value) => Ok(i64::from(value)),
                _ => Err(broken("count is not a constant number", value.span)),
            },
        }
    }
}
