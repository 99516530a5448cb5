//! Plugins that pass rows on: `identity`, `preview`, `rows_near`; and `narrow` and `schema_merge`.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Literal, Named, Rel, Scalar};
use crate::functions::ArgumentKind;
use crate::syntax::codes;

use super::super::scope::Table;
use super::super::{Binder, passed_on};
use super::Invocation;
use super::arguments::constant;

fn columns(of: &[(&str, KqlType)]) -> Vec<ColumnSchema> {
    of.iter().map(|(name, ty)| ColumnSchema { name: (*name).to_owned(), ty: *ty }).collect()
}

pub(super) fn identity(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    binder.arranged(&call)?;
    Some(call.input)
}

/// A row per cell.
pub(super) fn narrow(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    binder.arranged(&call)?;
    let out = columns(&[("Row", KqlType::Long), ("Column", KqlType::String), ("Value", KqlType::String)]);
    Some(binder.whole_plugin(call.plugin, vec![call.input], Vec::new(), Vec::new(), out, call.span))
}

/// The first of two results: the rows. The second, their count, has no place in one result.
pub(super) fn preview(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let count = binder.plugin_constant(&arguments, "rows", ArgumentKind::Exactly(KqlType::Long), None)?;
    Some(binder.through(call.input, call.span, |input| Rel::Take { input, count }))
}

/// Rows around those that meet a condition. The condition is worked out before, as a last column.
pub(super) fn rows_near(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let condition = arguments.get("condition")?;
    let condition = binder.over(&call.input, |binder| binder.predicate(condition));
    let long = ArgumentKind::Exactly(KqlType::Long);
    let before = binder.plugin_constant(&arguments, "rows", long, None)?;
    let after = binder.plugin_constant(&arguments, "rows_after", long, Some(before.clone()))?;
    let out = call.input.columns.clone();
    let at = Scalar::column(out.len(), KqlType::Bool, condition.span);
    let mut items = passed_on(&out, call.span);
    items.push(Named { name: CONDITION.to_owned(), value: condition });
    let open = call.input.open;
    let input = binder.project(call.input, items, call.span);
    let mut table =
        binder.whole_plugin(call.plugin, vec![input], vec![at, before, after], Vec::new(), out, call.span);
    table.open = open;
    Some(table)
}

/// The hidden column of a condition: no name of a query holds a control character.
const CONDITION: &str = "\u{1}condition";

/// One schema out of several. The input has the columns that `getschema` gives.
pub(super) fn schema_merge(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let keeps_order = constant(Literal::Bool(true), KqlType::Bool);
    let keeps_order = binder.plugin_constant(
        &arguments,
        "PreserveOrder",
        ArgumentKind::Exactly(KqlType::Bool),
        Some(keeps_order),
    )?;
    let out = columns(&[
        ("ColumnName", KqlType::String),
        ("ColumnOrdinal", KqlType::Long),
        ("DataType", KqlType::String),
        ("ColumnType", KqlType::String),
    ]);
    let mut items = Vec::new();
    for wanted in &out {
        let found = call.input.columns.iter().position(|column| column.name == wanted.name);
        let Some(at) = found else {
            let message = format!("`evaluate schema_merge` needs the column `{}`", wanted.name);
            let hint = Some("give it what `getschema` gives".to_owned());
            binder.errors.error_with_hint(codes::UNKNOWN_COLUMN, call.span, message, hint);
            return None;
        };
        let value = Scalar::column(at, call.input.columns[at].ty, call.span);
        let value = super::super::scalar::converted(value, wanted.ty);
        items.push(Named { name: wanted.name.clone(), value });
    }
    let input = binder.project(call.input, items, call.span);
    Some(binder.whole_plugin(call.plugin, vec![input], vec![keeps_order], Vec::new(), out, call.span))
}
