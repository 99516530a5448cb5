//! What the plugins over a timeline share: ids and slices as numbers, bins, and writing their rows.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use bartizan_analytics::activity::{Bins, CalendarUnit, Event, Row};
use bartizan_kql::bound::{Literal, Scalar};
use bartizan_schema::KqlType;

use super::super::{Rows, Task};
use super::ROWS_PER_CHECK;
use super::pivot::push_key;
use crate::error::QueryError;
use crate::value::{ColumnBuilder, Reader, Value};

/// Bins a timeline may have: a year of half minutes.
pub(super) const BINS_MAX: usize = 1 << 20;
/// Bins of all slices together that are looked at one by one.
const CELLS_MAX: usize = 1 << 26;
/// What a key takes in a map besides its bytes, about.
const KEY_BYTES: usize = 64;

/// Numbers for values, in the order they are met.
#[derive(Default)]
pub(super) struct Numbers {
    known: HashMap<Vec<u8>, u32>,
    key: Vec<u8>,
}

impl Numbers {
    /// The number of a combination of values, and whether it is new.
    pub(super) fn of<'v>(
        &mut self,
        values: impl Iterator<Item = Value<'v>>,
        task: &Task<'_>,
    ) -> Result<(u32, bool), QueryError> {
        self.key.clear();
        for value in values {
            push_key(&value, &mut self.key);
        }
        if let Some(number) = self.known.get(&self.key) {
            return Ok((*number, false));
        }
        let number = u32::try_from(self.known.len())
            .map_err(|_| QueryError::TooLarge { what: "a plugin counts at most 2^32 ids".to_owned() })?;
        task.hold(self.key.len() + KEY_BYTES)?;
        self.known.insert(self.key.clone(), number);
        Ok((number, true))
    }

    /// The number of a combination that was met.
    pub(super) fn get(&mut self, value: &Value<'_>) -> Option<u32> {
        self.key.clear();
        push_key(value, &mut self.key);
        self.known.get(&self.key).copied()
    }
}

/// The rows of an input as events.
pub(super) struct Timeline {
    pub(super) events: Vec<Event>,
    pub(super) ids: Numbers,
    dimensions: Vec<Reader>,
    /// A row of each slice.
    slices: Vec<usize>,
}

impl Timeline {
    /// Reads ids (the first argument), times (the second) and dimensions. Rows without id or time are left
    /// out.
    pub(super) fn read(rows: &Rows, task: &Task<'_>) -> Result<Self, QueryError> {
        let id = task.column(rows, 0)?;
        let at = task.column(rows, 1)?;
        let dimensions = task.call().rest.iter().map(|value| task.values(rows, value));
        let dimensions = dimensions.collect::<Result<Vec<_>, _>>()?;
        task.hold(rows.len() * size_of::<Event>() * 2)?;
        let (mut ids, mut slices) = (Numbers::default(), Numbers::default());
        let mut timeline = Self {
            events: Vec::with_capacity(rows.len()),
            ids: Numbers::default(),
            dimensions,
            slices: Vec::new(),
        };
        for row in 0..rows.len() {
            if row % ROWS_PER_CHECK == 0 {
                task.interrupt().check()?;
            }
            let (Some(at), value) = (moment(&at.get(row)), id.get(row)) else { continue };
            if value.is_null() {
                continue;
            }
            let id = ids.of(std::iter::once(value), task)?.0;
            let values = timeline.dimensions.iter().map(|dimension| dimension.get(row));
            let (slice, is_new) = slices.of(values, task)?;
            if is_new {
                timeline.slices.push(row);
            }
            timeline.events.push(Event { slice, at, id });
        }
        timeline.ids = ids;
        Ok(timeline)
    }

    /// Reads times (the argument at `index`) and dimensions; a row's number stands for its id.
    pub(super) fn of_rows(rows: &Rows, task: &Task<'_>, index: usize) -> Result<Self, QueryError> {
        let at = task.column(rows, index)?;
        let dimensions = task.call().rest.iter().map(|value| task.values(rows, value));
        let dimensions = dimensions.collect::<Result<Vec<_>, _>>()?;
        task.hold(rows.len() * size_of::<Event>() * 2)?;
        let mut numbers = Numbers::default();
        let (mut events, mut slices) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in 0..rows.len() {
            if row % ROWS_PER_CHECK == 0 {
                task.interrupt().check()?;
            }
            let Some(at) = moment(&at.get(row)) else { continue };
            let (slice, is_new) = numbers.of(dimensions.iter().map(|one| one.get(row)), task)?;
            if is_new {
                slices.push(row);
            }
            events.push(Event { slice, at, id: row as u32 });
        }
        Ok(Self { events, ids: Numbers::default(), dimensions, slices })
    }

    /// From where to where an analysis goes: the constants, or what there is.
    pub(super) fn range(&self, from: &Literal, to: &Literal) -> (i64, i64) {
        let times = || self.events.iter().map(|event| event.at);
        let from = number(from).or_else(|| times().min()).unwrap_or(0);
        let to = number(to).or_else(|| times().max()).unwrap_or(from);
        (from, to)
    }

    /// The starts of all bins between two moments.
    pub(super) fn starts(&self, bins: Bins, from: i64, to: i64) -> Result<Vec<i64>, QueryError> {
        let too_many = || QueryError::TooLarge { what: format!("a timeline has at most {BINS_MAX} bins") };
        let starts = bins.between(from, to, BINS_MAX).ok_or_else(too_many)?;
        if starts.len().saturating_mul(self.slices.len()) > CELLS_MAX {
            let what = format!("bins and combinations of dimensions make more than {CELLS_MAX} cells");
            return Err(QueryError::TooLarge { what });
        }
        Ok(starts)
    }

    /// Writes rows: `first` values of each, then its dimensions, then the others; `values` gives all but the
    /// dimensions.
    pub(super) fn write<T>(
        &self,
        task: &Task<'_>,
        rows: &[Row<T>],
        first: usize,
        values: impl Fn(&Row<T>) -> Vec<Value<'static>>,
    ) -> Vec<ArrayRef> {
        let columns = &task.whole.columns;
        let builder = |column: &bartizan_kql::bound::ColumnSchema| ColumnBuilder::new(column.ty, rows.len());
        let mut builders: Vec<ColumnBuilder> = columns.iter().map(builder).collect();
        for row in rows {
            let own = values(row);
            let (front, back) = own.split_at(first.min(own.len()));
            let line = self.slices.get(row.slice as usize).copied().unwrap_or(0);
            let dimensions = self.dimensions.iter().map(|dimension| dimension.get(line));
            let all = front.iter().cloned().chain(dimensions).chain(back.iter().cloned());
            for (builder, value) in builders.iter_mut().zip(all) {
                builder.push(value);
            }
        }
        builders.into_iter().map(ColumnBuilder::finish).collect()
    }
}

/// A moment of a timeline.
pub(super) fn moment(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::DateTime(at) | Value::TimeSpan(at) | Value::Long(at) => Some(*at),
        Value::Int(at) => Some(i64::from(*at)),
        _ => None,
    }
}

/// A constant moment or distance.
pub(super) fn number(value: &Literal) -> Option<i64> {
    match value {
        Literal::DateTime(at) => Some(at.0),
        Literal::TimeSpan(length) => Some(length.0),
        Literal::Long(value) => Some(*value),
        Literal::Int(value) => Some(i64::from(*value)),
        _ => None,
    }
}

/// A number back on a timeline of a type.
pub(super) fn on(ty: KqlType, at: i64) -> Value<'static> {
    match ty {
        KqlType::DateTime => Value::DateTime(at),
        KqlType::TimeSpan => Value::TimeSpan(at),
        _ => Value::Long(at),
    }
}

impl Task<'_> {
    /// The bins that a constant argument says, one of which starts at `origin`.
    pub(super) fn bins(&self, at: usize, origin: i64) -> Result<Bins, QueryError> {
        let value = self.constant(at)?;
        if let Literal::String(unit) = &value {
            return Ok(Bins::Calendar(match unit.as_str() {
                "week" => CalendarUnit::Week,
                "month" => CalendarUnit::Month,
                _ => CalendarUnit::Year,
            }));
        }
        Ok(Bins::Steps { origin, step: self.positive(at)? })
    }

    /// A constant distance, which must be longer than nothing.
    pub(super) fn positive(&self, at: usize) -> Result<i64, QueryError> {
        match number(&self.constant(at)?) {
            Some(step) if step > 0 => Ok(step),
            _ => {
                let what =
                    format!("`evaluate {}` needs a length that is greater than zero", self.call().plugin);
                Err(self.invalid(self.arg(at)?, what))
            }
        }
    }

    /// An argument whose value is wrong.
    pub(super) fn invalid(&self, argument: &Scalar, message: String) -> QueryError {
        QueryError::Invalid(vec![bartizan_kql::Diagnostic {
            code: bartizan_kql::syntax::codes::ARGUMENT_TYPE,
            severity: bartizan_kql::Severity::Error,
            span: argument.span,
            message,
            hint: None,
        }])
    }

    /// The texts of a constant array.
    pub(super) fn texts(&self, at: usize) -> Result<Vec<String>, QueryError> {
        let elements = match self.constant(at)? {
            Literal::Dynamic(json) => serde_json::from_str::<Vec<serde_json::Value>>(&json).ok(),
            _ => None,
        };
        let Some(elements) = elements else {
            let what = format!("`evaluate {}` needs an array here", self.call().plugin);
            return Err(self.invalid(self.arg(at)?, what));
        };
        let text = |element| match element {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(elements.into_iter().map(text).collect())
    }
}
