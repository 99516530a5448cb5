//! `find`: a predicate over several tables that need not all have its columns, and a result of chosen
//! columns with the rest packed.

use std::collections::HashSet;

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Literal, Named, Rel, Scalar, ScalarKind};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, FindColumn, FindOutput, Setting};
use crate::syntax::codes;

use super::scope::Table;
use super::union::setting_word;
use super::{Binder, absent, passed_on};

const SOURCE_COLUMN: &str = "source_";
const PACKED_COLUMN: &str = "pack_";

/// A column of the result.
struct Wanted {
    column: ColumnSchema,
    /// Written with a type.
    typed: bool,
}

impl Binder<'_> {
    pub(super) fn find(
        &mut self,
        settings: &[Setting],
        tables: &[Expr],
        predicate: &Expr,
        output: &FindOutput,
        span: Span,
    ) -> Table {
        self.searching("find", span, |binder| binder.find_inside(settings, tables, predicate, output, span))
    }

    fn find_inside(
        &mut self,
        settings: &[Setting],
        tables: &[Expr],
        predicate: &Expr,
        output: &FindOutput,
        span: Span,
    ) -> Table {
        let source = setting_word(settings, &["withsource", "with_source"]);
        let source = source.unwrap_or_else(|| SOURCE_COLUMN.to_owned());
        let mut found = self.tables_in_view(tables, span);
        let mut named = Vec::new();
        let anywhere = self.named_columns(predicate, &mut named);
        // a table with none of the predicate's columns has nothing to find
        found.retain(|(_, table)| {
            anywhere
                || table.open
                || table.columns.iter().any(|column| named.iter().any(|(name, _)| *name == column.name))
        });
        self.check_named(&found, tables, &named);
        let (wanted, pack) = self.find_columns(&found, &named, output);
        let names: Vec<String> = named.into_iter().map(|(name, _)| name).collect();
        let lacking = self.columns_named(&found, &names);
        let mut parts = Vec::with_capacity(found.len());
        for (name, table) in found {
            if self.exhausted() {
                return self.failed(span);
            }
            let own = table.columns.clone();
            let searched = self.with_named(table, &lacking, span);
            let predicate = self.over(&searched, |binder| binder.search_predicate(predicate, false));
            let filtered = self.through(searched, span, |input| Rel::Filter { input, predicate });
            let items = found_items(&own, &source, &name, &wanted, pack, span);
            parts.push((name, self.project(filtered, items, span)));
        }
        if parts.is_empty() {
            let columns = vec![ColumnSchema { name: source, ty: KqlType::String }];
            let rel = Rel::Rows { columns: columns.clone(), rows: Vec::new() };
            let inherited = super::Inherited { open: false, time_alias: false, cost: 0, depth: 0 };
            return self.derive(rel, columns, inherited, span);
        }
        self.combine(parts, None, false, span)
    }

    /// The tables that `search` and `find` look into, with their names: all, or the listed ones.
    pub(super) fn tables_in_view(&mut self, tables: &[Expr], span: Span) -> Vec<(String, Table)> {
        if tables.is_empty() {
            let mut names = self.visible_tables();
            names.extend(self.env.views());
            return names.into_iter().map(|name| (name.clone(), self.named_table(&name, span))).collect();
        }
        let mut found = Vec::new();
        for table in tables {
            self.union_input(table, false, &mut found);
        }
        found
    }

    /// Adds the names a predicate reads to `names`, each with its place; whether it looks into all columns.
    pub(super) fn named_columns(&self, expr: &Expr, names: &mut Vec<(String, Span)>) -> bool {
        let mut add = |name: &str| {
            if self.env.find(name).is_none() && !names.iter().any(|(known, _)| known == name) {
                names.push((name.to_owned(), expr.span));
            }
        };
        match &expr.kind {
            ExprKind::Name(name) => {
                add(name);
                false
            }
            ExprKind::Wildcard(_) => true,
            ExprKind::Paren(inner)
            | ExprKind::Negate(inner)
            | ExprKind::Plus(inner)
            | ExprKind::Member { base: inner, .. } => self.named_columns(inner, names),
            ExprKind::Index { base, index } => {
                let base = self.named_columns(base, names);
                self.named_columns(index, names) || base
            }
            // a text by itself is looked for everywhere; one that is compared is not
            ExprKind::Logic { terms, .. } => {
                let mut anywhere = false;
                for term in terms {
                    anywhere |= is_text(term) || self.named_columns(term, names);
                }
                anywhere
            }
            ExprKind::Binary { left, right, .. } => {
                let left = self.named_columns(left, names);
                self.named_columns(right, names) || left
            }
            ExprKind::Membership { value, list, .. } => {
                let mut anywhere = self.named_columns(value, names);
                for item in list {
                    anywhere |= self.named_columns(item, names);
                }
                anywhere
            }
            ExprKind::Between { value, low, high, .. } => {
                let mut anywhere = self.named_columns(value, names);
                for bound in [low, high] {
                    anywhere |= self.named_columns(bound, names);
                }
                anywhere
            }
            ExprKind::Call { base: None, name, args } => {
                let mut anywhere = false;
                for arg in args {
                    anywhere |= (name.text == "not" && is_text(arg)) || self.named_columns(arg, names);
                }
                anywhere
            }
            ExprKind::Literal(Literal::String(_), _) => is_text(expr),
            _ => false,
        }
    }

    /// Reports names that no table has.
    fn check_named(&mut self, found: &[(String, Table)], tables: &[Expr], names: &[(String, Span)]) {
        let all_known = found.iter().all(|(_, table)| !table.open);
        for (name, span) in names {
            let there = found.iter().any(|(_, table)| {
                table.columns.iter().any(|column| column.name == *name) || (table.time_alias && is_time(name))
            });
            let is_table = tables.is_empty() && self.names_table(name);
            if !there && all_known && !is_table {
                self.unknown_column(name, *span);
            }
        }
    }

    /// The type each of these columns has in the first table that has it.
    pub(super) fn columns_named(&self, found: &[(String, Table)], names: &[String]) -> Vec<ColumnSchema> {
        let first = |name: &String| {
            found.iter().flat_map(|(_, table)| &table.columns).find(|column| column.name == *name)
        };
        names.iter().filter_map(|name| first(name).cloned()).collect()
    }

    /// The table with those of `columns` that it lacks added at the end, without values, and those that have
    /// another type in it converted there. The table's own columns keep their places.
    pub(super) fn with_named(&mut self, table: Table, columns: &[ColumnSchema], span: Span) -> Table {
        let mut items = passed_on(&table.columns, span);
        let own = items.len();
        for column in columns {
            let value = match table.columns.iter().position(|known| known.name == column.name) {
                Some(at) if table.columns[at].ty == column.ty => continue,
                Some(at) => {
                    items[at].name = self.hidden_name(at);
                    super::scalar::converted(Scalar::column(at, table.columns[at].ty, span), column.ty)
                }
                None if table.open || (table.time_alias && is_time(&column.name)) => continue,
                None => absent(column.ty, span),
            };
            items.push(Named { name: column.name.clone(), value });
        }
        if items.len() == own { table } else { self.project(table, items, span) }
    }

    /// The result's columns, and whether the rest is packed.
    fn find_columns(
        &mut self,
        found: &[(String, Table)],
        named: &[(String, Span)],
        output: &FindOutput,
    ) -> (Vec<Wanted>, bool) {
        let (mut wanted, pack) = match output {
            FindOutput::Project { columns, pack } => {
                return (
                    columns.iter().filter_map(|column| self.find_column(found, column)).collect(),
                    *pack,
                );
            }
            FindOutput::Smart => (self.smart_columns(found, named), true),
            FindOutput::ProjectAway { columns, pack } => {
                let mut wanted = self.smart_columns(found, named);
                wanted.retain(|kept| !columns.iter().any(|gone| gone.name.text == kept.column.name));
                (wanted, *pack)
            }
        };
        let names: HashSet<&str> = wanted.iter().map(|wanted| wanted.column.name.as_str()).collect();
        let rest = found
            .iter()
            .flat_map(|(_, table)| &table.columns)
            .any(|column| !names.contains(column.name.as_str()));
        wanted.shrink_to_fit();
        (wanted, pack && rest)
    }

    /// Columns that all tables have, then the predicate's.
    fn smart_columns(&self, found: &[(String, Table)], named: &[(String, Span)]) -> Vec<Wanted> {
        let Some(((_, first), others)) = found.split_first() else { return Vec::new() };
        let sets: Vec<HashSet<&str>> = others
            .iter()
            .map(|(_, table)| table.columns.iter().map(|column| column.name.as_str()).collect())
            .collect();
        let common = first.columns.iter().map(|column| column.name.as_str());
        let mut names: Vec<&str> = common.filter(|name| sets.iter().all(|set| set.contains(name))).collect();
        for (name, _) in named {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let typed = names.into_iter().filter_map(|name| {
            let ty = common_type(found, name)?;
            Some(Wanted { column: ColumnSchema { name: name.to_owned(), ty }, typed: false })
        });
        typed.collect()
    }

    fn find_column(&mut self, found: &[(String, Table)], column: &FindColumn) -> Option<Wanted> {
        let name = &column.name.text;
        let Some(ty) = common_type(found, name) else {
            if found.iter().all(|(_, table)| !table.open) {
                let message = format!("none of the tables has a column `{name}`");
                self.errors.error(codes::UNKNOWN_COLUMN, column.name.span, message);
            }
            return None;
        };
        let schema = ColumnSchema { name: name.clone(), ty: column.ty.unwrap_or(ty) };
        Some(Wanted { column: schema, typed: column.ty.is_some() })
    }
}

/// The type a column has in all tables that have it; dynamic if they disagree.
fn common_type(found: &[(String, Table)], name: &str) -> Option<KqlType> {
    let mut types = found
        .iter()
        .flat_map(|(_, table)| &table.columns)
        .filter(|column| column.name == name)
        .map(|column| column.ty);
    let first = types.next()?;
    Some(if types.all(|ty| ty == first) { first } else { KqlType::Dynamic })
}

/// What a found row of one table becomes.
fn found_items(
    columns: &[ColumnSchema],
    source: &str,
    table: &str,
    wanted: &[Wanted],
    pack: bool,
    span: Span,
) -> Vec<Named> {
    let text = |text: &str| Scalar::literal(Literal::String(text.to_owned()), KqlType::String, span);
    let mut items = vec![Named { name: source.to_owned(), value: text(table) }];
    for Wanted { column, typed } in wanted.iter().filter(|wanted| wanted.column.name != source) {
        let own = columns.iter().position(|known| known.name == column.name);
        let value = match own.map(|at| Scalar::column(at, columns[at].ty, span)) {
            Some(value) if value.ty == column.ty => value,
            Some(value) if *typed || column.ty == KqlType::Dynamic => {
                super::scalar::converted(value, column.ty)
            }
            _ => absent(column.ty, span),
        };
        items.push(Named { name: column.name.clone(), value });
    }
    if pack {
        let rest = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| !wanted.iter().any(|wanted| wanted.column.name == column.name));
        let pairs =
            rest.flat_map(|(at, column)| [text(&column.name), Scalar::column(at, column.ty, span)]).collect();
        let kind = ScalarKind::Call { function: "bag_pack", args: pairs };
        let value = Scalar { kind, ty: KqlType::Dynamic, span };
        items.push(Named { name: PACKED_COLUMN.to_owned(), value });
    }
    items
}

/// A term that is looked for in every column.
pub(super) fn is_text(expr: &Expr) -> bool {
    matches!(expr.unwrapped().kind, ExprKind::Literal(Literal::String(_), _))
}

fn is_time(name: &str) -> bool {
    matches!(name, "Timestamp" | "TimeGenerated")
}
