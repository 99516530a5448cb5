//! Expressions without columns, evaluated while planning.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use bartizan_base::{Ticks, Timespan};
use bartizan_kql::bound::Literal;
use bartizan_schema::KqlType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_plan::ColumnarValue;

use crate::error::QueryError;
use crate::value::{Reader, Value};

/// Computes `expr` of type `ty`.
pub(crate) fn evaluate(expr: Expr, ty: KqlType) -> Result<Literal, QueryError> {
    let physical = create_physical_expr(
        &expr,
        &DFSchema::empty(),
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )?;
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
        .map_err(datafusion::error::DataFusionError::from)?;
    let scalar = match physical.evaluate(&row)? {
        ColumnarValue::Scalar(scalar) => scalar,
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0)?,
    };
    Ok(literal(&Reader::new(&scalar.to_array()?, ty, true)?.get(0)))
}

/// A value as a literal of the bound tree.
pub(crate) fn literal(value: &Value<'_>) -> Literal {
    match value {
        Value::Null => Literal::Null,
        Value::Bool(value) => Literal::Bool(*value),
        Value::Int(value) => Literal::Int(*value),
        Value::Long(value) => Literal::Long(*value),
        Value::Real(value) => Literal::Real(*value),
        Value::Decimal(text) => Literal::Decimal(text.to_string()),
        Value::String(text) => Literal::String(text.to_string()),
        Value::DateTime(ticks) => Literal::DateTime(Ticks(*ticks)),
        Value::TimeSpan(ticks) => Literal::TimeSpan(Timespan(*ticks)),
        Value::Guid(text) => Literal::Guid(text.to_string()),
        Value::Dynamic(json) => Literal::Dynamic(json.to_string()),
    }
}
