//! Functions that walk over rows in their order and carry something along: numbers, sums, ranks, sessions.
//!
//! Each has an optional last argument that starts it anew at rows where it is true.

use std::hash::Hash;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, FieldRef};
use bartizan_schema::KqlType;
use datafusion::common::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, TypeSignature, Volatility, WindowUDFImpl};

use crate::types::{arrow_field, arrow_type};
use crate::value::{ColumnBuilder, Reader, Value};

/// What is carried from row to row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Walk {
    Number,
    Sum,
    /// Equal neighbours share a rank; the next gets the following one.
    DenseRank,
    /// Equal neighbours share the number of the first of them.
    MinRank,
    Session,
}

/// A call of one of these functions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sequential {
    name: &'static str,
    walk: Walk,
    args: Vec<KqlType>,
    ret: KqlType,
    /// Which argument says where to start anew.
    restart: usize,
    signature: Signature,
}

impl Sequential {
    /// `None` for a function that is not one of these, or with another number of arguments.
    pub(crate) fn new(name: &'static str, args: Vec<KqlType>, ret: KqlType) -> Option<Self> {
        let (walk, restart) = match name {
            "row_number" => (Walk::Number, 1),
            "row_cumsum" => (Walk::Sum, 1),
            "row_rank_dense" => (Walk::DenseRank, 1),
            "row_rank_min" => (Walk::MinRank, 1),
            "row_window_session" => (Walk::Session, 3),
            _ => return None,
        };
        if args.len() != restart && args.len() != restart + 1 {
            return None;
        }
        let types = TypeSignature::Exact(args.iter().map(|ty| arrow_type(*ty)).collect());
        Some(Self { name, walk, args, ret, restart, signature: Signature::new(types, Volatility::Immutable) })
    }
}

impl WindowUDFImpl for Sequential {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Evaluator(self.clone())))
    }

    fn field(&self, field_args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(FieldRef::new(arrow_field(field_args.name(), self.ret)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }
}

#[derive(Debug)]
struct Evaluator(Sequential);

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let call = &self.0;
        let readers = values
            .iter()
            .zip(&call.args)
            .map(|(array, ty)| Reader::new(array, *ty, false))
            .collect::<Result<Vec<_>>>()?;
        let restart = values.get(call.restart).and_then(|array| array.as_boolean_opt());
        let restarts = |row: usize| {
            restart.is_some_and(|restart| !arrow::array::Array::is_null(restart, row) && restart.value(row))
        };
        let mut out = ColumnBuilder::new(call.ret, rows);
        let mut carried = Carried::default();
        for row in 0..rows {
            if row == 0 || restarts(row) {
                carried = Carried::default();
            }
            let args = |at: usize| readers.get(at).map_or(Value::Null, |reader| reader.get(row));
            let value = match call.walk {
                Walk::Number => carried.number(&args(0)),
                Walk::Sum => carried.sum(&args(0), call.ret),
                Walk::DenseRank => carried.rank(&readers, row, false),
                Walk::MinRank => carried.rank(&readers, row, true),
                Walk::Session => carried.session(&args(0), &args(1), &args(2)),
            };
            out.push(value);
        }
        Ok(out.finish())
    }
}

/// The state since the last start.
#[derive(Default)]
struct Carried {
    rows: i64,
    whole: i64,
    real: f64,
    /// Where the run of equal values began, or the session.
    begin: Option<usize>,
    rank: i64,
    first: Option<i64>,
    last: Option<i64>,
}

impl Carried {
    fn number<'a>(&mut self, start: &Value<'_>) -> Value<'a> {
        self.rows += 1;
        match start {
            Value::Long(start) => Value::Long(start.wrapping_add(self.rows - 1)),
            Value::Int(start) => Value::Long(i64::from(*start).wrapping_add(self.rows - 1)),
            _ => Value::Long(self.rows),
        }
    }

    /// Null adds nothing. Whole numbers wrap around, as everywhere in the language.
    fn sum<'a>(&mut self, term: &Value<'_>, ty: KqlType) -> Value<'a> {
        match term {
            Value::Int(value) => self.whole = self.whole.wrapping_add(i64::from(*value)),
            Value::Long(value) | Value::TimeSpan(value) => self.whole = self.whole.wrapping_add(*value),
            Value::Real(value) => self.real += value,
            _ => {}
        }
        match ty {
            KqlType::Int => Value::Int(self.whole as i32),
            KqlType::Long => Value::Long(self.whole),
            KqlType::TimeSpan => Value::TimeSpan(self.whole),
            KqlType::Real => Value::Real(self.real),
            _ => Value::Null,
        }
    }

    fn rank<'a>(&mut self, readers: &[Reader], row: usize, min: bool) -> Value<'a> {
        self.rows += 1;
        let same = match (self.begin, readers.first()) {
            (Some(begin), Some(reader)) => reader.get(begin) == reader.get(row),
            _ => false,
        };
        if !same {
            self.begin = Some(row);
            self.rank = if min { self.rows } else { self.rank + 1 };
        }
        Value::Long(self.rank)
    }

    /// A session ends where a row is too far from its first row, or from the one before.
    fn session<'a>(&mut self, at: &Value<'_>, from_first: &Value<'_>, between: &Value<'_>) -> Value<'a> {
        let (Value::DateTime(at), Value::TimeSpan(from_first), Value::TimeSpan(between)) =
            (at, from_first, between)
        else {
            return Value::Null;
        };
        let near = |earlier: Option<i64>, distance: i64| {
            earlier.is_some_and(|earlier| at.saturating_sub(earlier) <= distance)
        };
        if !near(self.first, *from_first) || !near(self.last, *between) {
            self.first = Some(*at);
        }
        self.last = Some(*at);
        self.first.map_or(Value::Null, Value::DateTime)
    }
}
