//! `bin` and `bin_at` of whole numbers and times by constants: the key of almost every chart and many rules.
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
    /// Where a bin starts.
    at: i64,
    ty: KqlType,
    signature: Signature,
}

impl Bin {
    /// Bins that start at `at`, one of them. `None` where the general function is needed: `size` and `at` are in
    /// units of the value.
    pub(crate) fn new(ty: KqlType, size: i64, at: i64) -> Option<Self> {
        let whole = matches!(ty, KqlType::Long | KqlType::DateTime | KqlType::TimeSpan);
        let signature = Signature::exact(vec![arrow_type(ty)], Volatility::Immutable);
        (whole && size > 0).then_some(Self { size, at, ty, signature })
    }

    /// The start of the bin that `value` is in; null when it is below what the type holds.
    fn start(&self, value: i64) -> Option<i64> {
        let rest = (i128::from(value) - i128::from(self.at)).rem_euclid(i128::from(self.size));
        let start = i64::try_from(i128::from(value) - rest).ok()?;
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
        Ok(format!("bin({value},{},{})", self.size, self.at))
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
        let bin = Bin::new(KqlType::Long, 10, 0).unwrap();
        let values =
            Int64Array::from(vec![Some(-1), Some(0), Some(9), None, Some(10), Some(-10), Some(i64::MIN)]);
        let wanted = Int64Array::from(vec![Some(-10), Some(0), Some(0), None, Some(10), Some(-10), None]);
        assert_eq!(bin.starts(&values), wanted);
        let plain = Int64Array::from(vec![5, 15, 16, 4]);
        assert_eq!(bin.starts(&plain), Int64Array::from(vec![0, 10, 10, 0]));
        for at in [3, -7, 1_003] {
            let bin = Bin::new(KqlType::Long, 10, at).unwrap();
            let values = Int64Array::from(vec![2, 3, 12, 13, -7, -8]);
            assert_eq!(bin.starts(&values), Int64Array::from(vec![-7, 3, 3, 13, -7, -17]), "{at}");
        }
        let far = Bin::new(KqlType::Long, 10, i64::MAX).unwrap();
        assert_eq!(far.starts(&Int64Array::from(vec![-3, 6])), Int64Array::from(vec![-3, -3]));
        let early = Bin::new(KqlType::DateTime, 10, 5).unwrap();
        assert_eq!(early.starts(&Int64Array::from(vec![3, 7])), Int64Array::from(vec![None, Some(5)]));
        assert!(Bin::new(KqlType::Long, 0, 0).is_none() && Bin::new(KqlType::Real, 1, 0).is_none());
    }
}
