//! Operators and statements with several results, and checks of a result's columns.

use crate::bound::{BoundResult, ColumnSchema, Literal, Named, Rel, Scalar, ScalarKind, SortKey};
use crate::span::Span;
use crate::syntax::ast::{ColumnDecl, Expr, ExprKind, ForkBranch, Name, Operator, OperatorKind};
use crate::syntax::codes;

use super::naming::{matches_wildcard, result_name};
use super::scope::Table;
use super::{Binder, passed_on};

impl Binder<'_> {
    /// A tabular statement of the query itself. Only its last operator may give several tables.
    pub(super) fn statement(&mut self, expr: &Expr) -> Table {
        let ExprKind::Pipe { source, ops } = &expr.unwrapped().kind else { return self.table(expr) };
        let Some((last, before)) = ops.split_last() else { return self.table(expr) };
        if source.is_none() && before.is_empty() {
            return self.table(expr);
        }
        match &last.kind {
            OperatorKind::Fork(branches) => self.apart(|binder| {
                let input = binder.pipe(source.as_deref(), before);
                binder.fork_into(input, branches, last.span)
            }),
            OperatorKind::Facet { by, body } => self.apart(|binder| {
                let input = binder.pipe(source.as_deref(), before);
                binder.facet_into(input, by, body, last.span)
            }),
            _ => self.table(expr),
        }
    }

    /// A tabular statement before the last one: a result of its own, behind the last one's.
    pub(super) fn earlier_statement(&mut self, expr: &Expr) {
        if self.rows.len() > 1 {
            let message = "this expression is not used: a function has one result, the last one";
            return self.errors.warning(codes::UNEXPECTED, expr.span, message, None);
        }
        let table = self.statement(expr);
        let name = format!("Statement_{}", self.results.len() + 1);
        let render = self.render.take();
        self.results.push(BoundResult { name, root: table.rel, render });
    }

    /// `fork` anywhere but at the end of a statement.
    pub(super) fn several_results(&mut self, input: Table, op: &Operator) -> Table {
        let message = format!("`{}` gives several tables, so nothing can read its result", op.name);
        let hint = Some("make it the last operator of the query".to_owned());
        self.errors.error_with_hint(codes::UNEXPECTED, op.span, message, hint);
        Table { open: true, ..input }
    }

    /// The first branch is the query's own result, the others follow.
    fn fork_into(&mut self, input: Table, branches: &[ForkBranch], span: Span) -> Table {
        let input = self.shared(input);
        let mut first = None;
        for (at, branch) in branches.iter().enumerate() {
            self.charge(input.cost, branch.span);
            let table = branch.body.iter().fold(input.clone(), |table, op| self.operator(table, op));
            let name = branch.name.as_ref().or_else(|| named_at_end(&branch.body));
            let name = name.map_or_else(|| format!("Results_{}", at + 1), |name| name.text.clone());
            match first {
                None => first = Some(table),
                Some(_) => {
                    let render = self.render.take();
                    self.results.push(BoundResult { name, root: table.rel, render });
                }
            }
        }
        first.unwrap_or_else(|| self.failed(span))
    }

    /// The body's rows first, if there is one; then the values of each column and how often they occur.
    fn facet_into(&mut self, input: Table, by: &[Expr], body: &[Operator], span: Span) -> Table {
        let input = self.shared(input);
        let mut tables = Vec::new();
        if !body.is_empty() {
            let table = body.iter().fold(input.clone(), |table, op| self.operator(table, op));
            tables.push(("Rows".to_owned(), table));
        }
        for column in by {
            self.charge(input.cost, span);
            let Some(name) = result_name(column) else {
                self.errors.error(codes::EXPECTED, column.span, "`facet` goes by columns");
                continue;
            };
            let names = vec![Name { text: format!("count_{name}"), span: column.span }];
            let count = Name { text: "count".to_owned(), span: column.span };
            let kind = ExprKind::Call { base: None, name: count, args: Vec::new() };
            let value = Box::new(Expr { kind, span: column.span });
            let kind = ExprKind::Assign { names, tuple: false, value };
            let count = Expr { kind, span: column.span };
            let table = self.summarize(input.clone(), &[count], std::slice::from_ref(column), span);
            let table = self.by_count(table, span);
            tables.push((name, table));
        }
        let mut tables = tables.into_iter();
        let first = tables.next().map_or_else(|| self.failed(span), |(_, table)| table);
        let rest = tables.map(|(name, table)| BoundResult { name, root: table.rel, render: None });
        self.results.extend(rest);
        first
    }

    /// Values by how often they occur, the most frequent first.
    fn by_count(&mut self, table: Table, span: Span) -> Table {
        let key = |at: usize, descending| SortKey {
            value: Scalar::column(at, table.columns[at].ty, span),
            descending,
            nulls_first: false,
        };
        if table.columns.len() != 2 {
            return table;
        }
        let keys = vec![key(1, true), key(0, false)];
        self.through(table, span, |input| Rel::Sort { input, keys })
    }

    /// `assert-schema (a: long, b: string)`: exactly these columns in this order, or the query does not run. It
    /// binds either way, as with the reference.
    pub(super) fn assert_schema(&mut self, input: Table, wanted: &[ColumnDecl], span: Span) -> Table {
        let wanted = self.declared_columns(wanted);
        if !input.open && input.columns != wanted {
            let message = format!(
                "the columns here are ({}), `assert-schema` wants ({})",
                listed(&input.columns),
                listed(&wanted)
            );
            self.errors.warning(codes::UNKNOWN_COLUMN, span, message, None);
            return self.unsupported("assert-schema over other columns", input.columns, false, span);
        }
        input
    }

    /// `project-by-names`: the columns that constants name, as far as they are there.
    pub(super) fn project_by_names(&mut self, input: Table, names: &[Expr], span: Span) -> Table {
        let mut patterns = Vec::new();
        for name in names {
            let pattern = match &name.unwrapped().kind {
                ExprKind::Wildcard(pattern) => Some(pattern.clone()),
                // a column by its name, unless the name is that of a constant
                ExprKind::Name(name) if self.env.find(name).is_none() => {
                    input.columns.iter().any(|column| column.name == *name).then(|| name.clone())
                }
                _ => None,
            };
            if let Some(pattern) = pattern {
                patterns.push(pattern);
                continue;
            }
            match self.apart(|binder| binder.scalar(name)).kind {
                ScalarKind::Literal(Literal::String(name)) => patterns.push(name),
                ScalarKind::Literal(Literal::Dynamic(json)) => patterns.extend(texts_of(&json)),
                ScalarKind::Literal(Literal::Null) => {}
                _ => self.errors.error(
                    codes::NOT_CONSTANT,
                    name.span,
                    "`project-by-names` takes names as constant text or constant lists of texts",
                ),
            }
        }
        let mut kept: Vec<usize> = Vec::new();
        for pattern in &patterns {
            for (at, column) in input.columns.iter().enumerate() {
                if matches_wildcard(pattern, &column.name) && !kept.contains(&at) {
                    kept.push(at);
                }
            }
        }
        let all = passed_on(&input.columns, span);
        let items: Vec<Named> = kept.into_iter().map(|at| all[at].clone()).collect();
        self.project(input, items, span)
    }
}

/// The name that `as` gives at the end of a branch.
fn named_at_end(body: &[Operator]) -> Option<&Name> {
    match &body.last()?.kind {
        OperatorKind::As { name, .. } => Some(name),
        _ => None,
    }
}

fn listed(columns: &[ColumnSchema]) -> String {
    let columns: Vec<String> =
        columns.iter().take(50).map(|column| format!("{}: {}", column.name, column.ty)).collect();
    columns.join(", ")
}

/// The texts in JSON text that is a text or a list of them. Anything else in it is passed over.
fn texts_of(json: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = json;
    while let Some(from) = rest.find('"') {
        let (text, after) = json_text(&rest[from + 1..]);
        texts.push(text);
        rest = after;
    }
    texts
}

/// The text up to the closing quote, and what follows it.
fn json_text(json: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = json.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &json[at + 1..]),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                    let code = u32::from_str_radix(&digits, 16).ok();
                    text.extend(code.and_then(char::from_u32));
                }
                Some(other) => text.push(other),
                None => break,
            },
            c => text.push(c),
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_a_json_list() {
        assert_eq!(texts_of(r#"["a", "b\"c", "\u00e9"]"#), ["a", "b\"c", "é"]);
        assert_eq!(texts_of(r#""only""#), ["only"]);
        assert!(texts_of("[1, null]").is_empty());
        assert_eq!(texts_of(r#"["open"#), ["open"]);
    }
}
