//! `arg_max`, `arg_min`, `take_any`: one row of the group, whole.

use std::cmp::Ordering;

use arrow::array::make_comparator;
use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use bartizan_schema::KqlType;
use datafusion::common::scalar::ScalarStructBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use crate::types::arrow_type;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pick {
    Greatest,
    Least,
    Any,
}

/// The name of output `at` in the struct these aggregates return.
pub(super) fn field_name(at: usize) -> String {
    format!("f{at}")
}

/// The struct type with one field per output.
pub(super) fn fields(types: &[DataType]) -> Fields {
    types.iter().enumerate().map(|(at, ty)| Field::new(field_name(at), ty.clone(), true)).collect()
}

/// Arguments: the row's number, then the ordering value, then what else is returned.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Extreme {
    pick: Pick,
    types: Vec<DataType>,
    signature: Signature,
}

impl Extreme {
    pub(super) fn new(pick: Pick, types: &[KqlType]) -> Self {
        let types: Vec<DataType> = types.iter().map(|ty| arrow_type(*ty)).collect();
        let args = std::iter::once(DataType::Int64).chain(types.iter().cloned()).collect();
        Self { pick, types, signature: Signature::exact(args, Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        match self.pick {
            Pick::Greatest => "arg_max",
            Pick::Least => "arg_min",
            Pick::Any => "take_any",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields(&self.types)))
    }

    fn state_fields(&self, _args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let row = FieldRef::new(Field::new("row", DataType::Int64, true));
        Ok(std::iter::once(row).chain(fields(&self.types).iter().cloned()).collect())
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Best { pick: self.pick, types: self.types.clone(), row: None }))
    }
}

#[derive(Debug)]
struct Best {
    pick: Pick,
    types: Vec<DataType>,
    /// The best row so far: its number, then its values.
    row: Option<Vec<ScalarValue>>,
}

impl Best {
    /// Whether an ordering value beats another. Nulls lose; equal values keep the earlier row.
    fn beats(&self, ordering: Option<Ordering>, new_null: bool, old_null: bool, earlier: bool) -> bool {
        match (new_null, old_null) {
            (true, false) => false,
            (false, true) => true,
            (true, true) => earlier,
            (false, false) => match (self.pick, ordering) {
                (Pick::Greatest, Some(Ordering::Greater)) | (Pick::Least, Some(Ordering::Less)) => true,
                (Pick::Any, _) | (_, Some(Ordering::Equal)) => earlier,
                _ => false,
            },
        }
    }

    fn offer(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let (numbers, by) = (&columns[0], &columns[1]);
        // A state that never saw a row has no number.
        let mut rows = (0..by.len()).filter(|at| numbers.is_valid(*at));
        let Some(mut best) = rows.next() else { return Ok(()) };
        let compare = make_comparator(by, by, SortOptions::default())?;
        let number = numbers.as_primitive::<arrow::datatypes::Int64Type>();
        for at in rows {
            let earlier = number.value(at) < number.value(best);
            if self.beats(Some(compare(at, best)), by.is_null(at), by.is_null(best), earlier) {
                best = at;
            }
        }
        if let Some(old) = &self.row {
            let value = ScalarValue::try_from_array(by, best)?;
            let number = ScalarValue::try_from_array(numbers, best)?;
            let earlier = number.partial_cmp(&old[0]) == Some(Ordering::Less);
            if !self.beats(value.partial_cmp(&old[1]), value.is_null(), old[1].is_null(), earlier) {
                return Ok(());
            }
        }
        let row = columns.iter().map(|column| ScalarValue::try_from_array(column, best));
        self.row = Some(row.collect::<Result<_>>()?);
        Ok(())
    }
}

impl Accumulator for Best {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.offer(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut builder = ScalarStructBuilder::new();
        for (at, field) in fields(&self.types).iter().enumerate() {
            let value = match &self.row {
                Some(row) => row[at + 1].clone(),
                None => ScalarValue::try_from_array(&new_null_array(&self.types[at], 1), 0)?,
            };
            builder = builder.with_scalar(FieldRef::clone(field), value);
        }
        builder.build()
    }

    fn size(&self) -> usize {
        let held = self.row.iter().flatten().map(ScalarValue::size).sum::<usize>();
        size_of::<Self>() + held
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        match &self.row {
            Some(row) => Ok(row.clone()),
            None => std::iter::once(&DataType::Int64).chain(&self.types).map(ScalarValue::try_from).collect(),
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.offer(states)
    }
}
