//! `bin` of whole numbers and times by a constant: the key of almost every chart and many rules.
//!
//! Rows next to each other mostly fall into the same bin, so the bounds of the last one are tried before
//! anything is divided.

use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use bartizan_schema::KqlType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::types::{arrow_field, arrow_type};

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bin {
    /// Positive.
    size: i64,
    ty: KqlType,
    signature: Signature,
}

impl Bin {
    /// `None` where the general function is needed: `size` is in units of the value.
    pub(crate) fn new(ty: KqlType, size: i64) -> Option<Self> {
        let whole = matches!(ty, KqlType::Long | KqlType::DateTime | KqlType::TimeSpan);
        let signature = Signature::exact(vec![arrow_type(ty)], Volatility::Immutable);
        (whole && size > 0).then_some(Self { size, ty, signature })
    }

    /// The start of the bin that `value` is in; null when it is below what the type holds.
    fn start(&self, value: i64) -> Option<i64> {
        let start = value.checked_sub(value.rem_euclid(self.size))?;
        (self.ty != KqlType::DateTime || start >= 0).then_some(start)
    }

    fn starts(&self, values: &Int64Array) -> Int64Array {
        let (mut from, mut to) = (0, 0);
        let mut start = |value: i64| {
            if !(from..to).contains(&value) {
                from = self.start(value)?;
                to = from.saturating_add(self.size);
            }
            Some(from)
        };
        if values.null_count() > 0 {
            return values.iter().map(|value| value.and_then(&mut start)).collect();
        }
        let mut starts = Vec::with_capacity(values.len());
        for value in values.values() {
            match start(*value) {
                Some(start) => starts.push(start),
                None => return values.iter().map(|value| value.and_then(&mut start)).collect(),
            }
        }
        Int64Array::from(starts)
    }
}

impl ScalarUDFImpl for Bin {
    fn name(&self) -> &str {
        "bin"
    }

    fn schema_name(&self, args: &[datafusion::logical_expr::Expr]) -> Result<String> {
        let value = args.first().map(|arg| arg.schema_name().to_string()).unwrap_or_default();
        Ok(format!("bin({value},{})", self.size))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(self.ty))
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(FieldRef::new(arrow_field(self.name(), self.ty)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.into_iter().next() else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Int64(None)));
        };
        let scalar = matches!(value, ColumnarValue::Scalar(_));
        let array = cast(&value.into_array(if scalar { 1 } else { args.number_rows })?, &DataType::Int64)?;
        let starts: ArrayRef = Arc::new(self.starts(array.as_primitive::<Int64Type>()));
        Ok(match scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&starts, 0)?),
            false => ColumnarValue::Array(starts),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_start_at_multiples_towards_minus_infinity() {
        let bin = Bin::new(KqlType::Long, 10).unwrap();
        let values =
            Int64Array::from(vec![Some(-1), Some(0), Some(9), None, Some(10), Some(-10), Some(i64::MIN)]);
        let wanted = Int64Array::from(vec![Some(-10), Some(0), Some(0), None, Some(10), Some(-10), None]);
        assert_eq!(bin.starts(&values), wanted);
        let plain = Int64Array::from(vec![5, 15, 16, 4]);
        assert_eq!(bin.starts(&plain), Int64Array::from(vec![0, 10, 10, 0]));
        assert!(Bin::new(KqlType::Long, 0).is_none() && Bin::new(KqlType::Real, 1).is_none());
    }
}
