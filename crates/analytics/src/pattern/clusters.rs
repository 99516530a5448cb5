//! A few patterns that together describe most rows.
//!
//! Grown the other way round than frequent patterns: from whole rows, giving up one column after the other as
//! long as that makes a better pattern, where better weighs how many rows a pattern covers against how much
//! it says about them.

use std::collections::BTreeSet;

use super::{Found, Pattern, Table, meets, restricted};

/// Rows that patterns are grown on; the weights of the result are those over all rows.
const SAMPLE_ROWS: usize = 20_000;
/// A pattern that covers less than this share of the rows describes an exception.
const SHARE_MIN: f64 = 0.02;
/// The share of a pattern's rows that patterns before it may cover.
const OVERLAP_MAX: f64 = 0.5;

/// Patterns, best first. `size_weight` between 0 and 1 is the part of coverage in what is good, the rest being
/// the part of restricted columns; `seeds` is how many rows are started from.
pub fn clusters(table: &Table, size_weight: f64, seeds: usize) -> Vec<Found> {
    let sample = sample(table);
    let total: f64 = sample.iter().map(|at| table.weights[*at]).sum();
    let score = |pattern: &Pattern, weight: f64| {
        let (size, told) = (weight / total, restricted(pattern) as f64 / table.width as f64);
        size.powf(size_weight) * told.powf(1.0 - size_weight)
    };
    let mut candidates: BTreeSet<Pattern> = BTreeSet::new();
    for seed in seed_rows(table, &sample, seeds) {
        let row = table.row(seed).iter().map(|value| (*value != super::NO_VALUE).then_some(*value));
        candidates.extend(grown(table, &sample, row.collect(), &score));
    }
    let scored = candidates.into_iter().map(|pattern| {
        let weight = table.weight_of(&pattern);
        let score = score(&pattern, weight * total / table.total());
        (score, Found { pattern, weight })
    });
    let mut scored: Vec<(f64, Found)> = scored.collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.1.pattern.cmp(&a.1.pattern)));
    chosen(table, scored.into_iter().map(|(_, found)| found))
}

/// Those that cover enough that is not covered yet.
fn chosen(table: &Table, candidates: impl Iterator<Item = Found>) -> Vec<Found> {
    let mut covered = vec![false; table.len()];
    let mut chosen = Vec::new();
    for found in candidates {
        let rows: Vec<usize> = (0..table.len()).filter(|at| meets(table.row(*at), &found.pattern)).collect();
        let again: f64 = rows.iter().filter(|at| covered[**at]).map(|at| table.weights[*at]).sum();
        if found.weight < SHARE_MIN * table.total() || again > OVERLAP_MAX * found.weight {
            continue;
        }
        rows.into_iter().for_each(|at| covered[at] = true);
        chosen.push(found);
    }
    chosen
}

/// Evenly spread rows.
fn sample(table: &Table) -> Vec<usize> {
    let step = table.len().div_ceil(SAMPLE_ROWS).max(1);
    (0..table.len()).step_by(step).collect()
}

/// Half of the seeds are the heaviest rows, half are spread over the others.
fn seed_rows(table: &Table, sample: &[usize], seeds: usize) -> Vec<usize> {
    let mut rows = sample.to_vec();
    rows.sort_by(|a, b| table.weights[*b].total_cmp(&table.weights[*a]));
    let heavy = seeds.div_ceil(2).min(rows.len());
    let rest = rows.split_off(heavy);
    let step = rest.len().div_ceil((seeds - seeds.div_ceil(2)).max(1)).max(1);
    rows.extend(rest.into_iter().step_by(step));
    rows
}

/// The best pattern on the way from a row to a single value.
fn grown(
    table: &Table,
    sample: &[usize],
    mut pattern: Pattern,
    score: &dyn Fn(&Pattern, f64) -> f64,
) -> Option<Pattern> {
    let weigh = |pattern: &Pattern| -> f64 {
        let met = sample.iter().filter(|at| meets(table.row(**at), pattern));
        met.map(|at| table.weights[*at]).sum()
    };
    if restricted(&pattern) == 0 {
        return None;
    }
    let mut best = (score(&pattern, weigh(&pattern)), pattern.clone());
    while restricted(&pattern) > 1 {
        let freed = (0..pattern.len()).filter(|column| pattern[*column].is_some());
        let mut next: Option<(f64, Pattern)> = None;
        for column in freed {
            let mut freer = pattern.clone();
            freer[column] = None;
            let scored = score(&freer, weigh(&freer));
            if next.as_ref().is_none_or(|(known, _)| scored > *known) {
                next = Some((scored, freer));
            }
        }
        let Some((scored, freer)) = next else { break };
        pattern = freer;
        if scored > best.0 {
            best = (scored, pattern.clone());
        }
    }
    Some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_again() {
        let mut table = Table::new(3);
        for n in 0..60 {
            table.add(&[1, 1, 100 + n], 1.0);
        }
        for n in 0..40 {
            table.add(&[2, 2, 200 + n], 1.0);
        }
        let found = clusters(&table, 0.5, 25);
        let found: Vec<_> = found.into_iter().map(|one| (one.pattern, one.weight)).collect();
        assert_eq!(found, [(vec![Some(1), Some(1), None], 60.0), (vec![Some(2), Some(2), None], 40.0)]);
    }

    #[test]
    fn size_weighs_against_detail() {
        let mut table = Table::new(2);
        table.add(&[1, 1], 30.0);
        table.add(&[1, 2], 30.0);
        table.add(&[2, 3], 10.0);
        let first = |weight| clusters(&table, weight, 25).remove(0).pattern;
        assert_eq!(first(0.9), [Some(1), None]);
        assert_eq!(first(0.1).iter().flatten().count(), 2);
    }

    #[test]
    fn nothing_has_no_cluster() {
        assert_eq!(clusters(&Table::new(2), 0.5, 25), []);
    }
}
