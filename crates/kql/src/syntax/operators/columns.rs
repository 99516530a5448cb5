//! Operators over the columns and the order of rows: lists of columns, `summarize`, `join`, `sort`, `parse`,
//! `mv-expand`, `render`.

use crate::syntax::ast::{ExpandItem, Expr, Name, OperatorKind, ParsePart, SortKey};
use crate::syntax::lexer::TokenKind;
use crate::syntax::literal::string_value;
use crate::syntax::parser::Parser;

impl Parser<'_> {
    pub(super) fn reorder_items(&mut self) -> Vec<(Expr, Option<Name>)> {
        self.list(|parser| {
            let item = parser.assignment();
            let start = parser.span();
            let mut order = None;
            for word in ["asc", "desc"] {
                if parser.eat_word(word) {
                    order = Some(Name { text: word.to_owned(), span: start });
                }
            }
            if parser.at_word("granny") && parser.ahead_mark(1, "-") {
                let text = format!("granny-{}", parser.text_of(parser.ahead(2)));
                parser.skip(3);
                order = Some(Name { text, span: parser.span_from(start) });
            }
            (item, order)
        })
    }

    pub(super) fn summarize(&mut self) -> OperatorKind {
        self.hints();
        let empty =
            self.at_word("by") || self.at_end() || ["|", ";", ")", "}"].iter().any(|mark| self.at_mark(mark));
        let aggregates = if empty { Vec::new() } else { self.list(Self::assignment) };
        let by = if self.eat_word("by") { self.list(Self::assignment) } else { Vec::new() };
        OperatorKind::Summarize { aggregates, by }
    }

    pub(super) fn join(&mut self, lookup: bool) -> OperatorKind {
        let settings = self.settings_of(if lookup { "lookup" } else { "join" });
        let right = Box::new(self.scalar());
        let on = if self.eat_word("on") {
            self.list(Self::scalar)
        } else if self.eat_word("where") {
            vec![self.scalar()]
        } else {
            Vec::new()
        };
        OperatorKind::Join { lookup, settings, right, on }
    }

    pub(super) fn sort_key(&mut self) -> SortKey {
        let value = self.assignment();
        let ascending = self.eat_word("asc");
        if !ascending {
            self.eat_word("desc");
        }
        let nulls_first = if self.eat_word("nulls") {
            let first = self.at_word("first");
            let known = self.eat_word("first") || self.eat_word("last");
            if !known {
                self.expected("`first` or `last`");
            }
            Some(first)
        } else {
            None
        };
        SortKey { value, ascending, nulls_first }
    }

    pub(super) fn top(&mut self) -> OperatorKind {
        self.hints();
        let count = self.scalar();
        self.expect_word("by");
        OperatorKind::Top { count, by: self.list(Self::sort_key) }
    }

    pub(super) fn parse_operator(&mut self, filter: bool) -> OperatorKind {
        let settings = self.settings_of("parse");
        let source = self.scalar();
        self.expect_word("with");
        let mut pattern = Vec::new();
        loop {
            let token = self.token();
            match token.kind {
                TokenKind::String => {
                    pattern.push(ParsePart::Text(string_value(self.current())));
                    self.bump();
                }
                TokenKind::Punct if self.at_mark("*") => {
                    pattern.push(ParsePart::Star);
                    self.bump();
                }
                TokenKind::Word | TokenKind::Punct if token.kind == TokenKind::Word || self.at_mark("[") => {
                    // without a name nothing was taken, and the pattern ends here
                    match self.parse_column() {
                        Some(column) => pattern.push(column),
                        None => break,
                    }
                }
                _ => break,
            }
        }
        if pattern.is_empty() {
            self.expected("a pattern");
        }
        OperatorKind::Parse { settings, source, pattern, filter }
    }

    pub(super) fn parse_column(&mut self) -> Option<ParsePart> {
        let name = self.new_name("a column name")?;
        let ty = if self.eat(":") { self.type_name() } else { None };
        Some(ParsePart::Column { name, ty })
    }

    pub(super) fn parse_kv(&mut self) -> OperatorKind {
        let source = self.scalar();
        self.expect_word("as");
        let columns = self.columns();
        OperatorKind::ParseKv { source, columns, settings: self.with_properties() }
    }

    pub(super) fn expand_items(&mut self) -> Vec<ExpandItem> {
        self.list(|parser| {
            let value = parser.assignment();
            let ty = if parser.at_word("to") && parser.ahead_word(1, "typeof") {
                parser.skip(2);
                parser.expect("(");
                let ty = parser.type_name();
                parser.expect(")");
                ty
            } else {
                None
            };
            ExpandItem { value, ty }
        })
    }

    pub(super) fn row_limit(&mut self) -> Option<Expr> {
        self.eat_word("limit").then(|| self.scalar())
    }

    pub(super) fn mv_expand(&mut self, legacy: bool) -> OperatorKind {
        let settings = self.settings_of("mv-expand");
        let items = self.expand_items();
        OperatorKind::MvExpand { settings, items, limit: self.row_limit(), legacy }
    }

    pub(super) fn render(&mut self) -> OperatorKind {
        let visualization = self.name("a chart kind").map(|name| name.text).unwrap_or_default();
        let mut properties = Vec::new();
        if !self.at_word("with") {
            self.render_properties(false, &mut properties);
        }
        if self.eat_word("with") {
            self.expect("(");
            self.render_properties(true, &mut properties);
            self.expect(")");
        }
        OperatorKind::Render { visualization, properties }
    }

    /// `title = 'x', ycolumns = a, b`; lists of columns stand only in brackets.
    fn render_properties(&mut self, bracketed: bool, properties: &mut Vec<(String, String)>) {
        while self.token().kind == TokenKind::Word && self.ahead_mark(1, "=") {
            let key = self.current().to_owned();
            self.skip(2);
            let start = self.at;
            let value = match self.token().kind {
                TokenKind::String => string_value(self.current()),
                _ => String::new(),
            };
            self.scalar();
            while bracketed && self.at_mark(",") && !self.ahead_mark(2, "=") {
                self.bump();
                self.scalar();
            }
            let value = if value.is_empty() { self.text_since(start) } else { value };
            properties.push((key, value));
            if !self.eat(",") && bracketed {
                break;
            }
        }
    }

    pub(super) fn range(&mut self) -> OperatorKind {
        let Some(name) = self.new_value_name("a column name") else { return OperatorKind::Error };
        self.expect_word("from");
        let start = self.scalar();
        self.expect_word("to");
        let stop = self.scalar();
        self.expect_word("step");
        OperatorKind::Range { name, start, stop, step: self.scalar() }
    }

    pub(super) fn evaluate(&mut self) -> OperatorKind {
        let settings = self.hints();
        let call = self.scalar();
        let schema = if self.eat(":") {
            self.expect("(");
            let mut open = false;
            let mut columns = Vec::new();
            while !self.at_end() && !self.at_mark(")") {
                if self.eat("*") {
                    open = true;
                } else {
                    match self.column_decl() {
                        Some(column) => columns.push(column),
                        None => self.recover(),
                    }
                }
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")");
            Some((open, columns))
        } else {
            None
        };
        OperatorKind::Evaluate { settings, call, schema }
    }
}
