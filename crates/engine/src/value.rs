//! One KQL value, and columns of them: how row-at-a-time kernels read their arguments and write results.
//!
//! Values borrow from the Arrow arrays they come from, so a kernel that returns (part of) an argument
//! allocates nothing.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Float64Array, Float64Builder, Int32Array,
    Int32Builder, Int64Array, Int64Builder, StringViewArray, StringViewBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use bartizan_schema::KqlType;
use datafusion::common::{Result, ScalarValue};

use crate::types::arrow_type;

/// A value with its KQL type. Times are ticks; dynamic is JSON text and never the text `null`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Real(f64),
    Decimal(Cow<'a, str>),
    String(Cow<'a, str>),
    DateTime(i64),
    TimeSpan(i64),
    Guid(Cow<'a, str>),
    Dynamic(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// Text owned by the result.
    pub(crate) fn string(text: impl Into<Cow<'a, str>>) -> Self {
        Self::String(text.into())
    }

    /// Bytes of its text; 0 for what has a fixed size.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::Decimal(text) | Self::String(text) | Self::Guid(text) | Self::Dynamic(text) => text.len(),
            _ => 0,
        }
    }

    /// JSON text as a dynamic.
    pub(crate) fn dynamic(json: impl Into<Cow<'a, str>>) -> Self {
        Self::Dynamic(json.into())
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether the value counts as empty: null or `""`.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::String(text) => text.is_empty(),
            Self::Dynamic(json) => json == "\"\"",
            _ => false,
        }
    }

    /// The value as ScalarValue of `ty`'s Arrow type.
    pub(crate) fn into_scalar(self, ty: KqlType) -> Result<ScalarValue> {
        let mut builder = ColumnBuilder::new(ty, 1);
        builder.push(self);
        ScalarValue::try_from_array(&builder.finish(), 0)
    }
}

/// A column (or a constant) of one KQL type, readable row by row.
pub(crate) struct Reader {
    ty: KqlType,
    constant: bool,
    data: Data,
}

enum Data {
    Bool(BooleanArray),
    Int(Int32Array),
    Long(Int64Array),
    Real(Float64Array),
    Text(StringViewArray),
}

impl Reader {
    /// Reads `array` as values of `ty`. `constant` means that row 0 stands for every row.
    pub(crate) fn new(array: &ArrayRef, ty: KqlType, constant: bool) -> Result<Self> {
        let wanted = arrow_type(ty);
        let array = if array.data_type() == &wanted { Arc::clone(array) } else { cast(array, &wanted)? };
        let data = match wanted {
            DataType::Boolean => Data::Bool(array.as_boolean().clone()),
            DataType::Int32 => Data::Int(array.as_primitive::<Int32Type>().clone()),
            DataType::Float64 => Data::Real(array.as_primitive::<Float64Type>().clone()),
            DataType::Utf8View => Data::Text(array.as_string_view().clone()),
            _ => Data::Long(array.as_primitive::<Int64Type>().clone()),
        };
        Ok(Self { ty, constant, data })
    }

    pub(crate) fn get(&self, row: usize) -> Value<'_> {
        let row = if self.constant { 0 } else { row };
        match &self.data {
            Data::Bool(array) if array.is_valid(row) => Value::Bool(array.value(row)),
            Data::Int(array) if array.is_valid(row) => Value::Int(array.value(row)),
            Data::Real(array) if array.is_valid(row) => Value::Real(array.value(row)),
            Data::Long(array) if array.is_valid(row) => match self.ty {
                KqlType::DateTime => Value::DateTime(array.value(row)),
                KqlType::TimeSpan => Value::TimeSpan(array.value(row)),
                _ => Value::Long(array.value(row)),
            },
            Data::Text(array) if array.is_valid(row) => {
                let text = Cow::Borrowed(array.value(row));
                match self.ty {
                    KqlType::Guid => Value::Guid(text),
                    KqlType::Dynamic => Value::Dynamic(text),
                    KqlType::Decimal => Value::Decimal(text),
                    _ => Value::String(text),
                }
            }
            _ if self.ty == KqlType::String => Value::String(Cow::Borrowed("")),
            _ => Value::Null,
        }
    }
}

/// Collects values into an Arrow array of one KQL type. A dynamic column takes any value. Elsewhere a value
/// of another type becomes the absent one: kernels return what they declare, and this keeps a slip from
/// turning into a panic.
pub(crate) struct ColumnBuilder {
    ty: KqlType,
    data: Builder,
}

enum Builder {
    Bool(BooleanBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Real(Float64Builder),
    Text(StringViewBuilder),
}

impl ColumnBuilder {
    pub(crate) fn new(ty: KqlType, capacity: usize) -> Self {
        let data = match arrow_type(ty) {
            DataType::Boolean => Builder::Bool(BooleanBuilder::with_capacity(capacity)),
            DataType::Int32 => Builder::Int(Int32Builder::with_capacity(capacity)),
            DataType::Float64 => Builder::Real(Float64Builder::with_capacity(capacity)),
            DataType::Utf8View => Builder::Text(StringViewBuilder::with_capacity(capacity)),
            _ => Builder::Long(Int64Builder::with_capacity(capacity)),
        };
        Self { ty, data }
    }

    pub(crate) fn push(&mut self, value: Value<'_>) {
        match &mut self.data {
            Builder::Bool(builder) => builder.append_option(match value {
                Value::Bool(value) => Some(value),
                _ => None,
            }),
            Builder::Int(builder) => builder.append_option(match value {
                Value::Int(value) => Some(value),
                Value::Long(value) => i32::try_from(value).ok(),
                _ => None,
            }),
            Builder::Real(builder) => builder.append_option(match value {
                Value::Real(value) => Some(value),
                Value::Int(value) => Some(f64::from(value)),
                Value::Long(value) => Some(value as f64),
                _ => None,
            }),
            Builder::Long(builder) => builder.append_option(match value {
                Value::Long(value) | Value::DateTime(value) | Value::TimeSpan(value) => Some(value),
                Value::Int(value) => Some(i64::from(value)),
                _ => None,
            }),
            Builder::Text(builder) => match value {
                Value::Dynamic(text) if self.ty == KqlType::Dynamic => builder.append_value(text),
                Value::Null if self.ty == KqlType::Dynamic => builder.append_null(),
                value if self.ty == KqlType::Dynamic => {
                    builder.append_value(crate::functions::dynamic::to_json(&value));
                }
                Value::String(text) | Value::Guid(text) | Value::Dynamic(text) | Value::Decimal(text) => {
                    builder.append_value(text);
                }
                _ if self.ty == KqlType::String => builder.append_value(""),
                _ => builder.append_null(),
            },
        }
    }

    pub(crate) fn finish(self) -> ArrayRef {
        match self.data {
            Builder::Bool(mut builder) => Arc::new(builder.finish()),
            Builder::Int(mut builder) => Arc::new(builder.finish()),
            Builder::Long(mut builder) => Arc::new(builder.finish()),
            Builder::Real(mut builder) => Arc::new(builder.finish()),
            Builder::Text(mut builder) => Arc::new(builder.finish()),
        }
    }
}
