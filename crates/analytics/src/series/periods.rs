//! Finding and checking the lengths after which a series repeats itself.
//!
//! The score of a length is the lesser of the autocorrelations at one and at two of it: a series that
//! looks alike after one period by chance rarely does so after two. That bounds lengths to less than half
//! of the series; lengths below four points are noise rather than periods.

use super::fourier::autocorrelation;

/// Fewest points of a period.
const PERIOD_MIN: usize = 4;
/// Lengths this close (as a part of the longer one) are one period, and the better one stands for both.
const NEIGHBOURHOOD: f64 = 0.2;
/// A multiple of a period is one of its own only if it scores this much better.
const MULTIPLE_GAIN: f64 = 1.03;
/// Scores below are noise.
const SCORE_MIN: f64 = 0.2;

/// A length and how well the series repeats after it, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    pub points: f64,
    pub score: f64,
}

/// The best periods of `from` to `to` points, at most `count` of them, best first.
pub fn detect(values: &[f64], from: f64, to: f64, count: usize) -> Vec<Period> {
    let correlation = autocorrelation(values);
    let last = longest(correlation.len());
    let first = (from.max(0.0).ceil() as usize).max(PERIOD_MIN);
    let last = last.min(to.max(0.0).floor() as usize);
    if first > last {
        return Vec::new();
    }
    let noise = SCORE_MIN.max(2.0 / (correlation.len() as f64).sqrt());
    let peaks = (first..=last).filter(|lag| is_peak(&correlation, *lag));
    let scored = peaks.map(|lag| (lag, score(&correlation, lag)));
    let mut candidates: Vec<(usize, f64)> = scored.filter(|(_, score)| *score >= noise).collect();
    candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut kept: Vec<(usize, f64)> = Vec::new();
    for candidate in candidates {
        if !kept.iter().any(|better| covers(*better, candidate)) {
            // a period that scores about as well as a multiple of it takes the multiple's place
            let multiple = kept.iter().position(|longer| {
                is_multiple(longer.0, candidate.0) && longer.1 < candidate.1 * MULTIPLE_GAIN
            });
            match multiple {
                Some(at) => kept[at] = candidate,
                None => kept.push(candidate),
            }
        }
        if kept.len() > count {
            break;
        }
    }
    kept.truncate(count);
    kept.sort_by(|a, b| b.1.total_cmp(&a.1));
    kept.into_iter().map(|(lag, score)| Period { points: lag as f64, score }).collect()
}

/// The score of each of these lengths; zero for one that is out of bounds or where the series does not
/// repeat better than after a point more or less.
pub fn validate(values: &[f64], lengths: &[f64]) -> Vec<f64> {
    let correlation = autocorrelation(values);
    let last = longest(correlation.len());
    let check = |length: f64| {
        let lag = length.round().clamp(0.0, 1e9) as usize;
        let within = lag >= PERIOD_MIN && lag <= last;
        if within && is_peak(&correlation, lag) { score(&correlation, lag).clamp(0.0, 1.0) } else { 0.0 }
    };
    lengths.iter().map(|length| check(*length)).collect()
}

/// The best period of any length, if it scores at least `threshold`.
pub(super) fn best(values: &[f64], threshold: f64) -> Option<usize> {
    let found = detect(values, 0.0, f64::MAX, 1);
    found.first().filter(|period| period.score >= threshold).map(|period| period.points as usize)
}

/// Two periods must fit, with at least one pair of points left to compare.
fn longest(points: usize) -> usize {
    points.saturating_sub(1) / 2
}

fn is_peak(correlation: &[f64], lag: usize) -> bool {
    correlation[lag] >= correlation[lag - 1] && correlation[lag] >= correlation[lag + 1]
}

fn score(correlation: &[f64], lag: usize) -> f64 {
    correlation[lag].min(correlation[2 * lag]).min(1.0)
}

/// Whether the first, better-scoring period leaves no room for the second.
fn covers(better: (usize, f64), other: (usize, f64)) -> bool {
    let (short, long) = (better.0.min(other.0) as f64, better.0.max(other.0) as f64);
    (long - short) / long <= NEIGHBOURHOOD || is_multiple(other.0, better.0)
}

/// Whether `long` is twice, three times … `short`, give or take a point for each time.
fn is_multiple(long: usize, short: usize) -> bool {
    let times = (long as f64 / short as f64).round();
    times >= 2.0 && (long as f64 - times * short as f64).abs() <= (times / 2.0).min(short as f64 / 8.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(at: usize) -> f64 {
        // the same on every run, and without a pattern: the mixing steps of splitmix64
        let mut mixed = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 40) as f64 / f64::from(1 << 24)
    }

    #[test]
    fn a_repeated_pattern_is_found_without_its_multiples() {
        let values: Vec<f64> = (0..70).map(|at| [1.0, 4.0, 2.0, 8.0, 5.0, 7.0, 0.5][at % 7]).collect();
        let found = detect(&values, 0.0, 35.0, 3);
        assert_eq!(found.iter().map(|period| period.points).collect::<Vec<_>>(), [7.0]);
        assert!(found[0].score > 0.99);
    }

    #[test]
    fn days_and_weeks_are_both_found() {
        let value = |at: usize| {
            let day = (at as f64 * std::f64::consts::TAU / 12.0).sin() * 10.0;
            let weekend = if at / 12 % 7 >= 5 { -12.0 } else { 0.0 };
            day + weekend + noise(at)
        };
        let values: Vec<f64> = (0..12 * 7 * 8).map(value).collect();
        let mut found: Vec<f64> = detect(&values, 0.0, 170.0, 2).iter().map(|period| period.points).collect();
        found.sort_by(f64::total_cmp);
        assert_eq!(found, [12.0, 84.0]);
    }

    #[test]
    fn noise_and_constants_have_no_period() {
        let values: Vec<f64> = (0..200).map(noise).collect();
        assert_eq!(best(&values, 0.6), None);
        assert_eq!(best(&[3.0; 50], 0.0), None);
        assert_eq!(detect(&[], 0.0, 10.0, 2), []);
        assert_eq!(detect(&[1.0, 2.0], f64::NAN, f64::NAN, 2), []);
    }

    #[test]
    fn two_periods_must_fit() {
        let twice = [1.0, 3.0, 5.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 2.0, 4.0, 6.0];
        assert_eq!(best(&twice, 0.7), None);
        assert_eq!(validate(&twice, &[6.0, 3.0, 500.0, -1.0, f64::NAN]), [0.0; 5]);
    }

    #[test]
    fn lengths_are_checked() {
        let values: Vec<f64> = (0..60).map(|at| f64::from(at % 5)).collect();
        let found = validate(&values, &[5.0, 6.0, 10.0]);
        assert!(found[0] > 0.99 && found[1] == 0.0 && found[2] > 0.99, "{found:?}");
    }
}
