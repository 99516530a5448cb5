//! Numbers: arithmetic that differs from SQL's, and bits. Rounding and mathematics have files of their own.

pub(crate) mod mathematics;
pub(crate) mod rounding;

use super::convert::{to_long, to_real};
use super::decimal;
use super::dynamic;
use super::kernel::{Entry, strict};
use crate::value::Value;

/// The kernel of an arithmetic operator whose operands are not plain numbers, or that is not total.
pub(crate) fn arithmetic(function: &str) -> Option<Entry> {
    match function {
        "/" => Some(strict("/", |args, _| divide(&args[0], &args[1]))),
        "%" => Some(strict("%", |args, _| modulo(&args[0], &args[1]))),
        "*" => Some(strict("*", |args, _| scale(&args[0], &args[1]))),
        _ => None,
    }
}

/// The kernel of an operator between dynamic values, which are numbers or times row by row.
pub(crate) fn dynamic_arithmetic(function: &str) -> Option<Entry> {
    macro_rules! operator {
        ($name:literal) => {
            Some(strict($name, |args, _| {
                let (a, b) = (dynamic::unwrap_ref(&args[0]), dynamic::unwrap_ref(&args[1]));
                owned(between($name, &a, &b))
            }))
        };
    }
    match function {
        "+" => operator!("+"),
        "-" => operator!("-"),
        "*" => operator!("*"),
        "/" => operator!("/"),
        "%" => operator!("%"),
        _ => None,
    }
}

/// Unary minus of a dynamic value.
pub(crate) const NEGATE: Entry = strict("neg", |args, _| {
    let zero = match dynamic::unwrap_ref(&args[0]) {
        Value::TimeSpan(_) => Value::TimeSpan(0),
        _ => Value::Long(0),
    };
    owned(between("-", &zero, &dynamic::unwrap_ref(&args[0])))
});

/// Numbers borrow nothing; the compiler cannot know.
fn owned<'a>(value: Value<'_>) -> Value<'a> {
    match value {
        Value::Int(value) => Value::Int(value),
        Value::Long(value) => Value::Long(value),
        Value::Real(value) => Value::Real(value),
        Value::DateTime(ticks) => Value::DateTime(ticks),
        Value::TimeSpan(ticks) => Value::TimeSpan(ticks),
        Value::Decimal(text) => Value::Decimal(text.into_owned().into()),
        _ => Value::Null,
    }
}

fn between<'a>(op: &str, a: &Value<'a>, b: &Value<'a>) -> Value<'a> {
    let whole = |value: &Value<'_>| matches!(value, Value::Int(_) | Value::Long(_));
    let real = |value: &Value<'_>| matches!(value, Value::Int(_) | Value::Long(_) | Value::Real(_));
    match (op, a, b) {
        (_, Value::Decimal(_), _) | (_, _, Value::Decimal(_)) => {
            let entry = decimal::arithmetic(op);
            entry.map_or(Value::Null, |entry| {
                (entry.run)(&[a.clone(), b.clone()], &mut super::kernel::Scratch::default())
            })
        }
        ("/", ..) => divide(a, b),
        ("%", ..) => modulo(a, b),
        ("*", Value::TimeSpan(_), _) | ("*", _, Value::TimeSpan(_)) => scale(a, b),
        (_, a, b) if whole(a) && whole(b) => match (to_long(a), to_long(b)) {
            (Some(a), Some(b)) => Value::Long(match op {
                "+" => a.wrapping_add(b),
                "-" => a.wrapping_sub(b),
                _ => a.wrapping_mul(b),
            }),
            _ => Value::Null,
        },
        (_, a, b) if real(a) && real(b) => match (to_real(a), to_real(b)) {
            (Some(a), Some(b)) => Value::Real(match op {
                "+" => a + b,
                "-" => a - b,
                _ => a * b,
            }),
            _ => Value::Null,
        },
        ("-", Value::DateTime(a), Value::DateTime(b)) => Value::TimeSpan(a.wrapping_sub(*b)),
        ("+", Value::DateTime(a), Value::TimeSpan(b)) | ("+", Value::TimeSpan(b), Value::DateTime(a)) => {
            Value::DateTime(a.wrapping_add(*b))
        }
        ("-", Value::DateTime(a), Value::TimeSpan(b)) => Value::DateTime(a.wrapping_sub(*b)),
        ("+", Value::TimeSpan(a), Value::TimeSpan(b)) => Value::TimeSpan(a.wrapping_add(*b)),
        ("-", Value::TimeSpan(a), Value::TimeSpan(b)) => Value::TimeSpan(a.wrapping_sub(*b)),
        _ => Value::Null,
    }
}

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("binary_and", |args, _| bitwise(args, |a, b| a & b)),
    strict("binary_or", |args, _| bitwise(args, |a, b| a | b)),
    strict("binary_xor", |args, _| bitwise(args, |a, b| a ^ b)),
    strict("binary_not", |args, _| to_long(&args[0]).map_or(Value::Null, |value| Value::Long(!value))),
    strict("binary_shift_left", |args, _| bitwise(args, |a, b| shift(a, b, i64::checked_shl))),
    strict("binary_shift_right", |args, _| bitwise(args, |a, b| shift(a, b, i64::checked_shr))),
    strict("bitset_count_ones", |args, _| {
        to_long(&args[0]).map_or(Value::Null, |value| Value::Long(i64::from(value.count_ones())))
    }),
    strict("tohex", |args, _| tohex(&args[0], args.get(1))),
];

fn bitwise<'a>(args: &[Value<'a>], with: fn(i64, i64) -> i64) -> Value<'a> {
    match (to_long(&args[0]), to_long(&args[1])) {
        (Some(a), Some(b)) => Value::Long(with(a, b)),
        _ => Value::Null,
    }
}

fn shift(value: i64, by: i64, with: fn(i64, u32) -> Option<i64>) -> i64 {
    // The service shifts by the count modulo 64.
    with(value, by.rem_euclid(64) as u32).unwrap_or(0)
}

/// Integer division truncates; dividing by zero is null. A timespan over a timespan is a ratio.
fn divide<'a>(a: &Value<'a>, b: &Value<'a>) -> Value<'a> {
    match (a, b) {
        (Value::TimeSpan(a), Value::TimeSpan(b)) => Value::Real(*a as f64 / *b as f64),
        (Value::TimeSpan(span), Value::Int(_) | Value::Long(_)) => {
            to_long(b).and_then(|by| span.checked_div(by)).map_or(Value::Null, Value::TimeSpan)
        }
        (Value::TimeSpan(span), by) => match to_real(by) {
            Some(by) => ticks(*span as f64 / by),
            None => Value::Null,
        },
        (Value::Real(_), _) | (_, Value::Real(_)) => match (to_real(a), to_real(b)) {
            (Some(a), Some(b)) => Value::Real(a / b),
            _ => Value::Null,
        },
        _ => match (to_long(a), to_long(b)) {
            (Some(_), Some(0)) | (None, _) | (_, None) => Value::Null,
            (Some(a), Some(b)) => Value::Long(a.wrapping_div(b)),
        },
    }
}

/// The remainder is never negative: `-14 % 12` is 10.
fn modulo<'a>(a: &Value<'a>, b: &Value<'a>) -> Value<'a> {
    match (a, b) {
        (Value::Real(_), _) | (_, Value::Real(_)) => match (to_real(a), to_real(b)) {
            (Some(a), Some(b)) => Value::Real(a.rem_euclid(b)),
            _ => Value::Null,
        },
        _ => match (to_long(a), to_long(b)) {
            (Some(_), Some(0)) | (None, _) | (_, None) => Value::Null,
            (Some(left), Some(right)) => {
                let rest = left.wrapping_rem_euclid(right);
                if matches!(a, Value::TimeSpan(_) | Value::DateTime(_)) {
                    Value::TimeSpan(rest)
                } else {
                    Value::Long(rest)
                }
            }
        },
    }
}

fn scale<'a>(a: &Value<'a>, b: &Value<'a>) -> Value<'a> {
    let (span, by) = match (a, b) {
        (Value::TimeSpan(span), by) | (by, Value::TimeSpan(span)) => (*span, by),
        _ => return Value::Null,
    };
    match by {
        Value::Int(by) => span.checked_mul(i64::from(*by)).map_or(Value::Null, Value::TimeSpan),
        Value::Long(by) => span.checked_mul(*by).map_or(Value::Null, Value::TimeSpan),
        by => to_real(by).map_or(Value::Null, |by| ticks(span as f64 * by)),
    }
}

fn ticks<'a>(value: f64) -> Value<'a> {
    if value.is_finite() && value.abs() < 9.2e18 {
        Value::TimeSpan(value.round() as i64)
    } else {
        Value::Null
    }
}

fn tohex<'a>(value: &Value<'a>, width: Option<&Value<'a>>) -> Value<'a> {
    let (Some(number), width) = (to_long(value), width.map_or(Some(0), to_long)) else { return Value::Null };
    let width = width.unwrap_or(0).clamp(0, 64) as usize;
    Value::string(match value {
        Value::Int(number) => format!("{number:0width$x}"),
        _ => format!("{number:0width$x}"),
    })
}
