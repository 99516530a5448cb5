//! Expressions. Precedence, loosest first: `|`, `or`, `and`, equality with lists and ranges, order, `+ -`,
//! `* / %`, string operators, sign, then paths and calls. Equality, order and string operators do not chain
//! among their own kind: `1 < 2 == true` is a comparison of a comparison, `1 < 2 < 3` is none.

use bartizan_base::Timespan;
use bartizan_schema::KqlType;

use crate::bound::Literal;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Name};
use crate::syntax::codes;
use crate::syntax::lexer::TokenKind;
use crate::syntax::literal::{long_value, string_value, time_of_day, timespan_value, typed_value};
use crate::syntax::parser::Parser;
use crate::syntax::reserved;

/// Operators of one strength: as written, and the canonical name.
type Operators = &'static [(&'static str, &'static str)];

/// `<>` is `!=`.
const EQUALITY: Operators = &[("==", "=="), ("!=", "!="), ("<>", "!=")];

const ORDER: Operators = &[("<=", "<="), (">=", ">="), ("<", "<"), (">", ">")];

/// Operators on texts with one right operand, most of them words.
const STRING_OPERATORS: Operators = &[
    ("=~", "=~"),
    ("!~", "!~"),
    ("has", "has"),
    ("!has", "!has"),
    ("has_cs", "has_cs"),
    ("!has_cs", "!has_cs"),
    ("hasprefix", "hasprefix"),
    ("!hasprefix", "!hasprefix"),
    ("hasprefix_cs", "hasprefix_cs"),
    ("!hasprefix_cs", "!hasprefix_cs"),
    ("hassuffix", "hassuffix"),
    ("!hassuffix", "!hassuffix"),
    ("hassuffix_cs", "hassuffix_cs"),
    ("!hassuffix_cs", "!hassuffix_cs"),
    ("contains", "contains"),
    ("!contains", "!contains"),
    ("notcontains", "!contains"),
    ("contains_cs", "contains_cs"),
    ("containscs", "contains_cs"),
    ("!contains_cs", "!contains_cs"),
    ("notcontainscs", "!contains_cs"),
    ("startswith", "startswith"),
    ("!startswith", "!startswith"),
    ("startswith_cs", "startswith_cs"),
    ("!startswith_cs", "!startswith_cs"),
    ("endswith", "endswith"),
    ("!endswith", "!endswith"),
    ("endswith_cs", "endswith_cs"),
    ("!endswith_cs", "!endswith_cs"),
    ("like", "like"),
    ("notlike", "notlike"),
    ("likecs", "likecs"),
    ("notlikecs", "notlikecs"),
];

/// Operators whose right side is a list in parentheses.
const LIST_OPERATORS: &[&str] = &["in", "!in", "in~", "!in~", "has_any", "has_all"];

impl Parser<'_> {
    /// An expression with its pipeline: a statement, a `let` value, an argument, the inside of parentheses.
    pub(super) fn expression(&mut self) -> Expr {
        self.deeper(Self::pipeline, Expr::error)
    }

    /// An expression without a pipeline.
    pub(super) fn scalar(&mut self) -> Expr {
        self.deeper(|parser| parser.logic("or"), Expr::error)
    }

    /// `name = value`, `(a, b) = value` or a bare expression.
    pub(super) fn assignment(&mut self) -> Expr {
        self.assignment_of(Self::scalar)
    }

    fn assignment_of(&mut self, value: impl Fn(&mut Self) -> Expr) -> Expr {
        let start = self.span();
        let single = (self.token().kind == TokenKind::Word && self.ahead_mark(1, "="))
            || self.bracketed(0).is_some_and(|length| self.ahead_mark(length, "="));
        if single {
            let names = self.new_name("a column name").into_iter().collect();
            self.bump();
            return self.assigned(start, names, false, value);
        }
        if self.at_mark("(") && self.at_tuple() {
            self.bump();
            let mut names = Vec::new();
            while let Some(name) = self.new_name("a column name") {
                names.push(name);
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")");
            self.expect("=");
            return self.assigned(start, names, true, value);
        }
        value(self)
    }

    fn assigned(
        &mut self,
        start: Span,
        names: Vec<Name>,
        tuple: bool,
        value: impl Fn(&mut Self) -> Expr,
    ) -> Expr {
        let value = Box::new(value(self));
        Expr { kind: ExprKind::Assign { names, tuple, value }, span: self.span_from(start) }
    }

    /// Whether a parenthesised list of names followed by `=` starts here.
    fn at_tuple(&self) -> bool {
        let mut ahead = 1;
        loop {
            if self.ahead(ahead).kind != TokenKind::Word {
                return false;
            }
            ahead += 1;
            if self.ahead_mark(ahead, ")") {
                return self.ahead_mark(ahead + 1, "=");
            }
            if !self.ahead_mark(ahead, ",") {
                return false;
            }
            ahead += 1;
        }
    }

    /// `a or b or c`, or the same with `and`.
    fn logic(&mut self, op: &'static str) -> Expr {
        let start = self.span();
        let next = |parser: &mut Self| if op == "or" { parser.logic("and") } else { parser.comparison() };
        let first = next(self);
        if !self.at_word(op) {
            return first;
        }
        let mut terms = vec![first];
        while self.eat_word(op) {
            terms.push(next(self));
        }
        Expr { kind: ExprKind::Logic { op, terms }, span: self.span_from(start) }
    }

    /// `a == b`, `a in (…)` or `a between (…)`.
    fn comparison(&mut self) -> Expr {
        let start = self.span();
        let left = self.pair(EQUALITY, Self::ordered);
        if self.token().kind != TokenKind::Word
            || matches!(left.kind, ExprKind::Binary { op: "==" | "!=", .. })
        {
            return left;
        }
        let text = self.current();
        if let Some(op) = LIST_OPERATORS.iter().find(|word| **word == text) {
            self.bump();
            let list = self.operand_list();
            let kind = ExprKind::Membership { op, value: Box::new(left), list };
            return Expr { kind, span: self.span_from(start) };
        }
        if text == "between" || text == "!between" {
            self.bump();
            return self.between(start, left, text == "!between");
        }
        left
    }

    /// `a < b`.
    fn ordered(&mut self) -> Expr {
        self.pair(ORDER, Self::additive)
    }

    /// `a has b` and its like.
    fn text_operation(&mut self) -> Expr {
        let start = self.span();
        let left = self.signed();
        let op = if self.search_terms && self.eat(":") {
            ":"
        } else if self.at_word("matches") && self.ahead_word(1, "regex") {
            self.at += 2;
            "matches regex"
        } else {
            match self.operator_of(STRING_OPERATORS) {
                Some(op) => op,
                None => return left,
            }
        };
        let right = Box::new(self.signed());
        Expr { kind: ExprKind::Binary { op, left: Box::new(left), right }, span: self.span_from(start) }
    }

    /// Two operands and one of these operators between them, or one operand.
    fn pair(&mut self, operators: Operators, operand: impl Fn(&mut Self) -> Expr) -> Expr {
        let start = self.span();
        let left = operand(self);
        let Some(op) = self.operator_of(operators) else { return left };
        let right = Box::new(operand(self));
        Expr { kind: ExprKind::Binary { op, left: Box::new(left), right }, span: self.span_from(start) }
    }

    /// Takes the operator that stands here, if it is one of these.
    fn operator_of(&mut self, operators: Operators) -> Option<&'static str> {
        if !matches!(self.token().kind, TokenKind::Punct | TokenKind::Word) {
            return None;
        }
        let text = self.current();
        let (_, op) = operators.iter().find(|(written, _)| *written == text)?;
        self.bump();
        Some(op)
    }

    fn operand_list(&mut self) -> Vec<Expr> {
        if !self.expect("(") {
            return Vec::new();
        }
        let list = if self.at_mark(")") { Vec::new() } else { self.list(Self::expression) };
        self.expect(")");
        list
    }

    fn between(&mut self, start: Span, value: Expr, negated: bool) -> Expr {
        self.expect("(");
        let low = self.additive();
        self.expect("..");
        let high = self.additive();
        self.expect(")");
        let kind =
            ExprKind::Between { negated, value: Box::new(value), low: Box::new(low), high: Box::new(high) };
        Expr { kind, span: self.span_from(start) }
    }

    pub(super) fn additive(&mut self) -> Expr {
        self.chain(&["+", "-"], |parser| parser.chain(&["*", "/", "%"], Self::text_operation))
    }

    /// Left-associative operators. A chain makes the tree deeper with each link, so its length counts.
    fn chain(&mut self, ops: &[&'static str], next: impl Fn(&mut Self) -> Expr) -> Expr {
        let start = self.span();
        let mut left = next(self);
        let mut length = 0;
        while let Some(op) = ops.iter().find(|op| self.at_mark(op)) {
            length += 1;
            if self.chain_too_long(length) {
                return left;
            }
            self.bump();
            let right = Box::new(next(self));
            let kind = ExprKind::Binary { op, left: Box::new(left), right };
            left = Expr { kind, span: self.span_from(start) };
        }
        left
    }

    pub(super) fn signed(&mut self) -> Expr {
        let start = self.span();
        if self.eat("-") {
            let inner = self.deeper(Self::signed, Expr::error);
            return Expr { kind: ExprKind::Negate(Box::new(inner)), span: self.span_from(start) };
        }
        if self.eat("+") {
            let inner = self.deeper(Self::signed, Expr::error);
            return Expr { kind: ExprKind::Plus(Box::new(inner)), span: self.span_from(start) };
        }
        self.postfix()
    }

    pub(super) fn postfix(&mut self) -> Expr {
        let start = self.span();
        let mut base = self.primary();
        let mut length = 0;
        loop {
            length += 1;
            if !(self.at_mark(".") || self.at_mark("[")) || self.chain_too_long(length) {
                return base;
            }
            base = if self.eat(".") { self.member(start, base) } else { self.index(start, base) };
        }
    }

    fn member(&mut self, start: Span, base: Expr) -> Expr {
        // `a.[0]` is written now and then for `a[0]`
        if self.at_mark("[") && self.ahead(1).kind != TokenKind::String {
            return self.index(start, base);
        }
        if self.patterns && self.at_mark("*") {
            let name = Name { text: "*".to_owned(), span: self.span() };
            self.bump();
            let kind = ExprKind::Member { base: Box::new(base), name };
            return Expr { kind, span: self.span_from(start) };
        }
        if !self.ahead_mark(1, "(") {
            self.refuse_reserved(reserved::names_value);
        }
        let Some(name) = self.name("a name after `.`") else { return base };
        let kind = if self.at_mark("(") {
            ExprKind::Call { base: Some(Box::new(base)), name, args: self.arguments() }
        } else {
            ExprKind::Member { base: Box::new(base), name }
        };
        Expr { kind, span: self.span_from(start) }
    }

    fn index(&mut self, start: Span, base: Expr) -> Expr {
        if self.bracketed(0).is_some()
            && let Some(name) = self.name("a name")
        {
            // the place of the name is that of its text
            let span = Span::new(name.span.start + 1, name.span.end - 1);
            let kind = ExprKind::Member { base: Box::new(base), name: Name { span, ..name } };
            return Expr { kind, span: self.span_from(start) };
        }
        self.bump();
        let index = Box::new(self.scalar());
        self.expect("]");
        Expr { kind: ExprKind::Index { base: Box::new(base), index }, span: self.span_from(start) }
    }

    fn arguments(&mut self) -> Vec<Expr> {
        self.expect("(");
        let args = if self.at_mark(")") { Vec::new() } else { self.list(Self::argument) };
        self.expect(")");
        args
    }

    fn argument(&mut self) -> Expr {
        if self.at_mark("*") && (self.ahead_mark(1, ")") || self.ahead_mark(1, ",")) {
            let span = self.span();
            self.bump();
            return Expr { kind: ExprKind::Wildcard("*".to_owned()), span };
        }
        let arg = self.deeper(|parser| parser.assignment_of(Self::expression), Expr::error);
        self.refuse_several_names(&arg);
        arg
    }

    /// An argument goes by one name: a list of them would name the columns of a result.
    fn refuse_several_names(&mut self, arg: &Expr) {
        let ExprKind::Assign { names, tuple: true, .. } = &arg.kind else { return };
        let (Some(first), Some(last)) = (names.first(), names.last()) else { return };
        let span = first.span.to(last.span);
        let hint = Some("write `name = value`, or the value alone".to_owned());
        let message = "an argument has one name, not a list of names in parentheses";
        self.errors.error_with_hint(codes::UNEXPECTED, span, message, hint);
    }

    pub(super) fn primary(&mut self) -> Expr {
        let span = self.span();
        let text = self.current();
        match self.token().kind {
            TokenKind::String => self.string(),
            TokenKind::Long | TokenKind::Real | TokenKind::Timespan | TokenKind::Typed => self.literal(),
            TokenKind::Word if text.starts_with('!') => self.missing("an expression"),
            TokenKind::Word => self.word(),
            TokenKind::Punct if text == "(" => {
                self.bump();
                let inner = Box::new(self.expression());
                self.expect(")");
                Expr { kind: ExprKind::Paren(inner), span: self.span_from(span) }
            }
            TokenKind::Punct if text == "*" => self.wildcard(),
            TokenKind::Punct if text == "[" => match self.name("an expression") {
                Some(name) => Expr { kind: ExprKind::Name(name.text), span: name.span },
                None => {
                    self.recover();
                    Expr::error(span)
                }
            },
            _ => self.missing("an expression"),
        }
    }

    /// One string, or several side by side, which are one.
    fn string(&mut self) -> Expr {
        let start = self.span();
        let mut value = String::new();
        while self.token().kind == TokenKind::String {
            value.push_str(&string_value(self.current()));
            self.bump();
        }
        Expr { kind: ExprKind::Literal(Literal::String(value), KqlType::String), span: self.span_from(start) }
    }

    pub(super) fn literal(&mut self) -> Expr {
        let span = self.span();
        let text = self.current();
        let value = match self.bump().kind {
            TokenKind::Long => long_value(text).map(|value| (Literal::Long(value), KqlType::Long)),
            TokenKind::Real => text.parse().ok().map(|value| (Literal::Real(value), KqlType::Real)),
            TokenKind::Timespan => {
                timespan_value(text).map(|value| (Literal::TimeSpan(value), KqlType::TimeSpan))
            }
            _ if is_now(text) => {
                let name = Name { text: "now".to_owned(), span };
                return Expr { kind: ExprKind::Call { base: None, name, args: Vec::new() }, span };
            }
            _ => match (typed_value(text), time_of_day(text)) {
                (Ok(value), _) => Some(value),
                (_, Some(time)) => return self.today_at(time, span),
                (Err(message), None) => {
                    self.errors.error(codes::BAD_LITERAL, span, message);
                    return Expr::error(span);
                }
            },
        };
        let Some((value, ty)) = value else {
            self.errors.error(codes::BAD_LITERAL, span, "this number is out of range");
            return Expr::error(span);
        };
        Expr { kind: ExprKind::Literal(value, ty), span }
    }

    /// `startofday(now()) + time`: a time of day without a date is today's.
    fn today_at(&self, time: Timespan, span: Span) -> Expr {
        let call = |function: &str, args: Vec<Expr>| {
            let name = Name { text: function.to_owned(), span };
            Expr { kind: ExprKind::Call { base: None, name, args }, span }
        };
        let left = Box::new(call("startofday", vec![call("now", Vec::new())]));
        let right =
            Box::new(Expr { kind: ExprKind::Literal(Literal::TimeSpan(time), KqlType::TimeSpan), span });
        Expr { kind: ExprKind::Binary { op: "+", left, right }, span }
    }

    fn word(&mut self) -> Expr {
        let start = self.span();
        let text = self.current();
        let called = self.ahead_mark(1, "(");
        match text {
            _ if is_bool(text) && !called => {
                self.bump();
                let value = Literal::Bool(text.eq_ignore_ascii_case("true"));
                return Expr { kind: ExprKind::Literal(value, KqlType::Bool), span: start };
            }
            "dynamic" if called => return self.dynamic(),
            "typeof" if called => return self.type_of(),
            "datatable" if called => return self.datatable(),
            "externaldata" | "external_data" if called => return self.external_data(),
            "entity_group" if self.ahead_mark(1, "[") => return self.entity_group(),
            _ => {}
        }
        if self.patterns && self.ahead_mark(1, "*") && self.touches(0) {
            return self.wildcard();
        }
        if !called {
            self.refuse_reserved(reserved::names_value);
        }
        self.bump();
        if called {
            let name = Name { text: text.to_owned(), span: start };
            let kind = ExprKind::Call { base: None, name, args: self.arguments() };
            return Expr { kind, span: self.span_from(start) };
        }
        Expr { kind: ExprKind::Name(text.to_owned()), span: start }
    }

    /// `*`, `a*`, `*b`, `a*b*`: words and stars that touch.
    fn wildcard(&mut self) -> Expr {
        let start = self.span();
        let mut text = String::new();
        loop {
            let piece = self.bump();
            text.push_str(self.text_of(piece));
            let next = self.token();
            let joins = matches!(next.kind, TokenKind::Word | TokenKind::Long)
                || (next.kind == TokenKind::Punct && self.current() == "*");
            if !joins || piece.span().end != next.span().start {
                return Expr { kind: ExprKind::Wildcard(text), span: self.span_from(start) };
            }
        }
    }

    fn type_of(&mut self) -> Expr {
        let start = self.span();
        self.at += 2;
        let mut types = Vec::new();
        let mut columns = Vec::new();
        let mut star = false;
        while !self.at_end() && !self.at_mark(")") {
            if self.ahead_mark(1, ":") || self.at_mark("[") {
                columns.extend(self.column_decl());
            } else if self.eat("*") {
                star = true;
            } else {
                match self.type_name() {
                    Some(ty) => types.push(ty),
                    None => break,
                }
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")");
        Expr { kind: ExprKind::TypeOf { types, columns, star }, span: self.span_from(start) }
    }
}

/// Whether the word is a value of bool.
pub(super) fn is_bool(text: &str) -> bool {
    matches!(text, "true" | "false" | "True" | "False" | "TRUE" | "FALSE")
}

/// `datetime(now)` is the call `now()`.
fn is_now(text: &str) -> bool {
    text.strip_prefix("datetime").is_some_and(|rest| rest.trim().trim_matches(['(', ')']).trim() == "now")
}
