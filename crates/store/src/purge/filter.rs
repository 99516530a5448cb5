//! Which rows a purge removes: conditions upon columns, all of which must hold.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, Scalar, StringViewArray};
use arrow::compute::kernels::cmp;
use arrow::compute::{and, or, prep_null_mask_filter};
use arrow::error::ArrowError;
use bartizan_base::{TenantId, Ticks};
use bartizan_schema::KqlType;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::decode::{Layout, Stamp};
use crate::error::StoreError;
use crate::layout::{SEQ_COLUMN, default_column};

/// Values one filter may list.
const VALUES_MAX: usize = 1000;
/// Filters one purge may have.
const FILTERS_MAX: usize = 32;

/// A condition upon a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub column: String,
    /// A member of a dynamic column's object, compared as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    pub operator: Operator,
    /// One value; a list for `in` and `in~`; two for `between`.
    pub value: Value,
}

/// How a column compares with the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    #[serde(rename = "==")]
    Equal,
    /// Text, without regard to ASCII case.
    #[serde(rename = "=~")]
    EqualText,
    #[serde(rename = "in")]
    In,
    #[serde(rename = "in~")]
    InText,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    GreaterOrEqual,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    LessOrEqual,
    #[serde(rename = "between")]
    Between,
}

/// Filters with their values in the columns' types.
pub(super) struct Prepared<'a>(Vec<Condition<'a>>);

struct Condition<'a> {
    filter: &'a Filter,
    field: arrow::datatypes::FieldRef,
    /// One row for each value.
    values: ArrayRef,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(layout: &Layout, filters: &'a [Filter]) -> Result<Self, StoreError> {
        if filters.is_empty() || filters.len() > FILTERS_MAX {
            return Err(refused(format!(
                "a purge needs 1 to {FILTERS_MAX} filters; to drop a whole table, set its retention"
            )));
        }
        filters.iter().map(|filter| Condition::new(layout, filter)).collect::<Result<_, _>>().map(Self)
    }

    /// Which rows match all filters and have a sequence number up to `cutoff`. Never null.
    pub(super) fn matches(&self, batch: &RecordBatch, cutoff: i64) -> Result<BooleanArray, ArrowError> {
        let seqs = batch
            .column_by_name(SEQ_COLUMN)
            .and_then(|seqs| seqs.as_primitive_opt::<arrow::datatypes::Int64Type>())
            .ok_or_else(|| ArrowError::SchemaError(format!("there is no `{SEQ_COLUMN}`")))?;
        let mut all: BooleanArray = seqs.values().iter().map(|seq| Some(*seq <= cutoff)).collect();
        for condition in &self.0 {
            all = and(&all, &condition.matches(batch)?)?;
        }
        Ok(all)
    }
}

impl<'a> Condition<'a> {
    fn new(layout: &Layout, filter: &'a Filter) -> Result<Self, StoreError> {
        let Filter { column, key, operator, value } = filter;
        let table = &layout.table;
        let Some(declared) = table.column(column) else {
            return Err(refused(format!("`{}` has no column `{column}`", table.name)));
        };
        let is_text = declared.ty == KqlType::String || key.is_some();
        if key.is_some() && declared.ty != KqlType::Dynamic {
            return Err(refused(format!("`{column}` is no dynamic column, so it has no key")));
        }
        if matches!(operator, Operator::EqualText | Operator::InText) && !is_text {
            return Err(refused(format!("`{column}` is not text, so its case cannot be passed over")));
        }
        let list = match (operator, value) {
            (Operator::In | Operator::InText | Operator::Between, Value::Array(list)) => list.clone(),
            (Operator::In | Operator::InText, _) => {
                return Err(refused(format!("the filter on `{column}` needs a list of values")));
            }
            (_, Value::Array(_) | Value::Object(_) | Value::Null) | (Operator::Between, _) => {
                return Err(refused(format!("the filter on `{column}` has no value it can compare with")));
            }
            (_, one) => vec![one.clone()],
        };
        let expected = if *operator == Operator::Between { 2..=2 } else { 1..=VALUES_MAX };
        if !expected.contains(&list.len()) {
            return Err(refused(format!(
                "the filter on `{column}` has {} values; it takes {} to {}",
                list.len(),
                expected.start(),
                expected.end()
            )));
        }
        let values = match key {
            Some(_) => texts(&list),
            None => converted(layout, column, &list)?,
        };
        let field = layout.schema.field_with_name(column).map_err(StoreError::arrow(&table.name))?;
        Ok(Self { filter, field: Arc::new(field.clone()), values })
    }

    fn matches(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let column = batch.column_by_name(&self.filter.column).map(Arc::clone);
        let mut column = column.unwrap_or_else(|| default_column(&self.field, batch.num_rows()));
        if let Some(key) = &self.filter.key {
            column = member(&column, key);
        }
        let mut values = Arc::clone(&self.values);
        if matches!(self.filter.operator, Operator::EqualText | Operator::InText) {
            (column, values) = (lower(&column), lower(&values));
        }
        let at = |n: usize| Scalar::new(values.slice(n, 1));
        let result = match self.filter.operator {
            Operator::Greater => cmp::gt(&column, &at(0))?,
            Operator::GreaterOrEqual => cmp::gt_eq(&column, &at(0))?,
            Operator::Less => cmp::lt(&column, &at(0))?,
            Operator::LessOrEqual => cmp::lt_eq(&column, &at(0))?,
            Operator::Between => and(&cmp::gt_eq(&column, &at(0))?, &cmp::lt_eq(&column, &at(1))?)?,
            Operator::Equal | Operator::EqualText | Operator::In | Operator::InText => {
                let mut any = cmp::eq(&column, &at(0))?;
                for n in 1..values.len() {
                    any = or(&any, &cmp::eq(&column, &at(n))?)?;
                }
                any
            }
        };
        // What is null does not match.
        Ok(if result.null_count() > 0 { prep_null_mask_filter(&result) } else { result })
    }
}

/// The values as the column would store them.
fn converted(layout: &Layout, column: &str, list: &[Value]) -> Result<ArrayRef, StoreError> {
    let rows: Vec<Value> = list.iter().map(|value| json!({ column: value })).collect();
    let stamp = Stamp {
        tenant: TenantId(uuid::Uuid::nil()),
        received: Ticks(0),
        resource_id: None,
        force: Default::default(),
    };
    // A standard column is set by the server whatever a row says, so those are read as texts or ticks.
    let is_stamped = bartizan_schema::Table::STANDARD_COLUMNS.iter().any(|(name, _)| *name == column);
    if is_stamped {
        let ty = layout.table.column(column).map(|column| column.ty);
        return match ty {
            Some(KqlType::String) => Ok(texts(list)),
            Some(KqlType::DateTime) => {
                let ticks = list.iter().map(|value| Ticks::parse(value.as_str().unwrap_or_default()).ok());
                let ticks: Option<Vec<i64>> = ticks.map(|ticks| Some(ticks?.0)).collect();
                let ticks = ticks.ok_or_else(|| refused(format!("`{column}` compares with datetimes")))?;
                Ok(Arc::new(arrow::array::Int64Array::from(ticks)))
            }
            _ => Err(refused(format!("rows cannot be purged by `{column}`"))),
        };
    }
    let decoded = layout.decode(Value::Array(rows).to_string().as_bytes(), &stamp)?;
    let values = decoded.batch.column_by_name(column).filter(|values| values.null_count() == 0);
    match values {
        Some(values) if decoded.rejected_cells == 0 => Ok(Arc::clone(values)),
        // An empty text is stored as no column at all.
        None if list.iter().all(|value| value == "") => Ok(texts(list)),
        _ => Err(refused(format!("a value of the filter on `{column}` is not of the column's type"))),
    }
}

fn texts(list: &[Value]) -> ArrayRef {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Arc::new(StringViewArray::from_iter_values(list.iter().map(text)))
}

/// A member of the objects in a dynamic column, as text; null where there is none.
fn member(column: &ArrayRef, key: &str) -> ArrayRef {
    let objects = column.as_string_view();
    let member = |object: Option<&str>| {
        let object: Value = serde_json::from_str(object?).ok()?;
        let value = object.get(key)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    Arc::new(objects.iter().map(member).collect::<StringViewArray>())
}

fn lower(column: &ArrayRef) -> ArrayRef {
    let texts = column.as_string_view().iter();
    Arc::new(texts.map(|text| text.map(str::to_ascii_lowercase)).collect::<StringViewArray>())
}

fn refused(reason: String) -> StoreError {
    StoreError::PurgeRefused { reason }
}
