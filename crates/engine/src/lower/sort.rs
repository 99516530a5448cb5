//! `sort`, `take` and `sample`, over all rows and within groups.

use bartizan_kql::bound::{Literal, Rel, Scalar, ScalarKind, SortKey};
use bartizan_schema::KqlType;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, ExprFunctionExt, lit};

use super::{Context, Lowered, Scope, broken};
use crate::error::QueryError;
use crate::functions::decimal;

impl Context {
    pub(super) fn sort(&self, input: &Rel, keys: &[SortKey], ordered: bool) -> Result<Lowered, QueryError> {
        let (plan, columns, order) = self.ordered_relation(input, ordered)?.builder();
        let mut by = self.sort_by(keys, &columns)?;
        // A sort is stable: an order the input already has decides between equal keys.
        by.extend(order.as_deref().map(|name| super::column(name).sort(true, false)));
        if ordered {
            return self.renumber(plan, columns, order, by);
        }
        Ok(Lowered::new(super::sorted(plan, by)?.build()?, columns))
    }

    /// What rows are ordered by: the value, or for a decimal text that sorts as the numbers do.
    pub(crate) fn sort_value(&self, value: &Scalar, scope: Scope<'_>) -> Result<Expr, QueryError> {
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
            Some(name) => super::sorted(plan, vec![super::column(&name).sort(true, false)])?,
            None => plan,
        };
        Ok(Lowered { plan: plan.limit(0, Some(rows))?.build()?, columns, order })
    }

    /// The first `count` rows of each group that agrees in the columns at `keys`.
    pub(super) fn take_within(
        &self,
        input: &Rel,
        keys: &[usize],
        count: &Scalar,
        ordered: bool,
    ) -> Result<Lowered, QueryError> {
        let rows = u64::try_from(self.constant_long(count)?).unwrap_or(0);
        let (lowered, by) = match input {
            // the rows are sorted within their groups only, and nobody above asks for their order
            Rel::Sort { input, keys } if !ordered => {
                let lowered = self.relation(input)?;
                let by = self.sort_by(keys, &lowered.columns)?;
                (lowered, by)
            }
            _ => {
                let lowered = self.ordered_relation(input, true)?;
                let by = lowered.order.as_deref().map(|name| super::column(name).sort(true, false));
                let by = by.into_iter().collect();
                (lowered, by)
            }
        };
        let (plan, columns, order) = lowered.builder();
        let group =
            keys.iter().filter_map(|at| columns.get(*at)).map(|key| super::column(&key.name)).collect();
        let number = row_number().partition_by(group);
        let number = if by.is_empty() { number } else { number.order_by(by) }.build()?;
        let name = number.schema_name().to_string();
        let plan = plan.window(vec![number])?.filter(super::column(&name).lt_eq(lit(rows)))?;
        let order = order.filter(|_| ordered);
        let mut items: Vec<Expr> =
            columns.iter().map(|c| super::column(&c.name).alias(c.name.clone())).collect();
        items.extend(order.as_deref().map(|name| super::column(name).alias(name)));
        Ok(Lowered { plan: plan.project(items)?.build()?, columns, order })
    }

    fn sort_by(&self, keys: &[SortKey], scope: Scope<'_>) -> Result<Vec<Sort>, QueryError> {
        let by = keys.iter().map(|key| {
            Ok(Sort {
                expr: self.sort_value(&key.value, scope)?,
                asc: !key.descending,
                nulls_first: key.nulls_first,
            })
        });
        by.collect()
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
