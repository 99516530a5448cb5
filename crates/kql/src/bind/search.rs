//! `search`: a text predicate over every column of some tables, lowered to a filter over their union.

use bartizan_schema::KqlType;

use crate::bound::{Literal, Named, Rel, Scalar, ScalarKind};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind};

use super::scalar::balanced;
use super::scope::Table;
use super::{Binder, passed_on};

/// The column that tells which table a row is from.
const TABLE_COLUMN: &str = "$table";

impl Binder<'_> {
    /// `search 'x'`, `search in (T, U) 'x'`, `T | search 'x'`.
    pub(super) fn search(
        &mut self,
        input: Option<Table>,
        tables: &[Expr],
        predicate: &Expr,
        span: Span,
    ) -> Table {
        let inputs: Vec<(String, Table)> = match input {
            Some(input) => vec![("union_arg0".to_owned(), input)],
            None if tables.is_empty() => {
                let mut names = self.catalog.table_names();
                names.sort();
                names.into_iter().map(|name| (name.clone(), self.named_table(&name, span))).collect()
            }
            None => tables.iter().map(|table| (self.table_name(table), self.table(table))).collect(),
        };
        let mut filtered = Vec::with_capacity(inputs.len());
        for (name, table) in inputs {
            let table = self.search_in(name.clone(), table, predicate, span);
            filtered.push((name, table));
        }
        if filtered.len() == 1 {
            return filtered.pop().map_or_else(|| self.failed(span), |(_, table)| table);
        }
        self.combine(filtered, None, false, span)
    }

    fn table_name(&self, table: &Expr) -> String {
        match &table.unwrapped().kind {
            ExprKind::Name(name) => name.clone(),
            _ => String::new(),
        }
    }

    fn search_in(&mut self, name: String, table: Table, predicate: &Expr, span: Span) -> Table {
        let predicate = self.over(&table, |binder| binder.search_predicate(predicate));
        let filtered = self.through(table, span, |input| Rel::Filter { input, predicate });
        let mut items = vec![Named {
            name: TABLE_COLUMN.to_owned(),
            value: Scalar::literal(Literal::String(name), KqlType::String, span),
        }];
        items.extend(passed_on(&filtered.columns, span));
        self.project(filtered, items, span)
    }

    /// A text stands for "any column has it"; the rest is an ordinary predicate.
    fn search_predicate(&mut self, predicate: &Expr) -> Scalar {
        let span = predicate.span;
        match &predicate.kind {
            ExprKind::Paren(inner) => self.search_predicate(inner),
            ExprKind::Literal(Literal::String(text), _) => self.search_text(text, "*", span),
            ExprKind::Wildcard(pattern) if pattern == "*" => self.search_text("*", "*", span),
            ExprKind::Binary { op: ":", left, right } => self.column_term(left, right, span),
            ExprKind::Logic { op, terms } => {
                let terms = terms.iter().map(|term| self.search_predicate(term)).collect();
                balanced(op, terms, span)
            }
            ExprKind::Call { base: None, name, args } if name.text == "not" && args.len() == 1 => {
                let inner = self.search_predicate(&args[0]);
                let kind = ScalarKind::Call { function: "not", args: vec![inner] };
                Scalar { kind, ty: KqlType::Bool, span }
            }
            _ => self.predicate(predicate),
        }
    }

    /// `column: 'text'`: the text in that column only. A value of another type must be equal.
    fn column_term(&mut self, column: &Expr, term: &Expr, span: Span) -> Scalar {
        match (&column.unwrapped().kind, &term.unwrapped().kind) {
            (ExprKind::Name(name), ExprKind::Literal(Literal::String(text), _)) => {
                self.search_text(text, name, span)
            }
            (ExprKind::Wildcard(pattern), ExprKind::Literal(Literal::String(text), _)) => {
                self.search_text(text, pattern, span)
            }
            _ => {
                let kind = ExprKind::Binary {
                    op: "==",
                    left: Box::new(column.clone()),
                    right: Box::new(term.clone()),
                };
                self.predicate(&Expr { kind, span })
            }
        }
    }

    /// `*` at the ends of a text loosens its word boundaries.
    fn search_text(&mut self, text: &str, columns: &str, span: Span) -> Scalar {
        let needle = text.trim_matches('*');
        if needle.is_empty() {
            return Scalar::literal(Literal::Bool(true), KqlType::Bool, span);
        }
        let op = match (text.starts_with('*'), text.ends_with('*')) {
            (false, false) => "has",
            (false, true) => "hasprefix",
            (true, false) => "hassuffix",
            (true, true) => "contains",
        };
        let value = Scalar::literal(Literal::String(needle.to_owned()), KqlType::String, span);
        self.any_column(op, columns, &value, span)
    }
}
