//! `search`: a text predicate over every column of some tables, lowered to a filter over their union.

use bartizan_schema::KqlType;

use crate::bound::{Literal, Named, Rel, Scalar, ScalarKind};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Setting};
use crate::syntax::codes;

use super::scalar::{balanced, converted};
use super::scope::Table;
use super::union::setting_word;
use super::{Binder, SEARCHES_MAX, passed_on};

/// The column that tells which table a row is from.
const TABLE_COLUMN: &str = "$table";

impl Binder<'_> {
    /// `search 'x'`, `search in (T, U) 'x'`, `T | search 'x'`. A table without a column that the predicate
    /// names is searched as if the column were there and empty.
    pub(super) fn search(
        &mut self,
        input: Option<Table>,
        settings: &[Setting],
        tables: &[Expr],
        predicate: &Expr,
        span: Span,
    ) -> Table {
        self.searching("search", span, |binder| {
            binder.search_inside(input, settings, tables, predicate, span)
        })
    }

    /// Binds a `search` or `find`, unless too many stand one inside the other.
    pub(super) fn searching(
        &mut self,
        operator: &str,
        span: Span,
        bind: impl FnOnce(&mut Self) -> Table,
    ) -> Table {
        if self.searches >= SEARCHES_MAX {
            let message =
                format!("`{operator}` stands inside more than {SEARCHES_MAX} other `search` or `find`");
            let hint = Some("search once, and narrow the rows with `where` behind it".to_owned());
            self.errors.error_with_hint(codes::TOO_DEEP, span, message, hint);
            return self.failed(span);
        }
        self.searches += 1;
        let table = bind(self);
        self.searches -= 1;
        table
    }

    fn search_inside(
        &mut self,
        input: Option<Table>,
        settings: &[Setting],
        tables: &[Expr],
        predicate: &Expr,
        span: Span,
    ) -> Table {
        let case_sensitive = match setting_word(settings, &["kind"]).as_deref() {
            None | Some("default" | "case_insensitive") => false,
            Some("case_sensitive") => true,
            Some(other) => {
                let message =
                    format!("`{}` is not a kind of search", other.chars().take(40).collect::<String>());
                let hint = Some("default, case_insensitive or case_sensitive".to_owned());
                self.errors.error_with_hint(codes::UNKNOWN_PARAMETER, span, message, hint);
                false
            }
        };
        let inputs = match input {
            Some(input) => vec![("union_arg0".to_owned(), input)],
            None => self.tables_in_view(tables, span),
        };
        let mut named = Vec::new();
        self.named_columns(predicate, &mut named);
        let names: Vec<String> = named.into_iter().map(|(name, _)| name).collect();
        let named = self.columns_named(&inputs, &names);
        let mut filtered = Vec::with_capacity(inputs.len());
        for (name, table) in inputs {
            if self.exhausted() {
                return self.failed(span);
            }
            let own = table.columns.clone();
            let searched = self.with_named(table, &named, span);
            let predicate = self.over(&searched, |binder| binder.search_predicate(predicate, case_sensitive));
            let searched = self.through(searched, span, |input| Rel::Filter { input, predicate });
            let name_of = Scalar::literal(Literal::String(name.clone()), KqlType::String, span);
            let mut items = vec![Named { name: TABLE_COLUMN.to_owned(), value: name_of }];
            let columns = passed_on(&own, span).into_iter();
            items.extend(columns.filter(|item| item.name != TABLE_COLUMN));
            filtered.push((name, self.project(searched, items, span)));
        }
        if filtered.len() == 1 {
            return filtered.pop().map_or_else(|| self.failed(span), |(_, table)| table);
        }
        self.combine(filtered, None, false, span)
    }

    /// A text stands for "any column has it", `column: text` for that column; the rest is an ordinary
    /// predicate.
    pub(super) fn search_predicate(&mut self, predicate: &Expr, case_sensitive: bool) -> Scalar {
        let span = predicate.span;
        match &predicate.kind {
            ExprKind::Paren(inner) => self.search_predicate(inner, case_sensitive),
            ExprKind::Wildcard(pattern) if pattern == "*" => {
                Scalar::literal(Literal::Bool(true), KqlType::Bool, span)
            }
            ExprKind::Literal(Literal::String(text), _) => self.search_text(None, text, case_sensitive, span),
            ExprKind::Binary { op: ":", left, right } => {
                self.search_column(left, right, case_sensitive, span)
            }
            ExprKind::Logic { op, terms } => {
                let terms = terms.iter().map(|term| self.search_predicate(term, case_sensitive)).collect();
                balanced(op, terms, span)
            }
            ExprKind::Call { base: None, name, args } if name.text == "not" && args.len() == 1 => {
                let inner = self.search_predicate(&args[0], case_sensitive);
                let kind = ScalarKind::Call { function: "not", args: vec![inner] };
                Scalar { kind, ty: KqlType::Bool, span }
            }
            _ => self.predicate(predicate),
        }
    }

    /// `column: text`.
    fn search_column(&mut self, column: &Expr, text: &Expr, case_sensitive: bool, span: Span) -> Scalar {
        if let ExprKind::Wildcard(_) = &column.unwrapped().kind {
            return self.search_predicate(text, case_sensitive);
        }
        let column = self.scalar(column);
        match &text.unwrapped().kind {
            ExprKind::Literal(Literal::String(text), _) => {
                self.search_text(Some(column), text, case_sensitive, span)
            }
            _ => {
                let hint = Some("write the term in quotes, or compare with `==`".to_owned());
                let message = "`:` looks for a constant text";
                self.errors.error_with_hint(codes::NOT_CONSTANT, text.span, message, hint);
                super::failed_scalar(span)
            }
        }
    }

    /// `*` at the ends of a text loosens its word boundaries; one inside stands for any text.
    fn search_text(
        &mut self,
        column: Option<Scalar>,
        text: &str,
        case_sensitive: bool,
        span: Span,
    ) -> Scalar {
        let needle = text.trim_matches('*');
        if needle.is_empty() {
            return Scalar::literal(Literal::Bool(true), KqlType::Bool, span);
        }
        let ends = (text.starts_with('*'), text.ends_with('*'));
        let (op, needle) = if needle.contains('*') {
            ("matches regex", wildcard_regex(needle, ends, case_sensitive))
        } else {
            let op = match (ends, case_sensitive) {
                ((false, false), false) => "has",
                ((false, true), false) => "hasprefix",
                ((true, false), false) => "hassuffix",
                ((true, true), false) => "contains",
                ((false, false), true) => "has_cs",
                ((false, true), true) => "hasprefix_cs",
                ((true, false), true) => "hassuffix_cs",
                ((true, true), true) => "contains_cs",
            };
            (op, needle.to_owned())
        };
        let value = Scalar::literal(Literal::String(needle), KqlType::String, span);
        match column {
            None => self.any_column(op, "*", &value, span),
            Some(column) => {
                let column = converted(column, KqlType::String);
                let kind = ScalarKind::Call { function: op, args: vec![column, value] };
                Scalar { kind, ty: KqlType::Bool, span }
            }
        }
    }
}

/// `ab*cd` as a regular expression: whole words at the ends that have no `*`.
fn wildcard_regex(needle: &str, (open_start, open_end): (bool, bool), case_sensitive: bool) -> String {
    let mut regex = String::from(if case_sensitive { "" } else { "(?i)" });
    if !open_start {
        regex.push_str(r"\b");
    }
    for (at, piece) in needle.split('*').enumerate() {
        if at > 0 {
            regex.push_str(".*");
        }
        for c in piece.chars() {
            if c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_' && c != ' ' {
                regex.push('\\');
            }
            regex.push(c);
        }
    }
    if !open_end {
        regex.push_str(r"\b");
    }
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_inside_a_term_become_a_regex() {
        assert_eq!(wildcard_regex("ab*c.d", (false, false), false), r"(?i)\bab.*c\.d\b");
        assert_eq!(wildcard_regex("ab*c", (true, true), true), "ab.*c");
    }
}
