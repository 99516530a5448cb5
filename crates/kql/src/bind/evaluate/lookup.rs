//! `ipv4_lookup` and `ipv6_lookup`: a join on addresses and the ranges that hold them.
//!
//! The plugin itself sees each distinct address once and says which rows of the lookup table it meets; an
//! ordinary join brings that to all rows, so that the input neither is held nor loses its pruning.

use bartizan_schema::KqlType;

use crate::bound::{
    ColumnSchema, Join, JoinKind, JoinOutput, JoinSide, Literal, Named, Rel, Scalar, ScalarKind,
};
use crate::syntax::ast::Expr;
use crate::syntax::codes;

use super::super::naming::{Names, result_name};
use super::super::scalar::converted;
use super::super::scope::Table;
use super::super::{Binder, Inherited};
use super::Invocation;

/// The hidden column of addresses that were looked up.
const ADDRESS: &str = "\u{1}address";

pub(super) fn ipv4(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    lookup(binder, call)
}

pub(super) fn ipv6(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    lookup(binder, call)
}

fn lookup(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let span = call.span;
    let arguments = binder.arranged(&call)?;
    let (table, key) = binder.lookup_table(&arguments)?;
    let (source, _) = binder.plugin_column(&call.input, &arguments, "source")?;
    for (name, value) in [("source", &source), ("key", &key)] {
        if !matches!(value.ty, KqlType::String | KqlType::Dynamic) {
            binder.wrong_argument(&arguments, name, value.ty.name(), "a string", value.span);
            return None;
        }
    }
    let unmatched = binder.literal_argument(&arguments, "return_unmatched", KqlType::Bool)?;
    let unmatched = matches!(unmatched, Some(Literal::Bool(true)));
    let extra = binder.extra_keys(&call.input, &table, &arguments.rest)?;

    let (open, time_alias) = (call.input.open || table.open, call.input.time_alias);
    let left = binder.shared(call.input);
    let source = converted(source, KqlType::String);
    let address = ColumnSchema { name: ADDRESS.to_owned(), ty: KqlType::String };
    let keys = vec![Named { name: ADDRESS.to_owned(), value: source.clone() }];
    let distinct = Rel::Summarize { input: Box::new(left.rel.clone()), keys, aggregates: Vec::new() };
    let distinct = binder.derive(distinct, vec![address.clone()], Inherited::from(&left), span);
    let mut found = vec![address];
    found.extend(table.columns.iter().cloned());
    let looked_up = table.columns.clone();
    let args = vec![Scalar::column(0, KqlType::String, span), key];
    let right = binder.whole_plugin(call.plugin, vec![distinct, table], args, Vec::new(), found, span);

    let mut names = Names::reserving(left.columns.iter().map(|column| column.name.as_str()));
    let mut outputs: Vec<JoinOutput> = Vec::new();
    for (index, column) in left.columns.iter().enumerate() {
        outputs.push(JoinOutput { column: column.clone(), from: JoinSide::Left, index });
    }
    for (index, column) in looked_up.into_iter().enumerate() {
        // like `lookup`, the keys that are equal on both sides appear once
        if extra.iter().any(|(_, of_table)| matches!(of_table.kind, ScalarKind::Column(at) if at == index)) {
            continue;
        }
        let column = ColumnSchema { name: names.unique(&column.name), ty: column.ty };
        outputs.push(JoinOutput { column, from: JoinSide::Right, index: index + 1 });
    }
    let mut on = vec![(source, Scalar::column(0, KqlType::String, span))];
    for (of_input, of_table) in extra {
        if let ScalarKind::Column(at) = of_table.kind {
            on.push((of_input, Scalar::column(at + 1, of_table.ty, span)));
        }
    }
    let kind = if unmatched { JoinKind::LeftOuter } else { JoinKind::Inner };
    let columns = outputs.iter().map(|output| output.column.clone()).collect();
    let inherited = Inherited { open, time_alias, ..Inherited::both(&left, &right) };
    let join = Join { left: left.rel, right: right.rel, kind, on, outputs, span };
    Some(binder.derive(Rel::Join(Box::new(join)), columns, inherited, span))
}

impl Binder<'_> {
    /// Columns that both tables have and that must be equal too.
    fn extra_keys(&mut self, input: &Table, table: &Table, given: &[&Expr]) -> Option<Vec<(Scalar, Scalar)>> {
        let mut keys = Vec::new();
        for expr in given {
            let before = self.errors.error_count();
            let of_input = self.over(input, |binder| binder.scalar(expr));
            let of_table = self.over(table, |binder| binder.scalar(expr));
            if self.errors.error_count() > before {
                return None;
            }
            let columns = [&of_input, &of_table];
            if columns.iter().any(|value| !matches!(value.kind, ScalarKind::Column(_))) {
                let name = result_name(expr).unwrap_or_default();
                let message = format!("the extra key `{name}` must be a column of both tables");
                self.errors.error(codes::JOIN_KEY, expr.span, message);
                return None;
            }
            keys.push((of_input, of_table));
        }
        Some(keys)
    }
}
