//! Periods, seasons, forecasts, outliers and anomalies.

use bartizan_analytics::series::decompose::{
    Decomposition, Seasonality, Trend, anomalies, decompose, seasonal,
};
use bartizan_analytics::series::{outliers, periods};

use super::array::{Part, from_parts, from_reals, long_argument, real_argument, reals, test_points};
use crate::functions::convert;
use crate::functions::kernel::{Entry, seeing_nulls, strict};
use crate::value::Value;

/// The score a period needs to be taken for a season.
const SEASON_THRESHOLD: f64 = 0.6;
/// The same for `series_seasonal`, which takes no threshold.
const SEASONAL_THRESHOLD: f64 = 0.7;
/// The score beyond which a point is an anomaly.
const ANOMALY_THRESHOLD: f64 = 1.5;
/// Periods a call may ask for: the answer is padded to that many.
const PERIODS_MAX: i64 = 1024;
/// The outermost percentiles that `series_outliers` takes.
const PERCENTILES: (f64, f64) = (2.0, 98.0);

pub(in crate::functions) const FUNCTIONS: &[Entry] = &[
    strict("series_periods_detect", |args, _| detected(args).unwrap_or(Value::Null)),
    strict("series_periods_validate", |args, _| {
        let Some(values) = reals(&args[0]) else { return Value::Null };
        let lengths: Vec<f64> =
            (1..args.len()).map(|at| real_argument(args, at).unwrap_or(f64::NAN)).collect();
        let scores = periods::validate(&values, &lengths);
        from_parts(&[Part::Series(&lengths), Part::Series(&scores)])
    }),
    seeing_nulls("series_seasonal", |args, _| {
        let Some(values) = reals(&args[0]) else { return Value::Null };
        let season = seasonality(args, 1, SEASONAL_THRESHOLD);
        from_reals(&seasonal(&values, season, test_points(args, 2)))
    }),
    seeing_nulls("series_decompose", |args, _| {
        let found = || {
            let threshold = real_argument(args, 4).unwrap_or(SEASON_THRESHOLD);
            let trend = trend(args.get(2), Trend::Average)?;
            let values = reals(&args[0])?;
            Some(decompose(&values, seasonality(args, 1, threshold), trend, test_points(args, 3)))
        };
        found().map_or(Value::Null, |parts| columns(&parts))
    }),
    seeing_nulls("series_decompose_forecast", |args, _| {
        let found = || {
            let threshold = real_argument(args, 4).unwrap_or(SEASON_THRESHOLD);
            let trend = trend(args.get(3), Trend::Line)?;
            let values = reals(&args[0])?;
            Some(decompose(&values, seasonality(args, 2, threshold), trend, test_points(args, 1)))
        };
        found().map_or(Value::Null, |parts| columns(&parts))
    }),
    seeing_nulls("series_decompose_anomalies", |args, _| flagged(args).unwrap_or(Value::Null)),
    seeing_nulls("series_outliers", |args, _| {
        outlying(args).map_or(Value::Null, |scores| from_reals(&scores))
    }),
];

fn detected<'a>(args: &[Value<'_>]) -> Option<Value<'a>> {
    let values = reals(&args[0])?;
    let count = long_argument(args, 3)?.clamp(0, PERIODS_MAX) as usize;
    let found = periods::detect(&values, real_argument(args, 1)?, real_argument(args, 2)?, count);
    let mut lengths: Vec<f64> = found.iter().map(|period| period.points).collect();
    let mut scores: Vec<f64> = found.iter().map(|period| period.score).collect();
    // as many as were asked for, zero standing for none
    lengths.resize(count, 0.0);
    scores.resize(count, 0.0);
    Some(from_parts(&[Part::Series(&lengths), Part::Series(&scores)]))
}

/// −1 asks for detection and 0 for no season.
fn seasonality(args: &[Value<'_>], at: usize, threshold: f64) -> Seasonality {
    match long_argument(args, at) {
        None | Some(i64::MIN..0) => Seasonality::Detect { threshold },
        Some(0) => Seasonality::None,
        Some(points) => Seasonality::Period(usize::try_from(points).unwrap_or(usize::MAX)),
    }
}

/// `None` for a word that names no trend.
fn trend(arg: Option<&Value<'_>>, otherwise: Trend) -> Option<Trend> {
    let Some(word) = arg else { return Some(otherwise) };
    match convert::text(word.clone()).as_ref() {
        "" => Some(otherwise),
        "avg" => Some(Trend::Average),
        "linefit" => Some(Trend::Line),
        "none" => Some(Trend::None),
        _ => None,
    }
}

/// `None` for a word that names no method.
fn quantiles(arg: Option<&Value<'_>>) -> Option<(f64, f64)> {
    match arg.map(|word| convert::text(word.clone())).as_deref() {
        None | Some("" | "ctukey") => Some(outliers::CUSTOM_TUKEY),
        Some("tukey") => Some(outliers::TUKEY),
        Some(_) => None,
    }
}

fn columns<'a>(parts: &Decomposition) -> Value<'a> {
    from_parts(&[
        Part::Series(&parts.baseline),
        Part::Series(&parts.seasonal),
        Part::Series(&parts.trend),
        Part::Series(&parts.residual),
    ])
}

fn flagged<'a>(args: &[Value<'_>]) -> Option<Value<'a>> {
    let values = reals(&args[0])?;
    let threshold = real_argument(args, 1).unwrap_or(ANOMALY_THRESHOLD);
    let season = seasonality(args, 2, real_argument(args, 6).unwrap_or(SEASON_THRESHOLD));
    let trend = trend(args.get(3), Trend::Average)?;
    let test_points = test_points(args, 4);
    let quantiles = quantiles(args.get(5))?;
    let parts = decompose(&values, season, trend, test_points);
    let found = anomalies(&values, threshold, parts, quantiles, test_points);
    Some(from_parts(&[Part::Flags(&found.flags), Part::Series(&found.scores), Part::Series(&found.baseline)]))
}

fn outlying(args: &[Value<'_>]) -> Option<Vec<f64>> {
    let mut values = reals(&args[0])?;
    if let Some(ignored) = real_argument(args, 2) {
        values.iter_mut().filter(|value| **value == ignored).for_each(|value| *value = f64::NAN);
    }
    let mut fences = quantiles(args.get(1))?;
    // the classical test has its quantiles by definition
    if fences == outliers::CUSTOM_TUKEY {
        let percent = |at: usize, otherwise: f64| {
            real_argument(args, at).unwrap_or(otherwise).clamp(PERCENTILES.0, PERCENTILES.1)
        };
        let (low, high) = (percent(3, fences.0), percent(4, fences.1));
        fences = (low.min(high), low.max(high));
    }
    Some(outliers::scores(&values, fences, test_points(args, 5)))
}
