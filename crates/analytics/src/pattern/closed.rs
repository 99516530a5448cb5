//! Frequent patterns, each as specific as the rows that meet it allow: a pattern that could restrict one more
//! column without losing a row is not listed, only the one that does.
//!
//! They are enumerated without duplicates by prefix-preserving closure extension (Uno, Asai, Uchida, Arimura:
//! LCM, 2003): a pattern is extended by one value and closed, and kept only if the closing added nothing in
//! front of that value.

use std::collections::BTreeMap;

use super::{Found, NO_VALUE, Pattern, Table};

/// Bounds of an enumeration.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Extensions of a pattern; columns that come along by themselves are not counted.
    pub dimensions: usize,
    pub patterns: usize,
}

/// The patterns with at least one value whose rows weigh `least` or more, heaviest first. `None` when there
/// are more than the limits allow.
pub fn frequent(table: &Table, least: f64, limits: Limits) -> Option<Vec<Found>> {
    let mut found = Vec::new();
    let complete = walk(table, limits, &mut |_, weight| weight >= least, &mut |pattern, weight| {
        found.push(Found { pattern: pattern.clone(), weight });
    });
    found.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| b.pattern.cmp(&a.pattern)));
    complete.then_some(found)
}

/// Calls `seen` with every closed pattern that restricts something and that `enough` takes, given its rows
/// and their weight; what `enough` refuses is not extended. `false` when the limits ended it.
pub(super) fn walk(
    table: &Table,
    limits: Limits,
    enough: &mut dyn FnMut(&[u32], f64) -> bool,
    seen: &mut dyn FnMut(&Pattern, f64),
) -> bool {
    let all: Vec<u32> = (0..table.len() as u32).collect();
    if all.is_empty() {
        return true;
    }
    let pattern = closure(table, &all);
    let mut walk = Walk { table, limits, enough, seen, left: limits.patterns };
    let weight = table.total();
    if pattern.iter().any(Option::is_some) {
        if !(walk.enough)(&all, weight) {
            return true;
        }
        (walk.seen)(&pattern, weight);
    }
    walk.extend(&pattern, &all, 0, limits.dimensions)
}

struct Walk<'a> {
    table: &'a Table,
    limits: Limits,
    enough: &'a mut dyn FnMut(&[u32], f64) -> bool,
    seen: &'a mut dyn FnMut(&Pattern, f64),
    left: usize,
}

impl Walk<'_> {
    /// Extends a closed pattern by values of the columns from `from` on.
    fn extend(&mut self, pattern: &Pattern, rows: &[u32], from: usize, depth: usize) -> bool {
        if depth == 0 {
            return true;
        }
        for column in from..self.table.width {
            if pattern[column].is_some() {
                continue;
            }
            let mut by_value: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            for row in rows {
                let value = self.table.row(*row as usize)[column];
                if value != NO_VALUE {
                    by_value.entry(value).or_default().push(*row);
                }
            }
            for rows in by_value.into_values() {
                let weight = rows.iter().map(|row| self.table.weights[*row as usize]).sum();
                if !(self.enough)(&rows, weight) {
                    continue;
                }
                let closed = closure(self.table, &rows);
                if closed[..column] != pattern[..column] {
                    continue;
                }
                if self.left == 0 {
                    return false;
                }
                self.left -= 1;
                (self.seen)(&closed, weight);
                if !self.extend(&closed, &rows, column + 1, depth - 1) {
                    return false;
                }
            }
        }
        debug_assert!(self.left <= self.limits.patterns);
        true
    }
}

/// The values that all rows share.
fn closure(table: &Table, rows: &[u32]) -> Pattern {
    let Some((first, others)) = rows.split_first() else { return vec![None; table.width] };
    let shared = |value: &u32| (*value != NO_VALUE).then_some(*value);
    let mut pattern: Pattern = table.row(*first as usize).iter().map(shared).collect();
    for row in others {
        let mut any = false;
        for (wanted, value) in pattern.iter_mut().zip(table.row(*row as usize)) {
            if wanted.is_some_and(|wanted| wanted != *value) {
                *wanted = None;
            }
            any |= wanted.is_some();
        }
        if !any {
            break;
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&[u32], f64)]) -> Table {
        let mut table = Table::new(rows[0].0.len());
        rows.iter().for_each(|(row, weight)| table.add(row, *weight));
        table
    }

    const LIMITS: Limits = Limits { dimensions: 5, patterns: 1000 };

    #[test]
    fn patterns_are_as_specific_as_their_rows() {
        // value 1 of the first column always comes with value 7 of the second
        let table = table(&[(&[1, 7, 1], 4.0), (&[1, 7, 2], 2.0), (&[2, 7, 2], 3.0), (&[2, 8, 3], 1.0)]);
        let found = frequent(&table, 3.0, LIMITS).unwrap();
        let found: Vec<_> = found.into_iter().map(|one| (one.pattern, one.weight)).collect();
        assert_eq!(
            found,
            [
                (vec![None, Some(7), None], 9.0),
                (vec![Some(1), Some(7), None], 6.0),
                (vec![None, Some(7), Some(2)], 5.0),
                (vec![Some(2), None, None], 4.0),
                (vec![Some(1), Some(7), Some(1)], 4.0),
                (vec![Some(2), Some(7), Some(2)], 3.0),
            ]
        );
    }

    #[test]
    fn absent_values_take_no_part() {
        let table = table(&[(&[NO_VALUE, 1], 5.0), (&[NO_VALUE, 2], 1.0)]);
        let found = frequent(&table, 1.0, LIMITS).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|one| one.pattern[0].is_none()));
    }

    #[test]
    fn too_many_patterns_are_refused() {
        let mut table = Table::new(10);
        for n in 0..200_u32 {
            table.add(&(0..10).map(|column| 1 + (n >> (column % 7)) % 2).collect::<Vec<_>>(), 1.0);
        }
        assert_eq!(frequent(&table, 1.0, Limits { dimensions: 5, patterns: 20 }), None);
    }

    #[test]
    fn nothing_has_no_pattern() {
        assert_eq!(frequent(&Table::new(3), 1.0, LIMITS), Some(Vec::new()));
    }
}
