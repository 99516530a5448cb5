//! `union`: every input is projected to the same columns in the same order.

use std::collections::HashMap;

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Literal, Named, Rel, Scalar};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Setting, SettingValue};
use crate::syntax::codes;

use super::naming::matches_wildcard;
use super::scalar::converted;
use super::scope::Table;
use super::{Binder, Inherited, absent};

impl Binder<'_> {
    /// `union a, b`, `T | union a` and `Sec*`.
    pub(super) fn union_of(
        &mut self,
        inputs: &[Expr],
        settings: &[Setting],
        first: Option<Table>,
        span: Span,
    ) -> Table {
        let fuzzy = setting_word(settings, &["isfuzzy"]).is_some_and(|word| word == "true");
        let source = setting_word(settings, &["withsource", "with_source"]);
        let inner = setting_word(settings, &["kind"]).is_some_and(|kind| kind == "inner");
        let mut tables: Vec<(String, Table)> =
            first.into_iter().map(|table| ("union_arg0".to_owned(), table)).collect();
        let outer = self.fuzzy;
        self.fuzzy |= fuzzy;
        for input in inputs {
            self.union_input(input, fuzzy, &mut tables);
        }
        self.fuzzy = outer;
        if tables.is_empty() {
            // a fuzzy union over nothing that exists has no rows and no columns
            let rel = Rel::Rows { columns: Vec::new(), rows: Vec::new() };
            let inherited = Inherited { open: true, time_alias: true, cost: 0, depth: 0 };
            return self.derive(rel, Vec::new(), inherited, span);
        }
        self.combine(tables, source.as_deref(), inner, span)
    }

    pub(super) fn union_input(&mut self, input: &Expr, fuzzy: bool, tables: &mut Vec<(String, Table)>) {
        if let ExprKind::Wildcard(pattern) = &input.unwrapped().kind {
            let mut found: Vec<String> = self
                .catalog
                .table_names()
                .into_iter()
                .filter(|name| matches_wildcard(pattern, name))
                .collect();
            found.sort();
            if found.is_empty() && !fuzzy {
                let message = format!("no table is called like `{pattern}`");
                self.errors.error(codes::UNKNOWN_TABLE, input.span, message);
            }
            for name in found {
                let table = self.named_table(&name, input.span);
                tables.push((name, table));
            }
            return;
        }
        let name = match &input.unwrapped().kind {
            ExprKind::Name(name) => name.clone(),
            _ => format!("union_arg{}", tables.len()),
        };
        let mark = self.errors.mark();
        let table = self.table(input);
        if fuzzy && self.errors.found_unknown_since(mark) {
            self.errors.rewind(mark);
            return;
        }
        tables.push((name, table));
    }

    /// Unions bound tables.
    pub(super) fn combine(
        &mut self,
        tables: Vec<(String, Table)>,
        source: Option<&str>,
        inner: bool,
        span: Span,
    ) -> Table {
        let layout = Layout::of(self, &tables, inner);
        let mut columns: Vec<ColumnSchema> = Vec::new();
        columns.extend(source.map(|name| ColumnSchema { name: name.to_owned(), ty: KqlType::String }));
        columns.extend(layout.columns.iter().filter(|column| Some(column.name.as_str()) != source).cloned());
        let mut inherited = Inherited { open: false, time_alias: false, cost: 0, depth: 0 };
        // `union *` over a thousand tables is refused before it is built
        if !self.charge(tables.len() * columns.len(), span) {
            return self.failed(span);
        }
        let mut inputs = Vec::with_capacity(tables.len());
        for (at, (name, table)) in tables.into_iter().enumerate() {
            let items: Vec<Named> = columns
                .iter()
                .enumerate()
                .map(|(column_at, column)| {
                    let value = if column_at == 0 && source.is_some() {
                        Scalar::literal(Literal::String(name.clone()), KqlType::String, span)
                    } else {
                        layout.value(at, column, span)
                    };
                    Named { name: column.name.clone(), value }
                })
                .collect();
            let same = source.is_none() && table.columns == columns;
            inherited.open |= table.open && !inner;
            inherited.time_alias |= table.time_alias;
            let table = if same { table } else { self.project(table, items, span) };
            inherited.cost = inherited.cost.saturating_add(table.cost);
            inherited.depth = inherited.depth.max(table.depth);
            inputs.push(table.rel);
        }
        self.derive(Rel::Union { inputs, columns: columns.clone() }, columns, inherited, span)
    }
}

/// Which column of which input goes where.
struct Layout {
    columns: Vec<ColumnSchema>,
    /// Per input: output name to the input's position.
    sources: Vec<HashMap<String, (usize, KqlType)>>,
}

impl Layout {
    /// Columns with one name and several types become `name_type` each. With `kind=inner` only columns
    /// that every input has are kept.
    fn of(binder: &Binder<'_>, tables: &[(String, Table)], inner: bool) -> Self {
        let mut known: HashMap<&str, Types> = HashMap::new();
        for (_, table) in tables {
            for column in &table.columns {
                let name = binder.type_name(table, &column.name, column.ty);
                known.entry(&column.name).or_default().add(name, column.ty);
            }
        }
        let mut columns: Vec<ColumnSchema> = Vec::new();
        let mut placed = std::collections::HashSet::new();
        for (_, table) in tables {
            for column in &table.columns {
                let types = &known[column.name.as_str()];
                if placed.insert(column.name.as_str()) && !(inner && types.holders < tables.len()) {
                    let named = types.distinct.iter();
                    columns.extend(
                        named.map(|(name, ty)| ColumnSchema {
                            name: types.output(&column.name, name),
                            ty: *ty,
                        }),
                    );
                }
            }
        }
        let sources = tables.iter().map(|(_, table)| {
            let columns = table.columns.iter().enumerate();
            columns
                .map(|(at, column)| {
                    let ty_name = binder.type_name(table, &column.name, column.ty);
                    (known[column.name.as_str()].output(&column.name, ty_name), (at, column.ty))
                })
                .collect()
        });
        let sources = sources.collect();
        // `b_long` may also be a column of its own; the first of two equal names stays
        let mut seen = std::collections::HashSet::new();
        columns.retain(|column| seen.insert(column.name.clone()));
        Self { columns, sources }
    }

    fn value(&self, input: usize, column: &ColumnSchema, span: Span) -> Scalar {
        match self.sources[input].get(&column.name) {
            Some((at, ty)) => converted(Scalar::column(*at, *ty, span), column.ty),
            _ => absent(column.ty, span),
        }
    }
}

/// The types that columns of one name have in the inputs of a union.
#[derive(Default)]
struct Types {
    distinct: Vec<(&'static str, KqlType)>,
    holders: usize,
    /// The first two inputs that have the column agree on its type. The reference then keeps one column
    /// of that type, whatever the inputs behind them have; their values are converted.
    settled: bool,
}

impl Types {
    fn add(&mut self, name: &'static str, ty: KqlType) {
        self.holders += 1;
        if !self.distinct.contains(&(name, ty)) {
            if !self.settled {
                self.distinct.push((name, ty));
            }
        } else if self.holders == 2 {
            self.settled = true;
        }
    }

    fn output(&self, column: &str, ty: &str) -> String {
        if self.distinct.len() > 1 { format!("{column}_{ty}") } else { column.to_owned() }
    }
}

/// The value of the first of these settings, as text.
pub(super) fn setting_word(settings: &[Setting], names: &[&str]) -> Option<String> {
    let setting = settings.iter().find(|setting| names.contains(&setting.name.text.as_str()))?;
    Some(match &setting.value {
        SettingValue::Word(word) => word.text.clone(),
        SettingValue::Expr(Expr { kind: ExprKind::Name(name), .. }) => name.clone(),
        SettingValue::Expr(Expr { kind: ExprKind::Literal(Literal::Bool(value), _), .. }) => {
            value.to_string()
        }
        SettingValue::Expr(Expr { kind: ExprKind::Literal(Literal::String(value), _), .. }) => value.clone(),
        SettingValue::Expr(_) => String::new(),
    })
}
