//! `make-series`: bins that have been aggregated, laid onto the grid of an axis.

use std::collections::HashMap;

use arrow::array::{ArrayRef, UInt64Array};
use arrow::compute::take;
use arrow::row::{RowConverter, SortField};
use bartizan_kql::bound::{Literal, MakeSeries, Scalar};
use bartizan_kql::syntax::codes;
use bartizan_kql::{Diagnostic, Severity, Span};
use bartizan_schema::KqlType;
use datafusion::error::DataFusionError;

use super::{Rows, Task};
use crate::error::QueryError;
use crate::functions::convert::convert;
use crate::functions::dynamic::to_json;
use crate::lower::literal_value;
use crate::types::is_number;
use crate::value::{ColumnBuilder, Reader, Value};

/// Elements one series may have.
const ELEMENTS_MAX: usize = 1 << 20;
/// Elements between looks at the interrupt.
const ELEMENTS_PER_CHECK: usize = 1 << 16;

/// The bins of a query, as far as they do not depend on a key's data.
struct Grid {
    from: Option<Point>,
    to: Option<Point>,
    step: Point,
    /// `to` itself is a bin.
    inclusive: bool,
    ty: KqlType,
}

/// A place on the axis: ticks and whole numbers exactly, reals as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Point {
    Whole(i128),
    Real(f64),
}

/// A key's bins that have data: where, and in which input row.
#[derive(Default)]
struct Group {
    first_row: u64,
    bins: Vec<(Point, usize)>,
}

pub(super) fn run(series: &MakeSeries, input: &Rows, task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let keys = series.keys;
    let axis = &input.columns[keys];
    let grid = Grid::new(series, axis.ty, task)?;
    let groups = groups(input, keys, task)?;
    let values: Vec<Reader> =
        (keys + 1..input.columns.len()).map(|at| input.reader(at)).collect::<Result<_, _>>()?;
    let defaults = defaults(series, input, task)?;

    let default_row = groups.is_empty() && (series.nonempty && keys == 0);
    let rows = if default_row { 1 } else { groups.len() };
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(keys + values.len() + 1);
    let first_rows = UInt64Array::from_iter_values(groups.iter().map(|group| group.first_row));
    for at in 0..keys {
        arrays.push(take(input.batch.column(at), &first_rows, None).map_err(DataFusionError::from)?);
    }
    let mut columns: Vec<ColumnBuilder> =
        (0..=values.len()).map(|_| ColumnBuilder::new(KqlType::Dynamic, rows)).collect();
    let empty = [Group::default()];
    // with both bounds given, all keys share one axis
    let mut shared: Option<String> = None;
    for group in if default_row { &empty[..] } else { &groups[..] } {
        let (start, length) = grid.extent(group)?;
        let mut filled: Vec<Option<usize>> = vec![None; length];
        for (point, row) in &group.bins {
            if let Some(slot) = grid.index(start, *point).and_then(|at| filled.get_mut(at)) {
                *slot = Some(*row);
            }
        }
        for (at, (reader, default)) in values.iter().zip(&defaults).enumerate() {
            let text = elements(filled.iter().copied(), task, |slot| match slot {
                Some(row) => to_json(&reader.get(row)).into(),
                None => default.as_str().into(),
            })?;
            columns[at].push(Value::dynamic(text));
        }
        let fixed = grid.from.is_some() && grid.to.is_some();
        let text = match shared.take().filter(|_| fixed) {
            Some(text) => text,
            None => elements(0..length, task, |at| to_json(&grid.value(start, at)).into())?,
        };
        columns[values.len()].push(Value::dynamic(text.as_str()));
        shared = Some(text);
    }
    arrays.extend(columns.into_iter().map(ColumnBuilder::finish));
    Ok(arrays)
}

/// The rows of each key, in the order in which keys appear.
fn groups(input: &Rows, keys: usize, task: &Task<'_>) -> Result<Vec<Group>, QueryError> {
    let bins = input.reader(keys)?;
    let fields = (0..keys).map(|at| SortField::new(input.batch.column(at).data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(DataFusionError::from)?;
    let encoded = if keys == 0 {
        None
    } else {
        let columns: Vec<ArrayRef> = input.batch.columns()[..keys].to_vec();
        let encoded = converter.convert_columns(&columns).map_err(DataFusionError::from)?;
        task.memory.try_grow(encoded.size())?;
        Some(encoded)
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    for row in 0..input.len() {
        if row % ELEMENTS_PER_CHECK == 0 {
            task.interrupt().check()?;
            task.memory.try_grow(ELEMENTS_PER_CHECK.min(input.len()) * size_of::<(Point, usize)>())?;
        }
        let Some(point) = Point::of(&bins.get(row)) else { continue };
        let key = encoded.as_ref().map(|rows| rows.row(row).data().to_vec()).unwrap_or_default();
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(Group { first_row: row as u64, bins: Vec::new() });
            groups.len() - 1
        });
        groups[place].bins.push((point, row));
    }
    Ok(groups)
}

/// The text of each series' default element: converted to the aggregate's type where both are numbers.
fn defaults(series: &MakeSeries, input: &Rows, task: &Task<'_>) -> Result<Vec<String>, QueryError> {
    let columns = &input.columns[series.keys + 1..];
    let text = |(default, column): (&Scalar, &bartizan_kql::bound::ColumnSchema)| {
        let literal = task.context.constant(default)?;
        let value = literal_value(&literal);
        let numbers = is_number(default.ty) && is_number(column.ty);
        Ok(to_json(&if numbers { convert(value, column.ty) } else { value }))
    };
    series.defaults.iter().zip(columns).map(text).collect()
}

/// A JSON array, accounted for as it grows.
fn elements<'t, T>(
    items: impl Iterator<Item = T>,
    task: &Task<'_>,
    text: impl Fn(T) -> std::borrow::Cow<'t, str>,
) -> Result<String, QueryError> {
    let mut out = String::from("[");
    for (at, item) in items.enumerate() {
        if at % ELEMENTS_PER_CHECK == 0 {
            task.interrupt().check()?;
        }
        if at > 0 {
            out.push(',');
        }
        out.push_str(&text(item));
    }
    out.push(']');
    task.memory.try_grow(out.len())?;
    Ok(out)
}

impl Grid {
    fn new(series: &MakeSeries, ty: KqlType, task: &Task<'_>) -> Result<Self, QueryError> {
        let point = |scalar: &Scalar| -> Result<Option<Point>, QueryError> {
            let literal: Literal = task.context.constant(scalar)?;
            Ok(Point::of(&literal_value(&literal)))
        };
        // No row is within a bound that is null, so there are no series then.
        let bound = |scalar: Option<&Scalar>| match scalar {
            None => Ok(None),
            Some(scalar) => point(scalar),
        };
        let step = point(&series.step)?.filter(|step| step.is_positive());
        let Some(step) = step else {
            return Err(wrong("the step of a series must be above zero".to_owned(), series.step.span));
        };
        let mut from = bound(series.from.as_ref())?;
        if series.legacy {
            from = from.map(|from| from.floor_to(step));
        }
        let to = bound(series.to.as_ref())?;
        Ok(Self { from, to, step, inclusive: series.legacy, ty })
    }

    /// The first bin of a key and how many there are.
    fn extent(&self, group: &Group) -> Result<(Point, usize), QueryError> {
        let points = group.bins.iter().map(|(point, _)| *point);
        let least = points.clone().reduce(|a, b| if b.less(a) { b } else { a });
        let most = points.reduce(|a, b| if a.less(b) { b } else { a });
        let Some(start) = self.from.or(least) else { return Ok((Point::Whole(0), 0)) };
        // a bound from the data is the last bin, a given one is beyond it unless it is inclusive
        let (end, inclusive) = match (self.to, most) {
            (Some(to), _) => (to, self.inclusive),
            (None, Some(most)) => (most, true),
            (None, None) => return Ok((start, 0)),
        };
        let length = start.steps_to(end, self.step, inclusive);
        match usize::try_from(length) {
            Ok(length) if length <= ELEMENTS_MAX => Ok((start, length)),
            _ => {
                let what = format!("a series of `make-series` has at most {ELEMENTS_MAX} elements");
                Err(QueryError::TooLarge { what })
            }
        }
    }

    fn index(&self, start: Point, point: Point) -> Option<usize> {
        match (start, point, self.step) {
            (Point::Whole(start), Point::Whole(point), Point::Whole(step)) => {
                usize::try_from((point - start).div_euclid(step)).ok()
            }
            _ => {
                // bins of reals are multiples of the step up to rounding
                let at = ((point.real() - start.real()) / self.step.real()).round();
                (at >= 0.0 && at < ELEMENTS_MAX as f64).then_some(at as usize)
            }
        }
    }

    fn value<'a>(&self, start: Point, at: usize) -> Value<'a> {
        match (start, self.step) {
            (Point::Whole(start), Point::Whole(step)) => {
                let place = i64::try_from(start + step * at as i128).unwrap_or(i64::MAX);
                match self.ty {
                    KqlType::DateTime => Value::DateTime(place),
                    KqlType::TimeSpan => Value::TimeSpan(place),
                    _ => Value::Long(place),
                }
            }
            (start, step) => Value::Real(start.real() + step.real() * at as f64),
        }
    }
}

impl Point {
    fn of(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Int(value) => Some(Self::Whole(i128::from(*value))),
            Value::Long(value) | Value::DateTime(value) | Value::TimeSpan(value) => {
                Some(Self::Whole(i128::from(*value)))
            }
            Value::Real(value) if value.is_finite() => Some(Self::Real(*value)),
            _ => None,
        }
    }

    fn real(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }

    fn is_positive(self) -> bool {
        match self {
            Self::Whole(value) => value > 0,
            Self::Real(value) => value > 0.0,
        }
    }

    fn less(self, other: Self) -> bool {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a < b,
            (a, b) => a.real() < b.real(),
        }
    }

    /// The multiple of `step` at or below.
    fn floor_to(self, step: Self) -> Self {
        match (self, step) {
            (Self::Whole(value), Self::Whole(step)) => Self::Whole(value.div_euclid(step) * step),
            (value, step) => Self::Real((value.real() / step.real()).floor() * step.real()),
        }
    }

    /// How many bins lie between here and `end`.
    fn steps_to(self, end: Self, step: Self, inclusive: bool) -> i128 {
        match (self, end, step) {
            (Self::Whole(start), Self::Whole(end), Self::Whole(step)) => {
                let reach = if inclusive {
                    (end - start).div_euclid(step) + 1
                } else {
                    -(start - end).div_euclid(step)
                };
                reach.max(0)
            }
            (start, end, step) => {
                let reach = (end.real() - start.real()) / step.real();
                // a hair's breadth beyond a whole number is rounding, not another bin
                let near = (reach - reach.round()).abs() < 1e-9;
                let reach = if near { reach.round() } else { reach };
                let count = if inclusive { reach.floor() + 1.0 } else { reach.ceil() };
                count.max(0.0) as i128
            }
        }
    }
}

fn wrong(message: String, span: Span) -> QueryError {
    QueryError::Invalid(vec![Diagnostic {
        code: codes::SERIES_STEP,
        severity: Severity::Error,
        span,
        message,
        hint: None,
    }])
}
