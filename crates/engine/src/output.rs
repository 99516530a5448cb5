//! Results, and their encoding as the Log Analytics query API has it.

use arrow::array::RecordBatch;
use bartizan_base::{Ticks, Timespan};
use bartizan_kql::bound::{ColumnSchema, Render};
use serde_json::{Map, Number, Value as Json};

use crate::limits::Partial;
use crate::value::{Reader, Value};

/// A query's result.
#[derive(Clone, Debug)]
pub struct QueryOutput {
    pub columns: Vec<ColumnSchema>,
    pub batches: Vec<RecordBatch>,
    /// How the query asked to be drawn.
    pub render: Option<Render>,
    /// Set when rows were cut off.
    pub partial: Option<Partial>,
    /// The store's sequence number that the result is as of.
    pub seq: u64,
    pub stats: QueryStats,
    /// Results besides the first, in order.
    pub tables: Vec<QueryTable>,
}

/// A result of a query with several.
#[derive(Clone, Debug)]
pub struct QueryTable {
    pub name: String,
    pub columns: Vec<ColumnSchema>,
    pub batches: Vec<RecordBatch>,
    pub render: Option<Render>,
    /// Set when rows were cut off.
    pub partial: Option<Partial>,
}

/// What a query took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryStats {
    pub elapsed_us: u64,
    pub rows: u64,
    /// Base tables read.
    pub tables: Vec<String>,
}

impl QueryOutput {
    /// Rows in the API's encoding: datetimes and timespans as text, dynamics as text that holds JSON.
    pub fn rows_json(&self) -> Vec<Vec<Json>> {
        rows_json(&self.columns, &self.batches)
    }

    /// Rows as objects by column name.
    pub fn objects(&self) -> Vec<Map<String, Json>> {
        let named = |row: Vec<Json>| {
            self.columns.iter().zip(row).map(|(column, cell)| (column.name.clone(), cell)).collect()
        };
        self.rows_json().into_iter().map(named).collect()
    }
}

impl QueryTable {
    /// Rows in the API's encoding, see [`QueryOutput::rows_json`].
    pub fn rows_json(&self) -> Vec<Vec<Json>> {
        rows_json(&self.columns, &self.batches)
    }
}

fn rows_json(columns: &[ColumnSchema], batches: &[RecordBatch]) -> Vec<Vec<Json>> {
    let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        let readers: Vec<Option<Reader>> = columns
            .iter()
            .zip(batch.columns())
            .map(|(column, array)| Reader::new(array, column.ty, false).ok())
            .collect();
        for row in 0..batch.num_rows() {
            let cell =
                |reader: &Option<Reader>| reader.as_ref().map_or(Json::Null, |reader| cell(&reader.get(row)));
            rows.push(readers.iter().map(cell).collect());
        }
    }
    rows
}

/// One value in the API's encoding.
pub(crate) fn cell(value: &Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::from(*value),
        Value::Long(value) => Json::from(*value),
        Value::Real(value) => match Number::from_f64(*value) {
            Some(number) => Json::Number(number),
            None if value.is_nan() => Json::from("NaN"),
            None if *value > 0.0 => Json::from("Infinity"),
            None => Json::from("-Infinity"),
        },
        Value::DateTime(ticks) if !(0..=Ticks::MAX.0).contains(ticks) => Json::Null,
        Value::DateTime(ticks) => Json::from(Ticks(*ticks).to_string()),
        Value::TimeSpan(ticks) => Json::from(Timespan(*ticks).to_string()),
        Value::String(text) | Value::Guid(text) | Value::Dynamic(text) | Value::Decimal(text) => {
            Json::from(text.as_ref())
        }
    }
}
