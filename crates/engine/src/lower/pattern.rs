//! Regular expressions written in a query, looked at before any row is: a wrong one would match nothing, and a
//! detection with it would be silent for ever.

use bartizan_kql::bound::{Literal, Rel, Scalar, ScalarKind};
use bartizan_kql::syntax::codes::BAD_REGEX;
use bartizan_kql::{Diagnostic, Severity, Span, visit};

use super::Context;
use super::scalar::is_constant;
use crate::error::QueryError;
use crate::functions::kernel::mistake;

/// Characters of a pattern that a message repeats.
const SHOWN_CHARS: usize = 200;

/// Which argument of a function or operator is a regular expression.
fn pattern_argument<'a>(function: &str, args: &'a [Scalar]) -> Option<&'a Scalar> {
    match function {
        "extract" | "extract_all" | "trim" | "trim_start" | "trim_end" | "replace" => args.first(),
        "matches regex" | "replace_regex" | "indexof_regex" => args.get(1),
        _ => None,
    }
}

/// What is wrong with the patterns that a query has as literals, for who asks without running it.
pub(crate) fn mistakes(root: &Rel) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    visit::relations(root, &mut |rel| {
        visit::scalars(rel).into_iter().for_each(|scalar| mistakes_in(scalar, &mut found));
    });
    found
}

fn mistakes_in(value: &Scalar, found: &mut Vec<Diagnostic>) {
    match &value.kind {
        ScalarKind::Call { function, args } => {
            if let Some(Scalar { kind: ScalarKind::Literal(Literal::String(pattern)), span, .. }) =
                pattern_argument(function, args)
                && let Err(QueryError::Invalid(refusal)) = checked(pattern, *span)
            {
                found.extend(
                    refusal.into_iter().filter(|refusal| !found.contains(refusal)).collect::<Vec<_>>(),
                );
            }
            args.iter().for_each(|arg| mistakes_in(arg, found));
        }
        ScalarKind::Path { value, .. } | ScalarKind::InRelation { value, .. } => mistakes_in(value, found),
        ScalarKind::Literal(_) | ScalarKind::Column(_) | ScalarKind::ToScalar(_) => {}
    }
}

impl Context {
    /// Refuses a constant pattern of a call that is not a regular expression. One that is made of the row is
    /// not known here.
    pub(super) fn check_pattern(&self, function: &str, args: &[Scalar]) -> Result<(), QueryError> {
        let is_regex =
            |kind: &Scalar| self.constant(kind).is_ok_and(|kind| kind == Literal::String("regex".to_owned()));
        let pattern = match (function, args) {
            ("countof", [_, pattern, kind]) if is_constant(kind) && is_regex(kind) => Some(pattern),
            _ => pattern_argument(function, args),
        };
        match pattern.filter(|pattern| is_constant(pattern)) {
            Some(pattern) => match self.constant(pattern)? {
                Literal::String(text) => checked(&text, pattern.span),
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }
}

/// Refuses `pattern`, which stands at `span`, unless it is a regular expression.
pub(super) fn checked(pattern: &str, span: Span) -> Result<(), QueryError> {
    mistake(pattern).map_or(Ok(()), |mistake| Err(refused(pattern, &mistake, span)))
}

/// The refusal of `pattern`, which stands at `span`.
pub(super) fn refused(pattern: &str, mistake: &str, span: Span) -> QueryError {
    let shown: String = pattern.chars().take(SHOWN_CHARS).collect();
    let more = if shown.len() < pattern.len() { "…" } else { "" };
    QueryError::Invalid(vec![Diagnostic {
        code: BAD_REGEX,
        severity: Severity::Error,
        span,
        message: format!("`{shown}{more}` is not a regular expression that can be used: {mistake}"),
        hint: Some("the syntax is RE2's; put `\\` before a character that stands for itself".to_owned()),
    }])
}
