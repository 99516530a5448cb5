//! Patterns whose share differs between two groups of rows.

use super::closed::walk;
use super::{Limits, Pattern, Table, meets};

/// A pattern and the weight of its rows in either group.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub pattern: Pattern,
    pub weight_a: f64,
    pub weight_b: f64,
}

/// Patterns whose shares of the groups differ by `least` or more, the greatest difference first. Of two
/// patterns where one restricts all that the other does, the one that differs more is kept. The last column
/// of the table tells the groups apart, being 1 or 2. `None` when there are more than the limits allow.
pub fn differences(table: &Table, least: f64, limits: Limits) -> Option<Vec<Difference>> {
    let width = table.width.checked_sub(1)?;
    let (mut plain, mut groups) = (Table::new(width), Vec::new());
    let (mut total_a, mut total_b) = (0.0, 0.0);
    for at in 0..table.len() {
        let (values, group) = (&table.row(at)[..width], table.row(at)[width]);
        let weight = table.weights[at];
        let line = plain.rows.get(values).copied().unwrap_or(plain.len());
        plain.add(values, weight);
        if line == groups.len() {
            groups.push((0.0, 0.0));
        }
        match group {
            1 => {
                groups[line].0 += weight;
                total_a += weight;
            }
            _ => {
                groups[line].1 += weight;
                total_b += weight;
            }
        }
    }
    if total_a <= 0.0 || total_b <= 0.0 {
        return Some(Vec::new());
    }
    let share = |weight: f64, total: f64| weight / total;
    let mut candidates: Vec<(f64, Pattern)> = Vec::new();
    let last = std::cell::Cell::new((0.0, 0.0));
    let complete = walk(
        &plain,
        limits,
        &mut |rows, _| {
            let (a, b) = rows.iter().fold((0.0, 0.0), |sum, row| {
                let (a, b) = groups[*row as usize];
                (sum.0 + a, sum.1 + b)
            });
            last.set((a, b));
            // a difference of `least` needs a share of `least` in one of the groups
            share(a, total_a) >= least || share(b, total_b) >= least
        },
        &mut |pattern, _| {
            let (a, b) = last.get();
            let difference = (share(a, total_a) - share(b, total_b)).abs();
            if difference >= least {
                candidates.push((difference, pattern.clone()));
            }
        },
    );
    if !complete {
        return None;
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.1.cmp(&a.1)));
    let mut kept: Vec<Pattern> = Vec::new();
    for (_, pattern) in candidates {
        if !kept.iter().any(|known| within(known, &pattern) || within(&pattern, known)) {
            kept.push(pattern);
        }
    }
    let weigh = |pattern: Pattern| {
        let met = (0..plain.len()).filter(|at| meets(plain.row(*at), &pattern));
        let sums = met.fold((0.0, 0.0), |sum, at| (sum.0 + groups[at].0, sum.1 + groups[at].1));
        Difference { pattern, weight_a: sums.0, weight_b: sums.1 }
    };
    Some(kept.into_iter().map(weigh).collect())
}

/// Whether the first pattern restricts nothing that the second does not.
fn within(wide: &Pattern, narrow: &Pattern) -> bool {
    wide.iter().zip(narrow).all(|(wide, narrow)| wide.is_none() || wide == narrow)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { dimensions: 5, patterns: 1000 };

    #[test]
    fn what_grew_is_found() {
        let mut table = Table::new(3);
        table.add(&[1, 1, 1], 50.0);
        table.add(&[2, 1, 1], 50.0);
        table.add(&[1, 1, 2], 10.0);
        table.add(&[2, 1, 2], 10.0);
        table.add(&[2, 9, 2], 20.0);
        let found = differences(&table, 0.1, LIMITS).unwrap();
        assert_eq!(found[0].pattern, [Some(2), Some(9)]);
        assert_eq!(found[1], Difference { pattern: vec![None, Some(1)], weight_a: 100.0, weight_b: 20.0 });
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn one_group_alone_differs_from_nothing() {
        let mut table = Table::new(2);
        table.add(&[1, 1], 5.0);
        assert_eq!(differences(&table, 0.1, LIMITS), Some(Vec::new()));
    }
}
