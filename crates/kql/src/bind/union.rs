//! `union`: every input is projected to the same columns in the same order.

use std::collections::{HashMap, HashSet};

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Literal, MISTAKE, Named, Rel, Scalar};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Setting, SettingValue};
use crate::syntax::codes;

use super::naming::{Names, matches_wildcard};
use super::scalar::converted;
use super::scope::Table;
use super::{Binder, Inherited};

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
        if fuzzy {
            self.leave_out_broken(&mut tables, span);
        }
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
            let mut found = self.visible_tables();
            found.extend(self.env.views());
            found.retain(|name| matches_wildcard(pattern, name));
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

    /// Takes the rows away from inputs that read what does not exist inside a saved function: such a union goes
    /// without what it cannot resolve. Their columns stay, as they do in the reference.
    fn leave_out_broken(&mut self, tables: &mut [(String, Table)], span: Span) {
        for (name, table) in tables {
            if has_mistake(&table.rel) {
                let shown: String = name.chars().take(80).collect();
                let message = format!("`{shown}` does not bind; the union goes without it");
                self.errors.warning(codes::UNKNOWN_TABLE, span, message, None);
                table.rel = Rel::Rows { columns: table.columns.clone(), rows: Vec::new() };
            }
        }
    }

    /// Unions bound tables.
    pub(super) fn combine(
        &mut self,
        tables: Vec<(String, Table)>,
        source: Option<&str>,
        inner: bool,
        span: Span,
    ) -> Table {
        let layout = Layout::of(self, &tables, inner, source);
        let Layout { columns, sources } = layout;
        let mut inherited = Inherited { open: false, time_alias: false, cost: 0, depth: 0 };
        let mut inputs = Vec::with_capacity(tables.len());
        for ((name, table), from) in tables.into_iter().zip(sources) {
            inherited.open |= table.open && !inner;
            inherited.time_alias |= table.time_alias;
            let same = source.is_none()
                && from.len() == table.columns.len()
                && from.iter().all(|(to, at)| columns[*to] == table.columns[*at]);
            let table = if same {
                table
            } else {
                let text = |name: String| Scalar::literal(Literal::String(name), KqlType::String, span);
                let source = source.map(|source| Named { name: source.to_owned(), value: text(name) });
                let own = from.into_iter().map(|(to, at)| {
                    let value = Scalar::column(at, table.columns[at].ty, span);
                    Named { name: columns[to].name.clone(), value: converted(value, columns[to].ty) }
                });
                let items = source.into_iter().chain(own).collect();
                self.project(table, items, span)
            };
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
    /// Per input: where in `columns`, and from where in the input, in the order of `columns`.
    sources: Vec<Vec<(usize, usize)>>,
}

impl Layout {
    /// Columns with one name and several types become `name_type` each. With `kind=inner` only columns
    /// that every input has are kept. `source` is the first column; it hides those of its name.
    fn of(binder: &Binder<'_>, tables: &[(String, Table)], inner: bool, source: Option<&str>) -> Self {
        let mut known: HashMap<&str, Types> = HashMap::new();
        for (_, table) in tables {
            for column in &table.columns {
                let name = binder.type_name(table, &column.name, column.ty);
                known.entry(&column.name).or_default().add(name, column.ty);
            }
        }
        let mut columns: Vec<ColumnSchema> = Vec::new();
        let mut names = Names::default();
        let mut places: HashMap<(&str, &'static str), usize> = HashMap::new();
        columns.extend(source.map(|name| ColumnSchema { name: names.unique(name), ty: KqlType::String }));
        let mut placed = HashSet::new();
        for (_, table) in tables {
            for column in &table.columns {
                let types = &known[column.name.as_str()];
                let dropped = (inner && types.holders < tables.len()) || source == Some(column.name.as_str());
                if !placed.insert(column.name.as_str()) || dropped {
                    continue;
                }
                for (name, ty) in &types.distinct {
                    places.insert((&column.name, name), columns.len());
                    let name = names.unique(&types.output(&column.name, name));
                    columns.push(ColumnSchema { name, ty: *ty });
                }
            }
        }
        let place = |table: &Table, at: usize| {
            let column = &table.columns[at];
            let types = known.get(column.name.as_str())?;
            let name = types.placed(binder.type_name(table, &column.name, column.ty));
            Some((*places.get(&(column.name.as_str(), name))?, at))
        };
        let sources = tables.iter().map(|(_, table)| {
            let mut from: Vec<_> = (0..table.columns.len()).filter_map(|at| place(table, at)).collect();
            from.sort_unstable();
            from
        });
        let sources = sources.collect();
        Self { columns, sources }
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

    /// The type under which a column of the type called `name` is placed.
    fn placed(&self, name: &'static str) -> &'static str {
        match self.distinct.as_slice() {
            [(only, _)] => only,
            _ => name,
        }
    }

    fn output(&self, column: &str, ty: &str) -> String {
        if self.distinct.len() > 1 { format!("{column}_{ty}") } else { column.to_owned() }
    }
}

/// Whether a relation reads something that did not bind.
fn has_mistake(rel: &Rel) -> bool {
    let mut found = matches!(rel, Rel::Unsupported { what, .. } if what == MISTAKE);
    found = found || crate::visit::inputs(rel).into_iter().any(has_mistake);
    for scalar in crate::visit::scalars(rel) {
        crate::visit::sub_relations(scalar, &mut |inner| found = found || has_mistake(inner));
    }
    found
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
