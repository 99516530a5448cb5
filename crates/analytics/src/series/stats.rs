//! Measures of one series, and of two side by side.

use super::sum as total;

/// What [`stats`] finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    pub min: f64,
    /// The first place of the smallest value.
    pub min_at: usize,
    pub max: f64,
    /// The first place of the largest value.
    pub max_at: usize,
    pub mean: f64,
    /// Of a sample: the divisor is one less than the count.
    pub variance: f64,
    pub sum: f64,
    pub count: usize,
}

impl Stats {
    /// The standard deviation of a sample.
    pub fn deviation(&self) -> f64 {
        self.variance.sqrt()
    }
}

/// Extremes, mean and spread. `None` for an empty series, and for one with missing or infinite values
/// unless `skip_nonfinite`.
pub fn stats(values: &[f64], skip_nonfinite: bool) -> Option<Stats> {
    let mut found: Option<Stats> = None;
    let mut squares = 0.0;
    for (at, value) in values.iter().copied().enumerate() {
        if !value.is_finite() {
            if skip_nonfinite {
                continue;
            }
            return None;
        }
        let stats = found.get_or_insert(Stats {
            min: value,
            min_at: at,
            max: value,
            max_at: at,
            mean: 0.0,
            variance: 0.0,
            sum: 0.0,
            count: 0,
        });
        if value < stats.min {
            (stats.min, stats.min_at) = (value, at);
        }
        if value > stats.max {
            (stats.max, stats.max_at) = (value, at);
        }
        // Welford's update: no difference of large sums
        stats.sum += value;
        stats.count += 1;
        let off = value - stats.mean;
        stats.mean += off / stats.count as f64;
        squares += off * (value - stats.mean);
    }
    let mut stats = found?;
    if stats.count > 1 {
        stats.variance = squares / (stats.count - 1) as f64;
    }
    Some(stats)
}

/// Pearson's coefficient: −1 to 1, NaN when either series does not vary. `None` when the lengths differ or
/// a value is missing.
pub fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let (left, right) = (stats(a, false)?, stats(b, false)?);
    if a.len() != b.len() {
        return None;
    }
    let together: f64 = a.iter().zip(b).map(|(a, b)| (a - left.mean) * (b - right.mean)).sum();
    let scale = (left.variance * right.variance).sqrt() * (left.count.max(2) - 1) as f64;
    Some((together / scale).clamp(-1.0, 1.0))
}

/// The sum of products. `None` when the lengths differ.
pub fn dot(a: &[f64], b: &[f64]) -> Option<f64> {
    (a.len() == b.len()).then(|| total(a.iter().zip(b).map(|(a, b)| a * b)))
}

/// The sum of all values.
pub fn sum(values: &[f64]) -> f64 {
    total(values.iter().copied())
}

/// The Euclidean length.
pub fn magnitude(values: &[f64]) -> f64 {
    total(values.iter().map(|value| value * value)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::check::alike;

    #[test]
    fn extremes_are_the_first_ones() {
        let found = stats(&[4.0, 1.0, 7.0, 1.0, 7.0], false).unwrap();
        assert_eq!((found.min_at, found.max_at, found.count), (1, 2, 5));
        alike(&[found.mean, found.variance, found.sum], &[4.0, 9.0, 20.0]);
        alike(&[found.deviation()], &[3.0]);
    }

    #[test]
    fn one_missing_value_hides_all_unless_skipped() {
        let gap = [2.0, f64::NAN, 4.0, f64::INFINITY];
        assert_eq!(stats(&gap, false), None);
        let found = stats(&gap, true).unwrap();
        assert_eq!((found.max_at, found.mean), (2, 3.0));
        assert_eq!(stats(&[], true), None);
        assert_eq!(stats(&[5.0], true).map(|one| one.variance), Some(0.0));
    }

    #[test]
    fn correlation_is_minus_one_to_one() {
        alike(&[pearson(&[1.0, 2.0, 3.0], &[5.0, 7.0, 9.0]).unwrap()], &[1.0]);
        alike(&[pearson(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]).unwrap()], &[-1.0]);
        assert!(pearson(&[1.0, 2.0], &[3.0, 3.0]).unwrap().is_nan());
        assert_eq!(pearson(&[1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn products_and_length() {
        assert_eq!(dot(&[1.0, 2.0], &[3.0, 4.0]), Some(11.0));
        assert_eq!(dot(&[1.0], &[3.0, 4.0]), None);
        alike(&[magnitude(&[3.0, 4.0]), magnitude(&[])], &[5.0, 0.0]);
        assert!(sum(&[]).is_sign_positive());
    }
}
