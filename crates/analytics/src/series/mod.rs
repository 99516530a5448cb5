//! Equidistant series of numbers: filters, fits, decomposition, anomalies.
//!
//! A series is a slice of `f64` in which NaN stands for a missing value: a query language tells "no
//! value" from "not a number", these algorithms treat both as a point that says nothing. Where a series
//! is split into a part to learn from and a part to judge, the latter is always at the end and its length
//! is called `test_points`.

pub mod decompose;
pub mod fill;
pub mod filter;
pub mod fit;
pub mod fourier;
pub mod outliers;
pub mod periods;
pub mod stats;

/// The middle value (the mean of the two in the middle) of those that are not missing.
fn median(values: &mut Vec<f64>) -> Option<f64> {
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// The mean of the values that are not missing.
fn mean(values: &[f64]) -> Option<f64> {
    let known = values.iter().filter(|value| !value.is_nan());
    let (sum, count) = known.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// A sum that is 0 for no terms: that of the standard library is −0.
fn sum(terms: impl Iterator<Item = f64>) -> f64 {
    terms.fold(0.0, |sum, term| sum + term)
}

#[cfg(test)]
pub(crate) mod check {
    /// Asserts that two series agree to six digits, missing values included.
    #[track_caller]
    pub(crate) fn alike(got: &[f64], wanted: &[f64]) {
        assert_eq!(got.len(), wanted.len(), "{got:?}, wanted {wanted:?}");
        for (mine, theirs) in got.iter().zip(wanted) {
            let near = (mine - theirs).abs() <= 1e-6 * theirs.abs().max(1.0);
            assert!(near || (mine.is_nan() && theirs.is_nan()), "{got:?}, wanted {wanted:?}");
        }
    }
}
