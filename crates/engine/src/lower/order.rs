//! Functions over serialised rows (`row_number`, `prev`, `next`, `row_cumsum`) and the hidden column they go by.
//!
//! DataFusion keeps no order between operators. Where a relation above needs it, the sort below numbers
//! its rows into a hidden column, and everything between carries that column along.

use bartizan_kql::bound::{ColumnSchema, PathSegment, Scalar, ScalarKind};
use bartizan_schema::KqlType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, ScalarValue};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::functions_window::expr_fn::{lag, lead, row_number};
use datafusion::logical_expr::expr::{Sort, WindowFunction};
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, LogicalPlanBuilder, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowFunctionDefinition, cast,
};

use super::scalar::Exprs;
use super::{Context, Lowered, column};
use crate::error::QueryError;
use crate::types::{absent, arrow_type};

/// Hidden from queries: no KQL name can hold a control character.
const ORDER: &str = "\u{1}order";
const OLD_ORDER: &str = "\u{1}before";

/// Whether `function` looks at other rows.
pub(super) fn is_windowed(function: &str) -> bool {
    matches!(
        function,
        "row_number"
            | "prev"
            | "next"
            | "row_cumsum"
            | "row_rank_dense"
            | "row_rank_min"
            | "row_window_session"
    )
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

    /// Projects expressions that contain window functions: computes those first.
    pub(super) fn project_windows(
        &self,
        plan: LogicalPlanBuilder,
        exprs: Vec<Expr>,
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let mut windows: Vec<Expr> = Vec::new();
        let mut outer = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let replaced = expr.transform_up(|expr| {
                if !matches!(expr, Expr::WindowFunction(_)) {
                    return Ok(Transformed::no(expr));
                }
                let name = expr.schema_name().to_string();
                if !windows.contains(&expr) {
                    windows.push(expr);
                }
                Ok(Transformed::yes(Expr::Column(Column::new_unqualified(name))))
            })?;
            outer.push(replaced.data);
        }
        Ok(plan.window(windows)?.project(outer)?)
    }
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
            ("row_cumsum", [value]) => {
                let frame = WindowFrame::new_bounds(
                    WindowFrameUnits::Rows,
                    WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
                    WindowFrameBound::CurrentRow,
                );
                let function = WindowFunctionDefinition::AggregateUDF(sum_udaf());
                let sum = WindowFunction::new(function, vec![self.value_as(value, scalar.ty)?]);
                let sum = Expr::from(sum).order_by(by).window_frame(frame).build()?;
                Ok(cast(sum, arrow_type(scalar.ty)))
            }
            _ => Err(refuse()),
        }
    }
}

fn long(expr: Expr) -> Expr {
    cast(expr, arrow_type(KqlType::Long))
}
