//! `make-series`: a `summarize` by key and bin, and an operation that lays the bins on their grid. What is
//! large is so worked out by the engine's own grouping, and only its result is read as a whole.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Literal, MakeSeries, Named, Operation, Rel, Scalar, ScalarKind, Whole};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, SeriesItem, SeriesRange, Setting};
use crate::syntax::codes;

use super::naming::{Names, item_name};
use super::scalar::converted;
use super::scope::Table;
use super::union::setting_word;
use super::{Binder, Inherited, passed_on};

/// The bins' column between the two parts; no query can write the name.
const BIN: &str = "$bin";

/// What follows the operator's name.
pub(super) struct SeriesClauses<'a> {
    pub settings: &'a [Setting],
    pub aggregates: &'a [SeriesItem],
    pub axis: &'a Expr,
    pub range: &'a SeriesRange,
    pub by: &'a [Expr],
}

/// The bounds and the step, as constants of the axis' type.
struct Bounds {
    from: Option<Scalar>,
    to: Option<Scalar>,
    step: Scalar,
}

impl Binder<'_> {
    /// Group columns, then one dynamic array per aggregate, then the axis.
    pub(super) fn make_series(&mut self, input: Table, clauses: &SeriesClauses<'_>, span: Span) -> Table {
        let (axis_name, axis) = match &clauses.axis.kind {
            ExprKind::Assign { names, value, .. } => (names.first().map(|name| name.text.clone()), &**value),
            _ => (item_name(clauses.axis), clauses.axis),
        };
        let value = self.over(&input, |binder| binder.scalar(axis));
        let Some((value, step_ty)) = self.axis_value(value) else { return self.failed(span) };
        let Some(bounds) = self.bounds(clauses.range, value.ty, step_ty, span) else {
            return self.failed(span);
        };
        let binned = self.binned(input, value, &bounds, clauses.range.legacy, span);

        let aggregates: Vec<Expr> = clauses.aggregates.iter().map(|item| item.value.clone()).collect();
        let bin = Expr { kind: ExprKind::Name(BIN.to_owned()), span: axis.span };
        let by: Vec<Expr> = clauses.by.iter().cloned().chain([bin]).collect();
        let grouped = self.summarize_any(binned, &aggregates, &by, span);
        let Some(keys) = grouped.columns.iter().position(|column| column.name == BIN) else {
            return self.failed(span);
        };
        let defaults = self.defaults(clauses.aggregates, &grouped.columns[keys + 1..], span);

        let series = grouped.columns[keys + 1..].iter().map(|column| column.name.clone());
        let axis_name = axis_name.unwrap_or_else(|| "Column1".to_owned());
        let mut names = Names::reserving(grouped.columns[..keys].iter().map(|key| key.name.as_str()));
        let mut columns = grouped.columns[..keys].to_vec();
        columns.extend(
            series
                .chain([axis_name])
                .map(|name| ColumnSchema { name: names.unique(&name), ty: KqlType::Dynamic }),
        );
        let Bounds { from, to, step } = bounds;
        let nonempty = setting_word(clauses.settings, &["kind"]).as_deref() == Some("nonempty");
        let legacy = clauses.range.legacy;
        let operation =
            Operation::MakeSeries(MakeSeries { keys, from, to, step, legacy, defaults, nonempty });
        let inherited = Inherited { open: false, time_alias: false, ..Inherited::from(&grouped) };
        let whole = Whole { inputs: vec![grouped.rel], operation, columns: columns.clone(), span };
        self.derive(Rel::Whole(Box::new(whole)), columns, inherited, span)
    }

    /// The axis in a type that can be binned, and the type of a step along it.
    fn axis_value(&mut self, value: Scalar) -> Option<(Scalar, KqlType)> {
        match value.ty {
            KqlType::DateTime => Some((value, KqlType::TimeSpan)),
            KqlType::TimeSpan | KqlType::Long | KqlType::Real => {
                let ty = value.ty;
                Some((value, ty))
            }
            KqlType::Int => Some((converted(value, KqlType::Long), KqlType::Long)),
            KqlType::Decimal => Some((converted(value, KqlType::Real), KqlType::Real)),
            ty => {
                let message =
                    format!("the axis of a series is a datetime, a timespan or a number, this is {ty}");
                let hint =
                    (ty == KqlType::Dynamic).then(|| "convert it, for instance with todatetime()".to_owned());
                self.errors.error_with_hint(codes::ARGUMENT_TYPE, value.span, message, hint);
                None
            }
        }
    }

    fn bounds(&mut self, range: &SeriesRange, axis: KqlType, step_ty: KqlType, span: Span) -> Option<Bounds> {
        let Some(step) = &range.step else {
            let hint = Some("add `step` and the width of a bin, for instance `step 1h`".to_owned());
            self.errors.error_with_hint(codes::SERIES_STEP, span, "`make-series` needs a step", hint);
            return None;
        };
        let step = self.bound(step, step_ty);
        let positive = match &step.kind {
            ScalarKind::Literal(Literal::Long(value)) => *value > 0,
            ScalarKind::Literal(Literal::Int(value)) => *value > 0,
            ScalarKind::Literal(Literal::Real(value)) => *value > 0.0,
            ScalarKind::Literal(Literal::TimeSpan(value)) => value.0 > 0,
            _ => true,
        };
        if !positive {
            self.errors.error(codes::SERIES_STEP, step.span, "the step of a series must be above zero");
        }
        let from = range.from.as_ref().map(|from| self.bound(from, axis));
        let to = range.to.as_ref().map(|to| self.bound(to, axis));
        Some(Bounds { from, to, step })
    }

    /// A constant of the type that is needed.
    fn bound(&mut self, expr: &Expr, ty: KqlType) -> Scalar {
        let value = self.apart(|binder| binder.scalar(expr));
        let number = |ty| matches!(ty, KqlType::Int | KqlType::Long | KqlType::Real | KqlType::Decimal);
        let fits = value.ty == ty
            || value.ty == KqlType::Dynamic
            || (number(value.ty) && number(ty))
            || (value.ty == KqlType::String && ty == KqlType::DateTime);
        if !fits && !super::is_null(&value) {
            let message = format!("this is {}, where the axis needs {ty}", value.ty);
            self.errors.error(codes::OPERAND_TYPES, value.span, message);
        }
        converted(value, ty)
    }

    /// The rows within bounds, with the bin each falls into.
    fn binned(&mut self, input: Table, axis: Scalar, bounds: &Bounds, legacy: bool, span: Span) -> Table {
        let call = |function, args, ty| Scalar { kind: ScalarKind::Call { function, args }, ty, span };
        let mut terms = vec![call("isnotnull", vec![axis.clone()], KqlType::Bool)];
        if let Some(from) = &bounds.from {
            terms.push(call(">=", vec![axis.clone(), from.clone()], KqlType::Bool));
        }
        if let Some(to) = &bounds.to {
            terms.push(call(if legacy { "<=" } else { "<" }, vec![axis.clone(), to.clone()], KqlType::Bool));
        }
        let predicate = if terms.len() == 1 { terms.remove(0) } else { call("and", terms, KqlType::Bool) };
        let mut items = passed_on(&input.columns, span);
        let filtered = self.filter(input, predicate, span);
        let ty = axis.ty;
        let step = bounds.step.clone();
        let bin = match &bounds.from {
            Some(from) if !legacy => call("bin_at", vec![axis, step, from.clone()], ty),
            _ => call("bin", vec![axis, step], ty),
        };
        items.push(Named { name: BIN.to_owned(), value: bin });
        self.project(filtered, items, span)
    }

    /// One default per output column: an aggregate with several (`percentiles`) gives its own to each.
    fn defaults(&mut self, items: &[SeriesItem], columns: &[ColumnSchema], span: Span) -> Vec<Scalar> {
        let zero = || Scalar::literal(Literal::Long(0), KqlType::Long, span);
        let mut defaults: Vec<Scalar> = items
            .iter()
            .map(|item| match &item.default {
                Some(default) => self.apart(|binder| binder.scalar(default)),
                None => zero(),
            })
            .collect();
        if defaults.len() != columns.len() {
            let last = defaults.last().cloned().unwrap_or_else(zero);
            defaults.resize(columns.len(), last);
        }
        defaults
    }
}
