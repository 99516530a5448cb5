//! How many values several sets have in common.

use std::collections::HashSet;

use super::Hll;

/// About how many values are in all of the sets. Exact while all of them are small; otherwise by inclusion and
/// exclusion, whose error is that of the largest union, so that a small overlap of large sets is a guess.
pub fn intersection(sets: &[Hll]) -> u64 {
    exact(sets).unwrap_or_else(|| {
        let mut sum = 0_i128;
        for_unions(sets, None, 0, &mut |union, size| {
            let count = i128::from(union.count());
            sum += if size % 2 == 1 { count } else { -count };
        });
        let smallest = sets.iter().map(Hll::count).min().unwrap_or(0);
        u64::try_from(sum).unwrap_or(0).min(smallest)
    })
}

fn exact(sets: &[Hll]) -> Option<u64> {
    let (first, others) = sets.split_first()?;
    let mut common: HashSet<u64> = first.hashes()?.into_iter().collect();
    for other in others {
        let hashes: HashSet<u64> = other.hashes()?.into_iter().collect();
        common.retain(|hash| hashes.contains(hash));
    }
    Some(common.len() as u64)
}

/// Calls `seen` with the union of every choice of at least one of the sets, and how many are in it.
fn for_unions(sets: &[Hll], chosen: Option<&Hll>, size: usize, seen: &mut dyn FnMut(&Hll, usize)) {
    for (at, set) in sets.iter().enumerate() {
        let union = match chosen {
            None => set.clone(),
            Some(chosen) => {
                let mut union = chosen.clone();
                union.merge(set);
                union
            }
        };
        seen(&union, size + 1);
        for_unions(&sets[at + 1..], Some(&union), size + 1, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash_u64;

    fn multiples(of: u64, upto: u64) -> Hll {
        let mut set = Hll::with_accuracy(2).unwrap();
        for n in 1..=upto / of {
            set.insert(hash_u64(n * of));
        }
        set
    }

    #[test]
    fn small_sets_are_exact() {
        let sets = [multiples(2, 100), multiples(3, 100), multiples(5, 100)];
        assert_eq!(intersection(&sets[..1]), 50);
        assert_eq!(intersection(&sets[..2]), 16);
        assert_eq!(intersection(&sets), 3);
        assert_eq!(intersection(&[]), 0);
    }

    #[test]
    fn large_sets_are_near() {
        let found = intersection(&[multiples(2, 200_000), multiples(3, 200_000)]);
        assert!(found.abs_diff(33_333) < 2_000, "{found}");
    }
}
