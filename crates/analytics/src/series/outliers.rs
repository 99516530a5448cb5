//! Tukey's fences: how far outside the bulk of a series each point lies.

/// The quantiles of the classical test.
pub const TUKEY: (f64, f64) = (25.0, 75.0);
/// Wider ones, for series that are not spread like a bell.
pub const CUSTOM_TUKEY: (f64, f64) = (10.0, 90.0);

/// A score for each point: zero between the quantiles (given in percent), otherwise the distance to the
/// nearer one in units of the distance between them, negative below. Beyond ±1.5 is a mild outlier,
/// beyond ±3 a strong one.
///
/// The quantiles are those of all points but the last `test_points`. Where most of the series is one
/// value, and so nothing lies between the quantiles, its standard deviation is the unit; where all of it
/// is one value, one is. Missing points score zero.
pub fn scores(values: &[f64], (low, high): (f64, f64), test_points: usize) -> Vec<f64> {
    let learned = &values[..values.len().saturating_sub(test_points)];
    let mut sorted: Vec<f64> = learned.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() {
        return vec![0.0; values.len()];
    }
    let (floor, ceiling) = (quantile(&sorted, low), quantile(&sorted, high));
    let unit = unit(&sorted, ceiling - floor);
    let score = |value: f64| match value {
        value if value.is_nan() => 0.0,
        value if value > ceiling => (value - ceiling) / unit,
        value if value < floor => (value - floor) / unit,
        _ => 0.0,
    };
    values.iter().map(|value| score(*value)).collect()
}

fn unit(sorted: &[f64], range: f64) -> f64 {
    let noise = sorted.iter().fold(0.0_f64, |most, value| most.max(value.abs())) * 1e-12;
    if range > noise {
        return range;
    }
    let deviation = super::stats::stats(sorted, false).map_or(0.0, |stats| stats.deviation());
    if deviation > noise { deviation } else { 1.0 }
}

/// The quantile at `percent` of sorted values, linear between neighbours.
fn quantile(sorted: &[f64], percent: f64) -> f64 {
    let place = (percent.clamp(0.0, 100.0) / 100.0) * (sorted.len() - 1) as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::check::alike;

    #[test]
    fn the_distance_counts_from_the_fence() {
        // quartiles of 0..=8 are 2 and 6
        let mut values: Vec<f64> = (0..9).map(f64::from).collect();
        alike(&scores(&values, TUKEY, 0), &[-0.5, -0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.5]);
        values.push(16.0);
        alike(&scores(&values, TUKEY, 1)[9..], &[2.5]);
    }

    #[test]
    fn a_spike_in_a_flat_series_stands_out() {
        let mut values = vec![5.0; 29];
        values.push(105.0);
        let found = scores(&values, CUSTOM_TUKEY, 0);
        assert!(found[29] > 3.0 && found[..29].iter().all(|score| *score == 0.0), "{found:?}");
        alike(&scores(&values, CUSTOM_TUKEY, 1)[29..], &[100.0]);
    }

    #[test]
    fn missing_points_score_zero() {
        alike(&scores(&[f64::NAN, f64::NAN], TUKEY, 0), &[0.0, 0.0]);
        alike(&scores(&[1.0, f64::NAN, 1.0], TUKEY, 0), &[0.0; 3]);
        alike(&scores(&[], TUKEY, 5), &[]);
    }
}
