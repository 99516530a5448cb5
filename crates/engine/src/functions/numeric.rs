//! Numbers: arithmetic that differs from SQL's, rounding, and mathematics.

use bartizan_base::time::TICKS_PER_SECOND;

use super::convert::{to_long, to_real};
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

macro_rules! real_function {
    ($name:literal, $function:expr) => {
        strict($name, |args, _| {
            let function: fn(f64) -> f64 = $function;
            to_real(&args[0]).map_or(Value::Null, |value| Value::Real(function(value)))
        })
    };
}

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("bin", |args, _| bin(&args[0], &args[1])),
    strict("floor", |args, _| match args.get(1) {
        Some(size) => bin(&args[0], size),
        None => to_real(&args[0]).map_or(Value::Null, |value| whole(&args[0], value.floor())),
    }),
    strict("bin_at", |args, _| bin_at(&args[0], &args[1], &args[2])),
    strict("ceiling", |args, _| to_real(&args[0]).map_or(Value::Null, |value| whole(&args[0], value.ceil()))),
    strict("round", |args, _| round(&args[0], args.get(1))),
    strict("abs", |args, _| match &args[0] {
        Value::Int(value) => Value::Int(value.wrapping_abs()),
        Value::Long(value) => Value::Long(value.wrapping_abs()),
        Value::TimeSpan(value) => Value::TimeSpan(value.wrapping_abs()),
        Value::Real(value) => Value::Real(value.abs()),
        _ => Value::Null,
    }),
    strict("sign", |args, _| {
        to_real(&args[0]).map_or(Value::Null, |value| {
            let sign = if value > 0.0 {
                1
            } else if value < 0.0 {
                -1
            } else {
                0
            };
            match &args[0] {
                Value::Real(_) => Value::Real(f64::from(sign)),
                _ => Value::Long(i64::from(sign)),
            }
        })
    }),
    strict("pow", |args, _| match (to_real(&args[0]), to_real(&args[1])) {
        (Some(base), Some(exponent)) => Value::Real(base.powf(exponent)),
        _ => Value::Null,
    }),
    real_function!("sqrt", f64::sqrt),
    real_function!("exp", f64::exp),
    real_function!("exp2", f64::exp2),
    real_function!("exp10", |value| 10_f64.powf(value)),
    real_function!("log", f64::ln),
    real_function!("log2", f64::log2),
    real_function!("log10", f64::log10),
    real_function!("sin", f64::sin),
    real_function!("cos", f64::cos),
    real_function!("tan", f64::tan),
    real_function!("asin", f64::asin),
    real_function!("acos", f64::acos),
    real_function!("atan", f64::atan),
    real_function!("radians", f64::to_radians),
    real_function!("degrees", f64::to_degrees),
    strict("atan2", |args, _| match (to_real(&args[0]), to_real(&args[1])) {
        (Some(y), Some(x)) => Value::Real(y.atan2(x)),
        _ => Value::Null,
    }),
    strict("isnan", |args, _| Value::Bool(to_real(&args[0]).is_some_and(f64::is_nan))),
    strict("isinf", |args, _| Value::Bool(to_real(&args[0]).is_some_and(f64::is_infinite))),
    strict("isfinite", |args, _| Value::Bool(to_real(&args[0]).is_some_and(f64::is_finite))),
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

/// A whole result in the type of its argument.
fn whole<'a>(like: &Value<'a>, value: f64) -> Value<'a> {
    match like {
        Value::Int(_) | Value::Long(_) | Value::DateTime(_) | Value::TimeSpan(_) => like.clone(),
        _ => Value::Real(value),
    }
}

/// Integer division truncates; dividing by zero is null. A timespan over a timespan is a ratio.
fn divide<'a>(a: &Value<'a>, b: &Value<'a>) -> Value<'a> {
    match (a, b) {
        (Value::TimeSpan(a), Value::TimeSpan(b)) => Value::Real(*a as f64 / *b as f64),
        (Value::TimeSpan(span), by) => match to_real(by) {
            Some(by) => ticks(*span as f64 / by),
            None => Value::Null,
        },
        (Value::Real(_), _) | (_, Value::Real(_)) => match (to_real(a), to_real(b)) {
            (Some(a), Some(b)) => Value::Real(a / b),
            _ => Value::Null,
        },
        _ => match (to_long(a), to_long(b)) {
            (Some(a), Some(b)) => a.checked_div(b).map_or(Value::Null, Value::Long),
            _ => Value::Null,
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
            (Some(left), Some(right)) => match left.checked_rem_euclid(right) {
                Some(rest) if matches!(a, Value::TimeSpan(_) | Value::DateTime(_)) => Value::TimeSpan(rest),
                Some(rest) => Value::Long(rest),
                None => Value::Null,
            },
            _ => Value::Null,
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

/// Rounds down to a multiple of `size`, towards minus infinity; a size that is not positive gives null.
fn bin<'a>(value: &Value<'a>, size: &Value<'a>) -> Value<'a> {
    bin_from(value, size, 0)
}

fn bin_at<'a>(value: &Value<'a>, size: &Value<'a>, at: &Value<'a>) -> Value<'a> {
    if let (Value::Real(_), ..) | (_, Value::Real(_), _) | (.., Value::Real(_)) = (value, size, at) {
        return match (to_real(value), to_real(size), to_real(at)) {
            (Some(value), Some(size), Some(at)) if size > 0.0 => {
                Value::Real(((value - at) / size).floor() * size + at)
            }
            _ => Value::Null,
        };
    }
    to_long(at).map_or(Value::Null, |at| bin_from(value, size, at))
}

fn bin_from<'a>(value: &Value<'a>, size: &Value<'a>, at: i64) -> Value<'a> {
    if matches!(value, Value::Real(_))
        || (matches!(size, Value::Real(_)) && !matches!(value, Value::DateTime(_) | Value::TimeSpan(_)))
    {
        return match (to_real(value), to_real(size)) {
            (Some(value), Some(size)) if size > 0.0 => Value::Real((value / size).floor() * size),
            _ => Value::Null,
        };
    }
    let (Some(number), Some(step)) = (to_long(value), to_long(size)) else { return Value::Null };
    // A plain number beside a time means days.
    let days =
        matches!(value, Value::DateTime(_) | Value::TimeSpan(_)) && !matches!(size, Value::TimeSpan(_));
    let step = if days { step.saturating_mul(86_400 * TICKS_PER_SECOND) } else { step };
    if step <= 0 {
        return Value::Null;
    }
    let rest = (i128::from(number) - i128::from(at)).rem_euclid(i128::from(step));
    let Ok(down) = i64::try_from(i128::from(number) - rest) else { return Value::Null };
    match value {
        Value::DateTime(_) if down < 0 => Value::Null,
        Value::DateTime(_) => Value::DateTime(down),
        Value::TimeSpan(_) => Value::TimeSpan(down),
        Value::Int(_) if matches!(size, Value::Int(_)) => Value::Int(down as i32),
        _ => Value::Long(down),
    }
}

fn round<'a>(value: &Value<'a>, digits: Option<&Value<'a>>) -> Value<'a> {
    if matches!(value, Value::Int(_) | Value::Long(_)) && digits.is_none() {
        return value.clone();
    }
    let (Some(number), digits) = (to_real(value), digits.map_or(Some(0), to_long)) else {
        return Value::Null;
    };
    let Some(digits) = digits else { return Value::Null };
    let factor = 10_f64.powi(digits.clamp(-300, 300) as i32);
    let scaled = number * factor;
    // Where the scaled number has no fraction left, scaling back would only add noise.
    Value::Real(if scaled.is_finite() && scaled.abs() < 9e15 { scaled.round() / factor } else { number })
}

fn tohex<'a>(value: &Value<'a>, width: Option<&Value<'a>>) -> Value<'a> {
    let (Some(number), width) = (to_long(value), width.map_or(Some(0), to_long)) else { return Value::Null };
    let width = width.unwrap_or(0).clamp(0, 64) as usize;
    Value::string(format!("{number:0width$x}"))
}
