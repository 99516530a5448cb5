//! `+ - * / %` on numbers, datetimes and timespans.

use bartizan_kql::bound::Scalar;
use bartizan_schema::KqlType;
use datafusion::logical_expr::Expr;

use super::scalar::{Exprs, apply};
use crate::error::QueryError;
use crate::functions::{decimal, numeric};

impl Exprs<'_> {
    pub(super) fn arithmetic(
        &self,
        function: &'static str,
        a: &Scalar,
        b: &Scalar,
        whole: &Scalar,
    ) -> Result<Expr, QueryError> {
        let refuse = || QueryError::unsupported(format!("{} {function} {}", a.ty, b.ty), whole.span);
        let time = |ty: KqlType| matches!(ty, KqlType::DateTime | KqlType::TimeSpan);
        let ret = whole.ty;
        match ret {
            KqlType::String => return Err(refuse()),
            KqlType::Decimal => {
                let entry = decimal::arithmetic(function).ok_or_else(refuse)?;
                let args = vec![self.value_as(a, ret)?, self.value_as(b, ret)?];
                return Ok(apply(entry, vec![ret, ret], ret, args));
            }
            KqlType::Dynamic => {
                let entry = numeric::dynamic_arithmetic(function).ok_or_else(refuse)?;
                return Ok(apply(entry, vec![a.ty, b.ty], ret, vec![self.value(a)?, self.value(b)?]));
            }
            _ => {}
        }
        // What a dynamic operand must be for the declared result.
        let operand = |side: &Scalar, other: &Scalar| match side.ty {
            KqlType::Dynamic if time(other.ty) && function != "*" && function != "/" => other.ty,
            KqlType::Dynamic => ret,
            ty => ty,
        };
        let (left_ty, right_ty) = (operand(a, b), operand(b, a));
        let native = match function {
            "+" | "-" => {
                let plain = crate::types::is_number(left_ty) && crate::types::is_number(right_ty);
                if plain {
                    Some((ret, ret))
                } else if time(left_ty) && time(right_ty) {
                    Some((left_ty, right_ty))
                } else {
                    None
                }
            }
            "*" if crate::types::is_number(ret) => Some((ret, ret)),
            "/" if ret == KqlType::Real && !time(left_ty) => Some((KqlType::Real, KqlType::Real)),
            _ => None,
        };
        if let Some((left_ty, right_ty)) = native {
            let (left, right) = (self.value_as(a, left_ty)?, self.value_as(b, right_ty)?);
            return Ok(match function {
                "+" => left + right,
                "-" => left - right,
                "*" => left * right,
                _ => left / right,
            });
        }
        let entry = numeric::arithmetic(function).ok_or_else(refuse)?;
        let args = vec![self.value_as(a, left_ty)?, self.value_as(b, right_ty)?];
        Ok(apply(entry, vec![left_ty, right_ty], ret, args))
    }
}
