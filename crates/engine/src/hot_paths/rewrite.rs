//! Where a query reads a promoted path of a table, it reads the path's column.
//!
//! The column is added to the table's last, so that all positions stay as they are, and is gone above the first relation
//! that names its columns; where there is none, one is put in.

use bartizan_kql::bound::{ColumnSchema, Named, Rel, Scalar};
use bartizan_kql::visit::{inputs_mut, operands_mut, scalars_mut, sub_relations_mut};
use bartizan_schema::KqlType;

use super::{HotPath, TablePaths};
use crate::lower::Context;

/// Rewrites one result of a query, and tells `seen` of each path into a table, by the table's paths.
pub(crate) fn use_columns(root: &mut Rel, context: &Context, seen: &mut dyn FnMut(&TablePaths, HotPath)) {
    let known = |name: &str| context.tables.get(name)?.paths().cloned();
    Rewrite { known: &known, seen }.relation(root);
}

struct Rewrite<'a> {
    known: &'a dyn Fn(&str) -> Option<TablePaths>,
    seen: &'a mut dyn FnMut(&TablePaths, HotPath),
}

impl Rewrite<'_> {
    fn relation(&mut self, rel: &mut Rel) {
        for scalar in scalars_mut(rel) {
            sub_relations_mut(scalar, &mut |inner| self.relation(inner));
        }
        let names = matches!(rel, Rel::Project { .. } | Rel::Summarize { .. });
        let columns = match table_below(rel, names) {
            Some(columns) => columns,
            None => {
                inputs_mut(rel).into_iter().for_each(|input| self.relation(input));
                return;
            }
        };
        let Some(paths) = table(rel).and_then(|(name, _)| (self.known)(name)) else { return };
        let mut used = Used { columns: &columns, paths: &paths, found: Vec::new(), seen: &mut *self.seen };
        let mut at = Some(&mut *rel);
        while let Some(rel) = at {
            scalars_mut(rel).into_iter().for_each(|scalar| used.search(scalar));
            at = inputs_mut(rel).into_iter().next();
        }
        let found = used.found;
        if found.is_empty() {
            return;
        }
        if let Some((_, columns)) = table(rel) {
            columns.extend(found.iter().map(|path| ColumnSchema { name: path.name(), ty: KqlType::Dynamic }));
        }
        if !names {
            let none = Rel::Rows { columns: Vec::new(), rows: Vec::new() };
            let input = Box::new(std::mem::replace(rel, none));
            let span = match &*input {
                Rel::Filter { predicate, .. } => predicate.span,
                _ => bartizan_kql::Span { start: 0, end: 0 },
            };
            let items = columns
                .into_iter()
                .enumerate()
                .map(|(at, column)| Named { value: Scalar::column(at, column.ty, span), name: column.name });
            *rel = Rel::Project { items: items.collect(), input };
        }
    }
}

/// The columns of the table that a chain of relations, which pass all columns on, ends in. `names` says that the first
/// one is another one.
fn table_below(rel: &Rel, names: bool) -> Option<Vec<ColumnSchema>> {
    match rel {
        Rel::Table { columns, .. } => Some(columns.clone()),
        Rel::Project { input, .. } | Rel::Summarize { input, .. } if names => table_below(input, false),
        Rel::Filter { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Take { input, .. }
        | Rel::TakeWithin { input, .. }
        | Rel::Sample { input, .. }
        | Rel::Serialize { input } => table_below(input, false),
        _ => None,
    }
}

/// The table at the end of such a chain: its name and columns.
fn table(rel: &mut Rel) -> Option<(&str, &mut Vec<ColumnSchema>)> {
    if let Rel::Table { name, columns, .. } = rel {
        return Some((name, columns));
    }
    table(inputs_mut(rel).into_iter().next()?)
}

/// Paths of one table that have columns.
struct Used<'a> {
    columns: &'a [ColumnSchema],
    paths: &'a TablePaths,
    found: Vec<HotPath>,
    seen: &'a mut dyn FnMut(&TablePaths, HotPath),
}

impl Used<'_> {
    fn search(&mut self, scalar: &mut Scalar) {
        if let Some(path) = HotPath::of(scalar, self.columns) {
            (self.seen)(self.paths, path.clone());
            if self.paths.usable.contains(&path) {
                let known = self.found.iter().position(|known| *known == path);
                let at = known.unwrap_or(self.found.len());
                if known.is_none() {
                    self.found.push(path);
                }
                *scalar = Scalar::column(self.columns.len() + at, scalar.ty, scalar.span);
            }
            return;
        }
        operands_mut(scalar).into_iter().for_each(|operand| self.search(operand));
    }
}
