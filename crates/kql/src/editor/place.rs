//! What kind of place the cursor stands at, read from the tokens before it. Tokens are there however broken
//! the text is.

use crate::operators;
use crate::span::Span;
use crate::syntax::{SourceKind, source_tokens};

/// What may stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing is offered: inside a string, a comment or a number, or behind a dot.
    Nothing,
    /// The start of a statement, or of a table in parentheses.
    Start { statement: bool },
    /// Behind `|`.
    Operator,
    /// Behind `evaluate`.
    Plugin,
    /// Behind `hint.`.
    Hint,
    /// Behind `kind=` and the like.
    Value { operator: String, setting: String },
    /// Behind an operand. `said`: the clause words that are there already and come once.
    Infix { operator: String, said: Vec<String> },
    /// Behind `$left.` of a join: a column of the rows so far.
    LeftColumn,
    /// Behind `$right.` of a join: a column of the other table, which is written at `table`; the statement
    /// that the join belongs to begins at `statement`.
    RightColumn { statement: usize, table: Span },
    /// Behind `on` of a join, where a key is wanted.
    Key,
    /// Where an operand is wanted. `first`: right behind the operator's name, where settings stand too.
    Operand { operator: String, first: bool, aggregates: bool },
}

/// The cursor: its place, and the word it stands in or behind.
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) place: Place,
    pub(super) word: Span,
}

struct Token<'a> {
    kind: SourceKind,
    text: &'a str,
    span: Span,
}

impl Token<'_> {
    fn is_mark(&self, mark: &str) -> bool {
        self.kind == SourceKind::Mark && self.text == mark
    }

    fn is_word(&self, word: &str) -> bool {
        self.kind == SourceKind::Word && self.text == word
    }

    fn opens(&self) -> bool {
        self.kind == SourceKind::Mark && matches!(self.text, "(" | "[" | "{")
    }

    fn closes(&self) -> bool {
        self.kind == SourceKind::Mark && matches!(self.text, ")" | "]" | "}")
    }
}

/// Words behind which an operand is wanted.
const OPENING_WORDS: &[&str] = &[
    "and",
    "or",
    "by",
    "on",
    "of",
    "with",
    "from",
    "to",
    "step",
    "where",
    "project",
    "limit",
    "in",
    "has",
    "contains",
    "startswith",
    "endswith",
    "between",
    "regex",
    "like",
    "matches",
    "has_any",
    "has_all",
    "hasprefix",
    "hassuffix",
    "default",
    "has_cs",
    "contains_cs",
    "startswith_cs",
    "endswith_cs",
];

/// Words whose parenthesis holds a table.
const TABLE_WORDS: &[&str] = &["join", "lookup", "union", "in", "toscalar", "materialize", "view"];

/// Reads the place of `offset`.
pub(super) fn place(text: &str, offset: usize) -> Cursor {
    let nowhere = Cursor { place: Place::Nothing, word: Span::new(offset, offset) };
    let mut before: Vec<Token<'_>> = Vec::new();
    let mut word = Span::new(offset, offset);
    for token in source_tokens(text) {
        if token.span.start >= offset {
            break;
        }
        let body = &text[token.span.start..token.span.end];
        let reaches = token.span.end >= offset;
        match token.kind {
            SourceKind::Space => {}
            SourceKind::Comment if reaches => return nowhere,
            SourceKind::Comment => {}
            SourceKind::String if reaches && (token.span.end > offset || !is_closed(body)) => return nowhere,
            SourceKind::Number | SourceKind::Timespan | SourceKind::Typed if reaches => return nowhere,
            SourceKind::Word if reaches => word = token.span,
            kind => before.push(Token { kind, text: body, span: token.span }),
        }
    }
    let start = hyphenated_start(&before, word);
    if let Some(start) = start {
        before.truncate(start);
        word = Span::new(
            text[..word.start]
                .rfind(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_'))
                .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8)),
            word.end,
        );
    }
    Cursor { place: place_behind(&before), word }
}

fn is_closed(string: &str) -> bool {
    let body = string.trim_start_matches(['h', 'H', '@']);
    body.len() > 1 && body.chars().next() == body.chars().last()
}

/// Where the tokens of an operator's name with hyphens begin, when the word is the end of one.
fn hyphenated_start(before: &[Token<'_>], word: Span) -> Option<usize> {
    let mut start = before.len();
    let mut at = word.start;
    while let Some([name, hyphen]) = start.checked_sub(2).and_then(|from| before.get(from..start)) {
        if !(hyphen.is_mark("-") && hyphen.span.end == at && name.span.end == hyphen.span.start) {
            break;
        }
        at = name.span.start;
        start -= 2;
    }
    let behind_pipe =
        start.checked_sub(1).is_some_and(|at| before[at].is_mark("|") || before[at].is_mark("("));
    (start < before.len() && behind_pipe).then_some(start)
}

fn place_behind(before: &[Token<'_>]) -> Place {
    let Some(last) = before.last() else { return Place::Start { statement: true } };
    if last.is_mark("|") {
        return Place::Operator;
    }
    if last.is_mark(";") || last.is_mark("{") {
        return Place::Start { statement: true };
    }
    if last.is_mark(".") {
        return behind_dot(&before[..before.len() - 1]);
    }
    let segment = Segment::around(before);
    if let Some(place) = behind_bracket(before, &segment).filter(|_| last.is_mark("(")) {
        return place;
    }
    if last.is_mark("=") {
        let setting = before.len().checked_sub(2).map(|at| before[at].text.to_owned()).unwrap_or_default();
        let declared = operators::lookup(&segment.operator)
            .is_some_and(|operator| operator.settings.iter().any(|known| known.name == setting));
        if declared {
            return Place::Value { operator: segment.operator, setting };
        }
        if segment.operator == "let" {
            return Place::Start { statement: false };
        }
    }
    if last.is_word("evaluate") {
        return Place::Plugin;
    }
    let first = segment.name_end == before.len() && !segment.operator.is_empty();
    let operand_before = match last.kind {
        SourceKind::Mark => last.closes(),
        SourceKind::Word => !first && !OPENING_WORDS.contains(&last.text.trim_start_matches('!')),
        _ => true,
    };
    if operand_before {
        let said = segment.said(before);
        return Place::Infix { operator: segment.operator, said };
    }
    if segment.depth == 0 && segment.takes_keys(before) {
        return Place::Key;
    }
    let aggregates = segment.takes_aggregates(before);
    Place::Operand { operator: segment.operator, first, aggregates }
}

/// Behind a dot, whose left side ends with the last of `before`.
fn behind_dot(before: &[Token<'_>]) -> Place {
    match before.last() {
        Some(word) if word.is_word("hint") => Place::Hint,
        Some(word) if word.is_word("$left") => Place::LeftColumn,
        Some(word) if word.is_word("$right") => match joined_table(before) {
            Some(table) => Place::RightColumn { statement: statement_start(before), table },
            None => Place::Nothing,
        },
        _ => Place::Nothing,
    }
}

/// The table in front of the last `on`: a name, or what stands in parentheses.
fn joined_table(before: &[Token<'_>]) -> Option<Span> {
    let on = before.iter().rposition(|token| token.is_word("on"))?;
    let last = &before[on.checked_sub(1)?];
    if !last.is_mark(")") {
        return (last.kind == SourceKind::Word).then_some(last.span);
    }
    let mut open = 0_usize;
    for token in before[..on].iter().rev() {
        if token.closes() {
            open += 1;
        } else if token.opens() {
            open = open.checked_sub(1)?;
            if open == 0 {
                return Some(Span::new(token.span.end, last.span.start));
            }
        }
    }
    None
}

/// Where the statement that the last token belongs to begins.
fn statement_start(before: &[Token<'_>]) -> usize {
    let (mut depth, mut start) = (0_usize, 0);
    for token in before {
        if token.opens() {
            depth += 1;
        } else if token.closes() {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is_mark(";") {
            start = token.span.end;
        }
    }
    start
}

/// Right behind an opening parenthesis.
fn behind_bracket(before: &[Token<'_>], segment: &Segment) -> Option<Place> {
    let word = before.len().checked_sub(2).map(|at| &before[at])?;
    let joins = matches!(segment.operator.as_str(), "join" | "lookup" | "union");
    let of_operator = segment.depth == 1;
    if (joins && of_operator) || TABLE_WORDS.contains(&word.text) {
        return Some(Place::Start { statement: false });
    }
    let nests = match segment.operator.as_str() {
        "mv-apply" => word.is_word("on"),
        "facet" => word.is_word("with"),
        "fork" | "partition" => of_operator,
        _ => false,
    };
    nests.then_some(Place::Operator)
}

/// The operator around the cursor.
struct Segment {
    operator: String,
    /// Number of tokens up to the end of the operator's name.
    name_end: usize,
    /// Brackets open between the operator and the cursor.
    depth: usize,
}

impl Segment {
    fn around(before: &[Token<'_>]) -> Self {
        let (mut closed, mut depth) = (0_usize, 0);
        let mut start = 0;
        for (at, token) in before.iter().enumerate().rev() {
            if token.closes() {
                closed += 1;
            } else if token.opens() {
                match closed.checked_sub(1) {
                    Some(rest) => closed = rest,
                    // a subquery's parenthesis is where its first operator begins
                    None if starts_operator(before, at + 1) => {
                        start = at + 1;
                        break;
                    }
                    None => depth += 1,
                }
            } else if closed == 0 && (token.is_mark("|") || token.is_mark(";")) {
                start = at + 1;
                break;
            }
        }
        let mut name = String::new();
        let mut end = start;
        while let Some(token) =
            before.get(end).filter(|token| token.kind == SourceKind::Word || token.is_mark("-"))
        {
            let longer = format!("{name}{}", token.text);
            if !operators::names().any(|known| known.starts_with(&longer)) && longer != "let" {
                break;
            }
            name = longer;
            end += 1;
        }
        let known = operators::lookup(&name).is_some() || name == "let";
        Self { operator: if known { name } else { String::new() }, name_end: end, depth }
    }

    /// The words behind the operator's name that come only once in it.
    fn said(&self, before: &[Token<'_>]) -> Vec<String> {
        let words = before[self.name_end.min(before.len())..].iter();
        let once = words.filter(|token| {
            token.kind == SourceKind::Word
                && matches!(token.text, "by" | "on" | "with" | "from" | "to" | "step" | "of")
        });
        once.map(|token| token.text.to_owned()).collect()
    }

    /// Whether keys of a join are listed here.
    fn takes_keys(&self, before: &[Token<'_>]) -> bool {
        matches!(self.operator.as_str(), "join" | "lookup")
            && before[self.name_end.min(before.len())..].iter().any(|token| token.is_word("on"))
    }

    /// Whether aggregates may be called here: in `summarize` before `by` and the like.
    fn takes_aggregates(&self, before: &[Token<'_>]) -> bool {
        let said =
            |word: &str| before[self.name_end.min(before.len())..].iter().any(|token| token.is_word(word));
        match self.operator.as_str() {
            "summarize" => !said("by"),
            "make-series" => !said("on"),
            "top-nested" => said("by"),
            _ => false,
        }
    }
}

fn starts_operator(before: &[Token<'_>], at: usize) -> bool {
    before.get(at).is_some_and(|token| {
        token.kind == SourceKind::Word
            && operators::lookup(token.text).is_some()
            && !before.get(at + 1).is_some_and(|next| next.is_mark("("))
    })
}
