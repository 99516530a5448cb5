//! `project` and everything the binder turns into it.

use bartizan_kql::bound::{ColumnSchema, Named, Rel};
use datafusion::logical_expr::Expr;

use super::{Context, Lowered, column};
use crate::error::QueryError;

impl Context {
    pub(super) fn project(&self, input: &Rel, items: &[Named], ordered: bool) -> Result<Lowered, QueryError> {
        let windowed = items.iter().any(|item| super::order::needs_order(&item.value));
        let lowered = self.ordered_relation(input, ordered || windowed)?;
        let lowered = if windowed { self.number_rows(lowered)? } else { lowered };
        let (plan, columns, order) = lowered.builder();
        let mut exprs = Vec::with_capacity(items.len() + 1);
        for item in items {
            exprs.push(self.scalar_in(&item.value, &columns, order.as_deref())?.alias(item.name.clone()));
        }
        // A table always has columns; DataFusion's projection may not be empty either way.
        let order = order.filter(|_| ordered);
        exprs.extend(order.as_deref().map(|name| column(name).alias(name)));
        let columns = items
            .iter()
            .map(|item| ColumnSchema { name: item.name.clone(), ty: item.value.ty })
            .collect();
        let plan = if exprs.iter().any(has_window) {
            self.project_windows(plan, exprs)?
        } else {
            plan.project(exprs)?
        };
        Ok(Lowered { plan: plan.build()?, columns, order })
    }
}

fn has_window(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    expr.exists(|expr| Ok(matches!(expr, Expr::WindowFunction(_)))).unwrap_or(false)
}
