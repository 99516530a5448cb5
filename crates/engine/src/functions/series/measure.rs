//! One number (or a few) from a series, or from two.

use bartizan_analytics::series::stats;

use super::array::{Part, bool_argument, from_bag, from_parts, number, real_argument, reals};
use crate::functions::kernel::{Entry, seeing_nulls, strict};
use crate::value::Value;

pub(in crate::functions) const FUNCTIONS: &[Entry] = &[
    seeing_nulls("series_stats", |args, _| match measured(args) {
        Some(found) => from_parts(&[
            Part::Real(found.min),
            Part::Long(found.min_at),
            Part::Real(found.max),
            Part::Long(found.max_at),
            Part::Real(found.mean),
            Part::Real(found.deviation()),
            Part::Real(found.variance),
        ]),
        None => Value::Null,
    }),
    seeing_nulls("series_stats_dynamic", |args, _| match measured(args) {
        Some(found) => from_bag(vec![
            ("min", Part::Real(found.min)),
            ("min_idx", Part::Long(found.min_at)),
            ("max", Part::Real(found.max)),
            ("max_idx", Part::Long(found.max_at)),
            ("avg", Part::Real(found.mean)),
            ("stdev", Part::Real(found.deviation())),
            ("variance", Part::Real(found.variance)),
            ("sum", Part::Real(found.sum)),
            ("len", Part::Long(found.count)),
        ]),
        None => Value::Null,
    }),
    strict("series_sum", |args, _| folded(args, stats::sum)),
    strict("series_product", |args, _| folded(args, |values| values.iter().product())),
    strict("series_magnitude", |args, _| folded(args, stats::magnitude)),
    strict("series_dot_product", |args, _| {
        pair(args).and_then(|(a, b)| stats::dot(&a, &b)).map_or(Value::Null, Value::Real)
    }),
    strict("series_pearson_correlation", |args, _| {
        pair(args).and_then(|(a, b)| stats::pearson(&a, &b)).map_or(Value::Null, Value::Real)
    }),
    strict("series_cosine_similarity", |args, _| {
        let similarity = || {
            let (a, b) = pair(args)?;
            let length =
                |at: usize, of: &[f64]| real_argument(args, at).unwrap_or_else(|| stats::magnitude(of));
            Some(stats::dot(&a, &b)? / (length(2, &a) * length(3, &b)))
        };
        similarity().map_or(Value::Null, Value::Real)
    }),
];

fn measured(args: &[Value<'_>]) -> Option<stats::Stats> {
    stats::stats(&reals(&args[0])?, bool_argument(args, 1).unwrap_or(false))
}

/// A number from a series in which none is missing.
fn folded<'a>(args: &[Value<'_>], with: impl Fn(&[f64]) -> f64) -> Value<'a> {
    match whole(&args[0]) {
        Some(values) => Value::Real(with(&values)),
        None => Value::Null,
    }
}

fn whole(value: &Value<'_>) -> Option<Vec<f64>> {
    reals(value).filter(|values| !values.iter().any(|value| value.is_nan()))
}

/// Two series in which no number is missing. A plain number stands for a series of it.
fn pair(args: &[Value<'_>]) -> Option<(Vec<f64>, Vec<f64>)> {
    let repeated = |value: &Value<'_>, length: usize| Some(vec![number(value)?.real(); length]);
    match (whole(&args[0]), whole(&args[1])) {
        (Some(a), Some(b)) => Some((a, b)),
        (Some(a), None) => repeated(&args[1], a.len()).map(|b| (a, b)),
        (None, Some(b)) => repeated(&args[0], b.len()).map(|a| (a, b)),
        (None, None) => None,
    }
}
