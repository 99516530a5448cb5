//! Relations without a table: `datatable`, `print`, `range`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch};
use arrow::datatypes::Schema;
use bartizan_kql::bound::{ColumnSchema, Literal, Named, Scalar};
use bartizan_schema::KqlType;
use datafusion::common::ScalarValue;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};

use super::{Context, Lowered, column};
use crate::error::QueryError;
use crate::functions::decimal::Decimal;
use crate::types::{absent, arrow_field};
use crate::value::{ColumnBuilder, Value};

/// Rows a `range` may produce: the service's own result limit is far below.
const RANGE_ROWS_MAX: usize = 16 << 20;
const RANGE_BATCH_ROWS: usize = 8192;
/// The hidden order column of rows that came in a written order.
const WRITTEN_ORDER: &str = "\u{1}order";

/// A literal as a kernel sees it.
pub(crate) fn literal_value(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Long(value) => Value::Long(*value),
        Literal::Real(value) => Value::Real(*value),
        Literal::Decimal(text) => text.parse().map_or(Value::Null, Decimal::into_value),
        Literal::String(text) => Value::String(text.as_str().into()),
        Literal::DateTime(ticks) => Value::DateTime(ticks.0),
        Literal::TimeSpan(span) => Value::TimeSpan(span.0),
        Literal::Guid(text) => Value::Guid(text.as_str().into()),
        Literal::Dynamic(json) if json.trim() == "null" => Value::Null,
        Literal::Dynamic(json) => Value::Dynamic(json.as_str().into()),
    }
}

/// A literal of type `ty` as DataFusion has it.
pub(crate) fn to_scalar_value(literal: &Literal, ty: KqlType) -> ScalarValue {
    let value = literal_value(literal);
    if value.is_null() {
        return absent(ty);
    }
    let value = crate::functions::convert::convert(value, ty);
    value.into_scalar(ty).unwrap_or_else(|_| absent(ty))
}

/// Literal rows.
pub(super) fn datatable(
    columns: &[ColumnSchema],
    rows: &[Vec<Literal>],
    ordered: bool,
) -> Result<Lowered, QueryError> {
    let mut fields: Vec<_> = columns.iter().map(|column| arrow_field(&column.name, column.ty)).collect();
    let mut arrays = Vec::with_capacity(columns.len());
    for (at, column) in columns.iter().enumerate() {
        let mut builder = ColumnBuilder::new(column.ty, rows.len());
        for row in rows {
            let value = row.get(at).map_or(Value::Null, literal_value);
            let value =
                if value.is_null() { value } else { crate::functions::convert::convert(value, column.ty) };
            builder.push(value);
        }
        arrays.push(builder.finish());
    }
    if ordered {
        fields.push(arrow_field(WRITTEN_ORDER, KqlType::Long));
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows.len() as i64));
        arrays.push(numbers);
    }
    let schema = Arc::new(Schema::new(fields));
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)
        .map_err(datafusion::error::DataFusionError::from)?;
    let table = MemTable::try_new(schema, vec![vec![batch]])?;
    let mut items: Vec<Expr> = columns.iter().map(|c| column(&c.name).alias(c.name.clone())).collect();
    if ordered {
        items.push(column(WRITTEN_ORDER).alias(WRITTEN_ORDER));
    }
    let plan = LogicalPlanBuilder::scan("rows", provider_as_source(Arc::new(table)), None)?.project(items)?;
    let order = ordered.then(|| WRITTEN_ORDER.to_owned());
    Ok(Lowered { plan: plan.build()?, columns: columns.to_vec(), order })
}

impl Context {
    pub(super) fn print(&self, items: &[Named]) -> Result<Lowered, QueryError> {
        let mut exprs = Vec::with_capacity(items.len());
        for item in items {
            exprs.push(self.scalar(&item.value, &[])?.alias(item.name.clone()));
        }
        let columns =
            items.iter().map(|item| ColumnSchema { name: item.name.clone(), ty: item.value.ty }).collect();
        let plan = LogicalPlanBuilder::empty(true).project(exprs)?.build()?;
        Ok(Lowered::new(plan, columns))
    }

    pub(super) fn range(
        &self,
        column: &ColumnSchema,
        start: &Scalar,
        stop: &Scalar,
        step: &Scalar,
        ordered: bool,
    ) -> Result<Lowered, QueryError> {
        let (first, last) = (self.constant(start)?, self.constant(stop)?);
        let by = self.constant(step)?;
        let values = steps(&first, &last, &by, column.ty).ok_or_else(|| QueryError::TooLarge {
            what: format!("`range` gives at most {RANGE_ROWS_MAX} rows"),
        })?;
        let mut fields = vec![arrow_field(&column.name, column.ty)];
        if ordered {
            fields.push(arrow_field(WRITTEN_ORDER, KqlType::Long));
        }
        let schema = Arc::new(Schema::new(fields));
        let mut batches = Vec::new();
        for from in (0..values.len()).step_by(RANGE_BATCH_ROWS) {
            let rows = RANGE_BATCH_ROWS.min(values.len() - from);
            let mut arrays = vec![values.slice(from, rows)];
            if ordered {
                arrays.push(Arc::new(Int64Array::from_iter_values(from as i64..(from + rows) as i64)));
            }
            let batch = RecordBatch::try_new(Arc::clone(&schema), arrays);
            batches.push(batch.map_err(datafusion::error::DataFusionError::from)?);
        }
        let names =
            schema.fields().iter().map(|field| self::column(field.name()).alias(field.name().clone()));
        let items: Vec<Expr> = names.collect();
        let table = Arc::new(MemTable::try_new(schema, vec![batches])?);
        let plan =
            LogicalPlanBuilder::scan("rows", provider_as_source(table), None)?.project(items)?.build()?;
        let order = ordered.then(|| WRITTEN_ORDER.to_owned());
        Ok(Lowered { plan, columns: vec![column.clone()], order })
    }

    /// The value of an expression without columns.
    pub(crate) fn constant(&self, value: &Scalar) -> Result<Literal, QueryError> {
        if let bartizan_kql::bound::ScalarKind::Literal(literal) = &value.kind {
            return Ok(literal.clone());
        }
        crate::constant::evaluate(self.scalar(value, &[])?, value.ty)
    }
}

/// The values of a range, or `None` when there are too many. A null bound or a step that leads away from
/// the end gives none.
fn steps(first: &Literal, last: &Literal, by: &Literal, ty: KqlType) -> Option<ArrayRef> {
    if matches!(ty, KqlType::Real) {
        let none: ArrayRef = Arc::new(Float64Array::from(Vec::<f64>::new()));
        let (Some(first), Some(last), Some(by)) = (real(first), real(last), real(by)) else {
            return Some(none);
        };
        let count = ((last - first) / by).floor();
        if !count.is_finite() || count < 0.0 {
            return Some(none);
        }
        if count >= RANGE_ROWS_MAX as f64 {
            return None;
        }
        return Some(Arc::new(Float64Array::from_iter_values(
            (0..=count as i64).map(|n| first + n as f64 * by),
        )));
    }
    let of = |values: Vec<i64>| -> ArrayRef {
        match ty {
            KqlType::Int => {
                Arc::new(Int32Array::from_iter(values.into_iter().map(|n| i32::try_from(n).ok())))
            }
            _ => Arc::new(Int64Array::from(values)),
        }
    };
    let (Some(first), Some(last), Some(by)) = (integer(first), integer(last), integer(by)) else {
        return Some(of(Vec::new()));
    };
    let leads_away = by == 0 || (by > 0 && first > last) || (by < 0 && first < last);
    if leads_away {
        return Some(of(Vec::new()));
    }
    let count = (i128::from(last) - i128::from(first)) / i128::from(by);
    if count >= RANGE_ROWS_MAX as i128 {
        return None;
    }
    Some(of((0..=count as i64).map(|n| first + n * by).collect()))
}

fn integer(literal: &Literal) -> Option<i64> {
    match literal {
        Literal::Int(value) => Some(i64::from(*value)),
        Literal::Long(value) => Some(*value),
        Literal::DateTime(ticks) => Some(ticks.0),
        Literal::TimeSpan(span) => Some(span.0),
        _ => None,
    }
}

fn real(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Real(value) => Some(*value),
        other => integer(other).map(|value| value as f64),
    }
}
