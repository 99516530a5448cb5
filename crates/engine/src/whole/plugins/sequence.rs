//! `sequence_detect`, `funnel_sequence` and `funnel_sequence_completion`.

use arrow::array::ArrayRef;
use bartizan_analytics::activity::{Match, Row, Span, completions, funnels, sequences};
use bartizan_schema::KqlType;
use serde_json::Value as Json;

use super::super::{Rows, Task};
use super::ROWS_PER_CHECK;
use super::timeline::{Numbers, Timeline, moment, on};
use crate::error::QueryError;
use crate::functions::convert::{convert, text};
use crate::functions::dynamic::to_tree;
use crate::value::{ColumnBuilder, Value};

/// Sequences one call may find.
const SEQUENCES_MAX: usize = 1 << 20;
/// Ids that a row of a funnel names as samples.
const SAMPLES_MAX: usize = 128;

pub(super) fn sequence_detect(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let rows = &inputs[0];
    let is_step = |value: &&bartizan_kql::bound::Scalar| value.ty == KqlType::Bool;
    let rest = &task.call().rest;
    let steps = rest.iter().take_while(is_step).count();
    let conditions = rest[..steps].iter().map(|value| task.values(rows, value));
    let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
    let dimensions = rest[steps..].iter().map(|value| task.values(rows, value));
    let dimensions = dimensions.collect::<Result<Vec<_>, _>>()?;
    let times = task.column(rows, 0)?;
    let span = Span { step_max: task.positive(1)?, total_max: task.positive(2)? };
    let (mut slices, mut first_rows) = (Numbers::default(), Vec::new());
    let mut events = Vec::new();
    for row in 0..rows.len() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
            task.hold(ROWS_PER_CHECK * size_of::<Match>())?;
        }
        let Some(at) = moment(&times.get(row)) else { continue };
        let met = conditions.iter().enumerate().filter(|(_, met)| met.get(row) == Value::Bool(true));
        let met = met.fold(0_u64, |bits, (step, _)| bits | 1 << step);
        if met == 0 {
            continue;
        }
        let (slice, is_new) = slices.of(dimensions.iter().map(|one| one.get(row)), task)?;
        if is_new {
            first_rows.push(row);
        }
        events.push(Match { slice, at, steps: met });
    }
    let found = sequences(&events, steps, span, SEQUENCES_MAX).ok_or_else(|| QueryError::TooLarge {
        what: format!("`evaluate sequence_detect` finds at most {SEQUENCES_MAX} sequences"),
    })?;
    task.hold(found.len() * (steps + 1) * size_of::<i64>() * 2)?;
    let builder = |column: &bartizan_kql::bound::ColumnSchema| ColumnBuilder::new(column.ty, found.len());
    let mut builders: Vec<ColumnBuilder> = task.whole.columns.iter().map(builder).collect();
    for (slice, times) in &found {
        let line = first_rows.get(*slice as usize).copied().unwrap_or(0);
        let length = match (times.first(), times.last()) {
            (Some(first), Some(last)) => last.saturating_sub(*first),
            _ => 0,
        };
        let moments = times.iter().chain([&length]).zip(&task.whole.columns[dimensions.len()..]);
        let moments = moments.map(|(at, column)| on(column.ty, *at));
        let values = dimensions.iter().map(|one| one.get(line)).chain(moments);
        builders.iter_mut().zip(values).for_each(|(builder, value)| builder.push(value));
    }
    Ok(builders.into_iter().map(ColumnBuilder::finish).collect())
}

/// States by number, and what each id did when.
struct Paths {
    timeline: Timeline,
    states: Vec<String>,
    events: Vec<(u32, i64, u32)>,
    /// A row of each id.
    id_rows: Vec<usize>,
    sequence: Vec<u32>,
}

impl Paths {
    /// The states are the fifth argument's, the sequence the sixth's.
    fn read(rows: &Rows, task: &Task<'_>) -> Result<Self, QueryError> {
        let (ids, times, column) = (task.column(rows, 0)?, task.column(rows, 1)?, task.column(rows, 5)?);
        let (mut id_numbers, mut numbers) = (Numbers::default(), Numbers::default());
        let (mut states, mut id_rows, mut events) = (Vec::new(), Vec::new(), Vec::new());
        task.hold(rows.len() * size_of::<(u32, i64, u32)>() * 4)?;
        for row in 0..rows.len() {
            if row % ROWS_PER_CHECK == 0 {
                task.interrupt().check()?;
            }
            let (Some(at), id) = (moment(&times.get(row)), ids.get(row)) else { continue };
            if id.is_null() {
                continue;
            }
            let (id, new_id) = id_numbers.of(std::iter::once(id), task)?;
            if new_id {
                id_rows.push(row);
            }
            let (state, new_state) = numbers.of(std::iter::once(column.get(row)), task)?;
            if new_state {
                states.push(text(column.get(row)).into_owned());
            }
            events.push((id, at, state));
        }
        let mut sequence = Vec::new();
        for state in task.texts(6)? {
            let (number, is_new) = numbers.of(std::iter::once(Value::string(state.as_str())), task)?;
            if is_new {
                states.push(state);
            }
            sequence.push(number);
        }
        if sequence.is_empty() {
            let what = format!("`evaluate {}` needs a sequence with a state in it", task.call().plugin);
            return Err(task.invalid(task.arg(6)?, what));
        }
        let timeline = Timeline::read(rows, task)?;
        Ok(Self { timeline, states, events, id_rows, sequence })
    }

    fn state(&self, number: Option<u32>) -> Value<'_> {
        let name = number.and_then(|number| self.states.get(number as usize));
        Value::string(name.map_or("", String::as_str))
    }
}

pub(super) fn funnel_sequence(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let rows = &inputs[0];
    let paths = Paths::read(rows, task)?;
    let (from, to) = paths.timeline.range(&task.constant(2)?, &task.constant(3)?);
    let bins = task.bins(4, from)?;
    let found = funnels(&paths.events, bins, (from, to), task.positive(7)?, &paths.sequence);
    let ids = task.column(rows, 0)?;
    let mut builders: Vec<ColumnBuilder> =
        task.whole.columns.iter().map(|column| ColumnBuilder::new(column.ty, found.len())).collect();
    for funnel in &found {
        let samples = funnel.ids.iter().take(SAMPLES_MAX);
        let samples = samples.filter_map(|id| paths.id_rows.get(*id as usize));
        let samples: Json = samples.map(|row| to_tree(&ids.get(*row))).collect();
        let values = [
            on(task.whole.columns[0].ty, funnel.bin),
            paths.state(funnel.previous),
            paths.state(funnel.next),
            Value::Long(funnel.ids.len() as i64),
            Value::dynamic(samples.to_string()),
        ];
        builders.iter_mut().zip(values).for_each(|(builder, value)| builder.push(value));
    }
    Ok(builders.into_iter().map(ColumnBuilder::finish).collect())
}

pub(super) fn funnel_sequence_completion(
    inputs: &[Rows],
    task: &Task<'_>,
) -> Result<Vec<ArrayRef>, QueryError> {
    let paths = Paths::read(&inputs[0], task)?;
    let (from, to) = paths.timeline.range(&task.constant(2)?, &task.constant(3)?);
    let bins = task.bins(4, from)?;
    let length = task.whole.columns[2].ty;
    let windows = task.texts(7)?.into_iter();
    let windows = windows.filter_map(|text| moment(&convert(Value::string(text), length)));
    let windows: Vec<i64> = windows.collect();
    let found = completions(&paths.events, bins, (from, to), &paths.sequence, &windows);
    let rows: Vec<Row<_>> = found.iter().map(|one| Row { slice: 0, bin: one.bin, value: *one }).collect();
    let ty = task.whole.columns[0].ty;
    let mut builders: Vec<ColumnBuilder> =
        task.whole.columns.iter().map(|column| ColumnBuilder::new(column.ty, rows.len())).collect();
    for row in &rows {
        let one = row.value;
        let values = [
            on(ty, row.bin),
            paths.state(Some(paths.sequence[one.step])),
            on(length, windows[one.window]),
            Value::Long(one.ids),
        ];
        builders.iter_mut().zip(values).for_each(|(builder, value)| builder.push(value));
    }
    Ok(builders.into_iter().map(ColumnBuilder::finish).collect())
}
