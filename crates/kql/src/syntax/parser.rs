//! The parser's core: the token cursor, expectations and recovery. The grammar is spread over
//! `statements.rs`, `operators.rs` and `expression.rs`.
//!
//! The parser always ends and always gives a tree. Depth is limited by [`DEPTH_MAX`]; text behind a mistake
//! is skipped to the next `|`, `;` or closing bracket of the same nesting.

use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::ast::{Name, Parameter, Script};
use crate::syntax::lexer::{Token, TokenKind, tokenize};
use crate::syntax::literal::string_value;
use crate::syntax::{Errors, codes, reserved};

/// Nested brackets, chained operators and the like one inside the other. Real queries stay below 40.
const DEPTH_MAX: usize = 250;

/// Parses a whole query.
pub(crate) fn parse(text: &str, errors: &mut Errors) -> Script {
    let mut parser = Parser::new(text, errors);
    parser.script(None)
}

/// Parses a saved function's parameter list and body. Places are relative to the two texts.
pub(crate) fn parse_function(
    parameters: &str,
    body: &str,
) -> Result<(Vec<Parameter>, Script), Vec<Diagnostic>> {
    let mut errors = Errors::default();
    let mut parser = Parser::new(parameters, &mut errors);
    let parameters = if parser.at_end() { Vec::new() } else { parser.parameters() };
    let script = Parser::new(body, &mut errors).script(None);
    if errors.any() { Err(errors.into_sorted()) } else { Ok((parameters, script)) }
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) errors: &'a mut Errors,
    depth: usize,
    /// Names may hold `*`, as in `project-away` and `union`; elsewhere that is a product.
    pub(super) patterns: bool,
    /// `column: 'text'` is a term, as in `search` and `find`.
    pub(super) search_terms: bool,
    /// The depth limit was hit: everything unwinds without further reports.
    exhausted: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, errors: &'a mut Errors) -> Self {
        let tokens = tokenize(text, errors);
        Self { text, tokens, at: 0, errors, depth: 0, patterns: false, search_terms: false, exhausted: false }
    }

    pub(super) fn token(&self) -> Token {
        self.tokens[self.at]
    }

    pub(super) fn ahead(&self, count: usize) -> Token {
        self.tokens[(self.at + count).min(self.tokens.len() - 1)]
    }

    pub(super) fn text_of(&self, token: Token) -> &'a str {
        let span = token.span();
        &self.text[span.start..span.end]
    }

    /// The tokens from `start` up to here, with spaces only where words would run together: the same text, however
    /// the query is laid out.
    pub(super) fn text_since(&self, start: usize) -> String {
        let mut out = String::new();
        for token in &self.tokens[start.min(self.at)..self.at] {
            let text = self.text_of(*token);
            let letter = |c: char| c.is_alphanumeric() || c == '_';
            if out.ends_with(letter) && text.starts_with(letter) || out.ends_with(',') {
                out.push(' ');
            }
            out.push_str(text);
        }
        out
    }

    pub(super) fn current(&self) -> &'a str {
        self.text_of(self.token())
    }

    pub(super) fn span(&self) -> Span {
        self.token().span()
    }

    /// From `start` to the end of the last token taken.
    pub(super) fn span_from(&self, start: Span) -> Span {
        let end = if self.at == 0 { start.end } else { self.tokens[self.at - 1].span().end };
        Span::new(start.start, end.max(start.start))
    }

    pub(super) fn at_end(&self) -> bool {
        self.token().kind == TokenKind::End
    }

    pub(super) fn bump(&mut self) -> Token {
        let token = self.token();
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        token
    }

    /// Takes that many tokens; the end of the text stays.
    pub(super) fn skip(&mut self, count: usize) {
        self.at = (self.at + count).min(self.tokens.len() - 1);
    }

    pub(super) fn at_mark(&self, mark: &str) -> bool {
        self.token().kind == TokenKind::Punct && self.current() == mark
    }

    pub(super) fn ahead_mark(&self, count: usize, mark: &str) -> bool {
        let token = self.ahead(count);
        token.kind == TokenKind::Punct && self.text_of(token) == mark
    }

    pub(super) fn eat(&mut self, mark: &str) -> bool {
        let found = self.at_mark(mark);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.token().kind == TokenKind::Word && self.current() == word
    }

    pub(super) fn ahead_word(&self, count: usize, word: &str) -> bool {
        let token = self.ahead(count);
        token.kind == TokenKind::Word && self.text_of(token) == word
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.bump();
        }
        found
    }

    /// Takes `mark` or reports that it is missing.
    pub(super) fn expect(&mut self, mark: &str) -> bool {
        let found = self.eat(mark);
        if !found {
            self.expected(&format!("`{mark}`"));
        }
        found
    }

    /// Reports that `what` should stand here.
    pub(super) fn expected(&mut self, what: &str) {
        if self.exhausted {
            return;
        }
        let message = match self.token().kind {
            TokenKind::End => format!("expected {what}, but the query ends here"),
            _ => format!("expected {what}, found `{}`", self.current().chars().take(40).collect::<String>()),
        };
        self.errors.error(codes::EXPECTED, self.span(), message);
    }

    /// A name: a word, or `['…']`.
    pub(super) fn name(&mut self, what: &str) -> Option<Name> {
        let span = self.span();
        if self.token().kind == TokenKind::Word && !self.current().starts_with('!') {
            let text = self.current().to_owned();
            self.bump();
            return Some(Name { text, span });
        }
        if let Some(length) = self.bracketed(0) {
            let texts = (1..length - 1).map(|at| string_value(self.text_of(self.ahead(at))));
            let text = texts.collect();
            self.skip(length);
            return Some(Name { text, span: self.span_from(span) });
        }
        self.expected(what);
        None
    }

    /// How many tokens a name in brackets has that starts `from` tokens ahead: strings side by side are one, as
    /// everywhere.
    pub(super) fn bracketed(&self, from: usize) -> Option<usize> {
        if !self.ahead_mark(from, "[") {
            return None;
        }
        let strings = (from + 1..).take_while(|at| self.ahead(*at).kind == TokenKind::String).count();
        (strings > 0 && self.ahead_mark(from + 1 + strings, "]")).then_some(strings + 2)
    }

    /// The name of a new column or parameter, see [`reserved`].
    pub(super) fn new_name(&mut self, what: &str) -> Option<Name> {
        self.refuse_reserved(reserved::names_column);
        self.name(what)
    }

    /// The name of a new `let` value or table, which other places read by it.
    pub(super) fn new_value_name(&mut self, what: &str) -> Option<Name> {
        self.refuse_reserved(|word| reserved::names_column(word) && reserved::names_value(word));
        self.name(what)
    }

    /// Reports a word here that is no name without brackets.
    pub(super) fn refuse_reserved(&mut self, names: impl Fn(&str) -> bool) {
        let word = self.current();
        if self.token().kind != TokenKind::Word || names(word) || self.exhausted {
            return;
        }
        let message = format!("`{word}` is a word of the language, and no name without brackets");
        let hint = Some(format!("write ['{word}']"));
        self.errors.error_with_hint(codes::EXPECTED, self.span(), message, hint);
    }

    /// Whether `first` and the token after it touch, as the parts of `project-away` do.
    pub(super) fn touches(&self, first: usize) -> bool {
        self.ahead(first).span().end == self.ahead(first + 1).span().start
    }

    /// Runs `inner` one level deeper, or gives up with a report when the text is nested too deeply.
    pub(super) fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> T,
        otherwise: impl FnOnce(Span) -> T,
    ) -> T {
        if self.depth >= DEPTH_MAX {
            self.give_up();
            return otherwise(self.span());
        }
        self.depth += 1;
        let out = inner(self);
        self.depth -= 1;
        out
    }

    /// Reports that the text is nested too deeply and ends the parse.
    pub(super) fn give_up(&mut self) {
        if !self.exhausted {
            let message = format!("the query is nested more than {DEPTH_MAX} levels deep");
            self.errors.error(codes::TOO_DEEP, self.span(), message);
            self.exhausted = true;
        }
        self.at = self.tokens.len() - 1;
    }

    /// Whether a chain of `length` left-associative operators makes the tree too deep.
    pub(super) fn chain_too_long(&mut self, length: usize) -> bool {
        let too_long = length + self.depth > DEPTH_MAX;
        if too_long {
            self.give_up();
        }
        too_long
    }

    /// Skips to the next `|`, `;` or closing bracket outside of inner brackets.
    pub(super) fn recover(&mut self) {
        self.skip_to(&["|", ";"]);
    }

    /// Like [`Parser::recover`], but also stops at a comma.
    pub(super) fn recover_in_list(&mut self) {
        self.skip_to(&["|", ";", ","]);
    }

    fn skip_to(&mut self, stops: &[&str]) {
        let mut open = 0_usize;
        while !self.at_end() {
            if self.token().kind == TokenKind::Punct {
                match self.current() {
                    "(" | "[" | "{" => open += 1,
                    ")" | "]" | "}" if open == 0 => return,
                    ")" | "]" | "}" => open -= 1,
                    mark if open == 0 && stops.contains(&mark) => return,
                    _ => {}
                }
            }
            self.bump();
        }
    }

    /// Runs `inner` where names may hold `*`.
    pub(super) fn with_patterns<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.patterns, true);
        let out = inner(self);
        self.patterns = outer;
        out
    }

    /// Parses `item, item, …` with `item` called at least once. A mistake inside one item does not hide
    /// those in the next.
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        loop {
            let before = self.errors.error_count();
            items.push(item(self));
            if self.errors.error_count() > before {
                self.recover_in_list();
            }
            if !self.eat(",") {
                return items;
            }
        }
    }
}
