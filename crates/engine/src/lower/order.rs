//! Functions over serialised rows (`row_number`, `prev`, `next`, `row_cumsum` …) and the hidden column they go by.
//!
//! DataFusion keeps no order between operators. Where a relation above needs it, the sort below numbers
//! its rows into a hidden column, and everything between carries that column along.

use std::sync::Arc;

use bartizan_kql::bound::{ColumnSchema, PathSegment, ROW_ID, Scalar, ScalarKind};
use bartizan_schema::KqlType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ScalarValue};
use datafusion::functions_window::expr_fn::{lag, lead, row_number};
use datafusion::logical_expr::expr::{Sort, WindowFunction};
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, LogicalPlanBuilder, WindowFunctionDefinition, WindowUDF, cast,
};

use super::scalar::Exprs;
use super::{Context, Lowered, column};
use crate::error::QueryError;
use crate::functions::sequential::Sequential;
use crate::types::{absent, arrow_type};

/// Hidden from queries: no KQL name can hold a control character.
const ORDER: &str = "\u{1}order";
const OLD_ORDER: &str = "\u{1}before";

/// Whether `function` looks at other rows.
pub(super) fn is_windowed(function: &str) -> bool {
    function == ROW_ID || bartizan_kql::functions::is_windowed(function)
}

/// Whether `scalar` shows the order of rows: a row's id needs one, whichever it is.
pub(super) fn shows_order(scalar: &Scalar) -> bool {
    needs_order(scalar) && !matches!(&scalar.kind, ScalarKind::Call { function, .. } if *function == ROW_ID)
}

/// Whether `scalar` looks at other rows anywhere inside.
pub(super) fn needs_order(scalar: &Scalar) -> bool {
    match &scalar.kind {
        ScalarKind::Call { function, args } => is_windowed(function) || args.iter().any(needs_order),
        ScalarKind::Path { value, segments } => {
            needs_order(value)
                || segments
                    .iter()
                    .any(|segment| matches!(segment, PathSegment::Dynamic(key) if needs_order(key)))
        }
        ScalarKind::InRelation { value, .. } => needs_order(value),
        ScalarKind::Literal(_) | ScalarKind::Column(_) | ScalarKind::ToScalar(_) => false,
    }
}

impl Context {
    /// `lowered` with an order column; rows without a meaningful order get any.
    pub(super) fn number_rows(&self, lowered: Lowered) -> Result<Lowered, QueryError> {
        if lowered.order.is_some() {
            return Ok(lowered);
        }
        let (plan, columns, order) = lowered.builder();
        self.renumber(plan, columns, order, Vec::new())
    }

    /// Replaces the order column by one that follows `by`.
    pub(super) fn renumber(
        &self,
        plan: LogicalPlanBuilder,
        columns: Vec<ColumnSchema>,
        old: Option<String>,
        by: Vec<Sort>,
    ) -> Result<Lowered, QueryError> {
        let rename = |expr: Expr| {
            expr.transform(|expr| match &expr {
                Expr::Column(found) if Some(&found.name) == old.as_ref() => {
                    Ok(Transformed::yes(column(OLD_ORDER)))
                }
                _ => Ok(Transformed::no(expr)),
            })
            .map(|done| done.data)
        };
        let mut items: Vec<Expr> = columns.iter().map(|c| column(&c.name).alias(c.name.clone())).collect();
        items.extend(old.as_deref().map(|name| column(name).alias(OLD_ORDER)));
        let by = by
            .into_iter()
            .map(|sort| Ok(Sort { expr: rename(sort.expr)?, ..sort }))
            .collect::<Result<Vec<_>, QueryError>>()?;
        let number = if by.is_empty() { row_number() } else { row_number().order_by(by).build()? };
        let name = number.schema_name().to_string();
        let plan = plan.project(items)?.window(vec![number])?;
        let mut items: Vec<Expr> = columns.iter().map(|c| column(&c.name).alias(c.name.clone())).collect();
        items.push(cast(column(&name), arrow_type(KqlType::Long)).alias(ORDER));
        Ok(Lowered { plan: plan.project(items)?.build()?, columns, order: Some(ORDER.to_owned()) })
    }

    /// Projects expressions that contain window functions: computes those first, and those inside the
    /// arguments of others before these.
    pub(super) fn project_windows(
        &self,
        plan: LogicalPlanBuilder,
        mut exprs: Vec<Expr>,
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let mut plan = plan;
        let mut done = 0;
        loop {
            let mut windows: Vec<Expr> = Vec::new();
            for expr in &mut exprs {
                let whole = std::mem::take(expr);
                *expr = whole.transform_down(|expr| innermost_window(expr, &mut windows, done))?.data;
            }
            if windows.is_empty() {
                return Ok(plan.project(exprs)?);
            }
            // Window nodes one upon the other are optimized as one, as if none read another's result (55.2).
            // The projection in between, which gives the results short names, keeps them apart.
            let mut items: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
            items.extend(
                windows.iter().enumerate().map(|(at, window)| {
                    column(&window.schema_name().to_string()).alias(window_name(done + at))
                }),
            );
            done += windows.len();
            plan = plan.window(windows)?.project(items)?;
        }
    }
}

/// Hidden from queries, like [`ORDER`].
fn window_name(at: usize) -> String {
    format!("\u{1}window{at}")
}

/// Replaces a window function without others inside by the column it will be, and remembers it. `done` is
/// how many there were before.
fn innermost_window(
    expr: Expr,
    windows: &mut Vec<Expr>,
    done: usize,
) -> datafusion::common::Result<Transformed<Expr>> {
    let Expr::WindowFunction(call) = &expr else { return Ok(Transformed::no(expr)) };
    let mut nested = false;
    for arg in &call.params.args {
        nested |= arg.exists(|inner| Ok(matches!(inner, Expr::WindowFunction(_))))?;
    }
    if nested {
        return Ok(Transformed::no(expr));
    }
    let at = windows.iter().position(|known| *known == expr).unwrap_or_else(|| {
        windows.push(expr);
        windows.len() - 1
    });
    let found = Column::new_unqualified(window_name(done + at));
    Ok(Transformed::new(Expr::Column(found), true, TreeNodeRecursion::Jump))
}

impl Exprs<'_> {
    pub(super) fn windowed(
        &self,
        function: &'static str,
        args: &[Scalar],
        scalar: &Scalar,
    ) -> Result<Expr, QueryError> {
        let refuse = || QueryError::unsupported(function, scalar.span);
        let order = self.order.ok_or_else(refuse)?;
        let by = vec![column(order).sort(true, false)];
        match (function, args) {
            (ROW_ID, []) => Ok(column(order)),
            ("row_number", []) => Ok(long(row_number().order_by(by).build()?)),
            ("row_number", [start]) => {
                let first = self.value_as(start, KqlType::Long)?;
                let number = long(row_number().order_by(by).build()?);
                Ok(number + first - Expr::Literal(ScalarValue::Int64(Some(1)), None))
            }
            ("prev" | "next", [value, rest @ ..]) if rest.len() <= 2 => {
                let offset = rest.first().map(|offset| self.context.constant_long(offset)).transpose()?;
                let default = match rest.get(1) {
                    Some(default) => super::to_scalar_value(&self.context.constant(default)?, scalar.ty),
                    None => absent(scalar.ty),
                };
                let value = self.value_as(value, scalar.ty)?;
                let shift = if function == "prev" { lag } else { lead };
                Ok(shift(value, Some(offset.unwrap_or(1)), Some(default)).order_by(by).build()?)
            }
            _ => {
                let types: Vec<KqlType> = args.iter().map(|arg| arg.ty).collect();
                let call = Sequential::new(function, types, scalar.ty).ok_or_else(refuse)?;
                let values = args.iter().map(|arg| self.value(arg)).collect::<Result<Vec<_>, _>>()?;
                let definition =
                    WindowFunctionDefinition::WindowUDF(Arc::new(WindowUDF::new_from_impl(call)));
                Ok(Expr::from(WindowFunction::new(definition, values)).order_by(by).build()?)
            }
        }
    }
}

fn long(expr: Expr) -> Expr {
    cast(expr, arrow_type(KqlType::Long))
}
