//! Percentiles by nearest rank: always a value that occurred, of the column's own type.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use bartizan_schema::KqlType;
use datafusion::common::scalar::ScalarStructBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::extreme::fields;
use crate::types::arrow_type;
use crate::value::Reader;

/// Arguments: value and weight. Returns a struct with one field per point, or a dynamic array of them.
#[derive(Debug)]
pub(super) struct Percentile {
    points: Vec<f64>,
    ty: KqlType,
    as_list: bool,
    signature: Signature,
}

impl Percentile {
    pub(super) fn new(points: Vec<f64>, ty: KqlType, as_list: bool) -> Self {
        let args = vec![arrow_type(ty), DataType::Int64];
        Self { points, ty, as_list, signature: Signature::exact(args, Volatility::Immutable) }
    }

    fn key(&self) -> (Vec<u64>, KqlType, bool) {
        (self.points.iter().map(|point| point.to_bits()).collect(), self.ty, self.as_list)
    }
}

impl PartialEq for Percentile {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Percentile {}

impl std::hash::Hash for Percentile {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        "percentile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        if self.as_list {
            return Ok(arrow_type(KqlType::Dynamic));
        }
        Ok(DataType::Struct(fields(&vec![arrow_type(self.ty); self.points.len()])))
    }

    fn state_fields(&self, _args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name: &str, ty: DataType| {
            FieldRef::new(Field::new_list(name, Field::new_list_field(ty, true), true))
        };
        Ok(vec![list("values", arrow_type(self.ty)), list("weights", DataType::Int64)])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Sample {
            points: self.points.clone(),
            ty: self.ty,
            as_list: self.as_list,
            values: Vec::new(),
        }))
    }
}

#[derive(Debug)]
struct Sample {
    points: Vec<f64>,
    ty: KqlType,
    as_list: bool,
    values: Vec<(ScalarValue, i64)>,
}

impl Sample {
    fn add(&mut self, values: &ArrayRef, weights: &ArrayRef) -> Result<()> {
        let weights = weights.as_primitive::<Int64Type>();
        for at in 0..values.len() {
            if values.is_valid(at) && weights.is_valid(at) && weights.value(at) > 0 {
                self.values.push((ScalarValue::try_from_array(values, at)?, weights.value(at)));
            }
        }
        Ok(())
    }

    /// The first value at or above `point` percent of the total weight.
    fn at(&self, point: f64, total: i128) -> Result<ScalarValue> {
        let rank = ((point / 100.0 * total as f64).ceil() as i128).clamp(1, total.max(1));
        let mut sum = 0_i128;
        for (value, weight) in &self.values {
            sum += i128::from(*weight);
            if sum >= rank {
                return Ok(value.clone());
            }
        }
        ScalarValue::try_from(&arrow_type(self.ty))
    }
}

impl Accumulator for Sample {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], &values[1])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.values.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        let total = self.values.iter().map(|(_, weight)| i128::from(*weight)).sum();
        let results = self.points.iter().map(|point| self.at(*point, total)).collect::<Result<Vec<_>>>()?;
        if self.as_list {
            let mut texts = Vec::with_capacity(results.len());
            for result in results {
                let reader = Reader::new(&result.to_array()?, self.ty, true)?;
                texts.push(crate::functions::dynamic::to_json(&reader.get(0)));
            }
            return Ok(ScalarValue::Utf8View(Some(format!("[{}]", texts.join(",")))));
        }
        let mut builder = ScalarStructBuilder::new();
        for (field, value) in fields(&vec![arrow_type(self.ty); results.len()]).iter().zip(results) {
            builder = builder.with_scalar(FieldRef::clone(field), value);
        }
        builder.build()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<(ScalarValue, i64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<_> = self.values.iter().map(|(value, _)| value.clone()).collect();
        let weights: Vec<_> =
            self.values.iter().map(|(_, weight)| ScalarValue::Int64(Some(*weight))).collect();
        Ok(vec![
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &arrow_type(self.ty))),
            ScalarValue::List(ScalarValue::new_list_nullable(&weights, &DataType::Int64)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, weights) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for at in 0..values.len() {
            if values.is_valid(at) {
                self.add(&values.value(at), &weights.value(at))?;
            }
        }
        Ok(())
    }
}
