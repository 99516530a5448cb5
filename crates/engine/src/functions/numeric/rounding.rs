//! Rounding: bins, floors and ceilings, decimals, signs.

use bartizan_base::time::TICKS_PER_DAY;

use super::super::convert::{to_long, to_real};
use super::super::decimal::{self, Decimal};
use super::super::kernel::{Entry, Scratch, strict};
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    strict("bin", |args, scratch| match args.get(1) {
        Some(size) => bin(&args[0], size, scratch),
        // `floor(value)` is `bin` to whole numbers, in the type of the value.
        None => to_whole(&args[0], f64::floor, Decimal::floor),
    }),
    strict("bin_at", |args, scratch| bin_at(&args[0], &args[1], &args[2], scratch)),
    strict("ceiling", |args, _| to_whole(&args[0], f64::ceil, Decimal::ceiling)),
    strict("round", |args, _| round(&args[0], args.get(1))),
    strict("abs", |args, _| match &args[0] {
        Value::Int(value) => Value::Long(i64::from(*value).abs()),
        Value::Long(value) => Value::Long(value.wrapping_abs()),
        Value::TimeSpan(value) => Value::TimeSpan(value.wrapping_abs()),
        Value::Decimal(_) => Decimal::of(&args[0]).map_or(Value::Null, |number| number.abs().into_value()),
        value => to_real(value).map_or(Value::Null, |value| Value::Real(value.abs())),
    }),
    strict("sign", |args, _| match &args[0] {
        Value::Decimal(_) => {
            Decimal::of(&args[0]).map_or(Value::Null, |number| Value::Real(number.signum() as f64))
        }
        value => to_real(value).map_or(Value::Null, |value| {
            // `signum` makes 1 of 0.
            Value::Real(if value == 0.0 { 0.0 } else { value.signum() })
        }),
    }),
];

/// A whole number in the type of its argument.
fn to_whole<'a>(
    value: &Value<'a>,
    real: fn(f64) -> f64,
    decimal: fn(Decimal) -> Option<Decimal>,
) -> Value<'a> {
    match value {
        Value::Int(_) | Value::Long(_) | Value::DateTime(_) | Value::TimeSpan(_) => value.clone(),
        Value::Decimal(_) => Decimal::of(value).and_then(decimal).map_or(Value::Null, Decimal::into_value),
        value => to_real(value).map_or(Value::Null, |value| Value::Real(real(value))),
    }
}

/// Rounds down to a multiple of `size`, towards minus infinity; a size that is not positive gives null.
pub(crate) fn bin<'a>(value: &Value<'a>, size: &Value<'a>, scratch: &mut Scratch) -> Value<'a> {
    if matches!(value, Value::Decimal(_)) || matches!(size, Value::Decimal(_)) {
        let entry = decimal::arithmetic("bin");
        return entry.map_or(Value::Null, |entry| (entry.run)(&[value.clone(), size.clone()], scratch));
    }
    if is_real_bin(value, size) {
        return match (to_real(value), to_real(size)) {
            (Some(value), Some(size)) if size > 0.0 => Value::Real((value / size).floor() * size),
            _ => Value::Null,
        };
    }
    bin_from(value, size, 0)
}

/// [`bin`] with bins that start at `at` instead of zero.
pub(crate) fn bin_at<'a>(
    value: &Value<'a>,
    size: &Value<'a>,
    at: &Value<'a>,
    scratch: &mut Scratch,
) -> Value<'a> {
    if [value, size, at].iter().any(|part| matches!(part, Value::Decimal(_))) {
        let (Some(number), Some(fixed)) = (Decimal::of(value), Decimal::of(at)) else { return Value::Null };
        let Some(distance) = number.subtract(fixed) else { return Value::Null };
        let down = bin(&distance.into_value(), size, scratch);
        let down = Decimal::of(&down).and_then(|down| down.add(fixed));
        return down.map_or(Value::Null, Decimal::into_value);
    }
    if is_real_bin(value, size) || matches!(at, Value::Real(_)) {
        return match (to_real(value), to_real(size), to_real(at)) {
            (Some(value), Some(size), Some(at)) if size > 0.0 => {
                Value::Real(((value - at) / size).floor() * size + at)
            }
            _ => Value::Null,
        };
    }
    to_long(at).map_or(Value::Null, |at| bin_from(value, size, at))
}

fn is_real_bin(value: &Value<'_>, size: &Value<'_>) -> bool {
    let time = matches!(value, Value::DateTime(_) | Value::TimeSpan(_));
    matches!(value, Value::Real(_)) || (matches!(size, Value::Real(_)) && !time)
}

fn bin_from<'a>(value: &Value<'a>, size: &Value<'a>, at: i64) -> Value<'a> {
    let time = matches!(value, Value::DateTime(_) | Value::TimeSpan(_));
    let step = match size {
        Value::TimeSpan(step) => Some(*step),
        // A plain number beside a time means days.
        Value::Real(days) if time => Some((days * TICKS_PER_DAY as f64) as i64),
        days if time => to_long(days).map(|days| days.saturating_mul(TICKS_PER_DAY)),
        size => to_long(size),
    };
    let (Some(number), Some(step)) = (to_long(value), step) else { return Value::Null };
    if step <= 0 {
        return Value::Null;
    }
    let rest = (i128::from(number) - i128::from(at)).rem_euclid(i128::from(step));
    let Ok(down) = i64::try_from(i128::from(number) - rest) else { return Value::Null };
    match value {
        Value::DateTime(_) if down < 0 => Value::Null,
        Value::DateTime(_) => Value::DateTime(down),
        Value::TimeSpan(_) => Value::TimeSpan(down),
        _ => Value::Long(down),
    }
}

/// Half away from zero; a negative count of digits rounds before the point.
fn round<'a>(value: &Value<'a>, digits: Option<&Value<'a>>) -> Value<'a> {
    let Some(digits) = digits.map_or(Some(0), to_long) else { return Value::Null };
    match value {
        Value::Int(_) | Value::Long(_) if digits >= 0 => value.clone(),
        Value::Int(_) | Value::Long(_) | Value::Decimal(_) => {
            let rounded = Decimal::of(value).and_then(|number| number.round(digits));
            match (value, rounded) {
                (Value::Decimal(_), Some(rounded)) => rounded.into_value(),
                (_, Some(rounded)) => rounded.to_long().map_or(Value::Null, Value::Long),
                (_, None) => Value::Null,
            }
        }
        value => to_real(value).map_or(Value::Null, |number| Value::Real(round_real(number, digits))),
    }
}

fn round_real(number: f64, digits: i64) -> f64 {
    let size = 10_f64.powi(digits.unsigned_abs().min(300) as i32);
    if digits < 0 {
        return (number / size).round() * size;
    }
    let scaled = number * size;
    // Where the scaled number has no fraction left, scaling back would only add noise.
    if scaled.is_finite() && scaled.abs() < 9e15 { scaled.round() / size } else { number }
}
