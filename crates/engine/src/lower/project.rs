//! `project` and everything the binder turns into it.

use std::collections::{HashMap, HashSet};

use bartizan_kql::bound::{ColumnSchema, Named, PathSegment, Rel, Scalar, ScalarKind};
use datafusion::logical_expr::Expr;

use super::{Context, Lowered, column, projected};
use crate::error::QueryError;
use crate::functions::pinned::pinned;

impl Context {
    pub(super) fn project(&self, input: &Rel, items: &[Named], ordered: bool) -> Result<Lowered, QueryError> {
        let windowed = items.iter().any(|item| super::order::needs_order(&item.value));
        let lowered = self.ordered_relation(input, ordered || windowed)?;
        let lowered = if windowed { self.number_rows(lowered)? } else { lowered };
        let shown = items.iter().any(|item| super::order::shows_order(&item.value));
        let (plan, columns, order) = lowered.builder();
        let mut exprs = Vec::with_capacity(items.len() + 1);
        for item in items {
            let value = self.scalar_in(&item.value, &columns, order.as_deref())?;
            let value = if doubles(&item.value, input) { pinned(value) } else { value };
            exprs.push(value.alias(item.name.clone()));
        }
        let columns: Vec<ColumnSchema> =
            items.iter().map(|item| ColumnSchema { name: item.name.clone(), ty: item.value.ty }).collect();
        let order = order.filter(|_| ordered || shown);
        exprs.extend(order.as_deref().map(|name| column(name).alias(name)));
        if !windowed {
            let plan = if rewrites_own_input(&exprs) { plan.alias("before")? } else { plan };
            return Ok(Lowered { plan: projected(plan, exprs)?.build()?, columns, order });
        }
        let mut plan = self.project_windows(plan, exprs)?;
        let order = match order {
            // Nothing above asks for the order, but the reader of the result sees it.
            Some(name) if !ordered && shown => {
                let visible: Vec<Expr> =
                    columns.iter().map(|c| column(&c.name).alias(c.name.clone())).collect();
                plan = plan.sort(vec![column(&name).sort(true, false)])?.project(visible)?;
                None
            }
            order => order,
        };
        Ok(Lowered { plan: plan.build()?, columns, order })
    }
}

/// Whether a value uses a column more than once that is itself worked out below. Put into one another, as the
/// optimizer does to move filters down, a chain of such values doubles with each step: twenty times
/// `extend a = iff(x has "…", array_concat(a, …), a)` would become a million expressions.
fn doubles(value: &Scalar, input: &Rel) -> bool {
    let mut uses = HashMap::new();
    count_columns(value, &mut uses);
    uses.into_iter().any(|(at, uses)| uses > 1 && is_computed(input, at))
}

fn count_columns(value: &Scalar, uses: &mut HashMap<usize, u32>) {
    match &value.kind {
        ScalarKind::Column(at) => *uses.entry(*at).or_default() += 1,
        ScalarKind::Call { args, .. } => args.iter().for_each(|arg| count_columns(arg, uses)),
        ScalarKind::Path { value, segments } => {
            count_columns(value, uses);
            for segment in segments {
                if let PathSegment::Dynamic(key) = segment {
                    count_columns(key, uses);
                }
            }
        }
        ScalarKind::InRelation { value, .. } => count_columns(value, uses),
        ScalarKind::Literal(_) | ScalarKind::ToScalar(_) => {}
    }
}

/// Whether the column is more than one of a table's, passed on.
fn is_computed(rel: &Rel, at: usize) -> bool {
    match rel {
        Rel::Project { input, items } => match items.get(at).map(|item| &item.value.kind) {
            Some(ScalarKind::Column(from)) => is_computed(input, *from),
            Some(ScalarKind::Literal(_)) | None => false,
            Some(_) => true,
        },
        Rel::Filter { input, .. } | Rel::Sort { input, .. } | Rel::Take { input, .. } => {
            is_computed(input, at)
        }
        _ => false,
    }
}

/// Whether doing this twice differs from doing it once, as in `extend a = a + 1`. DataFusion (55.2) folds equal
/// neighbouring projections into one whatever they say; an alias between them keeps them apart.
fn rewrites_own_input(exprs: &[Expr]) -> bool {
    let is_kept = |expr: &Expr| match expr {
        Expr::Alias(alias) => matches!(&*alias.expr, Expr::Column(from) if from.name == alias.name),
        _ => true,
    };
    let changed: HashSet<&str> = exprs
        .iter()
        .filter(|expr| !is_kept(expr))
        .filter_map(|expr| match expr {
            Expr::Alias(alias) => Some(alias.name.as_str()),
            _ => None,
        })
        .collect();
    !changed.is_empty()
        && exprs
            .iter()
            .any(|expr| expr.column_refs().iter().any(|column| changed.contains(column.name.as_str())))
}
