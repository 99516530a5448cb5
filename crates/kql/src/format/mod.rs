//! The formatter: one operator a line with its `|` in front, long lists one item a line, comments where they
//! were. It moves white space only: the tokens of the answer are those of the question, which is checked
//! each time, so a formatted query means what it meant.
//!
//! [`pieces`] pairs tokens with their comments and folds brackets into groups, [`spacing`] learns from the
//! tree which neighbours touch, and [`layout`] breaks lines.

mod layout;
mod pieces;
mod spacing;

use crate::analysis::QUERY_BYTES_MAX;
use crate::diagnostic::{Diagnostic, Severity};
use crate::span::Span;
use crate::stack::with_deep_stack;
use crate::syntax::{self, Errors, SourceKind, codes, source_tokens};

/// Formats a query. Text with syntax errors is not touched: its findings are the answer.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let refuse = |code, message: &str| {
        let span = Span::default();
        let message = message.to_owned();
        Err(vec![Diagnostic { code, severity: Severity::Error, span, message, hint: None }])
    };
    if text.len() > QUERY_BYTES_MAX {
        return refuse(codes::TOO_LONG, &format!("the query is longer than {QUERY_BYTES_MAX} bytes"));
    }
    let formatted = with_deep_stack(|| format_here(text));
    formatted.unwrap_or_else(|| refuse(codes::INTERNAL, "the query could not be formatted"))
}

fn format_here(text: &str) -> Result<String, Vec<Diagnostic>> {
    let mut errors = Errors::default();
    let script = syntax::parse(text, &mut errors);
    if errors.any() {
        return Err(errors.into_sorted());
    }
    let (pieces, end) = pieces::pieces(text);
    let spacing = spacing::Spacing::of(&script, &pieces);
    let formatted = pieces::fold(&pieces)
        .map(|nodes| layout::layout(&pieces, &end, &spacing, nodes))
        .filter(|formatted| significant(text).eq(significant(formatted)));
    formatted.ok_or_else(|| {
        errors.error(codes::INTERNAL, Span::default(), "the query could not be formatted without a change");
        errors.into_sorted()
    })
}

/// The texts of all tokens but white space.
fn significant(text: &str) -> impl Iterator<Item = &str> {
    let tokens = source_tokens(text).into_iter().filter(|token| token.kind != SourceKind::Space);
    tokens.map(|token| text[token.span.start..token.span.end].trim_end())
}
