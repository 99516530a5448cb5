//! Discrete Fourier transforms of any length, and what becomes fast through them.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// The transform of a complex series, unscaled; `imaginary` may be shorter than `real` (zero there).
pub fn forward(real: &[f64], imaginary: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut points = complex(real, imaginary, real.len());
    if !points.is_empty() {
        FftPlanner::new().plan_fft_forward(points.len()).process(&mut points);
    }
    parts(&points)
}

/// The inverse of [`forward`], scaled so that one undoes the other.
pub fn inverse(real: &[f64], imaginary: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut points = complex(real, imaginary, real.len());
    if !points.is_empty() {
        FftPlanner::new().plan_fft_inverse(points.len()).process(&mut points);
    }
    let scale = 1.0 / points.len().max(1) as f64;
    points.iter_mut().for_each(|point| *point *= scale);
    parts(&points)
}

/// The full convolution of two series: `a.len() + b.len() - 1` points.
pub(super) fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
    let length = (a.len() + b.len()).saturating_sub(1);
    let size = length.next_power_of_two();
    let mut planner = FftPlanner::new();
    let (mut left, mut right) = (complex(a, &[], size), complex(b, &[], size));
    planner.plan_fft_forward(size).process(&mut left);
    planner.plan_fft_forward(size).process(&mut right);
    left.iter_mut().zip(&right).for_each(|(left, right)| *left *= right);
    planner.plan_fft_inverse(size).process(&mut left);
    left.iter().take(length).map(|point| point.re / size as f64).collect()
}

/// Autocorrelation at every lag: the mean product of deviations from the mean, over the variance. Each
/// lag counts only the pairs it has, so that a perfect period scores one however long it is. Missing
/// points count as average. Empty when the series does not vary.
pub(super) fn autocorrelation(values: &[f64]) -> Vec<f64> {
    let Some(mean) = super::mean(values) else { return Vec::new() };
    let centred: Vec<f64> =
        values.iter().map(|value| if value.is_nan() { 0.0 } else { value - mean }).collect();
    let size = (2 * values.len()).next_power_of_two();
    let mut points = complex(&centred, &[], size);
    let mut planner = FftPlanner::new();
    planner.plan_fft_forward(size).process(&mut points);
    points.iter_mut().for_each(|point| *point = Complex::new(point.norm_sqr(), 0.0));
    planner.plan_fft_inverse(size).process(&mut points);
    let whole = points[0].re;
    let largest = centred.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    // a constant series leaves nothing but rounding
    if !whole.is_finite() || largest <= mean.abs() * 1e-12 {
        return Vec::new();
    }
    let count = values.len();
    let at = |lag: usize| points[lag].re / whole * count as f64 / (count - lag) as f64;
    (0..count).map(at).collect()
}

fn complex(real: &[f64], imaginary: &[f64], size: usize) -> Vec<Complex<f64>> {
    let part = |of: &[f64], at: usize| of.get(at).copied().unwrap_or(0.0);
    (0..size).map(|at| Complex::new(part(real, at), part(imaginary, at))).collect()
}

fn parts(points: &[Complex<f64>]) -> (Vec<f64>, Vec<f64>) {
    points.iter().map(|point| (point.re, point.im)).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::check::alike;

    #[test]
    fn an_impulse_holds_every_frequency() {
        let (real, imaginary) = forward(&[1.0, 0.0, 0.0, 0.0, 0.0], &[]);
        alike(&real, &[1.0; 5]);
        alike(&imaginary, &[0.0; 5]);
    }

    #[test]
    fn a_sine_of_one_turn_is_the_first_frequency() {
        let (real, imaginary) = forward(&[0.0, 1.0, 0.0, -1.0], &[]);
        alike(&real, &[0.0; 4]);
        alike(&imaginary, &[0.0, -2.0, 0.0, 2.0]);
    }

    #[test]
    fn the_inverse_undoes_the_transform() {
        let (values, shadow) = ([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0], [2.0, 7.0, 1.0, 8.0, 2.0, 8.0, 1.0]);
        let (real, imaginary) = forward(&values, &shadow);
        let (real, imaginary) = inverse(&real, &imaginary);
        alike(&real, &values);
        alike(&imaginary, &shadow);
        assert_eq!(forward(&[], &[]), (vec![], vec![]));
    }

    #[test]
    fn a_period_correlates_with_itself() {
        let values: Vec<f64> = (0..40).map(|at| f64::from([1, 5, 2, 8][at % 4])).collect();
        let found = autocorrelation(&values);
        alike(&[found[0], found[4], found[8]], &[1.0, 1.0, 1.0]);
        assert!(found[2] < found[4]);
        assert!(autocorrelation(&[0.1; 9]).is_empty());
        assert!(autocorrelation(&[]).is_empty());
    }
}
