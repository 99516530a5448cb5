//! `extend` and the `project` family. All of them become one [`Rel::Project`](crate::bound::Rel::Project)
//! that lists every output column.

use bartizan_schema::KqlType;

use crate::bound::{Named, Scalar, ScalarKind};
use crate::functions;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Name};
use crate::syntax::codes;

use super::naming::{Names, item_name, matches_wildcard, maybe_column, name_in_pattern};
use super::scope::Table;
use super::several::{column_of_several, several_columns};
use super::{Binder, failed_scalar, passed_on};

/// Columns one table may have. Wide tables have hundreds.
const COLUMNS_MAX: usize = 20_000;

/// An item of `extend` or `project`, bound.
struct Item {
    /// The name that is written, or that the expression has by itself.
    name: Option<String>,
    /// Written with `=`, or a bare column: two of those must not agree.
    explicit: bool,
    value: Scalar,
    span: Span,
}

impl Binder<'_> {
    pub(super) fn extend(&mut self, input: Table, items: &[Expr], span: Span) -> Table {
        let items = self.over(&input, |binder| binder.items(items));
        let mut out = passed_on(&input.columns, span);
        let mut position: std::collections::HashMap<String, usize> =
            out.iter().enumerate().map(|(at, item)| (item.name.clone(), at)).collect();
        let mut declared = std::collections::HashSet::new();
        for item in items {
            if item.explicit && !declared.insert(item.name.clone()) {
                self.duplicate(item.name.as_deref().unwrap_or_default(), item.span);
                continue;
            }
            let name = match item.name {
                Some(name) => name,
                None => self.numbered_name(|name| position.contains_key(name)),
            };
            match position.get(&name) {
                // an existing column keeps its place and gets the new value
                Some(at) => out[*at].value = item.value,
                None => {
                    position.insert(name.clone(), out.len());
                    out.push(Named { name, value: item.value });
                }
            }
        }
        self.limited(input, out, span)
    }

    pub(super) fn project_items(&mut self, input: Table, items: &[Expr], span: Span) -> Table {
        let items = self.over(&input, |binder| binder.items(items));
        let out = self.distinct_names(items);
        self.limited(input, out, span)
    }

    /// Group keys: like `project`, and named the same way.
    pub(super) fn keys(&mut self, items: &[Expr]) -> Vec<Named> {
        let items = self.items(items);
        self.distinct_names(items)
    }

    /// Binds a list of named values in the rows in view.
    fn items(&mut self, items: &[Expr]) -> Vec<Item> {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match &item.kind {
                ExprKind::Assign { names, value, .. } => {
                    self.assigned_items(names, value, item.span, &mut out)
                }
                ExprKind::Wildcard(pattern) => self.wildcard_items(pattern, item.span, &mut out),
                _ => self.unnamed_items(item, &mut out),
            }
        }
        out
    }

    fn assigned_items(&mut self, names: &[Name], value: &Expr, span: Span, out: &mut Vec<Item>) {
        let columns = self.several(value);
        if columns.is_empty() {
            let value = self.scalar(value);
            if names.len() > 1 {
                self.errors.error(codes::UNEXPECTED, span, "this expression has one value for several names");
            }
            let name = names.first().map(|name| name.text.clone());
            if let Some(name) = &name {
                self.note_inferred(name, &value);
            }
            out.push(Item { name, explicit: true, value, span });
            return;
        }
        for (at, (own_name, value)) in columns.into_iter().enumerate() {
            let name = names.get(at).map_or(own_name, |name| name.text.clone());
            out.push(Item { name: Some(name), explicit: at < names.len(), value, span });
        }
    }

    fn unnamed_items(&mut self, item: &Expr, out: &mut Vec<Item>) {
        let columns = self.several(item);
        if !columns.is_empty() {
            let items = columns.into_iter();
            out.extend(items.map(|(name, value)| Item {
                name: Some(name),
                explicit: false,
                value,
                span: item.span,
            }));
            return;
        }
        let value = self.scalar(item);
        let plain = matches!(item.unwrapped().kind, ExprKind::Name(_));
        let name = self.own_name(item);
        let explicit = plain && name.is_some();
        out.push(Item { name, explicit, value, span: item.span });
    }

    /// The name of an expression; that of a column that may be missing only when it is there.
    fn own_name(&self, item: &Expr) -> Option<String> {
        if let Some(pattern) = &self.pattern {
            return name_in_pattern(item, &|name| pattern.is_element(name));
        }
        let name = item_name(item)?;
        if maybe_column(item).is_some() && self.row().position(&name).is_none() {
            return None;
        }
        Some(name)
    }

    fn wildcard_items(&mut self, pattern: &str, span: Span, out: &mut Vec<Item>) {
        let columns = self.row().columns.iter().enumerate();
        let columns = columns.filter(|(_, column)| matches_wildcard(pattern, &column.name));
        out.extend(columns.map(|(at, column)| Item {
            name: Some(column.name.clone()),
            explicit: true,
            value: Scalar::column(at, column.ty, span),
            span,
        }));
    }

    /// The columns of a call with several results, or none.
    pub(super) fn several(&mut self, value: &Expr) -> Vec<(String, Scalar)> {
        let ExprKind::Call { base: None, name, args } = &value.unwrapped().kind else { return Vec::new() };
        if matches!(name.text.as_str(), "array_sort_asc" | "array_sort_desc") {
            return self.sorted_columns(&name.text, args, value.span);
        }
        let Some(columns) = several_columns(&name.text) else { return Vec::new() };
        let of = args.first().and_then(item_name).unwrap_or_default();
        let args: Vec<Scalar> = args.iter().map(|arg| self.scalar(arg)).collect();
        let Some(declared) = functions::lookup(&name.text) else { return Vec::new() };
        self.check_arguments(declared, &name.text, &args, value.span);
        let function = declared.function.name;
        let call = ScalarKind::Call { function, args };
        let call = Scalar { kind: call, ty: KqlType::Dynamic, span: value.span };
        let columns = columns.iter().enumerate();
        columns
            .map(|(at, (suffix, ty))| {
                (format!("{}_{of}_{suffix}", name.text), column_of_several(call.clone(), at, *ty))
            })
            .collect()
    }

    fn distinct_names(&mut self, items: Vec<Item>) -> Vec<Named> {
        let mut names = Names::default();
        let mut declared = std::collections::HashSet::new();
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            if item.explicit && !declared.insert(item.name.clone()) {
                self.duplicate(item.name.as_deref().unwrap_or_default(), item.span);
                continue;
            }
            let name = match item.name {
                Some(name) => name,
                None => self.numbered_name(|_| false),
            };
            out.push(Named { name: names.unique(&name), value: item.value });
        }
        out
    }

    fn limited(&mut self, input: Table, items: Vec<Named>, span: Span) -> Table {
        if items.len() > COLUMNS_MAX {
            let message = format!("a table has at most {COLUMNS_MAX} columns");
            let hint = Some("put values that belong together into one column with `bag_pack`".to_owned());
            self.errors.error_with_hint(codes::TOO_LARGE, span, message, hint);
            return self.failed(span);
        }
        self.project(input, items, span)
    }

    /// Positions of the columns that a list of names and patterns means, in the list's order.
    fn listed_columns(&mut self, input: &Table, items: &[Expr]) -> Vec<usize> {
        let mut out: Vec<usize> = Vec::new();
        for item in items {
            match &item.unwrapped().kind {
                ExprKind::Wildcard(pattern) => {
                    let columns = input.columns.iter().enumerate();
                    let found = columns.filter(|(_, column)| matches_wildcard(pattern, &column.name));
                    let found: Vec<usize> = found.map(|(at, _)| at).filter(|at| !out.contains(at)).collect();
                    out.extend(found);
                }
                _ => out.extend(self.listed_column(input, item).filter(|at| !out.contains(at))),
            }
        }
        out
    }

    fn listed_column(&mut self, input: &Table, item: &Expr) -> Option<usize> {
        let value = self.over(input, |binder| binder.scalar(item));
        let position = super::operators::plain_column(&value);
        if position.is_none() && !super::is_null(&value) {
            self.errors.error(codes::EXPECTED, item.span, "this must be the name of a column");
        }
        position
    }

    pub(super) fn project_away(&mut self, input: Table, items: &[Expr], span: Span) -> Table {
        let gone = self.listed_columns(&input, items);
        let mut items = passed_on(&input.columns, span);
        let mut at = 0;
        items.retain(|_| {
            at += 1;
            !gone.contains(&(at - 1))
        });
        self.project(input, items, span)
    }

    pub(super) fn project_keep(&mut self, input: Table, items: &[Expr], span: Span) -> Table {
        let mut kept = self.listed_columns(&input, items);
        kept.sort_unstable();
        let all = passed_on(&input.columns, span);
        let items = kept.into_iter().map(|at| all[at].clone()).collect();
        self.project(input, items, span)
    }

    pub(super) fn project_rename(&mut self, input: Table, items: &[Expr], span: Span) -> Table {
        let mut out = passed_on(&input.columns, span);
        for item in items {
            let ExprKind::Assign { names, value, .. } = &item.kind else {
                self.errors.error(codes::EXPECTED, item.span, "`project-rename` takes `new = old`");
                continue;
            };
            let (Some(name), Some(at)) = (names.first(), self.listed_column(&input, value)) else { continue };
            if out.iter().enumerate().any(|(other, item)| other != at && item.name == name.text) {
                self.duplicate(&name.text, name.span);
                continue;
            }
            self.over(&input, |binder| binder.note_inferred(&name.text, &out[at].value));
            out[at].name = name.text.clone();
        }
        self.project(input, out, span)
    }

    pub(super) fn project_reorder(
        &mut self,
        input: Table,
        items: &[(Expr, Option<Name>)],
        span: Span,
    ) -> Table {
        let mut order: Vec<usize> = Vec::new();
        let mut all = passed_on(&input.columns, span);
        for (item, direction) in items {
            let mut found = self.listed_columns(&input, std::slice::from_ref(item));
            // a saved function lists a column in vain: it is there without values, as in the reference
            if let (true, None, ExprKind::Name(name)) = (found.is_empty(), direction, &item.kind)
                && self.errors.saved().is_some()
                && !all.iter().any(|item| item.name == *name)
            {
                let value = failed_scalar(span);
                self.note_inferred(name, &value);
                found.push(all.len());
                all.push(Named { name: name.clone(), value });
            }
            if let Some(direction) = direction {
                sort_by_name(&mut found, &input, &direction.text);
            }
            let new: Vec<usize> = found.into_iter().filter(|at| !order.contains(at)).collect();
            order.extend(new);
        }
        let rest: Vec<usize> = (0..input.columns.len()).filter(|at| !order.contains(at)).collect();
        order.extend(rest);
        let items = order.into_iter().map(|at| all[at].clone()).collect();
        self.project(input, items, span)
    }

    /// Refuses a dynamic value as a key of `summarize` or `distinct`.
    pub(super) fn refuse_dynamic_key(&mut self, value: &Scalar, what: &str) {
        if value.ty == KqlType::Dynamic && !super::is_null(value) && !self.is_inferred(value) {
            let hint = Some("cast it first, for instance with tostring(…)".to_owned());
            let message = format!("a dynamic value cannot be {what}");
            self.errors.error_with_hint(codes::DYNAMIC_KEY, value.span, message, hint);
        }
    }
}

/// `asc`, `desc`, and their `granny-` forms, which compare runs of digits as numbers.
fn sort_by_name(found: &mut [usize], input: &Table, direction: &str) {
    let granny = direction.starts_with("granny");
    found.sort_by(|left, right| {
        let (left, right) = (&input.columns[*left].name, &input.columns[*right].name);
        if granny {
            granny_key(left).cmp(&granny_key(right))
        } else {
            left.to_lowercase().cmp(&right.to_lowercase())
        }
    });
    if direction.ends_with("desc") {
        found.reverse();
    }
}

fn granny_key(name: &str) -> Vec<(String, u128)> {
    let mut key = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let after = &rest[text..];
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        key.push((rest[..text].to_lowercase(), after[..digits].parse().unwrap_or(0)));
        rest = &after[digits..];
    }
    key
}
