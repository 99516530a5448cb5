//! The members of one group's set, as numbers of an [`super::interner::Interner`], in the order they came.

use super::table::Table;

/// Sets up to this size are searched from end to end.
const SEARCHED_MAX: usize = 16;
/// Bits in a word of a bitmap.
const WORD: usize = 64;

#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    ids: Vec<u32>,
    /// The number of each one's row, where rows have an order.
    rows: Vec<i64>,
    index: Index,
}

/// How a member is found.
#[derive(Clone, Debug, Default)]
enum Index {
    #[default]
    Search,
    /// Positions in `ids`.
    Table(Table),
    /// One bit a possible member, for sets that have a good part of them.
    Bits(Vec<u64>),
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// In the order they came.
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The number of each one's row, where rows have an order.
    pub(super) fn rows(&self) -> &[i64] {
        &self.rows
    }

    /// Memory held beyond the value itself, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let index = match &self.index {
            Index::Search => 0,
            Index::Table(table) => table.heap_bytes(),
            Index::Bits(bits) => bits.capacity() * size_of::<u64>(),
        };
        self.ids.capacity() * size_of::<u32>() + self.rows.capacity() * size_of::<i64>() + index
    }

    /// Adds a member; whether it is new.
    #[inline]
    pub(super) fn insert(&mut self, id: u32) -> bool {
        let place = id as usize / WORD;
        let bit = 1 << (id as usize % WORD);
        match &mut self.index {
            Index::Search if self.ids.contains(&id) => return false,
            Index::Search => {}
            Index::Table(table) => match table.find(id, |_| true) {
                Ok(_) => return false,
                Err(slot) if !table.is_full() => {
                    table.put(slot, id, self.ids.len() as u32);
                }
                // it may be time for a bitmap
                Err(_) => return self.insert_and_index(id),
            },
            Index::Bits(bits) => match bits.get_mut(place) {
                Some(word) if *word & bit != 0 => return false,
                Some(word) => *word |= bit,
                None => return self.insert_and_index(id),
            },
        }
        self.ids.push(id);
        if matches!(self.index, Index::Search) && self.ids.len() > SEARCHED_MAX {
            self.make_index();
        }
        true
    }

    fn insert_and_index(&mut self, id: u32) -> bool {
        self.ids.push(id);
        self.make_index();
        true
    }

    /// Adds a member of a row; whether it is new. One that is not keeps the lower row number.
    pub(super) fn insert_row(&mut self, id: u32, row: i64) -> bool {
        let found = match &mut self.index {
            Index::Table(table) => match table.find(id, |_| true) {
                Ok(at) => Some(at as usize),
                Err(slot) => {
                    table.put(slot, id, self.ids.len() as u32);
                    None
                }
            },
            _ => self.ids.iter().position(|known| *known == id),
        };
        if let Some(at) = found {
            self.rows[at] = self.rows[at].min(row);
            return false;
        }
        self.ids.push(id);
        self.rows.push(row);
        if matches!(self.index, Index::Search) && self.ids.len() > SEARCHED_MAX {
            self.index = Index::Table(self.table());
        }
        true
    }

    /// A bitmap where that takes less room than a table, which has two to four slots a member.
    fn make_index(&mut self) {
        let words = self.ids.iter().max().map_or(0, |most| *most as usize / WORD + 1);
        self.index = if words <= self.ids.len() * 2 {
            // some room for numbers that are yet to come
            let mut bits = vec![0_u64; words.next_power_of_two()];
            for id in &self.ids {
                bits[*id as usize / WORD] |= 1 << (*id as usize % WORD);
            }
            Index::Bits(bits)
        } else {
            Index::Table(self.table())
        };
    }

    fn table(&self) -> Table {
        let mut table = Table::default();
        for (at, id) in self.ids.iter().enumerate() {
            if let Err(slot) = table.find(*id, |_| true) {
                table.put(slot, *id, at as u32);
            }
        }
        table
    }

    /// Positions by row number; as they came, where those are equal or rows have no order.
    pub(super) fn in_order(&self) -> Vec<u32> {
        if self.rows.is_empty() {
            return self.ids.clone();
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|at| self.rows[*at]);
        order.into_iter().map(|at| self.ids[at]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_member_once_whatever_finds_it() {
        // few, dense, sparse, and sparse after dense
        for (count, step) in [(10, 1), (10, 100_000), (3_000, 1), (3_000, 1_000), (300, 7)] {
            let mut set = Members::default();
            for round in 0..3 {
                let new = (0..count).filter(|n| set.insert(n * step)).count();
                assert_eq!(new, if round == 0 { count as usize } else { 0 }, "{count} {step}");
            }
            assert_eq!(set.in_order(), (0..count).map(|n| n * step).collect::<Vec<_>>());
            assert!(set.heap_bytes() <= count as usize * 60 + 256, "{}", set.heap_bytes());
            assert!(set.insert(4_000_000_000));
            assert!(!set.insert(4_000_000_000));
            assert!(set.insert(3_999_999_999));
            assert_eq!((0..count).filter(|n| set.insert(n * step)).count(), 0);
            assert!(set.heap_bytes() <= count as usize * 90 + 512, "{}", set.heap_bytes());
        }
    }

    #[test]
    fn members_of_rows_keep_the_lowest_row() {
        let mut set = Members::default();
        for round in 0..3 {
            for n in 0..100_u32 {
                set.insert_row(n % 37, 1_000 * round + 200 - i64::from(n));
            }
        }
        assert_eq!(set.len(), 37);
        assert_eq!(set.in_order()[0], 25);
        assert_eq!(set.rows()[25], 101);
    }
}
