//! Least squares: a line, two lines, a polynomial. Positions count from one, missing points are passed over.

/// A straight line through a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The part of the variance that the line explains, 0 to 1.
    pub r_square: f64,
    pub slope: f64,
    /// The value one position before the first.
    pub intercept: f64,
    /// Of the series; a sample's.
    pub variance: f64,
    /// Of what the line leaves over; a sample's.
    pub residual_variance: f64,
}

impl Line {
    /// The line's value at an index of the series, which is position `index + 1`.
    pub fn at(&self, index: usize) -> f64 {
        self.intercept + self.slope * (index + 1) as f64
    }

    /// The line's values over a series of this length.
    pub fn over(&self, length: usize) -> Vec<f64> {
        (0..length).map(|index| self.at(index)).collect()
    }
}

/// The best line. `None` when no value is known.
pub fn line(values: &[f64]) -> Option<Line> {
    let mut sums = Sums::default();
    for (at, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        sums.add((at + 1) as f64, *value);
    }
    sums.line()
}

/// Two lines, one up to a split and one from there on.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoLines {
    pub r_square: f64,
    /// Index of the first point of the right line.
    pub split: usize,
    pub variance: f64,
    pub residual_variance: f64,
    pub left: Line,
    /// Its positions count from the split.
    pub right: Line,
}

impl TwoLines {
    /// The lines' values over a series of this length.
    pub fn over(&self, length: usize) -> Vec<f64> {
        let at = |index: usize| match index.checked_sub(self.split) {
            Some(right) => self.right.at(right),
            None => self.left.at(index),
        };
        (0..length).map(at).collect()
    }
}

/// The split into two lines, of at least two points each, that leaves the least over. `None` for fewer
/// than four points.
pub fn two_lines(values: &[f64]) -> Option<TwoLines> {
    let last = values.len().checked_sub(2)?;
    // what each split leaves, from running sums in both directions
    let mut left = vec![0.0; values.len() + 1];
    let mut right = vec![0.0; values.len() + 1];
    let mut sums = Sums::default();
    for (at, value) in values.iter().enumerate() {
        sums.add_known(at as f64, *value);
        left[at + 1] = sums.left_over();
    }
    let mut sums = Sums::default();
    for (at, value) in values.iter().enumerate().rev() {
        sums.add_known(at as f64, *value);
        right[at] = sums.left_over();
    }
    let split = (2..=last).min_by(|a, b| (left[*a] + right[*a]).total_cmp(&(left[*b] + right[*b])))?;
    let whole = line(values)?;
    let (left, right) = (line(&values[..split])?, line(&values[split..])?);
    let fitted =
        TwoLines { r_square: 0.0, split, variance: whole.variance, residual_variance: 0.0, left, right };
    let (r_square, residual_variance) = quality(values, &fitted.over(values.len()), whole.variance);
    Some(TwoLines { r_square, residual_variance, ..fitted })
}

/// A polynomial through points.
#[derive(Clone, Debug, PartialEq)]
pub struct Polynomial {
    pub r_square: f64,
    /// That of the highest power first.
    pub coefficients: Vec<f64>,
    pub variance: f64,
    pub residual_variance: f64,
    pub fitted: Vec<f64>,
}

/// Highest degree of a polynomial: more than that only follows noise, and the arithmetic does not bear it.
pub const DEGREE_MAX: usize = 20;

/// The best polynomial of a degree over given positions, or over 1, 2, 3 …. `None` when the lengths
/// differ, there are fewer points than coefficients, or the degree is above [`DEGREE_MAX`].
pub fn polynomial(y: &[f64], x: Option<&[f64]>, degree: usize) -> Option<Polynomial> {
    let counted: Vec<f64>;
    let x = match x {
        Some(x) => x,
        None => {
            counted = (1..=y.len()).map(|position| position as f64).collect();
            &counted
        }
    };
    let known: Vec<(f64, f64)> =
        x.iter().copied().zip(y.iter().copied()).filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    if x.len() != y.len() || degree > DEGREE_MAX || known.len() <= degree {
        return None;
    }
    // powers of positions brought to −1..1 stay comparable, whatever the positions are
    let low = known.iter().fold(f64::INFINITY, |low, (x, _)| low.min(*x));
    let high = known.iter().fold(f64::NEG_INFINITY, |high, (x, _)| high.max(*x));
    let centre = f64::midpoint(low, high);
    let half = if high > low { (high - low) / 2.0 } else { 1.0 };
    let scaled: Vec<(f64, f64)> = known.iter().map(|(x, y)| ((x - centre) / half, *y)).collect();
    let solved = solve(&scaled, degree)?;
    let value = |x: f64| solved.iter().rev().fold(0.0, |sum, factor| sum * ((x - centre) / half) + factor);
    let fitted: Vec<f64> = x.iter().map(|x| value(*x)).collect();
    let variance = super::stats::stats(y, true)?.variance;
    let (r_square, residual_variance) = quality(y, &fitted, variance);
    let mut coefficients = expand(&solved, centre, half);
    coefficients.reverse();
    Some(Polynomial { r_square, coefficients, variance, residual_variance, fitted })
}

/// Least squares by Householder's reflections, lowest power first. `None` when the positions do not
/// determine the polynomial.
fn solve(points: &[(f64, f64)], degree: usize) -> Option<Vec<f64>> {
    let width = degree + 1;
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(width);
    for power in 0..width {
        columns.push(points.iter().map(|(x, _)| x.powi(power as i32)).collect());
    }
    let mut target: Vec<f64> = points.iter().map(|(_, y)| *y).collect();
    for at in 0..width {
        let norm = columns[at][at..].iter().map(|value| value * value).sum::<f64>().sqrt();
        if norm < 1e-10 * (points.len() as f64).sqrt() {
            return None;
        }
        let mut mirror = columns[at][at..].to_vec();
        mirror[0] += if mirror[0] >= 0.0 { norm } else { -norm };
        let length: f64 = mirror.iter().map(|value| value * value).sum();
        for column in columns[at..].iter_mut().chain(std::iter::once(&mut target)) {
            let along: f64 = mirror.iter().zip(&column[at..]).map(|(m, v)| m * v).sum();
            let factor = 2.0 * along / length;
            column[at..].iter_mut().zip(&mirror).for_each(|(value, m)| *value -= factor * m);
        }
    }
    let mut solved = vec![0.0; width];
    for at in (0..width).rev() {
        let rest: f64 = (at + 1..width).map(|other| columns[other][at] * solved[other]).sum();
        solved[at] = (target[at] - rest) / columns[at][at];
    }
    Some(solved)
}

/// Coefficients in `x` of a polynomial in `(x - centre) / half`, lowest power first (Horner's scheme).
fn expand(solved: &[f64], centre: f64, half: f64) -> Vec<f64> {
    let mut out: Vec<f64> = vec![0.0; solved.len()];
    for factor in solved.iter().rev() {
        for power in (0..out.len()).rev() {
            let lower = if power > 0 { out[power - 1] } else { 0.0 };
            out[power] = (lower - centre * out[power]) / half;
        }
        out[0] += factor;
    }
    out
}

/// R² and the sample variance of what a fit leaves over.
fn quality(values: &[f64], fitted: &[f64], variance: f64) -> (f64, f64) {
    let left: Vec<f64> = values.iter().zip(fitted).map(|(value, fit)| value - fit).collect();
    let known = left.iter().filter(|value| value.is_finite());
    let (squares, count) = known.fold((0.0, 0_usize), |(sum, count), value| (sum + value * value, count + 1));
    let freedom = count.saturating_sub(1).max(1) as f64;
    (r_square(squares, variance * freedom), squares / freedom)
}

/// A series that does not vary is explained by anything that leaves nothing.
fn r_square(left_over: f64, total: f64) -> f64 {
    if total > 0.0 { (1.0 - left_over / total).clamp(0.0, 1.0) } else { 1.0 }
}

/// Running means and sums of products of deviations, free of the cancellation that plain sums suffer.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        let (dx, dy) = (x - self.x, y - self.y);
        self.x += dx / self.count;
        self.y += dy / self.count;
        self.xx += dx * (x - self.x);
        self.xy += dx * (y - self.y);
        self.yy += dy * (y - self.y);
    }

    fn add_known(&mut self, x: f64, y: f64) {
        if y.is_finite() {
            self.add(x, y);
        }
    }

    fn slope(&self) -> f64 {
        if self.xx > 0.0 { self.xy / self.xx } else { 0.0 }
    }

    /// The sum of squares that the best line leaves.
    fn left_over(&self) -> f64 {
        (self.yy - self.slope() * self.xy).max(0.0)
    }

    fn line(&self) -> Option<Line> {
        if self.count == 0.0 {
            return None;
        }
        let freedom = (self.count - 1.0).max(1.0);
        let slope = self.slope();
        Some(Line {
            r_square: r_square(self.left_over(), self.yy),
            slope,
            intercept: self.y - slope * self.x,
            variance: self.yy / freedom,
            residual_variance: self.left_over() / freedom,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::check::alike;

    #[test]
    fn a_line_through_scattered_points() {
        let values = [2.0, 5.0, 6.0, 8.0, 11.0, 15.0, 17.0, 18.0, 25.0, 26.0, 30.0, 30.0];
        let line = line(&values).unwrap();
        alike(&[line.r_square, line.slope, line.intercept], &[0.982_900_4, 2.730_769_2, -1.666_666_7]);
        alike(&[line.variance, line.residual_variance], &[98.628_787_9, 1.686_480_2]);
        alike(&line.over(2), &[1.064_102_6, 3.794_871_8]);
    }

    #[test]
    fn lines_pass_over_gaps() {
        let line = line(&[1.0, f64::NAN, 5.0, 7.0]).unwrap();
        alike(&[line.slope, line.intercept, line.r_square], &[2.0, -1.0, 1.0]);
        assert!(super::line(&[f64::NAN]).is_none());
        alike(&[super::line(&[4.0]).unwrap().at(0)], &[4.0]);
    }

    #[test]
    fn two_lines_split_at_the_bend() {
        let values = [1.0, 2.0, 3.0, 4.0, 20.0, 18.0, 16.0, 14.0, 12.0];
        let fit = two_lines(&values).unwrap();
        assert_eq!(fit.split, 4);
        alike(&[fit.left.slope, fit.right.slope, fit.r_square], &[1.0, -2.0, 1.0]);
        alike(&fit.over(9), &values);
        assert!(two_lines(&[1.0, 2.0, 3.0]).is_none());
        assert!(two_lines(&[]).is_none());
    }

    #[test]
    fn a_polynomial_is_found_again() {
        let x: Vec<f64> = (0..12).map(|at| 1e6 + f64::from(at) * 3.0).collect();
        let y: Vec<f64> = x.iter().map(|x| 2.0 * (x - 1e6) * (x - 1e6) - 4.0 * (x - 1e6) + 7.0).collect();
        let fit = polynomial(&y, Some(&x), 2).unwrap();
        alike(&fit.fitted, &y);
        alike(&[fit.r_square, fit.coefficients[0]], &[1.0, 2.0]);
        let cubes: Vec<f64> = (1..9).map(|at| f64::from(at * at * at)).collect();
        alike(&polynomial(&cubes, None, 3).unwrap().coefficients, &[1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn too_few_points_or_equal_positions_have_no_polynomial() {
        assert!(polynomial(&[1.0, 2.0], None, 2).is_none());
        assert!(polynomial(&[1.0, 2.0], Some(&[1.0]), 1).is_none());
        assert!(polynomial(&[1.0, 2.0], Some(&[3.0, 3.0]), 1).is_none());
        assert!(polynomial(&[1.0; 90], None, 50).is_none());
        alike(&polynomial(&[3.0, 5.0], None, 0).unwrap().coefficients, &[4.0]);
    }
}
