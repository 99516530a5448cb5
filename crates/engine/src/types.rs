//! KQL types as Arrow sees them. The mapping is the store's own, so that a scanned column needs no cast.

use arrow::datatypes::{DataType, Field};
use bartizan_schema::KqlType;
use datafusion::common::ScalarValue;

/// The Arrow type that carries values of `ty`.
pub(crate) fn arrow_type(ty: KqlType) -> DataType {
    match ty {
        KqlType::Bool => DataType::Boolean,
        KqlType::Int => DataType::Int32,
        KqlType::Long | KqlType::DateTime | KqlType::TimeSpan => DataType::Int64,
        KqlType::Real => DataType::Float64,
        KqlType::String | KqlType::Guid | KqlType::Dynamic | KqlType::Decimal => DataType::Utf8View,
    }
}

/// A field of `ty`. Strings are never null; everything else may be.
pub(crate) fn arrow_field(name: &str, ty: KqlType) -> Field {
    Field::new(name, arrow_type(ty), ty != KqlType::String)
}

/// What an absent value of `ty` is: `""` for strings, null for the rest.
pub(crate) fn absent(ty: KqlType) -> ScalarValue {
    match ty {
        KqlType::Bool => ScalarValue::Boolean(None),
        KqlType::Int => ScalarValue::Int32(None),
        KqlType::Long | KqlType::DateTime | KqlType::TimeSpan => ScalarValue::Int64(None),
        KqlType::Real => ScalarValue::Float64(None),
        KqlType::String => ScalarValue::Utf8View(Some(String::new())),
        KqlType::Guid | KqlType::Dynamic | KqlType::Decimal => ScalarValue::Utf8View(None),
    }
}

/// Whether values of `ty` are numbers that convert to each other implicitly.
pub(crate) fn is_number(ty: KqlType) -> bool {
    matches!(ty, KqlType::Int | KqlType::Long | KqlType::Real)
}
