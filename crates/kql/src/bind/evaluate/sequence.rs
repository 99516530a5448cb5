//! `sequence_detect` and the funnels: events that follow one another. And `dcount_intersect`.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Named, Scalar};
use crate::functions::ArgumentKind;
use crate::syntax::ast::ExprKind;
use crate::syntax::codes;

use super::super::Binder;
use super::super::scalar::converted;
use super::super::scope::Table;
use super::Invocation;
use super::activity::free_names;
use super::arguments::Picked;

/// Conditions a sequence may have: one bit each.
const STEPS_MAX: usize = 64;
/// Sketches that may be intersected, as the language says.
const SKETCHES_MAX: usize = 16;

/// The conditions are the arguments of type bool; what follows them slices the events.
pub(super) fn sequence_detect(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let mut picked = Picked::of(call.input);
    let input = picked.input.clone();
    let (timeline, timeline_name) = binder.plugin_column(&input, &arguments, "timeline")?;
    let timeline = binder.timeline(&arguments, "timeline", timeline)?;
    let ty = timeline.ty;
    let args = vec![
        picked.add(timeline, &timeline_name),
        binder.timeline_step(&arguments, "max_step", ty)?,
        binder.timeline_step(&arguments, "max_span", ty)?,
    ];
    let (mut steps, mut dimensions) = (Vec::new(), Vec::new());
    for expr in &arguments.rest {
        let inner = match &expr.kind {
            ExprKind::Assign { value, .. } => value,
            _ => *expr,
        };
        let value = binder.over(&input, |binder| binder.scalar(inner));
        if value.ty == KqlType::Bool && dimensions.is_empty() {
            let name = match &expr.kind {
                ExprKind::Assign { names, .. } => names.first().map(|name| name.text.clone()),
                _ => super::super::naming::result_name(expr),
            };
            steps.push((name.unwrap_or_else(|| format!("Expr{}", steps.len() + 1)), value));
        } else {
            dimensions.push(*expr);
        }
    }
    if steps.is_empty() || steps.len() > STEPS_MAX {
        let message = format!("`evaluate sequence_detect` takes 1 to {STEPS_MAX} conditions");
        binder.errors.error(codes::ARGUMENT_COUNT, call.span, message);
        return None;
    }
    let mut rest = Vec::new();
    let mut times = Vec::new();
    for (name, value) in steps {
        times.push(ColumnSchema { name: format!("{name}_{timeline_name}"), ty });
        rest.push(picked.add(value, &name));
    }
    let (dimensions, mut out) = binder.dimensions(&arguments, &dimensions, &mut picked)?;
    rest.extend(dimensions);
    out.extend(times);
    let length = if ty == KqlType::DateTime { KqlType::TimeSpan } else { ty };
    out.push(ColumnSchema { name: "Duration".to_owned(), ty: length });
    let input = binder.picked(picked, call.span);
    Some(binder.whole_plugin(call.plugin, vec![input], args, rest, free_names(out), call.span))
}

/// The first of three results: ids by what came before and after the sequence. The other two are sums of it.
pub(super) fn funnel_sequence(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let mut picked = Picked::of(call.input);
    let (mut args, timeline) = binder.id_and_timeline(&arguments, &mut picked)?;
    let (state, state_name) = binder.plugin_column(&picked.input.clone(), &arguments, "state")?;
    let (ty, state_ty) = (timeline.ty, state.ty);
    args.extend([
        binder.timeline_moment(&arguments, "start", ty)?,
        binder.timeline_moment(&arguments, "end", ty)?,
        binder.timeline_bin(&arguments, "bin", ty)?,
        picked.add(converted(state, KqlType::String), &state_name),
        binder.plugin_constant(&arguments, "sequence", DYNAMIC, None)?,
        binder.timeline_step(&arguments, "max_step", ty)?,
    ]);
    let column = |name: &str, ty| ColumnSchema { name: name.to_owned(), ty };
    let out = vec![
        timeline,
        column("prev", KqlType::String),
        column("next", KqlType::String),
        column("dcount", KqlType::Long),
        column("samples", KqlType::Dynamic),
    ];
    let input = binder.picked(picked, call.span);
    let table = binder.whole_plugin(call.plugin, vec![input], args, Vec::new(), free_names(out), call.span);
    // the states around the sequence are texts there, and of the column's own type in the result
    let shown = |(at, column): (usize, &ColumnSchema)| {
        let value = Scalar::column(at, column.ty, call.span);
        let is_state = PREVIOUS_AND_NEXT.contains(&at);
        Named { name: column.name.clone(), value: if is_state { converted(value, state_ty) } else { value } }
    };
    let items = table.columns.iter().enumerate().map(shown).collect();
    Some(binder.project(table, items, call.span))
}

/// Where [`funnel_sequence`] has the states around the sequence.
const PREVIOUS_AND_NEXT: [usize; 2] = [1, 2];

const DYNAMIC: ArgumentKind = ArgumentKind::Exactly(KqlType::Dynamic);

pub(super) fn funnel_sequence_completion(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    let mut picked = Picked::of(call.input);
    let (mut args, timeline) = binder.id_and_timeline(&arguments, &mut picked)?;
    let (state, state_name) = binder.plugin_column(&picked.input.clone(), &arguments, "state")?;
    let ty = timeline.ty;
    args.extend([
        binder.timeline_moment(&arguments, "start", ty)?,
        binder.timeline_moment(&arguments, "end", ty)?,
        binder.timeline_bin(&arguments, "bin", ty)?,
        picked.add(converted(state, KqlType::String), &state_name),
        binder.plugin_constant(&arguments, "sequence", DYNAMIC, None)?,
        binder.plugin_constant(&arguments, "windows", DYNAMIC, None)?,
    ]);
    let length = if ty == KqlType::DateTime { KqlType::TimeSpan } else { ty };
    let column = |name: &str, ty| ColumnSchema { name: name.to_owned(), ty };
    let out = vec![
        timeline,
        column(&state_name, KqlType::String),
        column("Period", length),
        column("dcount", KqlType::Long),
    ];
    let input = binder.picked(picked, call.span);
    Some(binder.whole_plugin(call.plugin, vec![input], args, Vec::new(), free_names(out), call.span))
}

/// The input's columns, and one count per sketch: of the sketches up to it, in common.
pub(super) fn dcount_intersect(binder: &mut Binder<'_>, call: Invocation<'_>) -> Option<Table> {
    let arguments = binder.arranged(&call)?;
    if !(2..=SKETCHES_MAX).contains(&arguments.rest.len()) {
        let message = format!("`evaluate dcount_intersect` takes 2 to {SKETCHES_MAX} sketches of hll()");
        binder.errors.error(codes::ARGUMENT_COUNT, call.span, message);
        return None;
    }
    let mut picked = Picked::of(call.input);
    let (mut rest, mut out) = (Vec::new(), picked.input.columns.clone());
    let (mut sketches, mut counts) = (Vec::new(), Vec::new());
    for (at, column) in out.iter().enumerate() {
        rest.push(picked.add(Scalar::column(at, column.ty, call.span), &column.name));
    }
    for (at, expr) in arguments.rest.iter().enumerate() {
        let (value, name) = binder.column_argument(&picked.input.clone(), &arguments, "sketches", expr)?;
        if value.ty != KqlType::Dynamic {
            binder.wrong_argument(&arguments, "sketches", value.ty.name(), "a sketch of hll()", value.span);
            return None;
        }
        sketches.push(picked.add(value, &name));
        counts.push(ColumnSchema { name: format!("s{at}"), ty: KqlType::Long });
    }
    out.extend(counts);
    let input = binder.picked(picked, call.span);
    Some(binder.whole_plugin(call.plugin, vec![input], sketches, rest, free_names(out), call.span))
}
