//! `bag_unpack` and `pivot`: plugins whose columns are in the rows.
//!
//! Both put what they work on into a [`Rel::Shared`], so that an engine which has computed it to learn the
//! columns need not compute it again. Once its columns are known, `bag_unpack` is a plain projection.

use bartizan_schema::KqlType;

use crate::analysis::Learned;
use crate::bound::{
    ColumnSchema, Literal, Named, NamedAggregate, PathSegment, PluginCall, Rel, Scalar, ScalarKind,
};
use crate::functions;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Name};
use crate::syntax::codes;

use super::super::operators::plain_column;
use super::super::scalar::converted;
use super::super::scope::Table;
use super::super::{Binder, Inherited, failed_scalar, is_null, passed_on};
use super::Invocation;
use super::arguments::Arguments;

/// Hidden columns of what `pivot` turns: the value that becomes a column's name, and the aggregate.
const PIVOT: &str = "\u{1}pivot";
const VALUE: &str = "\u{1}value";

/// What to do with a key of the bag that is called like a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Conflict {
    Error,
    ReplaceSource,
    KeepSource,
}

/// A bag and how its keys become columns.
struct Bag {
    value: Scalar,
    prefix: String,
    conflict: Conflict,
    ignored: Vec<String>,
    /// The input's columns but the bag.
    kept: Vec<(usize, ColumnSchema)>,
}

pub(super) fn bag_unpack(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let bag = binder.bag(&call.input, &arguments)?;
    let base: Vec<ColumnSchema> = bag.kept.iter().map(|(_, column)| column.clone()).collect();
    let (input, span) = (call.input, call.span);
    let Some(schema) = call.schema else {
        let input = binder.shared(input);
        return match binder.next_learned() {
            Ok(learned) => binder.unpacked(input, &bag, &learned, span),
            Err(number) => {
                let inherited = Inherited::from(&input);
                let items = vec![Named { name: "bag".to_owned(), value: bag.value }];
                let bags = binder.project(input, items, span);
                let call = PluginCall {
                    plugin: call.plugin.name,
                    args: vec![Scalar::column(0, KqlType::Dynamic, span)],
                    rest: Vec::new(),
                    unlearned: Some(number),
                };
                let mut table = binder.whole_call(call, vec![bags], base, true, span);
                table.time_alias = inherited.time_alias;
                Some(table)
            }
        };
    };
    let columns = binder.schema_columns(&base, schema);
    let items = columns.into_iter().map(|column| {
        let kept = bag.kept.iter().find(|(_, kept)| kept.name == column.name);
        let value = match kept {
            Some((at, kept)) if bag.conflict != Conflict::ReplaceSource => Scalar::column(*at, kept.ty, span),
            _ => {
                let key = column.name.strip_prefix(bag.prefix.as_str()).unwrap_or(&column.name);
                slot(&bag.value, key, span)
            }
        };
        Named { value: converted(value, column.ty), name: column.name }
    });
    let items = items.collect();
    Some(binder.project(input, items, span))
}

/// `bag.key`.
fn slot(bag: &Scalar, key: &str, span: Span) -> Scalar {
    let segments = vec![PathSegment::Key(key.to_owned())];
    let kind = ScalarKind::Path { value: Box::new(bag.clone()), segments };
    Scalar { kind, ty: KqlType::Dynamic, span }
}

impl Binder<'_> {
    fn bag(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Bag> {
        let (mut value, _) = self.plugin_column(input, arguments, "column")?;
        let at = plain_column(&value);
        if value.ty != KqlType::Dynamic {
            // it is taken away like any other, and has no keys to give
            let message = format!("`bag_unpack` unpacks dynamic values, these are {}", value.ty);
            let hint =
                (value.ty == KqlType::String).then(|| "parse the text first: parse_json(…)".to_owned());
            self.errors.warning(codes::ARGUMENT_TYPE, value.span, message, hint);
            value = failed_scalar(value.span);
        }
        let text = |literal| match literal {
            Some(Literal::String(text)) => text,
            _ => String::new(),
        };
        let prefix = text(self.literal_argument(arguments, "OutputColumnPrefix", KqlType::String)?);
        let conflict = text(self.literal_argument(arguments, "columnsConflict", KqlType::String)?);
        let conflict = match conflict.as_str() {
            "" | "error" => Conflict::Error,
            "replace_source" => Conflict::ReplaceSource,
            "keep_source" => Conflict::KeepSource,
            _ => {
                let span = arguments.get("columnsConflict").map_or(value.span, |expr| expr.span);
                let must = "`error`, `replace_source` or `keep_source`";
                self.wrong_argument(arguments, "columnsConflict", "another text", must, span);
                return None;
            }
        };
        let ignored = match self.literal_argument(arguments, "ignoredProperties", KqlType::Dynamic)? {
            Some(Literal::Dynamic(json)) => serde_json::from_str(&json).unwrap_or_default(),
            _ => Vec::new(),
        };
        let columns = input.columns.iter().cloned().enumerate();
        let kept = columns.filter(|(other, _)| Some(*other) != at).collect();
        Some(Bag { value, prefix, conflict, ignored, kept })
    }

    /// What has been learned of the next open call, or its number.
    fn next_learned(&mut self) -> Result<Learned, u32> {
        let number = self.open_calls;
        self.open_calls += 1;
        self.learned.get(&number).cloned().ok_or(number)
    }

    /// The same table, to be computed once and used again.
    pub(in crate::bind) fn shared(&mut self, mut table: Table) -> Table {
        self.next_shared += 1;
        table.rel = Rel::Shared { id: self.next_shared, input: Box::new(table.rel) };
        table
    }

    /// The columns that are kept, then one for each key.
    fn unpacked(&mut self, input: Table, bag: &Bag, learned: &Learned, span: Span) -> Option<Table> {
        let mut kept = bag.kept.clone();
        let mut new = Vec::new();
        for column in &learned.columns {
            if bag.ignored.contains(&column.name) {
                continue;
            }
            let name = format!("{}{}", bag.prefix, column.name);
            let mut value = converted(slot(&bag.value, &column.name, span), column.ty);
            if let Some(at) = kept.iter().position(|(_, kept)| kept.name == name) {
                match bag.conflict {
                    Conflict::Error => {
                        let message =
                            format!("the bag has a key `{name}`, and there is a column of that name");
                        let hint = "say which to keep: columnsConflict='replace_source' or 'keep_source'";
                        let hint = Some(hint.to_owned());
                        self.errors.error_with_hint(codes::DUPLICATE_COLUMN, span, message, hint);
                        return None;
                    }
                    Conflict::ReplaceSource => {}
                    Conflict::KeepSource => value = Scalar::column(kept[at].0, kept[at].1.ty, span),
                }
                kept.remove(at);
            }
            new.push(Named { name, value });
        }
        let mut items: Vec<Named> = Vec::with_capacity(kept.len() + new.len());
        for (at, column) in kept {
            items.push(Named { name: column.name, value: Scalar::column(at, column.ty, span) });
        }
        items.extend(new);
        let open = input.open || learned.open;
        let mut table = self.project(input, items, span);
        table.open = open;
        Some(table)
    }
}

/// Counts by default.
pub(super) fn pivot(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let (turned, _) = binder.plugin_column(&call.input, &arguments, "pivot")?;
    let (aggregate, mut listed) = match arguments.get("aggregate") {
        Some(expr) if is_aggregate(expr) => (expr.clone(), Vec::new()),
        Some(column) => (count(call.span), vec![column]),
        None => (count(call.span), Vec::new()),
    };
    listed.extend(arguments.rest.iter().copied());
    let base = match listed.is_empty() {
        true => binder.remaining(&call.input, &turned, &aggregate),
        false => {
            let mut items: Vec<Named> = Vec::new();
            for expr in listed {
                let (value, name) = binder.column_argument(&call.input, &arguments, "columns", expr)?;
                // Listed twice it still groups once.
                if items.iter().all(|item| item.name != name) {
                    items.push(Named { name, value });
                }
            }
            items
        }
    };
    let known: Vec<ColumnSchema> =
        base.iter().map(|item| ColumnSchema { name: item.name.clone(), ty: item.value.ty }).collect();
    let (grouped, nothing) = binder.pivot_inputs(call.input, turned, &aggregate, base, call.span)?;
    let inputs = vec![binder.shared(grouped), nothing];
    let mut plugin =
        PluginCall { plugin: call.plugin.name, args: Vec::new(), rest: Vec::new(), unlearned: None };
    let (columns, open) = match call.schema {
        Some(schema) => (binder.schema_columns(&known, schema), false),
        None => match binder.next_learned() {
            Ok(learned) => ([known, learned.columns].concat(), learned.open),
            Err(number) => {
                plugin.unlearned = Some(number);
                (known, true)
            }
        },
    };
    Some(binder.whole_call(plugin, inputs, columns, open, call.span))
}

fn is_aggregate(expr: &Expr) -> bool {
    match &expr.unwrapped().kind {
        ExprKind::Call { base: None, name, .. } => functions::lookup_aggregate(&name.text).is_some(),
        _ => false,
    }
}

fn count(span: Span) -> Expr {
    let name = Name { text: "count".to_owned(), span };
    Expr { kind: ExprKind::Call { base: None, name, args: Vec::new() }, span }
}

impl Binder<'_> {
    /// The columns that neither are turned nor stand in the aggregate.
    fn remaining(&mut self, input: &Table, turned: &Scalar, aggregate: &Expr) -> Vec<Named> {
        let mut gone: Vec<usize> = plain_column(turned).into_iter().collect();
        if let ExprKind::Call { args, .. } = &aggregate.unwrapped().kind {
            for arg in args.iter().filter(|arg| !matches!(arg.kind, ExprKind::Wildcard(_))) {
                let value = self.over(input, |binder| binder.scalar(arg));
                gone.extend(plain_column(&value));
            }
        }
        let mut items = passed_on(&input.columns, turned.span);
        let mut at = 0;
        items.retain(|_| {
            at += 1;
            !gone.contains(&(at - 1))
        });
        items
    }

    /// The aggregate by `base` and the turned value; and what the aggregate is over no rows, which fills the
    /// cells that no row falls into. A dynamic column cannot be a group key; it goes through as text.
    fn pivot_inputs(
        &mut self,
        input: Table,
        turned: Scalar,
        aggregate: &Expr,
        base: Vec<Named>,
        span: Span,
    ) -> Option<(Table, Table)> {
        let mut keys: Vec<Named> = Vec::new();
        let mut items: Vec<Named> = Vec::new();
        for item in base {
            let ty = item.value.ty;
            let value = if is_null(&item.value) {
                item.value
            } else {
                let key =
                    if ty == KqlType::Dynamic { converted(item.value, KqlType::String) } else { item.value };
                let column = Scalar::column(keys.len(), key.ty, span);
                keys.push(Named { name: item.name.clone(), value: key });
                converted(column, ty)
            };
            items.push(Named { name: item.name, value });
        }
        items
            .push(Named { name: PIVOT.to_owned(), value: Scalar::column(keys.len(), KqlType::String, span) });
        keys.push(Named { name: PIVOT.to_owned(), value: converted(turned, KqlType::String) });
        let mut found = self.one_aggregate(&input, &keys, aggregate)?;
        let ty = found.outputs[0].ty;
        found.outputs[0].name = VALUE.to_owned();
        items.push(Named { name: VALUE.to_owned(), value: Scalar::column(keys.len(), ty, span) });
        let rows = Rel::Rows { columns: input.columns.clone(), rows: Vec::new() };
        let nothing =
            Rel::Summarize { input: Box::new(rows), keys: Vec::new(), aggregates: vec![found.clone()] };
        let alone = Inherited { open: false, time_alias: false, cost: 1, depth: 1 };
        let nothing = self.derive(nothing, found.outputs.clone(), alone, span);
        let mut columns: Vec<ColumnSchema> =
            keys.iter().map(|key| ColumnSchema { name: key.name.clone(), ty: key.value.ty }).collect();
        columns.extend(found.outputs.clone());
        let inherited = Inherited { open: false, ..Inherited::from(&input) };
        let rel = Rel::Summarize { input: Box::new(input.rel), keys, aggregates: vec![found] };
        let grouped = self.derive(rel, columns, inherited, span);
        Some((self.project(grouped, items, span), nothing))
    }

    /// Binds an argument that is one aggregate with one result.
    fn one_aggregate(&mut self, input: &Table, keys: &[Named], aggregate: &Expr) -> Option<NamedAggregate> {
        let before = self.errors.error_count();
        let mut found = self.lone_aggregates(input, keys, aggregate);
        if self.errors.error_count() > before {
            return None;
        }
        match found.pop() {
            Some(one) if found.is_empty() && one.outputs.len() == 1 => Some(one),
            _ => {
                let message = "`pivot` takes one aggregate with one result, like count() or take_any(x)";
                self.errors.error(codes::ARGUMENT_TYPE, aggregate.span, message);
                None
            }
        }
    }
}
