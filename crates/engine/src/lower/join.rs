//! `join` and `lookup`. Both sides are renamed first, so that no name of one can meet one of the other.

use bartizan_kql::bound::{Join, JoinKind, JoinSide, Literal, Rel, Scalar, ScalarKind};
use bartizan_schema::KqlType;
use datafusion::common::{Column, ScalarValue};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlanBuilder, lit};

use super::scalar::text;
use super::{Context, Lowered, column, common_type, projected};
use crate::error::QueryError;

/// One side, renamed: columns `{prefix}{n}` and keys `{prefix}k{n}`.
struct Side {
    plan: LogicalPlanBuilder,
    keys: Vec<Column>,
}

impl Context {
    pub(super) fn join(&self, join: &Join) -> Result<Lowered, QueryError> {
        let mut types = Vec::with_capacity(join.on.len());
        for (left, right) in &join.on {
            if always_null(left, &join.left) || always_null(right, &join.right) {
                // matches nothing, whatever the other side's type is
                types.push(None);
                continue;
            }
            let ty = common_type(left.ty, right.ty).filter(|ty| *ty != KqlType::Dynamic);
            let refuse =
                || QueryError::unsupported(format!("join of {} with {}", left.ty, right.ty), join.span);
            types.push(Some(ty.ok_or_else(refuse)?));
        }
        let (left_keys, right_keys): (Vec<_>, Vec<_>) =
            join.on.iter().map(|(left, right)| (left, right)).unzip();
        let mut left = self.side(&join.left, "l", &left_keys, &types)?;
        let mut right = self.side(&join.right, "r", &right_keys, &types)?;
        match join.kind {
            JoinKind::InnerUnique => left.plan = one_row_per_key(left.plan, &left.keys)?,
            JoinKind::LeftSemi | JoinKind::LeftAnti => right.plan = only_keys(right.plan, &right.keys)?,
            JoinKind::RightSemi | JoinKind::RightAnti => left.plan = only_keys(left.plan, &left.keys)?,
            _ => {}
        }
        let kind = match join.kind {
            JoinKind::InnerUnique | JoinKind::Inner => JoinType::Inner,
            JoinKind::LeftOuter => JoinType::Left,
            JoinKind::RightOuter => JoinType::Right,
            JoinKind::FullOuter => JoinType::Full,
            JoinKind::LeftSemi => JoinType::LeftSemi,
            JoinKind::RightSemi => JoinType::RightSemi,
            JoinKind::LeftAnti => JoinType::LeftAnti,
            JoinKind::RightAnti => JoinType::RightAnti,
        };
        // The rows of the first side are kept, and those of the second pass by them.
        let plan = if kind == JoinType::Inner && is_brief(&join.right) && !is_brief(&join.left) {
            right.plan.join(left.plan.build()?, kind, (right.keys, left.keys), None)?
        } else {
            left.plan.join(right.plan.build()?, kind, (left.keys, right.keys), None)?
        };
        let padded = |side: JoinSide| match kind {
            JoinType::Full => true,
            JoinType::Left => side == JoinSide::Right,
            JoinType::Right => side == JoinSide::Left,
            _ => false,
        };
        let items: Vec<Expr> = join
            .outputs
            .iter()
            .map(|output| {
                let prefix = if output.from == JoinSide::Left { "l" } else { "r" };
                let value = column(&format!("{prefix}{}", output.index));
                let gap = padded(output.from) && output.column.ty == KqlType::String;
                let value = if gap { coalesce(vec![value, text("")]) } else { value };
                value.alias(output.column.name.clone())
            })
            .collect();
        let columns = join.outputs.iter().map(|output| output.column.clone()).collect();
        Ok(Lowered::new(projected(plan, items)?.build()?, columns))
    }

    fn side(
        &self,
        rel: &Rel,
        prefix: &str,
        on: &[&Scalar],
        types: &[Option<KqlType>],
    ) -> Result<Side, QueryError> {
        let lowered = self.relation(rel)?;
        let mut items: Vec<Expr> = lowered
            .columns
            .iter()
            .enumerate()
            .map(|(at, from)| column(&from.name).alias(format!("{prefix}{at}")))
            .collect();
        let mut keys = Vec::with_capacity(on.len());
        for (at, (key, ty)) in on.iter().zip(types).enumerate() {
            let name = format!("{prefix}k{at}");
            let value = match ty {
                Some(ty) => self.scalar_as(key, *ty, &lowered.columns)?,
                None => lit(ScalarValue::Int64(None)),
            };
            items.push(value.alias(name.clone()));
            keys.push(Column::new_unqualified(name));
        }
        Ok(Side { plan: projected(LogicalPlanBuilder::from(lowered.plan), items)?, keys })
    }
}

/// Whether a relation probably has few rows: the query picks some of its groups, or some number of its rows.
fn is_brief(rel: &Rel) -> bool {
    match rel {
        Rel::Take { .. }
        | Rel::TakeWithin { .. }
        | Rel::Sample { .. }
        | Rel::Rows { .. }
        | Rel::Print { .. } => true,
        Rel::Filter { input, .. } => is_brief(input) || is_grouped(input),
        Rel::Project { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Serialize { input }
        | Rel::Shared { input, .. } => is_brief(input),
        _ => false,
    }
}

fn is_grouped(rel: &Rel) -> bool {
    match rel {
        Rel::Summarize { .. } => true,
        Rel::Filter { input, .. }
        | Rel::Project { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Serialize { input }
        | Rel::Shared { input, .. } => is_grouped(input),
        _ => false,
    }
}

/// Whether a value is null in every row: a column that only rows could have told of, and no row did.
fn always_null(value: &Scalar, rel: &Rel) -> bool {
    match &value.kind {
        ScalarKind::Literal(Literal::Null) => value.ty != KqlType::String,
        ScalarKind::Column(at) => column_is_null(rel, *at),
        _ => false,
    }
}

fn column_is_null(rel: &Rel, at: usize) -> bool {
    match rel {
        Rel::Project { input, items } => items.get(at).is_some_and(|item| always_null(&item.value, input)),
        Rel::Summarize { input, keys, .. } => keys.get(at).is_some_and(|key| always_null(&key.value, input)),
        Rel::Filter { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Take { input, .. }
        | Rel::TakeWithin { input, .. }
        | Rel::Sample { input, .. }
        | Rel::Serialize { input }
        | Rel::Shared { input, .. } => column_is_null(input, at),
        _ => false,
    }
}

/// Keeps any one row of each key, whole.
fn one_row_per_key(plan: LogicalPlanBuilder, keys: &[Column]) -> Result<LogicalPlanBuilder, QueryError> {
    let all: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let on = keys.iter().map(|key| Expr::Column(key.clone())).collect();
    Ok(plan.distinct_on(on, all, None)?)
}

/// Each key once, and nothing else: a side that is only asked whether a key is there. A join visits every pair of
/// rows with equal keys before it sees that it needs none of them (DataFusion 55.2), so keys that are there
/// many times on both sides would cost the square of that.
fn only_keys(plan: LogicalPlanBuilder, keys: &[Column]) -> Result<LogicalPlanBuilder, QueryError> {
    let keys: Vec<Expr> = keys.iter().map(|key| Expr::Column(key.clone())).collect();
    Ok(plan.project(keys)?.distinct()?)
}
