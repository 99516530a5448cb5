//! Tokens with the comments that belong to them, and brackets folded into groups.

use crate::span::Span;
use crate::syntax::{SourceKind, source_tokens};

/// A token that the parser reads, and the comments around it.
pub(super) struct Piece<'a> {
    pub(super) kind: SourceKind,
    pub(super) text: &'a str,
    pub(super) span: Span,
    /// Comments on lines of their own before it.
    pub(super) leading: Vec<Comment<'a>>,
    /// A comment behind it on its line.
    pub(super) trailing: Option<&'a str>,
    /// An empty line stood before it (behind its comments).
    pub(super) blank_before: bool,
}

pub(super) struct Comment<'a> {
    pub(super) text: &'a str,
    pub(super) blank_before: bool,
}

impl Piece<'_> {
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == SourceKind::Word && self.text == word
    }

    pub(super) fn is_mark(&self, mark: &str) -> bool {
        self.kind == SourceKind::Mark && self.text == mark
    }
}

/// The pieces of a text without errors, and the comments behind the last.
pub(super) fn pieces(text: &str) -> (Vec<Piece<'_>>, Vec<Comment<'_>>) {
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut leading = Vec::new();
    let mut breaks = 0;
    for token in source_tokens(text) {
        let body = &text[token.span.start..token.span.end];
        match token.kind {
            SourceKind::Space => {
                breaks += body.bytes().filter(|byte| *byte == b'\n').count();
                continue;
            }
            SourceKind::Comment => match pieces.last_mut() {
                Some(last) if breaks == 0 && leading.is_empty() && last.trailing.is_none() => {
                    last.trailing = Some(body.trim_end());
                }
                _ => leading.push(Comment { text: body.trim_end(), blank_before: breaks > 1 }),
            },
            kind => {
                let leading = std::mem::take(&mut leading);
                let blank_before = breaks > 1;
                pieces.push(Piece {
                    kind,
                    text: body,
                    span: token.span,
                    leading,
                    trailing: None,
                    blank_before,
                });
            }
        }
        breaks = 0;
    }
    (pieces, leading)
}

/// A piece by its number, or brackets with what they hold.
pub(super) enum Node {
    Leaf(usize),
    Group(Box<Group>),
}

pub(super) struct Group {
    pub(super) open: usize,
    pub(super) close: usize,
    pub(super) children: Vec<Node>,
}

impl Node {
    pub(super) fn first(&self) -> usize {
        match self {
            Self::Leaf(at) => *at,
            Self::Group(group) => group.open,
        }
    }

    pub(super) fn last(&self) -> usize {
        match self {
            Self::Leaf(at) => *at,
            Self::Group(group) => group.close,
        }
    }
}

/// Folds brackets; `None` when they do not pair, which text without errors does not show.
pub(super) fn fold(pieces: &[Piece<'_>]) -> Option<Vec<Node>> {
    let mut open: Vec<(usize, Vec<Node>)> = Vec::new();
    let mut here: Vec<Node> = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        match piece.text {
            "(" | "[" | "{" if piece.kind == SourceKind::Mark => {
                open.push((at, std::mem::take(&mut here)));
            }
            ")" | "]" | "}" if piece.kind == SourceKind::Mark => {
                let (start, outer) = open.pop()?;
                let pair = format!("{}{}", pieces[start].text, piece.text);
                matches!(pair.as_str(), "()" | "[]" | "{}").then_some(())?;
                let children = std::mem::replace(&mut here, outer);
                here.push(Node::Group(Box::new(Group { open: start, close: at, children })));
            }
            _ => here.push(Node::Leaf(at)),
        }
    }
    open.is_empty().then_some(here)
}
