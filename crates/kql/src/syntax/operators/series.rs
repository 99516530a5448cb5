//! `make-series`, `top-nested`, `top-hitters`, `reduce`.

use crate::syntax::ast::{Expr, ExprKind, OperatorKind, SeriesItem, SeriesRange, TopNestedLevel};
use crate::syntax::lexer::TokenKind;
use crate::syntax::parser::Parser;

impl Parser<'_> {
    pub(super) fn make_series(&mut self) -> OperatorKind {
        let settings = self.settings_of("make-series");
        let aggregates = self.list(|parser| {
            let value = parser.assignment();
            let given = parser.at_word("default") && parser.ahead_mark(1, "=");
            if given {
                parser.skip(2);
            }
            SeriesItem { value, default: given.then(|| parser.scalar()) }
        });
        self.expect_word("on");
        let axis = Box::new(self.axis());
        let range = Box::new(if self.eat_word("in") { self.range_call() } else { self.range_clauses() });
        let by = if self.eat_word("by") { self.list(Self::assignment) } else { Vec::new() };
        OperatorKind::MakeSeries { settings, aggregates, axis, range, by }
    }

    /// The axis of a series. A following `in range(…)` is not a list operator here.
    fn axis(&mut self) -> Expr {
        let start = self.span();
        if self.token().kind != TokenKind::Word || !self.ahead_mark(1, "=") {
            return self.additive();
        }
        let names = self.name("a column name").into_iter().collect();
        self.bump();
        let value = Box::new(self.additive());
        Expr { kind: ExprKind::Assign { names, tuple: false, value }, span: self.span_from(start) }
    }

    /// `range(from, to, step)`, the older form.
    fn range_call(&mut self) -> SeriesRange {
        let (mut from, mut to, mut step) = (None, None, None);
        self.expect_word("range");
        self.expect("(");
        from.replace(self.scalar());
        if self.expect(",") {
            to.replace(self.scalar());
        }
        if self.expect(",") {
            step.replace(self.scalar());
        }
        self.expect(")");
        SeriesRange { from, to, step, legacy: true }
    }

    /// `from a to b step c`, of which each may be missing for the parser; the binder wants a step.
    fn range_clauses(&mut self) -> SeriesRange {
        let from = self.eat_word("from").then(|| self.scalar());
        let to = self.eat_word("to").then(|| self.scalar());
        let step = self.eat_word("step").then(|| self.scalar());
        SeriesRange { from, to, step, legacy: false }
    }

    pub(super) fn top_nested(&mut self) -> Vec<TopNestedLevel> {
        let mut levels = Vec::new();
        loop {
            levels.push(self.top_nested_level());
            let more = self.at_mark(",") && self.ahead_word(1, "top") && self.ahead_mark(2, "-");
            if !more {
                return levels;
            }
            // `, top-nested`: the name is four tokens with its comma
            self.skip(4);
        }
    }

    fn top_nested_level(&mut self) -> TopNestedLevel {
        let count = (!self.at_word("of")).then(|| self.scalar());
        self.expect_word("of");
        let of = self.assignment();
        let others =
            (self.eat_word("with") && self.expect_word("others") && self.expect("=")).then(|| self.scalar());
        self.expect_word("by");
        let by = self.assignment();
        let ascending = self.eat_word("asc");
        if !ascending {
            self.eat_word("desc");
        }
        TopNestedLevel { count, of, others, by, ascending }
    }

    pub(super) fn top_hitters(&mut self) -> OperatorKind {
        let count = self.scalar();
        self.expect_word("of");
        let of = self.assignment();
        let by = self.eat_word("by").then(|| self.scalar());
        OperatorKind::TopHitters { count, of, by }
    }

    /// `reduce kind=source by x with threshold=0.1, characters='-'`.
    pub(super) fn reduce(&mut self) -> OperatorKind {
        let mut settings = self.settings_of("reduce");
        self.expect_word("by");
        let by = self.scalar();
        if self.eat_word("with") {
            loop {
                settings.extend(self.property());
                // the comma between two properties is often left out
                let more = self.eat(",") || (self.token().kind == TokenKind::Word && self.ahead_mark(1, "="));
                if !more {
                    break;
                }
            }
        }
        OperatorKind::Reduce { settings, by }
    }
}
