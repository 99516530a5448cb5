//! The text as it stands: every byte belongs to exactly one token, white space, comments and characters
//! without a meaning included. The parser reads the same tokens without the rest, so the tree's spans and
//! these agree.

use crate::span::Span;
use crate::syntax::Errors;
use crate::syntax::lexer::{TokenKind, tokenize};

/// What a piece of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// A name, a keyword, or an operator that is a word.
    Word,
    /// A string of any form, with its quotes.
    String,
    /// A number, with its sign left out.
    Number,
    /// `1d`, `10ms`.
    Timespan,
    /// `datetime(…)`, `guid(…)`: a literal with its type's name.
    Typed,
    /// An operator sign or a bracket.
    Mark,
    /// White space and line breaks.
    Space,
    /// `// …`, without the line break.
    Comment,
    /// Characters that start no token.
    Unknown,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceToken {
    pub kind: SourceKind,
    pub span: Span,
}

/// Splits `text` without a remainder: the pieces in order, put together, are the text.
pub fn source_tokens(text: &str) -> Vec<SourceToken> {
    let mut out = Vec::with_capacity(text.len() / 3 + 1);
    let mut end = 0;
    for token in tokenize(text, &mut Errors::default()) {
        let span = token.span();
        between(text, Span::new(end, span.start), &mut out);
        end = span.end;
        let kind = match token.kind {
            TokenKind::Word => SourceKind::Word,
            TokenKind::String => SourceKind::String,
            TokenKind::Long | TokenKind::Real => SourceKind::Number,
            TokenKind::Timespan => SourceKind::Timespan,
            TokenKind::Typed => SourceKind::Typed,
            TokenKind::Punct => SourceKind::Mark,
            TokenKind::End => break,
        };
        out.push(SourceToken { kind, span });
    }
    between(text, Span::new(end, text.len()), &mut out);
    out
}

/// The pieces the parser does not see.
fn between(text: &str, gap: Span, out: &mut Vec<SourceToken>) {
    let mut at = gap.start;
    while at < gap.end {
        let rest = &text[at..gap.end];
        let length_while = |test: fn(char) -> bool| rest.find(|c| !test(c)).unwrap_or(rest.len());
        let (kind, length) = if rest.starts_with("//") {
            (SourceKind::Comment, rest.find('\n').unwrap_or(rest.len()))
        } else {
            match length_while(is_space) {
                0 => (SourceKind::Unknown, rest.find(is_space).unwrap_or(rest.len())),
                length => (SourceKind::Space, length),
            }
        };
        // unknown characters may stand right before a comment
        let length = match (kind, rest[..length].find("//")) {
            (SourceKind::Unknown, Some(comment)) => comment,
            _ => length,
        };
        out.push(SourceToken { kind, span: Span::new(at, at + length) });
        at += length;
    }
}

/// White space as the language sees it, with the marks editors and web pages leave behind.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}'
}
