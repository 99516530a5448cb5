//! All values of one group, in the order they came.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use bartizan_schema::KqlType;

use crate::types::arrow_type;
use crate::value::Value;

/// One value, apart from its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw<'a> {
    /// Numbers, times and booleans; reals by their bits.
    Bits(i64),
    Text(&'a str),
}

impl<'a> Raw<'a> {
    /// A value of an array of texts or of bits.
    pub(super) fn of(values: &'a ArrayRef, at: usize) -> Self {
        match values.as_string_view_opt() {
            Some(texts) => Self::Text(texts.value(at)),
            None => Self::Bits(values.as_primitive::<Int64Type>().value(at)),
        }
    }

    pub(super) fn value(self, ty: KqlType) -> Value<'a> {
        match (self, ty) {
            (Self::Bits(bits), KqlType::Bool) => Value::Bool(bits != 0),
            (Self::Bits(bits), KqlType::Int) => Value::Int(bits as i32),
            (Self::Bits(bits), KqlType::Real) => Value::Real(f64::from_bits(bits as u64)),
            (Self::Bits(bits), KqlType::DateTime) => Value::DateTime(bits),
            (Self::Bits(bits), KqlType::TimeSpan) => Value::TimeSpan(bits),
            (Self::Bits(bits), _) => Value::Long(bits),
            (Self::Text(text), KqlType::Dynamic) => Value::Dynamic(Cow::Borrowed(text)),
            (Self::Text(text), KqlType::Guid) => Value::Guid(Cow::Borrowed(text)),
            (Self::Text(text), KqlType::Decimal) => Value::Decimal(Cow::Borrowed(text)),
            (Self::Text(text), _) => Value::String(Cow::Borrowed(text)),
        }
    }
}

/// Whether values of a type are texts in Arrow.
pub(super) fn is_text(ty: KqlType) -> bool {
    arrow_type(ty) == DataType::Utf8View
}

/// A column of numbers, times or booleans by their bits.
pub(super) fn bits(column: &ArrayRef) -> Int64Array {
    match column.data_type() {
        DataType::Int32 => column.as_primitive::<Int32Type>().unary(i64::from),
        // The two zeros are equal.
        DataType::Float64 => {
            column.as_primitive::<Float64Type>().unary(|value| (value + 0.0).to_bits() as i64)
        }
        DataType::Boolean => column.as_boolean().iter().map(|value| value.map(i64::from)).collect(),
        _ => column.as_primitive::<Int64Type>().clone(),
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Elements {
    /// For texts, where each ends in `text`.
    bits: Vec<i64>,
    text: String,
    /// The number of each one's row; empty while all are 0.
    rows: Vec<i64>,
}

impl Elements {
    pub(super) fn len(&self) -> usize {
        self.bits.len()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        (self.bits.capacity() + self.rows.capacity()) * size_of::<i64>() + self.text.capacity()
    }

    pub(super) fn push(&mut self, value: Raw<'_>, row: i64) {
        if row != 0 && self.rows.is_empty() {
            self.rows = vec![0; self.bits.len()];
        }
        match value {
            Raw::Bits(bits) => self.bits.push(bits),
            Raw::Text(text) => {
                self.text.push_str(text);
                self.bits.push(self.text.len() as i64);
            }
        }
        if row != 0 || !self.rows.is_empty() {
            self.rows.push(row);
        }
    }

    pub(super) fn get(&self, at: usize, is_text: bool) -> Raw<'_> {
        if !is_text {
            return Raw::Bits(self.bits[at]);
        }
        let start = at.checked_sub(1).map_or(0, |before| self.bits[before] as usize);
        Raw::Text(&self.text[start..self.bits[at] as usize])
    }

    pub(super) fn row(&self, at: usize) -> i64 {
        self.rows.get(at).copied().unwrap_or(0)
    }

    /// Positions by row number; as they came, where those are equal.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        if !self.rows.is_empty() {
            order.sort_by_key(|at| self.rows[*at]);
        }
        order
    }
}
