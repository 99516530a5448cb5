//! Which values groups have had already, where many groups have the same few thousand values.
//!
//! A value that a group has had changes nothing, but to find that out takes one of the group's thousands of registers,
//! which the processor has seldom at hand. A bit in a small table says the same: accounts, processes and
//! hosts occur in most groups, and then most rows stop here, many of them before they are hashed.

use arrow::buffer::Buffer;

/// Values that are told apart, at most: those that come first, which are the frequent ones.
const VALUES_MAX: usize = 8_192;
/// Twice as many places as values, so that a value is near the place its hash names.
const PLACES: usize = VALUES_MAX * 2;
/// Bits that choose among as many places as there are values.
const RECENT_BITS: u32 = VALUES_MAX.ilog2();
/// No text is as long as this says, and no number is as large.
const NO_VALUE: u128 = u128::MAX;
/// Groups are asked so often before it is judged whether that pays.
const ASKED: u32 = 1 << 18;

/// Numbers values by their hashes. It has room for nothing before the first is asked for.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Hashes at the place that their low bits name, or soon after; 0 where there is none.
    hashes: Vec<u64>,
    /// Number of the hash at each place.
    numbers: Vec<u16>,
    count: usize,
    /// Values as a column has them, which is quicker to see than their hash. Each may be at one of two places, an
    /// even one and the next: with one place only, some of the values that come most would push each other out.
    recent: Vec<u128>,
    /// Number of the value at each place of `recent`.
    recent_numbers: Vec<u16>,
    /// What the texts in `recent` point into: those of one batch. Held, so that nothing else takes their place.
    texts: Vec<Buffer>,
    asked: u32,
    found: u32,
    /// Too few were found.
    useless: bool,
}

/// The values that one group has had, a bit for each.
#[derive(Debug, Default)]
pub(super) struct Seen(Vec<u64>);

impl Known {
    /// Whether it pays, so far as is known, to ask.
    pub(super) fn is_useful(&self) -> bool {
        !self.useless
    }

    /// Prepares for values that are views of texts in `texts`.
    pub(super) fn read_from(&mut self, texts: &[Buffer]) {
        let same = self.texts.len() == texts.len()
            && self.texts.iter().zip(texts).all(|(mine, theirs)| mine.ptr_eq(theirs));
        if !same {
            self.recent.fill(NO_VALUE);
            self.texts.clear();
            if self.is_useful() {
                self.texts.extend_from_slice(texts);
            }
        }
    }

    /// The hash of a value that the group may not have had yet; it has it from now on. Equal values of one column
    /// are equal numbers here, or are taken for different ones.
    #[inline]
    pub(super) fn unseen(&mut self, seen: &mut Seen, value: u128, hash: impl Fn() -> u64) -> Option<u64> {
        if seen.0.is_empty() || self.useless {
            return Some(hash());
        }
        self.asked += 1;
        if self.asked == ASKED {
            self.judge();
            if self.useless {
                return Some(hash());
            }
        }
        let Some(number) = self.number_of(value, &hash) else { return Some(hash()) };
        let (word, bit) = (&mut seen.0[number / 64], 1 << (number % 64));
        if *word & bit > 0 {
            self.found += 1;
            return None;
        }
        *word |= bit;
        Some(hash())
    }

    /// Once it is useless it stays so: the numbers that groups have bits for are forgotten.
    fn judge(&mut self) {
        if self.found < ASKED / 4 {
            *self = Self { useless: true, ..Self::default() };
        }
        (self.asked, self.found) = (0, 0);
    }

    #[inline]
    fn number_of(&mut self, value: u128, hash: impl Fn() -> u64) -> Option<usize> {
        if self.recent.is_empty() {
            self.recent = vec![NO_VALUE; VALUES_MAX];
            self.recent_numbers = vec![0; VALUES_MAX];
        }
        let mixed = ((value >> 64) as u64 ^ value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = (mixed >> (u64::BITS - RECENT_BITS)) as usize & !1;
        if self.recent[place] == value {
            return Some(usize::from(self.recent_numbers[place]));
        }
        if self.recent[place + 1] == value {
            return Some(usize::from(self.recent_numbers[place + 1]));
        }
        let number = self.number_of_hash(hash())?;
        self.recent[place + 1] = self.recent[place];
        self.recent_numbers[place + 1] = self.recent_numbers[place];
        self.recent[place] = value;
        self.recent_numbers[place] = number as u16;
        Some(number)
    }

    fn number_of_hash(&mut self, hash: u64) -> Option<usize> {
        if self.hashes.is_empty() {
            self.hashes = vec![0; PLACES];
            self.numbers = vec![0; PLACES];
        }
        // 0 is an empty place
        let hash = hash.max(1);
        let mut place = hash as usize % PLACES;
        loop {
            match self.hashes[place] {
                found if found == hash => return Some(usize::from(self.numbers[place])),
                0 => break,
                _ => place = (place + 1) % PLACES,
            }
        }
        if self.count == VALUES_MAX {
            return None;
        }
        self.hashes[place] = hash;
        self.numbers[place] = self.count as u16;
        self.count += 1;
        Some(self.count - 1)
    }

    /// Bytes held; but for the texts of a batch.
    pub(super) fn bytes(&self) -> usize {
        self.hashes.capacity() * size_of::<u64>()
            + self.recent.capacity() * size_of::<u128>()
            + (self.numbers.capacity() + self.recent_numbers.capacity()) * size_of::<u16>()
    }
}

impl Seen {
    /// Bytes that a group's bits take.
    pub(super) const BYTES: usize = VALUES_MAX / 8;

    /// Starts to note what the group has; whether it did not before.
    pub(super) fn start(&mut self) -> bool {
        let first = self.0.is_empty();
        if first {
            self.0 = vec![0; VALUES_MAX / 64];
        }
        first
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_analytics::sketch::hash_u64;

    fn unseen(known: &mut Known, group: &mut Seen, value: u64) -> bool {
        let hash = known.unseen(group, u128::from(value), || hash_u64(value));
        assert!(hash.is_none_or(|hash| hash == hash_u64(value)));
        hash.is_some()
    }

    #[test]
    fn only_values_that_were_seen_are() {
        let mut known = Known::default();
        let mut groups = [Seen::default(), Seen::default(), Seen::default()];
        assert!(unseen(&mut known, &mut groups[0], 7) && unseen(&mut known, &mut groups[0], 7));
        assert_eq!(known.bytes(), 0, "nothing is noted before a start");
        assert!(groups[0].start() && groups[1].start() && !groups[0].start());
        assert_eq!((groups[0].bytes(), groups[2].bytes()), (Seen::BYTES, 0));
        for group in groups.iter_mut().take(2) {
            for first in [true, false] {
                for value in 0..VALUES_MAX as u64 {
                    assert_eq!(unseen(&mut known, group, value), first);
                }
            }
        }
        // there is no room for more, so nobody can tell
        for _ in 0..2 {
            assert!(unseen(&mut known, &mut groups[0], 1 << 40));
        }
        assert!(known.is_useful());
    }

    #[test]
    fn views_of_other_texts_are_other_values() {
        let mut known = Known::default();
        let mut group = Seen::default();
        group.start();
        let batches = [Buffer::from(b"one".to_vec()), Buffer::from(b"two".to_vec())];
        for (at, batch) in batches.iter().enumerate() {
            for first in [true, false] {
                known.read_from(std::slice::from_ref(batch));
                let hash = known.unseen(&mut group, 3, || hash_u64(at as u64));
                assert_eq!(hash.is_some(), first, "{at}");
            }
        }
        // the first text again, at the same view
        known.read_from(&batches[..1]);
        assert_eq!(known.unseen(&mut group, 3, || hash_u64(0)), None);
    }

    #[test]
    fn values_that_seldom_repeat_are_given_up_on() {
        let mut known = Known::default();
        let mut group = Seen::default();
        group.start();
        for value in 0..2 * u64::from(ASKED) {
            assert!(unseen(&mut known, &mut group, value));
        }
        assert!(!known.is_useful());
        assert_eq!(known.bytes(), 0);
    }
}
