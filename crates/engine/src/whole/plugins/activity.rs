//! `active_users_count`, `activity_*`, `session_count`, `sliding_window_counts`, `new_activity_metrics`.

use std::collections::HashSet;

use arrow::array::ArrayRef;
use bartizan_analytics::activity::{
    Bins, active_users, bin_counts, cohorts, engagement, sessions, stays, window_counts,
};
use bartizan_kql::bound::Literal;

use super::super::{Rows, Task};
use super::timeline::{Timeline, number, on};
use crate::error::QueryError;
use crate::value::Value;

type Answer = Result<Vec<ArrayRef>, QueryError>;

/// The timeline, and from where to where the analysis goes.
fn read(inputs: &[Rows], task: &Task<'_>) -> Result<(Timeline, i64, i64), QueryError> {
    let timeline = Timeline::read(&inputs[0], task)?;
    let (from, to) = timeline.range(&task.constant(2)?, &task.constant(3)?);
    Ok((timeline, from, to))
}

/// A bin's start as the plugin's first column shows it.
fn start(task: &Task<'_>, at: i64) -> Value<'static> {
    on(task.whole.columns[0].ty, at)
}

pub(super) fn active_users_count(inputs: &[Rows], task: &Task<'_>) -> Answer {
    let (timeline, from, to) = read(inputs, task)?;
    let (lookback, periods) = (task.positive(4)?, task.bins(5, from)?);
    let least = number(&task.constant(6)?).and_then(|least| usize::try_from(least).ok()).unwrap_or(0);
    let bins = task.bins(7, from)?;
    let rows = active_users(&timeline.events, bins, (from, to), lookback, periods, least);
    Ok(timeline.write(task, &rows, 1, |row| vec![start(task, row.bin), Value::Long(row.value)]))
}

pub(super) fn activity_counts_metrics(inputs: &[Rows], task: &Task<'_>) -> Answer {
    let (timeline, from, to) = read(inputs, task)?;
    let rows = bin_counts(&timeline.events, task.bins(4, from)?, from, to);
    Ok(timeline.write(task, &rows, 1, |row| {
        let counts = row.value;
        let values = [counts.count, counts.distinct, counts.new, counts.so_far];
        std::iter::once(start(task, row.bin)).chain(values.map(Value::Long)).collect()
    }))
}

pub(super) fn activity_engagement(inputs: &[Rows], task: &Task<'_>) -> Answer {
    let (timeline, from, to) = read(inputs, task)?;
    let inner = task.bins(4, from)?;
    let starts = timeline.starts(inner, from, to)?;
    let rows = engagement(&timeline.events, inner, &starts, task.positive(5)?);
    Ok(timeline.write(task, &rows, 1, |row| {
        let counts = row.value;
        let ratio = counts.inner as f64 / counts.outer as f64;
        vec![start(task, row.bin), Value::Long(counts.inner), Value::Long(counts.outer), Value::Real(ratio)]
    }))
}

pub(super) fn activity_metrics(inputs: &[Rows], task: &Task<'_>) -> Answer {
    let (timeline, from, to) = read(inputs, task)?;
    let rows = stays(&timeline.events, task.bins(4, from)?, from, to);
    Ok(timeline.write(task, &rows, 1, |row| {
        let stay = row.value;
        vec![
            start(task, row.bin),
            Value::Long(stay.distinct),
            Value::Long(stay.new),
            Value::Real(stay.retention),
            Value::Real(1.0 - stay.retention),
        ]
    }))
}

pub(super) fn session_count(inputs: &[Rows], task: &Task<'_>) -> Answer {
    let (timeline, from, to) = read(inputs, task)?;
    let rows = sessions(&timeline.events, task.bins(4, from)?, from, to, task.positive(5)?);
    Ok(timeline.write(task, &rows, 1, |row| vec![start(task, row.bin), Value::Long(row.value)]))
}

pub(super) fn sliding_window_counts(inputs: &[Rows], task: &Task<'_>) -> Answer {
    let (timeline, from, to) = read(inputs, task)?;
    let bins = task.bins(5, from)?;
    let starts = timeline.starts(bins, from, to)?;
    let rows = window_counts(&timeline.events, bins, &starts, task.positive(4)?);
    Ok(timeline.write(task, &rows, 1, |row| {
        vec![start(task, row.bin), Value::Long(row.value.count), Value::Long(row.value.distinct)]
    }))
}

pub(super) fn new_activity_metrics(inputs: &[Rows], task: &Task<'_>) -> Answer {
    let (mut timeline, from, to) = read(inputs, task)?;
    let mut known = HashSet::new();
    if let Some(rows) = inputs.get(1) {
        let ids = rows.reader(0)?;
        for row in 0..rows.len() {
            known.extend(timeline.ids.get(&ids.get(row)));
        }
    }
    let bins: Bins = task.bins(4, from)?;
    let starts = timeline.starts(bins, from, to)?;
    let only = match task.constant(5)? {
        Literal::Null => None,
        cohort => number(&cohort),
    };
    let rows = cohorts(&timeline.events, bins, &starts, &known, only);
    Ok(timeline.write(task, &rows, 2, |row| {
        let cohort = row.value;
        let retention = cohort.retained as f64 / cohort.size as f64;
        vec![
            start(task, cohort.from),
            start(task, row.bin),
            Value::Long(cohort.new),
            Value::Long(cohort.retained),
            Value::Long(cohort.size - cohort.retained),
            Value::Real(retention),
            Value::Real(1.0 - retention),
        ]
    }))
}
