//! `autocluster`, `basket` and `diffpatterns`: patterns of column values.
//!
//! Optional arguments may be written as `'~'`, which stands for the default. The wildcards at the end say,
//! by their type, what a pattern shows in a column that it does not restrict.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Literal, Scalar, ScalarKind};
use crate::functions::ArgumentKind;
use crate::syntax::ast::{Expr, ExprKind};

use super::super::Binder;
use super::super::operators::plain_column;
use super::super::scope::Table;
use super::Invocation;
use super::arguments::{Arguments, constant};

const SHARE_COLUMNS: &[(&str, KqlType)] =
    &[("SegmentId", KqlType::Long), ("Count", KqlType::Long), ("Percent", KqlType::Real)];
const DIFFERENCE_COLUMNS: &[(&str, KqlType)] = &[
    ("SegmentId", KqlType::Long),
    ("CountA", KqlType::Long),
    ("CountB", KqlType::Long),
    ("PercentA", KqlType::Real),
    ("PercentB", KqlType::Real),
    ("PercentDiffAB", KqlType::Real),
];

pub(super) fn autocluster(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let args = vec![
        binder.number_or_default(&arguments, "size_weight", KqlType::Real, Literal::Real(0.5))?,
        binder.weight(&call.input, &arguments)?,
        binder.number_or_default(&arguments, "seeds", KqlType::Long, Literal::Long(25))?,
    ];
    binder.patterns(call, &arguments, args, SHARE_COLUMNS, None)
}

pub(super) fn basket(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let args = vec![
        binder.number_or_default(&arguments, "threshold", KqlType::Real, Literal::Real(0.05))?,
        binder.weight(&call.input, &arguments)?,
        binder.number_or_default(&arguments, "max_dimensions", KqlType::Long, Literal::Long(5))?,
    ];
    binder.patterns(call, &arguments, args, SHARE_COLUMNS, None)
}

pub(super) fn diffpatterns(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let (split, _) = binder.plugin_column(&call.input, &arguments, "split")?;
    let Some(at) = plain_column(&split) else {
        binder.wrong_argument(&arguments, "split", "an expression", "a column", split.span);
        return None;
    };
    let text = ArgumentKind::Exactly(KqlType::String);
    let args = vec![
        binder.number_or_default(&arguments, "threshold", KqlType::Real, Literal::Real(0.05))?,
        binder.weight(&call.input, &arguments)?,
        binder.number_or_default(&arguments, "max_dimensions", KqlType::Long, Literal::Null)?,
        split,
        binder.plugin_constant(&arguments, "value_a", text, None)?,
        binder.plugin_constant(&arguments, "value_b", text, None)?,
    ];
    binder.patterns(call, &arguments, args, DIFFERENCE_COLUMNS, Some(at))
}

/// Whether an argument is `'~'`, or is not given.
fn left_out(arguments: &Arguments<'_>, name: &str) -> bool {
    arguments.get(name).is_none_or(is_default)
}

fn is_default(expr: &Expr) -> bool {
    matches!(&expr.unwrapped().kind, ExprKind::Literal(Literal::String(text), _) if text == "~")
}

impl Binder<'_> {
    fn number_or_default(
        &mut self,
        arguments: &Arguments<'_>,
        name: &str,
        ty: KqlType,
        default: Literal,
    ) -> Option<Scalar> {
        if left_out(arguments, name) {
            return Some(constant(default, ty));
        }
        self.plugin_constant(arguments, name, ArgumentKind::Exactly(ty), None)
    }

    /// The column that says how many rows a row stands for, or null.
    fn weight(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Scalar> {
        if left_out(arguments, "weight") {
            return Some(constant(Literal::Null, KqlType::Long));
        }
        let (weight, _) = self.plugin_column(input, arguments, "weight")?;
        let number = matches!(weight.ty, KqlType::Int | KqlType::Long | KqlType::Real);
        if !number || plain_column(&weight).is_none() {
            let is = weight.ty.name();
            self.wrong_argument(arguments, "weight", is, "a column of numbers", weight.span);
            return None;
        }
        Some(weight)
    }

    /// The plugin's own columns, then those of the input but the one that splits it.
    fn patterns(
        &mut self,
        call: Invocation<'_>,
        arguments: &Arguments<'_>,
        args: Vec<Scalar>,
        own: &[(&str, KqlType)],
        split: Option<usize>,
    ) -> Option<Table> {
        let mut columns: Vec<ColumnSchema> =
            own.iter().map(|(name, ty)| ColumnSchema { name: (*name).to_owned(), ty: *ty }).collect();
        let mut names = super::super::naming::Names::reserving(own.iter().map(|(name, _)| *name));
        for (at, column) in call.input.columns.iter().enumerate() {
            if Some(at) != split {
                columns.push(ColumnSchema { name: names.unique(&column.name), ty: column.ty });
            }
        }
        let mut wildcards = Vec::new();
        for expr in &arguments.rest {
            if is_default(expr) {
                continue;
            }
            let value = self.constant_argument(arguments, "wildcards", expr, ArgumentKind::Any)?;
            if !matches!(value.kind, ScalarKind::Column(_)) {
                wildcards.push(value);
            }
        }
        let open = call.input.open;
        let mut table = self.whole_plugin(call.plugin, vec![call.input], args, wildcards, columns, call.span);
        table.open = open;
        Some(table)
    }
}
