//! A series as trend, season and rest, and what follows: forecasts and anomalies.

use super::{fit, mean, median, outliers, periods};

/// How the slow movement of a series is modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    /// Its mean.
    Average,
    /// The straight line that fits best.
    Line,
    /// Nothing: zero.
    None,
}

/// Where the length of a season comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seasonality {
    /// The best period that scores at least the threshold, or none.
    Detect {
        threshold: f64,
    },
    /// So many points.
    Period(usize),
    None,
}

/// The parts of a series. `baseline` is `trend` plus `seasonal`, `residual` what is left of the series.
#[derive(Clone, Debug, PartialEq)]
pub struct Decomposition {
    pub baseline: Vec<f64>,
    pub seasonal: Vec<f64>,
    pub trend: Vec<f64>,
    pub residual: Vec<f64>,
}

/// Takes a series apart. The last `test_points` are not learned from, but predicted like all others.
///
/// The trend is fitted first; the season is the median, phase by phase, of what the trend leaves.
pub fn decompose(
    values: &[f64],
    seasonality: Seasonality,
    trend: Trend,
    test_points: usize,
) -> Decomposition {
    let learned = &values[..values.len().saturating_sub(test_points)];
    let trend = trend_of(learned, values.len(), trend);
    let level: Vec<f64> = learned.iter().zip(&trend).map(|(value, trend)| value - trend).collect();
    let seasonal = seasonal_of(&level, values.len(), seasonality);
    let baseline: Vec<f64> = trend.iter().zip(&seasonal).map(|(trend, seasonal)| trend + seasonal).collect();
    let residual = values.iter().zip(&baseline).map(|(value, baseline)| value - baseline).collect();
    Decomposition { baseline, seasonal, trend, residual }
}

/// The season of a series as it is, without a trend taken off: its median, phase by phase.
pub fn seasonal(values: &[f64], seasonality: Seasonality, test_points: usize) -> Vec<f64> {
    let learned = &values[..values.len().saturating_sub(test_points)];
    seasonal_of(learned, values.len(), seasonality)
}

/// Anomalous points of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomalies {
    /// 1 above the baseline, −1 below it, 0 where nothing is unusual.
    pub flags: Vec<i8>,
    /// See [`outliers::scores`].
    pub scores: Vec<f64>,
    pub baseline: Vec<f64>,
}

/// Flags the points whose residual scores beyond `threshold` by the fences at `quantiles` (in percent).
pub fn anomalies(
    values: &[f64],
    threshold: f64,
    parts: Decomposition,
    quantiles: (f64, f64),
    test_points: usize,
) -> Anomalies {
    debug_assert_eq!(values.len(), parts.residual.len());
    let scores = outliers::scores(&parts.residual, quantiles, test_points);
    let flag = |score: &f64| match *score {
        score if score > threshold => 1,
        score if score < -threshold => -1,
        _ => 0,
    };
    Anomalies { flags: scores.iter().map(flag).collect(), scores, baseline: parts.baseline }
}

fn trend_of(learned: &[f64], length: usize, trend: Trend) -> Vec<f64> {
    match trend {
        Trend::None => vec![0.0; length],
        Trend::Average => vec![mean(learned).unwrap_or(0.0); length],
        Trend::Line => match fit::line(learned) {
            Some(line) => (0..length).map(|at| line.at(at)).collect(),
            None => vec![mean(learned).unwrap_or(0.0); length],
        },
    }
}

fn seasonal_of(learned: &[f64], length: usize, seasonality: Seasonality) -> Vec<f64> {
    let period = match seasonality {
        Seasonality::Detect { threshold } => periods::best(learned, threshold),
        Seasonality::Period(points) => Some(points).filter(|points| *points > 0),
        Seasonality::None => None,
    };
    let Some(period) = period.map(|period| period.min(length.max(1))) else { return vec![0.0; length] };
    let phase = |at: usize| {
        let mut points: Vec<f64> = learned.iter().skip(at).step_by(period).copied().collect();
        median(&mut points).unwrap_or(0.0)
    };
    let phases: Vec<f64> = (0..period).map(phase).collect();
    (0..length).map(|at| phases[at % period]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::check::alike;
    use crate::series::outliers::{CUSTOM_TUKEY, TUKEY};

    const DETECT: Seasonality = Seasonality::Detect { threshold: 0.6 };

    fn weekly(points: usize, slope: f64) -> Vec<f64> {
        let week = [20.0, 25.0, 27.0, 24.0, 22.0, 5.0, 3.0];
        (0..points).map(|at| week[at % 7] + slope * at as f64).collect()
    }

    #[test]
    fn a_pure_season_leaves_nothing() {
        let values = weekly(70, 0.0);
        let parts = decompose(&values, DETECT, Trend::Average, 0);
        alike(&parts.residual, &vec![0.0; 70]);
        alike(&parts.trend, &vec![18.0; 70]);
        alike(&parts.seasonal[..3], &[2.0, 7.0, 9.0]);
        alike(&parts.baseline, &values);
    }

    #[test]
    fn a_forecast_continues_trend_and_season() {
        let values = weekly(84, 0.5);
        let mut known = values.clone();
        known[70..].fill(f64::NAN);
        let parts = decompose(&known, DETECT, Trend::Line, 14);
        for (forecast, truth) in parts.baseline[70..].iter().zip(&values[70..]) {
            assert!((forecast - truth).abs() < 2.0, "{forecast} is not near {truth}");
        }
        assert!(parts.residual[75].is_nan());
    }

    #[test]
    fn without_trend_or_season_the_rest_is_the_series() {
        let values = [3.0, 1.0, 4.0, 1.0, 5.0];
        let parts = decompose(&values, Seasonality::None, Trend::None, 0);
        alike(&parts.residual, &values);
        let parts = decompose(&[], DETECT, Trend::Line, 3);
        assert!(parts.baseline.is_empty());
    }

    #[test]
    fn a_season_is_the_median_of_each_phase() {
        let values = [1.0, 3.0, 5.0, 1.0, 3.0, 5.0, 2.0, 4.0, 9.0];
        let wanted = [1.0, 3.0, 5.0, 1.0, 3.0, 5.0, 1.0, 3.0, 5.0];
        alike(&seasonal(&values, Seasonality::Period(3), 0), &wanted);
        alike(&seasonal(&values, Seasonality::Period(3), 3), &wanted);
        alike(&seasonal(&values, Seasonality::Detect { threshold: 0.7 }, 0), &[0.0; 9]);
        alike(&seasonal(&[1.0, 2.0], Seasonality::Period(usize::MAX), 0), &[1.0, 2.0]);
    }

    #[test]
    fn a_spike_and_a_dip_are_flagged() {
        let mut values = weekly(70, 0.0);
        values.iter_mut().enumerate().for_each(|(at, value)| *value += f64::from((at * 7 % 5) as u32) / 5.0);
        values[31] += 40.0;
        values[50] -= 15.0;
        for quantiles in [TUKEY, CUSTOM_TUKEY] {
            let parts = decompose(&values, DETECT, Trend::Average, 0);
            let found = anomalies(&values, 1.5, parts, quantiles, 0);
            let flagged: Vec<(usize, i8)> =
                found.flags.iter().copied().enumerate().filter(|(_, flag)| *flag != 0).collect();
            assert_eq!(flagged, [(31, 1), (50, -1)]);
        }
    }
}
