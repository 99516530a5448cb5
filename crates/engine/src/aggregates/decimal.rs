//! `sum`, `avg`, `min` and `max` of decimals, which are text that only their own arithmetic understands.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use crate::functions::decimal::Decimal;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fold {
    Sum,
    Mean,
    Least,
    Greatest,
}

impl Fold {
    /// What an aggregate's name means for decimals.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sum" => Self::Sum,
            "avg" => Self::Mean,
            "min" => Self::Least,
            "max" => Self::Greatest,
            _ => return None,
        })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FoldDecimals {
    fold: Fold,
    signature: Signature,
}

impl FoldDecimals {
    pub(super) fn new(fold: Fold) -> Self {
        Self { fold, signature: Signature::exact(vec![DataType::Utf8View], Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for FoldDecimals {
    fn name(&self) -> &str {
        match self.fold {
            Fold::Sum => "decimal_sum",
            Fold::Mean => "decimal_mean",
            Fold::Least => "decimal_min",
            Fold::Greatest => "decimal_max",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn state_fields(&self, _args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![
            FieldRef::new(Field::new("value", DataType::Utf8View, true)),
            FieldRef::new(Field::new("count", DataType::Int64, false)),
        ])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Folded { fold: self.fold, value: None, count: 0, overflown: false }))
    }
}

#[derive(Debug)]
struct Folded {
    fold: Fold,
    value: Option<Decimal>,
    count: i64,
    /// A sum that no longer fits is null, whatever follows.
    overflown: bool,
}

impl Folded {
    fn take(&mut self, number: Decimal) {
        let Some(old) = self.value else {
            self.value = Some(number);
            return;
        };
        match self.fold {
            Fold::Least => self.value = Some(old.min(number)),
            Fold::Greatest => self.value = Some(old.max(number)),
            Fold::Sum | Fold::Mean => match old.add(number) {
                Some(sum) => self.value = Some(sum),
                None => self.overflown = true,
            },
        }
    }

    fn text(value: Option<Decimal>) -> ScalarValue {
        ScalarValue::Utf8View(value.map(|value| value.to_string()))
    }
}

impl Accumulator for Folded {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for text in values[0].as_string_view().iter().flatten() {
            if let Ok(number) = text.parse() {
                self.take(number);
                self.count += 1;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.overflown {
            return Ok(Self::text(None));
        }
        Ok(Self::text(match self.fold {
            Fold::Sum => Some(self.value.unwrap_or(Decimal::ZERO)),
            Fold::Mean => self.value.and_then(|sum| sum.divide(Decimal::from_long(self.count))),
            Fold::Least | Fold::Greatest => self.value,
        }))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    /// A count below zero tells of an overflow.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let count = if self.overflown { -1 } else { self.count };
        Ok(vec![Self::text(self.value), ScalarValue::Int64(Some(count))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let counts = states[1].as_primitive::<Int64Type>();
        for (text, count) in states[0].as_string_view().iter().zip(counts.iter().flatten()) {
            self.overflown |= count < 0;
            self.count += count.max(0);
            if let Some(number) = text.and_then(|text| text.parse().ok()) {
                self.take(number);
            }
        }
        Ok(())
    }
}
