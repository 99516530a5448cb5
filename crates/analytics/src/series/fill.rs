//! Replacing missing values.

/// Each missing value becomes the nearest one after it; those at the end stay missing.
pub fn backward<T: Clone>(values: &[Option<T>]) -> Vec<Option<T>> {
    let mut filled = values.to_vec();
    let mut later = None;
    for value in filled.iter_mut().rev() {
        carry(value, &mut later);
    }
    filled
}

/// Each missing value becomes the nearest one before it; those at the start stay missing.
pub fn forward<T: Clone>(values: &[Option<T>]) -> Vec<Option<T>> {
    let mut filled = values.to_vec();
    let mut earlier = None;
    for value in &mut filled {
        carry(value, &mut earlier);
    }
    filled
}

fn carry<T: Clone>(value: &mut Option<T>, last: &mut Option<T>) {
    match value {
        Some(known) => *last = Some(known.clone()),
        None => value.clone_from(last),
    }
}

/// Missing values between two known ones lie on the line that joins them. With `edges`, those at either
/// end take the nearest known value. A series without any known value becomes `otherwise` throughout.
pub fn linear(values: &[f64], edges: bool, otherwise: f64) -> Vec<f64> {
    let known: Vec<usize> = (0..values.len()).filter(|at| !values[*at].is_nan()).collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return vec![otherwise; values.len()];
    };
    let mut filled = values.to_vec();
    for pair in known.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let slope = (values[to] - values[from]) / (to - from) as f64;
        for (steps, value) in filled[from..to].iter_mut().enumerate().skip(1) {
            *value = values[from] + slope * steps as f64;
        }
    }
    if edges {
        filled[..*first].fill(values[*first]);
        filled[last + 1..].fill(values[*last]);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::check::alike;

    const GAP: f64 = f64::NAN;

    #[test]
    fn values_are_carried_over_gaps() {
        let gaps = [None, Some(7), None, None, Some(9), None];
        assert_eq!(backward(&gaps), [Some(7), Some(7), Some(9), Some(9), Some(9), None]);
        assert_eq!(forward(&gaps), [None, Some(7), Some(7), Some(7), Some(9), Some(9)]);
        assert_eq!(forward::<i64>(&[]), []);
    }

    #[test]
    fn gaps_lie_on_a_line() {
        let gaps = [GAP, 3.0, GAP, GAP, 9.0, GAP];
        alike(&linear(&gaps, true, 0.0), &[3.0, 3.0, 5.0, 7.0, 9.0, 9.0]);
        alike(&linear(&gaps, false, 0.0), &[GAP, 3.0, 5.0, 7.0, 9.0, GAP]);
        alike(&linear(&[GAP, GAP], true, 2.5), &[2.5, 2.5]);
        alike(&linear(&[], true, 2.5), &[]);
    }
}
