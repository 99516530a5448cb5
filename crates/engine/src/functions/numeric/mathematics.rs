//! Mathematics: functions of reals, of statistics, and conversions between units.

use bartizan_analytics::special::{Sample, beta_density, beta_quantile, beta_share, welch_test};
use bartizan_analytics::units::{Quantity, convert};

use super::super::convert::{text, to_real};
use super::super::kernel::{Entry, strict};
use crate::value::Value;

macro_rules! real_function {
    ($name:literal, $function:expr) => {
        strict($name, |args, _| {
            let function: fn(f64) -> f64 = $function;
            to_real(&args[0]).map_or(Value::Null, |value| Value::Real(function(value)))
        })
    };
}

/// As `real_function`, null where the argument is outside the function's domain.
macro_rules! partial_function {
    ($name:literal, $domain:expr, $function:expr) => {
        strict($name, |args, _| {
            let domain: fn(f64) -> bool = $domain;
            let function: fn(f64) -> f64 = $function;
            match to_real(&args[0]) {
                Some(value) if value.is_nan() || domain(value) => Value::Real(function(value)),
                _ => Value::Null,
            }
        })
    };
}

macro_rules! unit_function {
    ($name:literal, $quantity:expr) => {
        strict($name, |args, _| {
            let (from, to) = (text(args[1].clone()), text(args[2].clone()));
            let converted =
                to_real(&args[0]).and_then(|value| convert($quantity, value, from.trim(), to.trim()));
            converted.map_or(Value::Null, Value::Real)
        })
    };
}

pub(crate) const FUNCTIONS: &[Entry] = &[
    strict("pi", |_, _| Value::Real(std::f64::consts::PI)),
    strict("pow", |args, _| reals(args).map_or(Value::Null, |[base, power]| Value::Real(base.powf(power)))),
    strict("atan2", |args, _| reals(args).map_or(Value::Null, |[y, x]| Value::Real(y.atan2(x)))),
    partial_function!("sqrt", |value| value >= 0.0, f64::sqrt),
    real_function!("exp", f64::exp),
    real_function!("exp2", f64::exp2),
    real_function!("exp10", |value| 10_f64.powf(value)),
    partial_function!("log", |value| value >= 0.0, f64::ln),
    partial_function!("log2", |value| value >= 0.0, f64::log2),
    partial_function!("log10", |value| value >= 0.0, f64::log10),
    real_function!("sin", f64::sin),
    real_function!("cos", f64::cos),
    real_function!("tan", f64::tan),
    real_function!("cot", |value| 1.0 / value.tan()),
    partial_function!("asin", |value| value.abs() <= 1.0, f64::asin),
    partial_function!("acos", |value| value.abs() <= 1.0, f64::acos),
    real_function!("atan", f64::atan),
    real_function!("radians", f64::to_radians),
    real_function!("degrees", f64::to_degrees),
    real_function!("gamma", libm::tgamma),
    real_function!("loggamma", libm::lgamma),
    real_function!("erf", libm::erf),
    real_function!("erfc", libm::erfc),
    strict("isnan", |args, _| Value::Bool(to_real(&args[0]).is_some_and(f64::is_nan))),
    strict("isinf", |args, _| Value::Bool(to_real(&args[0]).is_some_and(f64::is_infinite))),
    strict("isfinite", |args, _| Value::Bool(to_real(&args[0]).is_some_and(f64::is_finite))),
    strict("beta_pdf", |args, _| {
        reals(args).map_or(Value::Null, |[x, alpha, beta]| Value::Real(beta_density(x, alpha, beta)))
    }),
    strict("beta_cdf", |args, _| {
        reals(args).map_or(Value::Null, |[x, alpha, beta]| Value::Real(beta_share(x, alpha, beta)))
    }),
    strict("beta_inv", |args, _| match reals(args) {
        // Documented: no share of a distribution is null, no distribution NaN.
        Some([share, _, _]) if !(0.0..=1.0).contains(&share) => Value::Null,
        Some([share, alpha, beta]) => Value::Real(beta_quantile(share, alpha, beta)),
        None => Value::Null,
    }),
    strict("welch_test", |args, _| {
        reals(args).map_or(Value::Null, |[mean1, variance1, count1, mean2, variance2, count2]| {
            let first = Sample { mean: mean1, variance: variance1, count: count1 };
            let second = Sample { mean: mean2, variance: variance2, count: count2 };
            Value::Real(welch_test(first, second))
        })
    }),
    unit_function!("convert_angle", Quantity::Angle),
    unit_function!("convert_energy", Quantity::Energy),
    unit_function!("convert_force", Quantity::Force),
    unit_function!("convert_length", Quantity::Length),
    unit_function!("convert_mass", Quantity::Mass),
    unit_function!("convert_speed", Quantity::Speed),
    unit_function!("convert_temperature", Quantity::Temperature),
    unit_function!("convert_volume", Quantity::Volume),
];

/// All arguments as reals, if there are so many and each is a number.
fn reals<const COUNT: usize>(args: &[Value<'_>]) -> Option<[f64; COUNT]> {
    let numbers: Vec<f64> = args.iter().map(to_real).collect::<Option<_>>()?;
    numbers.try_into().ok()
}
