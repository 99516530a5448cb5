//! Plugins over a timeline: who was active when, who stayed, and a percentile that rolls along.
//!
//! All but the last take an id, a timeline, constants, and dimensions that slice the result. [`SHAPES`] says
//! which constants, and which columns each gives.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Literal, Named, Scalar};
use crate::functions::ArgumentKind;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind};

use super::super::lets::reads_columns;
use super::super::scalar::converted;
use super::super::scope::Table;
use super::super::{Binder, Bound};
use super::Invocation;
use super::arguments::{Arguments, Picked, constant};

/// A constant argument, by what it is on the timeline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Moment,
    /// A distance.
    Step,
    /// A distance, or `week`, `month`, `year`.
    Bin,
    Count,
}

/// What a plugin takes behind id and timeline, and gives.
struct Shape {
    plugin: &'static str,
    constants: &'static [(&'static str, Kind)],
    /// Constants in front that may be left out together, when fewer than all are given.
    left_out: usize,
    /// Its own columns, behind timeline and dimensions.
    columns: &'static [(&'static str, KqlType)],
}

use Kind::{Bin, Count, Moment, Step};
use KqlType::{Long, Real};

const SHAPES: &[Shape] = &[
    Shape {
        plugin: "active_users_count",
        constants: &[
            ("start", Moment),
            ("end", Moment),
            ("lookback", Step),
            ("period", Bin),
            ("periods", Count),
            ("bin", Bin),
        ],
        left_out: 0,
        columns: &[("dcount", Long)],
    },
    Shape {
        plugin: "activity_counts_metrics",
        constants: &[("start", Moment), ("end", Moment), ("window", Bin)],
        left_out: 0,
        columns: &[("count", Long), ("dcount", Long), ("new_dcount", Long), ("aggregated_dcount", Long)],
    },
    Shape {
        plugin: "activity_engagement",
        constants: &[("start", Moment), ("end", Moment), ("inner", Bin), ("outer", Step)],
        left_out: 2,
        columns: &[
            ("dcount_activities_inner", Long),
            ("dcount_activities_outer", Long),
            ("activity_ratio", Real),
        ],
    },
    Shape {
        plugin: "activity_metrics",
        constants: &[("start", Moment), ("end", Moment), ("window", Bin)],
        left_out: 2,
        columns: &[
            ("dcount_values", Long),
            ("dcount_newvalues", Long),
            ("retention_rate", Real),
            ("churn_rate", Real),
        ],
    },
    Shape {
        plugin: "session_count",
        constants: &[("start", Moment), ("end", Moment), ("bin", Bin), ("lookback", Step)],
        left_out: 0,
        columns: &[("count_sessions", Long)],
    },
    Shape {
        plugin: "sliding_window_counts",
        constants: &[("start", Moment), ("end", Moment), ("lookback", Step), ("bin", Bin)],
        left_out: 0,
        columns: &[("Count", Long), ("Dcount", Long)],
    },
];

fn columns(of: &[(&str, KqlType)]) -> impl Iterator<Item = ColumnSchema> {
    of.iter().map(|(name, ty)| ColumnSchema { name: (*name).to_owned(), ty: *ty })
}

/// One of the plugins of [`SHAPES`].
pub(super) fn counts(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let shape = SHAPES.iter().find(|shape| shape.plugin == call.plugin.name)?;
    let mut args = call.args.to_vec();
    if shape.left_out > 0
        && binder.constants_at(&call.input, &args, 2) <= shape.constants.len() - shape.left_out
    {
        let at = args.len().min(2);
        args.splice(at..at, std::iter::repeat_n(nothing(call.span), shape.left_out));
    }
    let call = Invocation { args: &args, ..call };
    let arguments = binder.arranged(&call)?;
    let mut picked = Picked::of(call.input);
    let (mut args, timeline) = binder.id_and_timeline(&arguments, &mut picked)?;
    for (name, kind) in shape.constants {
        args.push(binder.on_timeline(&arguments, name, *kind, timeline.ty)?);
    }
    let (dimensions, sliced) = binder.dimensions(&arguments, &arguments.rest, &mut picked)?;
    let mut out = vec![timeline];
    out.extend(sliced);
    out.extend(columns(shape.columns));
    let input = binder.picked(picked, call.span);
    Some(binder.whole_plugin(call.plugin, vec![input], args, dimensions, free_names(out), call.span))
}

/// Cohorts of new ids, followed through the bins.
pub(super) fn new_activity_metrics(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let mut args = call.args.to_vec();
    // the cohort may be left out in front of dimensions
    if args.len() > 5 && binder.constants_at(&call.input, &args, 5) == 0 {
        args.insert(5, nothing(call.span));
    }
    let call = Invocation { args: &args, ..call };
    let arguments = binder.arranged(&call)?;
    let mut picked = Picked::of(call.input);
    let (mut args, timeline) = binder.id_and_timeline(&arguments, &mut picked)?;
    for (name, kind) in [("start", Moment), ("end", Moment), ("window", Bin), ("cohort", Moment)] {
        args.push(binder.on_timeline(&arguments, name, kind, timeline.ty)?);
    }
    let (dimensions, sliced) = binder.dimensions(&arguments, &arguments.rest, &mut picked)?;
    let named = |name: &str| ColumnSchema { name: format!("{name}_{}", timeline.name), ty: timeline.ty };
    let mut out = vec![named("from"), named("to")];
    out.extend(sliced);
    out.extend(columns(&[
        ("dcount_new_values", Long),
        ("dcount_retained_values", Long),
        ("dcount_churn_values", Long),
        ("retention_rate", Real),
        ("churn_rate", Real),
    ]));
    let ty = args[0].ty;
    let id_name = binder.plugin_column(&picked.input.clone(), &arguments, "id")?.1;
    let mut inputs = vec![binder.picked(picked, call.span)];
    if let Some(expr) = arguments.get("lookback") {
        let known = binder.table(expr);
        let at = known.columns.iter().position(|column| column.name == id_name).unwrap_or(0);
        if let Some(column) = known.columns.get(at) {
            let value = converted(Scalar::column(at, column.ty, expr.span), ty);
            let items = vec![Named { name: "id".to_owned(), value }];
            inputs.push(binder.project(known, items, expr.span));
        }
    }
    Some(binder.whole_plugin(call.plugin, inputs, args, dimensions, free_names(out), call.span))
}

/// A percentile of the bins up to each bin.
pub(super) fn rolling_percentile(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let mut picked = Picked::of(call.input);
    let input = picked.input.clone();
    let (value, value_name) = binder.plugin_column(&input, &arguments, "value")?;
    if !ArgumentKind::Summable.accepts(value.ty) || value.ty == KqlType::Dynamic {
        let must = ArgumentKind::Summable.describe();
        binder.wrong_argument(&arguments, "value", value.ty.name(), must, value.span);
        return None;
    }
    let (index, index_name) = binder.plugin_column(&input, &arguments, "index")?;
    let index = binder.timeline(&arguments, "index", index)?;
    let percentile = binder.literal_argument(&arguments, "percentile", KqlType::Real)?;
    let bins = binder.literal_argument(&arguments, "bins", KqlType::Long)?;
    let (Some(Literal::Real(percentile)), Some(Literal::Long(bins))) = (percentile, bins) else {
        return None;
    };
    let name = format!("rolling_{bins}_percentile_{value_name}_{percentile}").replace('.', "_");
    let mut out =
        vec![ColumnSchema { name: index_name.clone(), ty: index.ty }, ColumnSchema { name, ty: value.ty }];
    let ty = index.ty;
    let args = vec![
        picked.add(value, "value"),
        picked.add(index, &index_name),
        constant(Literal::Real(percentile), KqlType::Real),
        binder.on_timeline(&arguments, "bin", Bin, ty)?,
        constant(Literal::Long(bins), KqlType::Long),
    ];
    let (dimensions, sliced) = binder.dimensions(&arguments, &arguments.rest, &mut picked)?;
    out.splice(1..1, sliced);
    let input = binder.picked(picked, call.span);
    Some(binder.whole_plugin(call.plugin, vec![input], args, dimensions, free_names(out), call.span))
}

/// What stands for an argument that is left out.
fn nothing(span: Span) -> Expr {
    Expr { kind: ExprKind::Literal(Literal::Null, KqlType::Dynamic), span }
}

/// Columns of one name get numbers.
pub(super) fn free_names(mut columns: Vec<ColumnSchema>) -> Vec<ColumnSchema> {
    let mut names = super::super::naming::Names::default();
    for column in &mut columns {
        column.name = names.unique(&column.name);
    }
    columns
}

impl Binder<'_> {
    /// How many arguments from `at` on are constants, up to the first that is not.
    fn constants_at(&mut self, input: &Table, args: &[Expr], at: usize) -> usize {
        let mark = self.errors.mark();
        let count = args.iter().skip(at).take_while(|arg| {
            let arg = match &arg.kind {
                ExprKind::Assign { value, .. } => value,
                _ => *arg,
            };
            match self.over(input, |binder| binder.any(arg)) {
                Bound::Scalar(value) => !reads_columns(&value),
                Bound::Table(_) => false,
            }
        });
        let count = count.count();
        self.errors.rewind(mark);
        count
    }

    /// The columns of ids and of the timeline, picked in this order; and the timeline's column.
    pub(super) fn id_and_timeline(
        &mut self,
        arguments: &Arguments<'_>,
        picked: &mut Picked,
    ) -> Option<(Vec<Scalar>, ColumnSchema)> {
        let input = picked.input.clone();
        let (id, id_name) = self.plugin_column(&input, arguments, "id")?;
        let id = if id.ty == KqlType::Dynamic { converted(id, KqlType::String) } else { id };
        let (timeline, name) = self.plugin_column(&input, arguments, "timeline")?;
        let timeline = self.timeline(arguments, "timeline", timeline)?;
        let column = ColumnSchema { name: name.clone(), ty: timeline.ty };
        Some((vec![picked.add(id, &id_name), picked.add(timeline, &name)], column))
    }

    /// A timeline is of datetimes or whole numbers.
    pub(super) fn timeline(
        &mut self,
        arguments: &Arguments<'_>,
        name: &str,
        value: Scalar,
    ) -> Option<Scalar> {
        match value.ty {
            KqlType::DateTime | KqlType::Long => Some(value),
            KqlType::Int => Some(converted(value, KqlType::Long)),
            KqlType::Dynamic => Some(converted(value, KqlType::DateTime)),
            ty => {
                self.wrong_argument(arguments, name, ty.name(), "a datetime or a whole number", value.span);
                None
            }
        }
    }

    /// A constant on a timeline of this type.
    fn on_timeline(
        &mut self,
        arguments: &Arguments<'_>,
        name: &str,
        kind: Kind,
        timeline: KqlType,
    ) -> Option<Scalar> {
        let ty = match (kind, timeline) {
            (Count, _) | (_, KqlType::Long) => KqlType::Long,
            (Moment, ty) => ty,
            (Step | Bin, _) => KqlType::TimeSpan,
        };
        let Some(expr) = arguments.get(name) else { return Some(constant(Literal::Null, ty)) };
        if kind == Bin && timeline == KqlType::DateTime {
            let unit = match &expr.unwrapped().kind {
                ExprKind::Literal(Literal::String(unit), _) => Some(unit.as_str()),
                _ => None,
            };
            if let Some(unit) = unit {
                if matches!(unit, "week" | "month" | "year") {
                    return Some(constant(Literal::String(unit.to_owned()), KqlType::String));
                }
                let must = "a timespan, or `week`, `month` or `year`";
                self.wrong_argument(arguments, name, "another text", must, expr.span);
                return None;
            }
        }
        self.constant_argument(arguments, name, expr, ArgumentKind::Exactly(ty))
    }

    /// A distance on a timeline, as sequences have it.
    pub(super) fn timeline_step(
        &mut self,
        arguments: &Arguments<'_>,
        name: &str,
        timeline: KqlType,
    ) -> Option<Scalar> {
        self.on_timeline(arguments, name, Step, timeline)
    }

    /// A moment on a timeline.
    pub(super) fn timeline_moment(
        &mut self,
        arguments: &Arguments<'_>,
        name: &str,
        timeline: KqlType,
    ) -> Option<Scalar> {
        self.on_timeline(arguments, name, Moment, timeline)
    }

    /// The length of the bins of a timeline.
    pub(super) fn timeline_bin(
        &mut self,
        arguments: &Arguments<'_>,
        name: &str,
        timeline: KqlType,
    ) -> Option<Scalar> {
        self.on_timeline(arguments, name, Bin, timeline)
    }
}
