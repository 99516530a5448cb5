//! Numbers: whole ones of 64 bits; what goes over is an error.

use serde_json::{Number, Value};

use super::{Call, Function, pure};
use crate::expression::ExpressionError;

pub(super) const FUNCTIONS: &[Function] = &[
    pure("add", 2, 2, |call| whole(call, i64::checked_add)),
    pure("div", 2, 2, |call| whole(call, i64::checked_div)),
    pure("float", 1, 1, |call| {
        let number = match call.any(0) {
            Value::String(text) => text.trim().parse::<f64>().ok(),
            other => other.as_f64(),
        };
        number.and_then(Number::from_f64).map(Value::Number).ok_or_else(|| call.wrong(0, "a number"))
    }),
    pure("int", 1, 1, |call| match call.any(0) {
        Value::String(text) => {
            text.trim().parse::<i64>().map(Value::from).map_err(|_| call.wrong(0, "a whole number"))
        }
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(whole.into()),
            (None, Some(number)) if number.abs() < 9e15 => Ok((number.trunc() as i64).into()),
            _ => Err(call.wrong(0, "a whole number")),
        },
        _ => Err(call.wrong(0, "a number")),
    }),
    pure("max", 1, usize::MAX, |call| extreme(call, |numbers| numbers.max())),
    pure("min", 1, usize::MAX, |call| extreme(call, |numbers| numbers.min())),
    pure("mod", 2, 2, |call| whole(call, i64::checked_rem)),
    pure("mul", 2, 2, |call| whole(call, i64::checked_mul)),
    pure("sub", 2, 2, |call| whole(call, i64::checked_sub)),
];

fn whole(call: &Call<'_>, run: fn(i64, i64) -> Option<i64>) -> Result<Value, ExpressionError> {
    let (left, right) = (call.integer(0)?, call.integer(1)?);
    run(left, right)
        .map(Value::from)
        .ok_or_else(|| call.bad(format!("{left} and {right} have no result of 64 bits")))
}

fn extreme(
    call: &Call<'_>,
    choose: fn(std::vec::IntoIter<i64>) -> Option<i64>,
) -> Result<Value, ExpressionError> {
    let numbers: Vec<i64> = match call.any(0) {
        Value::Array(items) => {
            let numbers: Option<Vec<i64>> = items.iter().map(Value::as_i64).collect();
            numbers.ok_or_else(|| call.wrong(0, "an array of whole numbers"))?
        }
        _ => (0..call.arguments.len()).map(|at| call.integer(at)).collect::<Result<_, _>>()?,
    };
    choose(numbers.into_iter()).map(Value::from).ok_or_else(|| call.bad("there is no number"))
}
