//! Linear filters: finite and infinite impulse response.

use super::{fourier, sum};

/// Multiplications a filter may take where no faster way exists: about a second.
const WORK_MAX: usize = 1 << 29;
/// From this many multiplications on, a convolution goes by Fourier transforms.
const DIRECT_WORK_MAX: usize = 1 << 22;

/// The weighted sum of each point and its neighbours: `filter[0]` weighs the point itself, `filter[1]`
/// the one before it, and so on; outside the series all is zero. `center` moves the window so that its
/// middle lies on the point. `normalize` divides by the sum of the weights.
///
/// `None` when the weights cannot be normalized: one is negative, or their sum is zero.
pub fn fir(values: &[f64], filter: &[f64], normalize: bool, center: bool) -> Option<Vec<f64>> {
    if filter.is_empty() || filter.iter().any(|weight| !weight.is_finite()) {
        return None;
    }
    let mut weights = filter.to_vec();
    if normalize {
        let total = sum(filter.iter().copied());
        if total == 0.0 || filter.iter().any(|weight| *weight < 0.0) {
            return None;
        }
        weights.iter_mut().for_each(|weight| *weight /= total);
    }
    let ahead = if center { weights.len() / 2 } else { 0 };
    let work = values.len().saturating_mul(weights.len());
    if work > DIRECT_WORK_MAX && values.iter().all(|value| value.is_finite()) {
        let whole = fourier::convolve(values, &weights);
        return Some(whole.into_iter().skip(ahead).take(values.len()).collect());
    }
    if work > WORK_MAX {
        return None;
    }
    let at = |index: usize| {
        let newest = index + ahead;
        let reach = weights.iter().take(newest + 1).enumerate();
        let terms = reach.filter_map(|(back, weight)| Some(values.get(newest - back)? * weight));
        sum(terms)
    };
    Some((0..values.len()).map(at).collect())
}

/// The recursive filter `a0·y[i] = Σ b[j]·x[i-j] − Σ a[j]·y[i-j]` (the second sum from `j = 1`), all being
/// zero before the series starts.
///
/// `None` without numerators or denominators, when the first denominator is zero, and when the filter
/// and the series are both so long that it would take unreasonably many steps.
pub fn iir(values: &[f64], numerators: &[f64], denominators: &[f64]) -> Option<Vec<f64>> {
    let (first, others) = denominators.split_first()?;
    let steps = values.len().saturating_mul(numerators.len().saturating_add(others.len()));
    if *first == 0.0 || numerators.is_empty() || steps > WORK_MAX {
        return None;
    }
    let mut out: Vec<f64> = Vec::with_capacity(values.len());
    for at in 0..values.len() {
        let fed = sum(numerators.iter().take(at + 1).enumerate().map(|(j, b)| b * values[at - j]));
        let back = sum(others.iter().take(at).enumerate().map(|(j, a)| a * out[at - j - 1]));
        out.push((fed - back) / first);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::check::alike;

    #[test]
    fn a_moving_average_looks_back_or_around() {
        let spike = [0.0, 0.0, 6.0, 0.0, 0.0];
        alike(&fir(&spike, &[1.0, 1.0, 1.0], true, false).unwrap(), &[0.0, 0.0, 2.0, 2.0, 2.0]);
        alike(&fir(&spike, &[1.0, 1.0, 1.0], true, true).unwrap(), &[0.0, 2.0, 2.0, 2.0, 0.0]);
    }

    #[test]
    fn differences_are_not_normalized() {
        alike(&fir(&[1.0, 4.0, 9.0], &[1.0, -1.0], false, false).unwrap(), &[1.0, 3.0, 5.0]);
        assert_eq!(fir(&[1.0, 4.0], &[1.0, -1.0], true, false), None);
        assert_eq!(fir(&[1.0, 4.0], &[], true, false), None);
    }

    #[test]
    fn long_filters_give_the_same_by_another_way() {
        let values: Vec<f64> = (0..5000).map(|at| f64::from(at % 17)).collect();
        let filter: Vec<f64> = (0..1000).map(|at| f64::from(at % 3)).collect();
        let fast = fir(&values, &filter, true, false).unwrap();
        let sum: f64 = filter.iter().sum();
        let slow: f64 = (0..1000).map(|back| values[4321 - back] * filter[back]).sum::<f64>() / sum;
        alike(&fast[4321..4322], &[slow]);
    }

    #[test]
    fn a_recursive_filter_sums_or_decays() {
        alike(&iir(&[1.0, 2.0, 3.0], &[1.0], &[1.0, -1.0]).unwrap(), &[1.0, 3.0, 6.0]);
        alike(&iir(&[8.0, 0.0, 0.0], &[1.0], &[2.0, -1.0]).unwrap(), &[4.0, 2.0, 1.0]);
        assert_eq!(iir(&[1.0], &[1.0], &[0.0, 1.0]), None);
        assert_eq!(iir(&[1.0], &[], &[1.0]), None);
    }
}
