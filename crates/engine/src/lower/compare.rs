//! Comparisons under KQL's null rules: `==` with one null side is false, `!=` is true, both null is null;
//! an ordering with a null side is null.

use bartizan_kql::bound::Scalar;
use bartizan_schema::KqlType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::{Expr, Operator, when};

use super::common_type;
use super::scalar::{Exprs, apply, never_null};
use crate::error::QueryError;
use crate::functions::comparison;
use crate::types::is_number;

impl Exprs<'_> {
    /// `a == b`, or `a != b` when `negated`. In a predicate null may be left as null.
    pub(super) fn equality(
        &self,
        negated: bool,
        a: &Scalar,
        b: &Scalar,
        predicate: bool,
    ) -> Result<Expr, QueryError> {
        if a.ty == KqlType::Dynamic || b.ty == KqlType::Dynamic {
            // The dynamic side's own type is known only row by row.
            let entry = if negated { comparison::NOT_EQUAL } else { comparison::EQUAL };
            let args = vec![self.value(a)?, self.value(b)?];
            return Ok(apply(entry, vec![a.ty, b.ty], KqlType::Bool, args));
        }
        let ty = operand_type(a, b);
        let (left, right) = (self.value_as(a, ty)?, self.value_as(b, ty)?);
        // A conversion that fails is null even where the operand itself never is.
        let sure = |side: &Scalar| never_null(side) && (side.ty == ty || ty == KqlType::String);
        if sure(a) && sure(b) {
            return Ok(if negated { left.not_eq(right) } else { left.eq(right) });
        }
        if predicate && !negated {
            return Ok(left.eq(right));
        }
        let op = if negated { Operator::IsDistinctFrom } else { Operator::IsNotDistinctFrom };
        let compared = Expr::BinaryExpr(BinaryExpr::new(Box::new(left.clone()), op, Box::new(right.clone())));
        if sure(a) || sure(b) || predicate {
            return Ok(compared);
        }
        let both_null = left.is_null().and(right.is_null());
        Ok(when(both_null, Expr::Literal(ScalarValue::Boolean(None), None)).otherwise(compared)?)
    }

    pub(super) fn ordering(&self, function: &str, a: &Scalar, b: &Scalar) -> Result<Expr, QueryError> {
        let ty = operand_type(a, b);
        let (left, right) = (self.value_as(a, ty)?, self.value_as(b, ty)?);
        if matches!(ty, KqlType::Dynamic | KqlType::Decimal) {
            return Ok(apply(comparison::ordering(function), vec![ty, ty], KqlType::Bool, vec![left, right]));
        }
        let op = match function {
            "<" => Operator::Lt,
            "<=" => Operator::LtEq,
            ">" => Operator::Gt,
            _ => Operator::GtEq,
        };
        let greater = matches!(op, Operator::Gt | Operator::GtEq);
        let guarded = if greater { left.clone() } else { right.clone() };
        let compared = Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)));
        // Arrow orders NaN above infinity; in KQL no ordering with NaN holds.
        if ty == KqlType::Real && !is_finite(&guarded) {
            let infinity = Expr::Literal(ScalarValue::Float64(Some(f64::INFINITY)), None);
            return Ok(compared.and(guarded.lt_eq(infinity)));
        }
        Ok(compared)
    }
}

fn is_finite(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(ScalarValue::Float64(Some(value)), _) if value.is_finite())
}

/// The type both sides are compared as. A moment or a span of time and a number are compared by ticks
/// (`dayofweek(t) == 0`), and what else has nothing in common by its text.
fn operand_type(a: &Scalar, b: &Scalar) -> KqlType {
    let in_time = |ty| matches!(ty, KqlType::TimeSpan | KqlType::DateTime);
    match (a.ty, b.ty) {
        (KqlType::Guid, KqlType::String) | (KqlType::String, KqlType::Guid) => KqlType::Guid,
        (KqlType::Bool, other) | (other, KqlType::Bool) if is_number(other) => other,
        (time, number) | (number, time) if in_time(time) && is_number(number) => KqlType::Long,
        (a, b) => common_type(a, b).unwrap_or(KqlType::String),
    }
}
