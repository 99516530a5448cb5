//! `in`, `has_any` and the text operators: constant right sides become vectorised matchers.

use bartizan_kql::bound::{Literal, Scalar};
use bartizan_schema::KqlType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ScalarUDF};

use super::scalar::{Exprs, apply, boolean, is_constant};
use crate::error::QueryError;
use crate::functions::text::matching::{TextMatch, TextOp};
use crate::functions::{comparison, dynamic, text};

/// Members up to which DataFusion's own list is used, which can prune files and row groups.
const NATIVE_LIST_MAX: usize = 100_000;

impl Exprs<'_> {
    /// `value in (members…)`. Dynamic members stand for their elements.
    pub(super) fn membership(
        &self,
        value: &Scalar,
        members: &[Scalar],
        negated: bool,
        ignore_case: bool,
    ) -> Result<Expr, QueryError> {
        if members.iter().all(is_constant) {
            let mut literals = Vec::with_capacity(members.len());
            for member in members {
                match self.context.constant(member)? {
                    Literal::Dynamic(json) => literals.extend(dynamic::leaves(&json)),
                    literal => literals.push(literal),
                }
            }
            return self.members(value, &literals, negated, ignore_case);
        }
        let mut args = vec![self.value(value)?];
        let mut types = vec![value.ty];
        for member in members {
            args.push(self.value(member)?);
            types.push(member.ty);
        }
        let entry = match (negated, ignore_case) {
            (false, false) => comparison::IN,
            (true, false) => comparison::NOT_IN,
            (false, true) => comparison::IN_IGNORING_CASE,
            (true, true) => comparison::NOT_IN_IGNORING_CASE,
        };
        Ok(apply(entry, types, KqlType::Bool, args))
    }

    /// `value in (literals…)`.
    pub(super) fn members(
        &self,
        value: &Scalar,
        literals: &[Literal],
        negated: bool,
        ignore_case: bool,
    ) -> Result<Expr, QueryError> {
        // A dynamic value is compared by its text, as `==` between a dynamic and a string does.
        let ty = if value.ty == KqlType::Dynamic || ignore_case { KqlType::String } else { value.ty };
        let subject = self.value_as(value, ty)?;
        let mut present = Vec::with_capacity(literals.len());
        for literal in literals {
            let scalar = super::to_scalar_value(literal, ty);
            let exact = !scalar.is_null() && !matches!(literal, Literal::Null) && exactly(literal, ty);
            if exact {
                present.push(scalar);
            }
        }
        if ty == KqlType::String && (ignore_case || present.len() > NATIVE_LIST_MAX) {
            let needles = present.into_iter().filter_map(into_text).collect();
            let found = matcher(TextOp::Equals, !ignore_case, false, needles, subject);
            return Ok(if negated { Expr::Not(Box::new(found)) } else { found });
        }
        if present.is_empty() {
            return Ok(boolean(negated));
        }
        let list = present.into_iter().map(|scalar| Expr::Literal(scalar, None)).collect();
        let found = subject.clone().in_list(list, false);
        // A null is in no list of values, and `!in` is then true.
        let found = if ty == KqlType::String { found } else { subject.is_not_null().and(found) };
        Ok(if negated { Expr::Not(Box::new(found)) } else { found })
    }

    /// `has`, `contains`, `startswith`, `=~`, `matches regex`, `has_any` and their relatives; `None` when
    /// `function` is none of them.
    pub(super) fn text_operator(
        &self,
        function: &'static str,
        args: &[Scalar],
    ) -> Result<Option<Expr>, QueryError> {
        let Some(operator) = text::matching::Operator::named(function) else { return Ok(None) };
        let [subject, needles @ ..] = args else { return Ok(None) };
        let subject_expr = self.value_as(subject, KqlType::String)?;
        let found = if needles.iter().all(is_constant) {
            let mut texts = Vec::new();
            for needle in needles {
                match self.context.constant(needle)? {
                    Literal::Dynamic(json) => {
                        texts.extend(dynamic::leaves(&json).iter().filter_map(literal_text))
                    }
                    literal => texts.extend(literal_text(&literal)),
                }
            }
            matcher(operator.op, operator.case_sensitive, operator.all, texts, subject_expr)
        } else {
            let mut values = vec![subject_expr];
            let mut types = vec![KqlType::String];
            for needle in needles {
                values.push(self.value(needle)?);
                types.push(needle.ty);
            }
            apply(operator.entry, types, KqlType::Bool, values)
        };
        Ok(Some(if operator.negated { Expr::Not(Box::new(found)) } else { found }))
    }
}

fn matcher(op: TextOp, case_sensitive: bool, all: bool, needles: Vec<String>, subject: Expr) -> Expr {
    ScalarUDF::new_from_impl(TextMatch::new(op, case_sensitive, all, needles)).call(vec![subject])
}

/// Whether a literal keeps its value as `ty`: `2` is not a member of a list of text.
fn exactly(literal: &Literal, ty: KqlType) -> bool {
    match literal {
        Literal::Real(value) => {
            matches!(ty, KqlType::Real | KqlType::String | KqlType::Decimal) || value.fract() == 0.0
        }
        _ => true,
    }
}

fn into_text(scalar: ScalarValue) -> Option<String> {
    match scalar {
        ScalarValue::Utf8View(text) => text,
        _ => None,
    }
}

fn literal_text(literal: &Literal) -> Option<String> {
    into_text(super::to_scalar_value(literal, KqlType::String))
}
