//! Truth and comparison.

use serde_json::Value;

use super::super::evaluate::truth;
use super::{Call, Function, pure};
use crate::expression::ExpressionError;

pub(super) const FUNCTIONS: &[Function] = &[
    pure("and", 2, usize::MAX, |call| Ok(truths(call)?.into_iter().all(|on| on).into())),
    pure("bool", 1, 1, bool),
    pure("coalesce", 1, usize::MAX, |call| {
        Ok(call.arguments.iter().find(|value| !value.is_null()).cloned().unwrap_or_default())
    }),
    pure("equals", 2, 2, |call| Ok(equal(call.any(0), call.any(1)).into())),
    pure("false", 0, 0, |_| Ok(false.into())),
    pure("greater", 2, 2, |call| compare(call, std::cmp::Ordering::is_gt)),
    pure("greaterOrEquals", 2, 2, |call| compare(call, std::cmp::Ordering::is_ge)),
    // Evaluated by the expression itself, which leaves the branch that is not taken alone.
    pure("if", 3, 3, |call| Ok(call.any(if truth(call.function, 1, call.any(0))? { 1 } else { 2 }).clone())),
    pure("less", 2, 2, |call| compare(call, std::cmp::Ordering::is_lt)),
    pure("lessOrEquals", 2, 2, |call| compare(call, std::cmp::Ordering::is_le)),
    pure("not", 1, 1, |call| Ok((!truth(call.function, 1, call.any(0))?).into())),
    pure("null", 0, 0, |_| Ok(Value::Null)),
    pure("or", 2, usize::MAX, |call| Ok(truths(call)?.into_iter().any(|on| on).into())),
    pure("true", 0, 0, |_| Ok(true.into())),
];

fn truths(call: &Call<'_>) -> Result<Vec<bool>, ExpressionError> {
    call.arguments.iter().enumerate().map(|(at, value)| truth(call.function, at + 1, value)).collect()
}

fn bool(call: &Call<'_>) -> Result<Value, ExpressionError> {
    match call.any(0) {
        Value::Number(number) => Ok((number.as_f64() != Some(0.0)).into()),
        other => Ok(truth(call.function, 1, other)?.into()),
    }
}

/// `equals` of templates minds case, unlike the condition of the same name.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (left, right) => left == right,
    }
}

fn compare(call: &Call<'_>, test: fn(std::cmp::Ordering) -> bool) -> Result<Value, ExpressionError> {
    let ordering = match (call.any(0), call.any(1)) {
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().zip(right.as_f64()).and_then(|(left, right)| left.partial_cmp(&right))
        }
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Number(_), _) => return Err(call.wrong(1, "a number")),
        (Value::String(_), _) => return Err(call.wrong(1, "a text")),
        _ => return Err(call.wrong(0, "a number or a text")),
    };
    Ok(ordering.is_some_and(test).into())
}
