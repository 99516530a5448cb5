//! Which tokens touch. Most of it follows from the tokens; what does not (a call's parenthesis, a sign before
//! a number, `kind=inner`, the hyphen of an operator's name) is learnt from the tree.

use std::collections::{HashMap, HashSet};

use crate::span::Span;
use crate::syntax::SourceKind;
use crate::syntax::ast::{
    Expr, ExprKind, GraphPattern, Operator, OperatorKind, Script, Setting, SettingValue,
};
use crate::syntax::visit::{Visitor, walk_script};

use super::pieces::Piece;

/// Words whose parenthesis belongs to them although the tree has no call there.
const CALL_LIKE: &[&str] =
    &["dynamic", "typeof", "datatable", "externaldata", "external_data", "query_parameters", "view", "pack"];

/// Names with hyphens that stand inside an operator.
const HYPHENATED: &[(&str, &str)] = &[
    ("top", "nested"),
    ("granny", "asc"),
    ("granny", "desc"),
    ("partitioned", "by"),
    ("project", "smart"),
    ("project", "away"),
];

pub(super) struct Spacing {
    /// Per piece: whether it touches the one before it.
    touches: Vec<bool>,
    /// Numbers of the first pieces of `datatable` values, and the number of columns.
    pub(super) rows: HashMap<usize, usize>,
}

impl Spacing {
    pub(super) fn of(script: &Script, pieces: &[Piece<'_>]) -> Self {
        let mut learnt = Learnt::default();
        walk_script(script, &mut learnt);
        let mut touches = vec![false; pieces.len()];
        for span in &learnt.tight {
            let first = pieces.partition_point(|piece| piece.span.start <= span.start);
            let inside = pieces[first..].iter().take_while(|piece| piece.span.start <= span.end).count();
            touches[first..first + inside].fill(true);
        }
        let within = |span: &Span| {
            let first = pieces.partition_point(|piece| piece.span.start < span.start);
            first..first + pieces[first..].iter().take_while(|piece| piece.span.start < span.end).count()
        };
        for arrow in &learnt.arrows {
            within(arrow).skip(1).for_each(|at| touches[at] = true);
        }
        for at in learnt.renders.iter().flat_map(within) {
            touches[at] |= pieces[at].is_mark("=") || pieces[at - 1].is_mark("=");
        }
        let mut rows = HashMap::new();
        let mut json = JsonBraces::default();
        for at in 0..pieces.len() {
            let before = at.checked_sub(1).map(|before| &pieces[before]);
            let piece = &pieces[at];
            let in_json = json.step(before, piece);
            let Some(before) = before else { continue };
            touches[at] |= learnt.tight_after.contains(&before.span.end)
                || marks_touch(before, piece, in_json)
                || (piece.is_mark("(") && CALL_LIKE.contains(&before.text))
                || hyphenated(pieces, at)
                || unary_plus(pieces, at);
            if let Some(columns) = learnt.datatables.get(&piece.span.start) {
                rows.insert(at, *columns);
            }
        }
        Self { touches, rows }
    }

    /// Whether a blank stands before piece `at`.
    pub(super) fn blank_before(&self, at: usize) -> bool {
        at > 0 && !self.touches[at]
    }
}

fn marks_touch(before: &Piece<'_>, piece: &Piece<'_>, in_json: bool) -> bool {
    let mark =
        |piece: &Piece<'_>, marks: &[&str]| piece.kind == SourceKind::Mark && marks.contains(&piece.text);
    mark(before, &["(", "[", ".", "@"])
        || mark(piece, &[")", "]", ",", ";", ".", ":"])
        || (before.is_mark("{") && (in_json || piece.is_mark("}")))
        || (piece.is_mark("}") && in_json)
        || (before.is_mark("-") && in_json)
}

/// Keeps track of the braces inside `dynamic(…)`, which are written without blanks.
#[derive(Default)]
struct JsonBraces {
    depth: usize,
}

impl JsonBraces {
    /// Whether `piece` stands inside, its own brackets included.
    fn step(&mut self, before: Option<&Piece<'_>>, piece: &Piece<'_>) -> bool {
        let opens = piece.kind == SourceKind::Mark && matches!(piece.text, "(" | "[" | "{");
        let closes = piece.kind == SourceKind::Mark && matches!(piece.text, ")" | "]" | "}");
        let inside = self.depth > 0;
        if opens && (inside || before.is_some_and(|before| before.is_word("dynamic"))) {
            self.depth += 1;
        }
        if closes && inside {
            self.depth -= 1;
        }
        inside
    }
}

fn hyphenated(pieces: &[Piece<'_>], at: usize) -> bool {
    let pair = |hyphen: usize| {
        let (Some(left), Some(right)) =
            (hyphen.checked_sub(1).and_then(|at| pieces.get(at)), pieces.get(hyphen + 1))
        else {
            return false;
        };
        pieces[hyphen].is_mark("-")
            && left.span.end == pieces[hyphen].span.start
            && right.span.start == pieces[hyphen].span.end
            && HYPHENATED.contains(&(left.text, right.text))
    };
    pair(at) || at.checked_sub(1).is_some_and(pair)
}

/// The tree forgets `+x`; a plus is a sign where no operand stands before it.
fn unary_plus(pieces: &[Piece<'_>], at: usize) -> bool {
    let Some(plus) = at.checked_sub(1).filter(|plus| pieces[*plus].is_mark("+")) else { return false };
    let Some(before) = plus.checked_sub(1).map(|before| &pieces[before]) else { return true };
    match before.kind {
        SourceKind::Mark => !matches!(before.text, ")" | "]" | "}"),
        SourceKind::Word => matches!(before.text, "and" | "or" | "by" | "to" | "from" | "step"),
        _ => false,
    }
}

/// What only the tree knows.
#[derive(Default)]
struct Learnt {
    /// Ends of tokens that the next one touches.
    tight_after: HashSet<usize>,
    /// Tokens that begin behind the start and up to the end of one of these touch the one before.
    tight: Vec<Span>,
    /// Starts of the first values of a `datatable`, and the number of columns.
    datatables: HashMap<usize, usize>,
    /// Places of `-->`, whose signs touch one another but not their neighbours.
    arrows: Vec<Span>,
    /// Places of `render`, whose properties are written `title="x"`.
    renders: Vec<Span>,
}

impl Learnt {
    fn inside(&mut self, span: Span) {
        self.tight.push(Span::new(span.start, span.end.saturating_sub(1)));
    }
}

impl Visitor for Learnt {
    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Call { name, .. } => drop(self.tight_after.insert(name.span.end)),
            ExprKind::Member { base, .. } | ExprKind::Index { base, .. } => {
                self.tight_after.insert(base.span.end);
            }
            ExprKind::Wildcard(_) => self.inside(expr.span),
            ExprKind::Negate(inner) | ExprKind::Plus(inner) => {
                self.tight.push(Span::new(expr.span.start, inner.span.start))
            }
            ExprKind::Datatable { columns, values } => {
                if let (Some(first), false) = (values.first(), columns.is_empty()) {
                    self.datatables.insert(first.span.start, columns.len());
                }
            }
            _ => {}
        }
    }

    fn operator(&mut self, op: &Operator) {
        self.inside(op.name_span);
        match &op.kind {
            OperatorKind::MakeGraph(graph) => {
                self.arrows.push(Span::new(graph.source.span.end, graph.target.span.start));
            }
            OperatorKind::Render { .. } => self.renders.push(op.span),
            _ => {}
        }
    }

    fn setting(&mut self, setting: &Setting) {
        let value = match &setting.value {
            SettingValue::Word(word) => word.span,
            SettingValue::Expr(value) => value.span,
        };
        self.tight.push(Span::new(setting.name.span.start, value.start));
    }

    fn graph_pattern(&mut self, pattern: &GraphPattern) {
        self.inside(pattern.span);
    }
}
