//! Arithmetic, comparison and mathematics element by element.

use super::array::{Number, from_bools, from_numbers, number, numbers};
use crate::functions::kernel::{Entry, strict};
use crate::value::Value;

pub(in crate::functions) const FUNCTIONS: &[Entry] = &[
    strict("series_add", |args, _| arithmetic(args, i64::wrapping_add, |a, b| a + b)),
    strict("series_subtract", |args, _| arithmetic(args, i64::wrapping_sub, |a, b| a - b)),
    strict("series_multiply", |args, _| arithmetic(args, i64::wrapping_mul, |a, b| a * b)),
    strict("series_divide", |args, _| reals(args, |a, b| a / b)),
    strict("series_pow", |args, _| reals(args, f64::powf)),
    strict("series_equals", |args, _| comparison(args, |a, b| a == b)),
    strict("series_not_equals", |args, _| comparison(args, |a, b| a != b)),
    strict("series_greater", |args, _| comparison(args, |a, b| a > b)),
    strict("series_greater_equals", |args, _| comparison(args, |a, b| a >= b)),
    strict("series_less", |args, _| comparison(args, |a, b| a < b)),
    strict("series_less_equals", |args, _| comparison(args, |a, b| a <= b)),
    strict("series_abs", |args, _| each(args, i64::wrapping_abs, f64::abs)),
    strict("series_sign", |args, _| each(args, i64::signum, sign)),
    strict("series_floor", |args, _| each_real(args, f64::floor)),
    strict("series_ceiling", |args, _| each_real(args, f64::ceil)),
    strict("series_exp", |args, _| each_real(args, f64::exp)),
    strict("series_log", |args, _| each_real(args, f64::ln)),
    strict("series_sin", |args, _| each_real(args, f64::sin)),
    strict("series_cos", |args, _| each_real(args, f64::cos)),
    strict("series_tan", |args, _| each_real(args, f64::tan)),
    strict("series_asin", |args, _| each_real(args, f64::asin)),
    strict("series_acos", |args, _| each_real(args, f64::acos)),
    strict("series_atan", |args, _| each_real(args, f64::atan)),
];

fn sign(value: f64) -> f64 {
    if value == 0.0 || value.is_nan() { value } else { value.signum() }
}

fn each<'a>(args: &[Value<'_>], long: fn(i64) -> i64, real: fn(f64) -> f64) -> Value<'a> {
    let Some(values) = numbers(&args[0]) else { return Value::Null };
    from_numbers(values.into_iter().map(|value| {
        Some(match value? {
            Number::Long(value) => Number::Long(long(value)),
            Number::Real(value) => Number::Real(real(value)),
        })
    }))
}

fn each_real<'a>(args: &[Value<'_>], with: fn(f64) -> f64) -> Value<'a> {
    let Some(values) = numbers(&args[0]) else { return Value::Null };
    from_numbers(values.into_iter().map(|value| value.map(|value| Number::Real(with(value.real())))))
}

fn arithmetic<'a>(args: &[Value<'_>], long: fn(i64, i64) -> i64, real: fn(f64, f64) -> f64) -> Value<'a> {
    let Some(pairs) = pairs(args) else { return Value::Null };
    from_numbers(pairs.into_iter().map(|pair| {
        Some(match pair? {
            (Number::Long(a), Number::Long(b)) => Number::Long(long(a, b)),
            (a, b) => Number::Real(real(a.real(), b.real())),
        })
    }))
}

fn reals<'a>(args: &[Value<'_>], with: fn(f64, f64) -> f64) -> Value<'a> {
    let Some(pairs) = pairs(args) else { return Value::Null };
    from_numbers(pairs.into_iter().map(|pair| pair.map(|(a, b)| Number::Real(with(a.real(), b.real())))))
}

fn comparison<'a>(args: &[Value<'_>], with: fn(&f64, &f64) -> bool) -> Value<'a> {
    let Some(pairs) = pairs(args) else { return Value::Null };
    from_bools(pairs.into_iter().map(|pair| pair.map(|(a, b)| with(&a.real(), &b.real()))))
}

/// The elements of two series side by side, as long as the longer one; a pair with a missing number is
/// missing. A plain number stands for a series of it.
fn pairs(args: &[Value<'_>]) -> Option<Vec<Option<(Number, Number)>>> {
    let both = |(a, b): (Option<Number>, Option<Number>)| Some((a?, b?));
    match (numbers(&args[0]), numbers(&args[1])) {
        (Some(left), Some(right)) => {
            let at = |of: &[Option<Number>], index: usize| of.get(index).copied().flatten();
            let length = left.len().max(right.len());
            Some((0..length).map(|index| both((at(&left, index), at(&right, index)))).collect())
        }
        (Some(left), None) => {
            let right = number(&args[1])?;
            Some(left.into_iter().map(|left| both((left, Some(right)))).collect())
        }
        (None, Some(right)) => {
            let left = number(&args[0])?;
            Some(right.into_iter().map(|right| both((Some(left), right))).collect())
        }
        (None, None) => None,
    }
}
