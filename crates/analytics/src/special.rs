//! Special functions of statistics: the beta distribution and its inverse, and Welch's test.
//!
//! Gamma and error functions come from `libm`; what is here is built on its `lgamma`.

/// Terms of the continued fraction; it converges in a few dozen wherever the distribution has weight.
const TERMS_MAX: u32 = 500;
/// Relative change at which a continued fraction or a root counts as found.
const PRECISION: f64 = 1e-15;
/// Halvings of the unit interval in the search of an inverse: 2^-200 is below the smallest useful number.
const HALVINGS_MAX: u32 = 200;

/// The density of the beta distribution; NaN outside `0..=1` or where a parameter is not positive.
pub fn beta_density(x: f64, alpha: f64, beta: f64) -> f64 {
    if !is_beta(x, alpha, beta) {
        return f64::NAN;
    }
    // At the ends a factor is a power of zero, whose logarithm would be lost.
    if x == 0.0 || x == 1.0 {
        let (own, other) = if x == 0.0 { (alpha, beta) } else { (beta, alpha) };
        return match own.partial_cmp(&1.0) {
            Some(std::cmp::Ordering::Less) => f64::INFINITY,
            Some(std::cmp::Ordering::Equal) => other,
            _ => 0.0,
        };
    }
    ((alpha - 1.0) * x.ln() + (beta - 1.0) * (-x).ln_1p() - ln_beta(alpha, beta)).exp()
}

/// The share of the beta distribution below `x`; NaN outside `0..=1` or where a parameter is not positive.
pub fn beta_share(x: f64, alpha: f64, beta: f64) -> f64 {
    if !is_beta(x, alpha, beta) {
        return f64::NAN;
    }
    incomplete_beta(x, alpha, beta)
}

/// Below which number the given share of the beta distribution lies; NaN where a parameter is not positive
/// or the share is outside `0..=1`.
pub fn beta_quantile(share: f64, alpha: f64, beta: f64) -> f64 {
    if !is_beta(share, alpha, beta) {
        return f64::NAN;
    }
    if share == 0.0 || share == 1.0 {
        return share;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    let mut x = alpha / (alpha + beta);
    for _ in 0..HALVINGS_MAX {
        let excess = incomplete_beta(x, alpha, beta) - share;
        if excess > 0.0 {
            high = x;
        } else {
            low = x;
        }
        // Newton's step where it stays inside what is known, the middle elsewhere.
        let step = excess / beta_density(x, alpha, beta);
        let next = if step.is_finite() && x - step > low && x - step < high {
            x - step
        } else {
            low + (high - low) / 2.0
        };
        if (next - x).abs() <= PRECISION * x.abs() {
            return next;
        }
        x = next;
    }
    x
}

/// One side of a comparison of two means.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub mean: f64,
    pub variance: f64,
    pub count: f64,
}

/// The two-sided p-value of Welch's test: how likely means this far apart are when they are the same. NaN
/// for samples of fewer than two or without any variance.
pub fn welch_test(a: Sample, b: Sample) -> f64 {
    if !(a.count > 1.0 && b.count > 1.0 && a.variance >= 0.0 && b.variance >= 0.0) {
        return f64::NAN;
    }
    let (left, right) = (a.variance / a.count, b.variance / b.count);
    let spread = left + right;
    if spread == 0.0 {
        return f64::NAN;
    }
    let t = (a.mean - b.mean) / spread.sqrt();
    let freedom = spread * spread / (left * left / (a.count - 1.0) + right * right / (b.count - 1.0));
    incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

fn is_beta(x: f64, alpha: f64, beta: f64) -> bool {
    (0.0..=1.0).contains(&x) && alpha > 0.0 && beta > 0.0 && alpha.is_finite() && beta.is_finite()
}

fn ln_beta(alpha: f64, beta: f64) -> f64 {
    libm::lgamma(alpha) + libm::lgamma(beta) - libm::lgamma(alpha + beta)
}

/// The regularised incomplete beta function.
fn incomplete_beta(x: f64, alpha: f64, beta: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (alpha * x.ln() + beta * (-x).ln_1p() - ln_beta(alpha, beta)).exp();
    // The fraction converges fast below the mean; above it the mirrored one does.
    if x < (alpha + 1.0) / (alpha + beta + 2.0) {
        front * continued_fraction(x, alpha, beta) / alpha
    } else {
        1.0 - front * continued_fraction(1.0 - x, beta, alpha) / beta
    }
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
fn continued_fraction(x: f64, alpha: f64, beta: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut numerator = 1.0;
    let mut denominator = 1.0 / away_from_zero(1.0 - (alpha + beta) * x / (alpha + 1.0));
    let mut fraction = denominator;
    for term in 1..=TERMS_MAX {
        let m = f64::from(term);
        let even = m * (beta - m) * x / ((alpha + 2.0 * m - 1.0) * (alpha + 2.0 * m));
        let odd = -(alpha + m) * (alpha + beta + m) * x / ((alpha + 2.0 * m) * (alpha + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            denominator = 1.0 / away_from_zero(1.0 + coefficient * denominator);
            numerator = away_from_zero(1.0 + coefficient / numerator);
            change = numerator * denominator;
            fraction *= change;
        }
        if (change - 1.0).abs() < PRECISION {
            break;
        }
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(got: f64, wanted: f64) {
        assert!((got - wanted).abs() <= 1e-10 * wanted.abs().max(1e-3), "{got} instead of {wanted}");
    }

    #[test]
    fn shares_of_simple_distributions() {
        // Uniform, and x²: their shares are known by hand.
        near(beta_share(0.3, 1.0, 1.0), 0.3);
        near(beta_share(0.3, 2.0, 1.0), 0.09);
        near(beta_share(0.3, 1.0, 2.0), 1.0 - 0.49);
        near(beta_density(0.3, 2.0, 1.0), 0.6);
        near(beta_share(0.5, 7.5, 7.5), 0.5);
        near(beta_share(1.0, 3.0, 4.0), 1.0);
    }

    #[test]
    fn outside_the_distribution_is_nan() {
        for (x, alpha, beta) in [(1.5, 1.0, 1.0), (-0.1, 1.0, 1.0), (0.5, 0.0, 1.0), (0.5, 1.0, -1.0)] {
            assert!(beta_share(x, alpha, beta).is_nan());
            assert!(beta_density(x, alpha, beta).is_nan());
            assert!(beta_quantile(x, alpha, beta).is_nan());
        }
    }

    #[test]
    fn quantiles_undo_shares() {
        for (alpha, beta) in [(1.0, 1.0), (0.5, 0.5), (10.0, 20.0), (200.0, 3.0)] {
            for share in [1e-9, 0.01, 0.4, 0.99] {
                near(beta_share(beta_quantile(share, alpha, beta), alpha, beta), share);
            }
        }
    }

    #[test]
    fn means_far_apart_are_unlikely_the_same() {
        let near_one = Sample { mean: 1.0, variance: 0.5, count: 10.0 };
        near(welch_test(near_one, near_one), 1.0);
        let far = Sample { mean: 9.0, variance: 0.4, count: 12.0 };
        assert!(welch_test(near_one, far) < 1e-12);
        // Two degrees of freedom: p = 1 - t / sqrt(2 + t²), here with t = 1.
        let (a, b) = (
            Sample { mean: 1.0, variance: 1.0, count: 2.0 },
            Sample { mean: 0.0, variance: 1.0, count: 2.0 },
        );
        near(welch_test(a, b), 1.0 - 1.0 / 3.0_f64.sqrt());
        assert!(welch_test(Sample { count: 1.0, ..a }, b).is_nan());
    }
}
