//! `avg` of datetimes and timespans: exact in ticks, where a float would lose the last digits.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int64Array};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;

use super::grouped::{Definition, Grouped, Rows};

/// Digits of a sum of 2^63 values of 2^63 ticks.
const SUM_DIGITS: u8 = 38;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct MeanTicks;

impl Definition for MeanTicks {
    type Groups = Sums;

    fn name(&self) -> &'static str {
        "mean_ticks"
    }

    fn arguments(&self) -> Vec<DataType> {
        vec![DataType::Int64]
    }

    fn result(&self) -> DataType {
        DataType::Int64
    }

    fn state(&self) -> Vec<DataType> {
        vec![DataType::Decimal128(SUM_DIGITS, 0), DataType::Int64]
    }

    fn start(&self) -> Sums {
        Sums::default()
    }
}

#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Sum and count of each group.
    groups: Vec<(i128, i64)>,
}

impl Grouped for Sums {
    fn grow(&mut self, groups: usize) {
        self.groups.resize(groups, (0, 0));
    }

    fn update(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        let values = values[0].as_primitive::<Int64Type>();
        for (row, group) in rows.iter().filter(|(row, _)| values.is_valid(*row)) {
            let (sum, count) = &mut self.groups[group];
            *sum += i128::from(values.value(row));
            *count += 1;
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let (sums, counts) =
            (states[0].as_primitive::<Decimal128Type>(), states[1].as_primitive::<Int64Type>());
        for (row, group) in groups.iter().enumerate() {
            let (sum, count) = &mut self.groups[*group];
            *sum += sums.value(row);
            *count += counts.value(row);
        }
        Ok(())
    }

    fn results(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let taken = emit.take_needed(&mut self.groups);
        let mean = |(sum, count): (i128, i64)| (count > 0).then(|| (sum / i128::from(count)) as i64);
        Ok(Arc::new(taken.into_iter().map(mean).collect::<Int64Array>()))
    }

    fn states(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, counts): (Vec<i128>, Vec<i64>) = emit.take_needed(&mut self.groups).into_iter().unzip();
        let sums = Decimal128Array::from(sums).with_precision_and_scale(SUM_DIGITS, 0)?;
        Ok(vec![Arc::new(sums), Arc::new(Int64Array::from(counts))])
    }

    fn bytes(&self) -> usize {
        self.groups.capacity() * size_of::<(i128, i64)>()
    }
}
