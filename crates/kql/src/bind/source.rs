//! Where rows come from: tables, `let` names, functions, `datatable`, `print`, `range`.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Literal, Named, NamedAggregate, Rel, Scalar, ScalarKind};
use crate::catalog::TableSymbol;
use crate::span::Span;
use crate::syntax::ast::{ColumnDecl, Expr, ExprKind, Name};
use crate::syntax::codes;

use super::scalar::converted;
use super::scope::{Binding, Table, has_time_alias};
use super::{Binder, Bound, Inherited, is_null};

impl Binder<'_> {
    /// Binds an expression that must be a table. It sees no columns of the rows around it.
    pub(super) fn table(&mut self, expr: &Expr) -> Table {
        self.apart(|binder| binder.table_here(expr))
    }

    fn table_here(&mut self, expr: &Expr) -> Table {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Paren(inner) => self.table_here(inner),
            ExprKind::Pipe { source, ops } => self.pipe(source.as_deref(), ops),
            ExprKind::Datatable { columns, values } => self.datatable(columns, values, span),
            ExprKind::ExternalData { columns, uris, properties } => {
                self.external_data(columns, uris, properties, span)
            }
            ExprKind::Name(name) => {
                let bound = Bound::Table(self.named_table(name, span));
                self.probe_name(span, &bound);
                match bound {
                    Bound::Table(table) => table,
                    Bound::Scalar(_) => self.failed(span),
                }
            }
            ExprKind::Wildcard(_) => self.union_of(std::slice::from_ref(expr), &[], None, span),
            ExprKind::Error => self.failed(span),
            _ => match self.any(expr) {
                Bound::Table(table) => {
                    self.charge(table.cost, span);
                    table
                }
                Bound::Scalar(value) => {
                    if !is_null(&value) {
                        let hint = Some("use print to show a value".to_owned());
                        self.errors.error_with_hint(
                            codes::NOT_TABULAR,
                            span,
                            "a value stands where a table is needed",
                            hint,
                        );
                    }
                    self.failed(span)
                }
            },
        }
    }

    /// Whether `name` is a table, a `let` or a function.
    pub(super) fn names_table(&self, name: &str) -> bool {
        self.env.allows(name) && (self.catalog.table(name).is_some() || self.catalog.function(name).is_some())
    }

    /// The table, `let` or parameterless function called `name`.
    pub(super) fn named_table(&mut self, name: &str, span: Span) -> Table {
        let bound = match self.env.find(name) {
            Some(Binding::Table(table)) => Some(Bound::Table(table)),
            Some(Binding::Function { lambda, env }) => Some(self.call_lambda(name, &lambda, &env, &[], span)),
            Some(Binding::Scalar { value, .. }) => Some(Bound::Scalar(value)),
            None => self.catalog_table(name, span),
        };
        match bound {
            Some(Bound::Table(table)) => {
                self.charge(table.cost, span);
                table
            }
            Some(Bound::Scalar(value)) => {
                if !is_null(&value) {
                    self.errors.error(codes::NOT_TABULAR, span, format!("`{name}` is a value, not a table"));
                }
                self.failed(span)
            }
            None if self.fuzzy => {
                self.passed_over(&format!("table `{name}`"), span);
                self.nothing(name, span)
            }
            None if self.refused_by_restriction(name, span) => self.failed(span),
            None => {
                let known = self.visible_tables();
                let lets = self.env.names();
                let candidates = known.iter().chain(&lets).map(String::as_str);
                let hint =
                    crate::nearest::nearest(name, candidates).map(|near| format!("did you mean `{near}`?"));
                let shown: String = name.chars().take(80).collect();
                let message = format!("there is no table `{shown}`");
                self.errors.error_with_hint(codes::UNKNOWN_TABLE, span, message, hint);
                self.failed(span)
            }
        }
    }

    /// Says that a fuzzy union goes without a table or function.
    pub(super) fn passed_over(&mut self, what: &str, span: Span) {
        let what: String = what.chars().take(100).collect();
        let message = format!("there is no {what}; the union goes without it");
        self.errors.warning(codes::UNKNOWN_TABLE, span, message, None);
    }

    /// The rows of a table or function that a fuzzy union misses: none, with any column one asks for. A function
    /// that exists and cannot be read has no columns.
    pub(super) fn nothing(&mut self, name: &str, span: Span) -> Table {
        let rel = Rel::Rows { columns: Vec::new(), rows: Vec::new() };
        let open = self.catalog.function(name).is_none();
        let inherited = Inherited { open, time_alias: true, cost: 0, depth: 0 };
        self.derive(rel, Vec::new(), inherited, span)
    }

    fn inside_function(&self, name: &str) -> bool {
        let lambda = self.saved.get(name).map(|saved| std::ptr::from_ref(saved.as_ref()));
        lambda.is_some_and(|lambda| self.calls.contains(&lambda))
    }

    fn own_table(&mut self, symbol: TableSymbol, span: Span) -> Table {
        let rel = Rel::Table { name: symbol.name.clone(), columns: symbol.columns.clone(), span };
        let time_alias = has_time_alias(&symbol.name);
        let inherited = Inherited { open: false, time_alias, cost: 0, depth: 0 };
        self.derive(rel, symbol.columns, inherited, span)
    }

    fn catalog_table(&mut self, name: &str, span: Span) -> Option<Bound> {
        if !self.env.allows(name) {
            return None;
        }
        // a saved function hides the table of its name, except from itself
        let hidden = self.catalog.function(name).is_some() && !self.inside_function(name);
        if let Some(symbol) = self.catalog.table(name).filter(|_| !hidden) {
            return Some(Bound::Table(self.own_table(symbol, span)));
        }
        let (lambda, env) = self.saved_function(name, span)?;
        Some(self.call_lambda(name, &lambda, &env, &[], span))
    }

    /// Declared columns, with repeated names reported.
    pub(super) fn declared_columns(&mut self, columns: &[ColumnDecl]) -> Vec<ColumnSchema> {
        let mut out: Vec<ColumnSchema> = Vec::with_capacity(columns.len());
        let mut seen = std::collections::HashSet::new();
        for column in columns {
            if seen.insert(column.name.text.as_str()) {
                out.push(ColumnSchema { name: column.name.text.clone(), ty: column.ty });
            } else {
                let message = format!("a column called `{}` is there already", column.name.text);
                self.errors.error(codes::DUPLICATE_COLUMN, column.name.span, message);
            }
        }
        out
    }

    fn datatable(&mut self, columns: &[ColumnDecl], values: &[Expr], span: Span) -> Table {
        let columns = self.declared_columns(columns);
        if columns.is_empty() || !values.len().is_multiple_of(columns.len()) {
            let message = format!("{} values do not fill rows of {} columns", values.len(), columns.len());
            self.errors.error(codes::ARGUMENT_COUNT, span, message);
            return self.failed(span);
        }
        let cells: Vec<Scalar> = values
            .iter()
            .enumerate()
            .map(|(at, value)| converted_cell(self.scalar(value), columns[at % columns.len()].ty))
            .collect();
        let inherited = Inherited { open: false, time_alias: false, cost: cells.len(), depth: 0 };
        let constant = cells.iter().all(|cell| matches!(cell.kind, ScalarKind::Literal(_)));
        let rel = if constant {
            let rows = cells.chunks(columns.len()).map(|row| row.iter().map(literal_of).collect()).collect();
            Rel::Rows { columns: columns.clone(), rows }
        } else {
            // `datatable(t: datetime)[now()]`: one row per `print`
            let mut cells = cells.into_iter();
            let mut inputs = Vec::new();
            while cells.len() > 0 {
                let named = columns.iter().zip(cells.by_ref());
                let items = named.map(|(column, value)| Named { name: column.name.clone(), value }).collect();
                inputs.push(Rel::Print { items });
            }
            Rel::Union { inputs, columns: columns.clone() }
        };
        self.derive(rel, columns, inherited, span)
    }

    /// `range name from start to stop step step`.
    pub(super) fn range(&mut self, name: &Name, start: &Expr, stop: &Expr, step: &Expr, span: Span) -> Table {
        let (start, stop, step) = (self.scalar(start), self.scalar(stop), self.scalar(step));
        let ty = match (start.ty, step.ty) {
            (KqlType::DateTime, _) => KqlType::DateTime,
            (KqlType::Dynamic, _) => stop.ty,
            _ if [start.ty, stop.ty, step.ty].into_iter().all(super::types::is_plain_number) => {
                super::types::common(&[start.ty, stop.ty, step.ty])
            }
            (start, step) => super::types::arithmetic("+", start, step).unwrap_or(start),
        };
        let column = ColumnSchema { name: name.text.clone(), ty };
        let start = converted(start, ty);
        let stop = converted(stop, ty);
        let inherited = Inherited { open: false, time_alias: false, cost: 0, depth: 0 };
        self.derive(Rel::Range { column: column.clone(), start, stop, step }, vec![column], inherited, span)
    }

    /// The first column of a table, gathered into one dynamic array.
    pub(super) fn first_column_as_array(&mut self, table: Table, span: Span) -> Scalar {
        let Some(column) = table.columns.first() else { return super::failed_scalar(span) };
        let output = ColumnSchema { name: "list_".to_owned(), ty: KqlType::Dynamic };
        let aggregate = NamedAggregate {
            function: "make_list",
            args: vec![Scalar::column(0, column.ty, span)],
            outputs: vec![output],
            span,
        };
        let rel =
            Rel::Summarize { input: Box::new(table.rel), keys: Vec::new(), aggregates: vec![aggregate] };
        Scalar { kind: ScalarKind::ToScalar(Box::new(rel)), ty: KqlType::Dynamic, span }
    }
}

fn literal_of(cell: &Scalar) -> Literal {
    match &cell.kind {
        ScalarKind::Literal(value) => value.clone(),
        _ => Literal::Null,
    }
}

/// A cell as its column's type, worked out now where the conversion is plain.
fn converted_cell(cell: Scalar, ty: KqlType) -> Scalar {
    let text = |value: Literal| Scalar::literal(value, ty, cell.span);
    match (&cell.kind, ty) {
        (ScalarKind::Literal(Literal::String(value)), KqlType::DateTime) => {
            match bartizan_base::Ticks::parse(value) {
                Ok(ticks) => text(Literal::DateTime(ticks)),
                Err(_) => converted(cell, ty),
            }
        }
        (ScalarKind::Literal(Literal::Long(value)), KqlType::Bool) => text(Literal::Bool(*value != 0)),
        (ScalarKind::Literal(Literal::Long(value)), KqlType::String) => {
            text(Literal::String(value.to_string()))
        }
        (ScalarKind::Literal(Literal::Bool(value)), KqlType::String) => {
            text(Literal::String(value.to_string()))
        }
        (ScalarKind::Literal(Literal::Long(value)), KqlType::Dynamic) => {
            text(Literal::Dynamic(value.to_string()))
        }
        (ScalarKind::Literal(Literal::Real(value)), KqlType::Dynamic) => {
            text(Literal::Dynamic(value.to_string()))
        }
        (ScalarKind::Literal(Literal::Bool(value)), KqlType::Dynamic) => {
            text(Literal::Dynamic(value.to_string()))
        }
        (ScalarKind::Literal(Literal::String(value)), KqlType::Dynamic) => {
            let mut json = String::new();
            crate::syntax::push_json_string(&mut json, value);
            text(Literal::Dynamic(json))
        }
        _ => converted(cell, ty),
    }
}
