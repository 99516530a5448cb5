//! `autocluster`, `basket` and `diffpatterns`: rows to tables of numbers, patterns back to rows.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use bartizan_analytics::pattern::{Found, Limits, NO_VALUE, Pattern, Table, clusters, differences, frequent};
use bartizan_kql::bound::{Literal, ScalarKind};
use bartizan_schema::KqlType;

use super::super::{Rows, Task};
use super::ROWS_PER_CHECK;
use super::pivot::push_key;
use super::timeline::number;
use crate::error::QueryError;
use crate::functions::convert::{convert, text};
use crate::lower::literal_value;
use crate::value::{ColumnBuilder, Reader, Value};

/// Patterns that one call may look at.
const PATTERNS_MAX: usize = 100_000;
/// Dimensions of a pattern when the call does not say: as many as there are columns.
const DIMENSIONS_MAX: usize = 64;
/// What a value takes in the map of its column besides its bytes, about.
const VALUE_BYTES: usize = 64;

/// A column whose values take part in patterns.
struct Attribute {
    reader: Reader,
    /// What a pattern shows that does not restrict the column.
    wildcard: Value<'static>,
    numbers: HashMap<Vec<u8>, u32>,
    /// A row of each value, by its number less one.
    rows: Vec<usize>,
}

impl Attribute {
    /// The number of a row's value. A value that looks like the wildcard takes no part.
    fn number(&mut self, row: usize, key: &mut Vec<u8>, task: &Task<'_>) -> Result<u32, QueryError> {
        let value = self.reader.get(row);
        if value.is_null() || value == self.wildcard {
            return Ok(NO_VALUE);
        }
        key.clear();
        push_key(&value, key);
        if let Some(number) = self.numbers.get(key) {
            return Ok(*number);
        }
        task.hold(key.len() + VALUE_BYTES)?;
        self.rows.push(row);
        let number = self.rows.len() as u32;
        self.numbers.insert(key.clone(), number);
        Ok(number)
    }

    fn value(&self, number: Option<u32>) -> Value<'_> {
        let row = number.and_then(|number| self.rows.get((number as usize).checked_sub(1)?));
        row.map_or_else(|| self.wildcard.clone(), |row| self.reader.get(*row))
    }
}

/// The input as a table of numbers.
struct Read {
    table: Table,
    /// One per column but the one that splits the rows; `None` for the weights.
    attributes: Vec<Option<Attribute>>,
}

impl Read {
    /// The weight is the second argument. `split` says of a row which group it is in, if any.
    fn of(
        rows: &Rows,
        task: &Task<'_>,
        own: usize,
        skipped: Option<usize>,
        split: Option<&dyn Fn(usize) -> Option<u32>>,
    ) -> Result<Self, QueryError> {
        let weight_at = match task.arg(1)?.kind {
            ScalarKind::Column(at) => Some(at),
            _ => None,
        };
        let weight = weight_at.map(|at| rows.reader(at)).transpose()?;
        let mut attributes = Vec::new();
        for (at, column) in rows.columns.iter().enumerate().filter(|(at, _)| Some(*at) != skipped) {
            let wildcard = task.wildcard(column.ty)?;
            let attribute = || {
                let reader = rows.reader(at)?;
                Ok::<_, QueryError>(Attribute { reader, wildcard, numbers: HashMap::new(), rows: Vec::new() })
            };
            attributes.push(if Some(at) == weight_at { None } else { Some(attribute()?) });
        }
        debug_assert_eq!(attributes.len() + own, task.whole.columns.len());
        let width = attributes.iter().flatten().count();
        let mut table = Table::new(width + usize::from(split.is_some()));
        let (mut line, mut key) = (Vec::new(), Vec::new());
        for row in 0..rows.len() {
            if row % ROWS_PER_CHECK == 0 {
                task.interrupt().check()?;
            }
            let weight = weight.as_ref().map_or(Some(1.0), |weight| match weight.get(row) {
                Value::Int(weight) => Some(f64::from(weight)),
                Value::Long(weight) => Some(weight as f64),
                Value::Real(weight) => Some(weight),
                _ => None,
            });
            let group = split.map(|split| split(row));
            let (Some(weight), Some(group)) = (weight, group.map_or(Some(None), |group| group.map(Some)))
            else {
                continue;
            };
            line.clear();
            for attribute in attributes.iter_mut().flatten() {
                line.push(attribute.number(row, &mut key, task)?);
            }
            line.extend(group);
            let before = table.len();
            table.add(&line, weight);
            if table.len() > before {
                task.hold(line.len() * size_of::<u32>() * 2 + VALUE_BYTES)?;
            }
        }
        Ok(Self { table, attributes })
    }

    /// The values of a pattern, in the order of the columns.
    fn values<'v>(&'v self, pattern: &'v Pattern) -> impl Iterator<Item = Value<'v>> {
        let mut at = 0;
        self.attributes.iter().map(move |attribute| match attribute {
            Some(attribute) => {
                at += 1;
                attribute.value(pattern[at - 1])
            }
            None => Value::Null,
        })
    }
}

fn too_many(task: &Task<'_>) -> QueryError {
    let plugin = task.call().plugin;
    let what = format!("`evaluate {plugin}` looks at most at {PATTERNS_MAX} patterns; raise the threshold");
    QueryError::TooLarge { what }
}

impl Task<'_> {
    /// What shows in a column of this type that a pattern does not restrict: the call's own wildcard of the
    /// type, or null.
    fn wildcard(&self, ty: KqlType) -> Result<Value<'static>, QueryError> {
        if let Some(wildcard) = self.call().rest.iter().find(|wildcard| wildcard.ty == ty) {
            let literal = self.context.constant(wildcard)?;
            return Ok(match convert(literal_value(&literal), ty) {
                Value::String(text) => Value::String(text.into_owned().into()),
                Value::Guid(text) => Value::Guid(text.into_owned().into()),
                Value::Dynamic(text) => Value::Dynamic(text.into_owned().into()),
                Value::Decimal(text) => Value::Decimal(text.into_owned().into()),
                Value::Bool(value) => Value::Bool(value),
                Value::Int(value) => Value::Int(value),
                Value::Long(value) => Value::Long(value),
                Value::Real(value) => Value::Real(value),
                Value::DateTime(value) => Value::DateTime(value),
                Value::TimeSpan(value) => Value::TimeSpan(value),
                Value::Null => Value::Null,
            });
        }
        Ok(if ty == KqlType::String { Value::string("") } else { Value::Null })
    }

    /// A share between 0 and 1.
    fn share(&self, at: usize) -> Result<f64, QueryError> {
        match self.constant(at)? {
            Literal::Real(share) if (0.0..=1.0).contains(&share) => Ok(share),
            _ => {
                let what = format!("`evaluate {}` needs a share between 0 and 1", self.call().plugin);
                Err(self.invalid(self.arg(at)?, what))
            }
        }
    }

    /// A number that is at least 1.
    fn at_least_one(&self, at: usize, default: usize) -> Result<usize, QueryError> {
        match self.constant(at)? {
            Literal::Null => Ok(default),
            value => Ok(number(&value).and_then(|value| usize::try_from(value).ok()).unwrap_or(1).max(1)),
        }
    }
}

/// A percentage as the service prints it.
fn percent(part: f64, whole: f64, digits: i32) -> Value<'static> {
    let scale = 10_f64.powi(digits);
    Value::Real((100.0 * part / whole * scale).round() / scale)
}

/// Number, count and percentage of each pattern, then its values.
fn shares(read: &Read, found: &[Found], task: &Task<'_>) -> Vec<ArrayRef> {
    let total = read.table.total();
    let columns = &task.whole.columns;
    let mut builders: Vec<ColumnBuilder> =
        columns.iter().map(|column| ColumnBuilder::new(column.ty, found.len())).collect();
    for (at, one) in found.iter().enumerate() {
        let own =
            [Value::Long(at as i64), Value::Long(one.weight.round() as i64), percent(one.weight, total, 1)];
        let values = own.into_iter().chain(read.values(&one.pattern));
        builders.iter_mut().zip(values).for_each(|(builder, value)| builder.push(value));
    }
    builders.into_iter().map(ColumnBuilder::finish).collect()
}

pub(super) fn autocluster(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let read = Read::of(&inputs[0], task, 3, None, None)?;
    let found = clusters(&read.table, task.share(0)?, task.at_least_one(2, 25)?.min(SEEDS_MAX));
    Ok(shares(&read, &found, task))
}

/// Seeds above which nothing new is found.
const SEEDS_MAX: usize = 1_000;

pub(super) fn basket(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let read = Read::of(&inputs[0], task, 3, None, None)?;
    let limits = Limits { dimensions: task.at_least_one(2, 5)?, patterns: PATTERNS_MAX };
    let least = task.share(0)? * read.table.total();
    let found = frequent(&read.table, least, limits).ok_or_else(|| too_many(task))?;
    Ok(shares(&read, &found, task))
}

pub(super) fn diffpatterns(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let rows = &inputs[0];
    let splitting = task.column(rows, 3)?;
    let split_at = match task.arg(3)?.kind {
        ScalarKind::Column(at) => Some(at),
        _ => None,
    };
    let side = |at: usize| Ok::<_, QueryError>(text(literal_value(&task.constant(at)?)).into_owned());
    let (a, b) = (side(4)?, side(5)?);
    let group = |row: usize| {
        let value = text(splitting.get(row));
        if value == a.as_str() { Some(1) } else { (value == b.as_str()).then_some(2) }
    };
    let read = Read::of(rows, task, 6, split_at, Some(&group))?;
    let limits = Limits { dimensions: task.at_least_one(2, DIMENSIONS_MAX)?, patterns: PATTERNS_MAX };
    let found = differences(&read.table, task.share(0)?, limits).ok_or_else(|| too_many(task))?;
    let width = read.attributes.iter().flatten().count();
    let mut wanted = vec![None; width];
    wanted.push(Some(1));
    let total_a = read.table.weight_of(&wanted);
    let total_b = read.table.total() - total_a;
    let columns = &task.whole.columns;
    let mut builders: Vec<ColumnBuilder> =
        columns.iter().map(|column| ColumnBuilder::new(column.ty, found.len())).collect();
    for (at, one) in found.iter().enumerate() {
        let difference = (one.weight_a / total_a - one.weight_b / total_b).abs();
        let own = [
            Value::Long(at as i64),
            Value::Long(one.weight_a.round() as i64),
            Value::Long(one.weight_b.round() as i64),
            percent(one.weight_a, total_a, 2),
            percent(one.weight_b, total_b, 2),
            percent(difference, 1.0, 2),
        ];
        let values = own.into_iter().chain(read.values(&one.pattern));
        builders.iter_mut().zip(values).for_each(|(builder, value)| builder.push(value));
    }
    Ok(builders.into_iter().map(ColumnBuilder::finish).collect())
}
