//! Values that are written into the query: the rows of `datatable`, the places of `externaldata`, and the JSON
//! of `dynamic(…)`.

use bartizan_schema::KqlType;

use crate::bound::Literal;
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::codes;
use crate::syntax::expression::is_bool;
use crate::syntax::lexer::{Token, TokenKind};
use crate::syntax::literal::{long_value, string_value};
use crate::syntax::parser::Parser;

impl Parser<'_> {
    pub(super) fn datatable(&mut self) -> Expr {
        let start = self.span();
        self.bump();
        let columns = self.columns();
        let values = self.cells();
        Expr { kind: ExprKind::Datatable { columns, values }, span: self.span_from(start) }
    }

    /// `["x", -1, datetime(2024)]`: literals only; a comma may stand before the bracket.
    fn cells(&mut self) -> Vec<Expr> {
        let mut cells = Vec::new();
        self.expect("[");
        while !self.at_end() && !self.at_mark("]") {
            match self.cell() {
                Some(cell) => cells.push(cell),
                None => self.recover_in_list(),
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect("]");
        cells
    }

    fn cell(&mut self) -> Option<Expr> {
        let number =
            |token: Token| matches!(token.kind, TokenKind::Long | TokenKind::Real | TokenKind::Timespan);
        let text = self.current();
        let literal = match self.token().kind {
            TokenKind::String | TokenKind::Typed => true,
            TokenKind::Word => is_bool(text) || text == "dynamic" && self.ahead_mark(1, "("),
            TokenKind::Punct => matches!(text, "-" | "+") && self.touches(0) && number(self.ahead(1)),
            _ => number(self.token()),
        };
        if !literal {
            let hint = Some("compute it afterwards, with `extend`".to_owned());
            let message = "a cell of `datatable` is a literal";
            self.errors.error_with_hint(codes::EXPECTED, self.span(), message, hint);
            return None;
        }
        Some(self.signed())
    }

    /// `[a, b, c]`; a comma may stand before the bracket.
    fn bracketed_values(&mut self) -> Vec<Expr> {
        let mut values = Vec::new();
        self.expect("[");
        while !self.at_end() && !self.at_mark("]") {
            let before = self.at;
            values.push(self.scalar());
            if !self.eat(",") || self.at == before {
                break;
            }
        }
        self.expect("]");
        values
    }

    pub(super) fn external_data(&mut self) -> Expr {
        let start = self.span();
        self.bump();
        let columns = self.columns();
        let uris = self.bracketed_values();
        let properties = self.with_properties();
        Expr { kind: ExprKind::ExternalData { columns, uris, properties }, span: self.span_from(start) }
    }

    pub(super) fn entity_group(&mut self) -> Expr {
        let start = self.span();
        self.bump();
        let entities = self.bracketed_values();
        Expr { kind: ExprKind::EntityGroup(entities), span: self.span_from(start) }
    }

    /// `dynamic(…)`: JSON, with KQL's freedom in quotes and its typed literals inside.
    pub(super) fn dynamic(&mut self) -> Expr {
        let start = self.span();
        self.at += 2;
        let mut json = String::new();
        self.json(&mut json);
        self.expect(")");
        let value = if json == "null" { Literal::Null } else { Literal::Dynamic(json) };
        Expr { kind: ExprKind::Literal(value, KqlType::Dynamic), span: self.span_from(start) }
    }

    fn json(&mut self, out: &mut String) {
        self.deeper(|parser| parser.json_value(out), |_| ());
    }

    fn json_value(&mut self, out: &mut String) {
        let text = self.current();
        match self.token().kind {
            TokenKind::String => {
                let mut value = String::new();
                while self.token().kind == TokenKind::String {
                    value.push_str(&string_value(self.current()));
                    self.bump();
                }
                push_json_string(out, &value);
            }
            TokenKind::Punct if text == "[" => self.json_list(out, "[", "]", Self::json),
            TokenKind::Punct if text == "{" => self.json_list(out, "{", "}", Self::json_entry),
            TokenKind::Punct if text == "-" => {
                self.bump();
                out.push('-');
                self.json_value(out);
            }
            TokenKind::Long | TokenKind::Real => {
                self.bump();
                push_json_number(out, text);
            }
            TokenKind::Word if text == "null" => {
                self.bump();
                out.push_str(text);
            }
            TokenKind::Word if is_bool(text) => {
                self.bump();
                out.push_str(&text.to_ascii_lowercase());
            }
            TokenKind::Timespan | TokenKind::Typed => {
                let literal = self.literal();
                push_json_literal(out, &literal);
            }
            TokenKind::Word if text == "dynamic" && self.ahead_mark(1, "(") => {
                self.at += 2;
                self.json(out);
                self.expect(")");
            }
            _ => {
                self.expected("a JSON value");
                out.push_str("null");
                self.recover();
            }
        }
    }

    fn json_list(
        &mut self,
        out: &mut String,
        open: &str,
        close: &str,
        mut item: impl FnMut(&mut Self, &mut String),
    ) {
        self.bump();
        out.push_str(open);
        while !self.at_end() && !self.at_mark(close) {
            item(self, out);
            if !self.eat(",") {
                break;
            }
            out.push(',');
            if self.at_mark(close) {
                self.expected("a JSON value");
                out.push_str("null");
            }
        }
        self.expect(close);
        out.push_str(close);
    }

    fn json_entry(&mut self, out: &mut String) {
        if self.token().kind == TokenKind::String {
            push_json_string(out, &string_value(self.current()));
            self.bump();
        } else {
            self.expected("a key in quotes");
            push_json_string(out, "");
            self.bump();
        }
        self.expect(":");
        out.push(':');
        self.json(out);
    }
}

/// Appends `value` as a JSON string.
pub(crate) fn push_json_string(out: &mut String, value: &str) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn push_json_number(out: &mut String, text: &str) {
    match long_value(text) {
        Some(value) => out.push_str(&value.to_string()),
        None => out.push_str(text.strip_suffix('.').unwrap_or(text)),
    }
}

fn push_json_literal(out: &mut String, literal: &Expr) {
    let ExprKind::Literal(value, _) = &literal.kind else {
        return out.push_str("null");
    };
    match value {
        Literal::Bool(value) => out.push_str(&value.to_string()),
        Literal::Int(value) => out.push_str(&value.to_string()),
        Literal::Long(value) => out.push_str(&value.to_string()),
        Literal::Real(value) if value.is_finite() => out.push_str(&value.to_string()),
        Literal::Decimal(value) => out.push_str(value),
        Literal::DateTime(value) => push_json_string(out, &value.to_string()),
        Literal::TimeSpan(value) => push_json_string(out, &value.to_string()),
        Literal::Guid(value) => push_json_string(out, value),
        _ => out.push_str("null"),
    }
}
