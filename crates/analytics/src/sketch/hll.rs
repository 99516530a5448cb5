//! HyperLogLog: how many distinct values there are, from the longest runs of zero bits in their hashes.
//!
//! A small set keeps its hashes themselves and is counted exactly (but for colliding hashes, one in 2^64
//! pairs). It becomes registers when the hashes would take the same memory, at a sixteenth of the number
//! of registers: 1,024 values at the usual accuracy. From then on as many hashes wait until their registers are
//! raised: the registers of hundreds of sets are far from the processor, and for so many hashes at a time they are
//! fetched once. The estimate is Ertl's improved estimator (arXiv:1702.01284, algorithm 6), which needs no
//! correction tables and is unbiased over the whole range.

use std::borrow::Cow;
use std::f64::consts::LN_2;

/// Index bits for KQL's accuracy levels 0 to 4: relative standard errors of 1.6, 0.8, 0.4, 0.28 and 0.2 %
/// (1.04 / sqrt(2^bits)).
const BITS_OF_LEVEL: [u8; 5] = [12, 14, 16, 17, 18];

/// Version of the stored form.
const FORMAT: u8 = 1;
/// The kind of body that has one byte for each register.
const QUICK: u8 = 2;

/// Memory comes in lines of so many bytes.
const LINE_BYTES: usize = 64;

/// Hashes that are added to a small set before the same ones among them are looked for.
const WAITING_MIN: usize = 32;

/// A set of hashes, by [`super::hash_u64`] and [`super::hash_bytes`].
#[derive(Clone, Debug)]
pub struct Hll {
    bits: u8,
    /// Hashes among `hashes` that are different and in order, at most [`Hll::few_max`]; none with registers.
    settled: u32,
    /// So many hashes are brought in order, or to their registers.
    full: u32,
    /// Those that are settled, then some that were added since, which may be there already. Adding at the end and
    /// settling now and then touches a few lines of memory, where looking each one up would touch one of
    /// hundreds each time, of every group in turn.
    hashes: Vec<u64>,
    /// One register per index; empty while the set is small.
    registers: Box<[u8]>,
}

impl Hll {
    /// An empty set for one of KQL's accuracy levels, 0 to 4.
    pub fn with_accuracy(level: usize) -> Option<Self> {
        BITS_OF_LEVEL.get(level).map(|bits| Self::new(*bits))
    }

    fn new(bits: u8) -> Self {
        let full = WAITING_MIN as u32;
        Self { bits, settled: 0, full, hashes: Vec::new(), registers: Box::default() }
    }

    /// Hashes a small set may hold.
    fn few_max(&self) -> usize {
        1 << (self.bits - 4)
    }

    /// Memory held beyond the value itself, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.hashes.capacity() * size_of::<u64>() + self.registers.len()
    }

    /// Whether the set is large enough to be counted by registers.
    pub fn has_registers(&self) -> bool {
        !self.registers.is_empty()
    }

    /// Adds a value by its hash, if that takes next to nothing and no memory; whether it was added.
    #[inline]
    pub fn insert_quickly(&mut self, hash: u64) -> bool {
        let count = self.hashes.len();
        let has_room = count < self.hashes.capacity() && count + 1 < self.full as usize;
        if has_room {
            // The stored form has no 0; the value that hashes to it shares a hash with another one.
            self.hashes.push(hash.max(1));
        }
        has_room
    }

    /// Adds a value by its hash.
    #[inline]
    pub fn insert(&mut self, hash: u64) {
        if !self.insert_quickly(hash) {
            self.insert_and_settle(hash);
        }
    }

    /// Adds values by their hashes.
    pub fn insert_many(&mut self, hashes: &[u64]) {
        let mut left = hashes;
        while !left.is_empty() {
            let room = (self.full as usize).saturating_sub(self.hashes.len()).max(1);
            let (now, later) = left.split_at(room.min(left.len()));
            self.hashes.extend(now.iter().map(|hash| (*hash).max(1)));
            self.settle_when_full();
            left = later;
        }
    }

    #[cold]
    fn insert_and_settle(&mut self, hash: u64) {
        self.hashes.push(hash.max(1));
        self.settle_when_full();
    }

    fn settle_when_full(&mut self) {
        if self.hashes.len() < self.full as usize {
            return;
        }
        let most = self.few_max();
        let is_large = !self.has_registers() && self.hashes.len() >= most * 2;
        if is_large && surely_more(&self.hashes, most) {
            self.become_many();
        } else {
            self.settle();
        }
    }

    /// Brings what was added in order. What is asked of a set is the same before and after, and quicker after.
    pub fn settle(&mut self) {
        if self.has_registers() {
            raise_all(&mut self.registers, self.bits, &self.hashes);
            self.hashes.clear();
            return;
        }
        if (self.settled as usize) < self.hashes.len() {
            // a stable sort makes use of the part that is in order
            self.hashes.sort();
            self.hashes.dedup();
            self.settled = self.hashes.len() as u32;
        }
        let most = self.few_max();
        if self.settled as usize > most {
            self.become_many();
        } else {
            self.full = (self.settled as usize * 4).clamp(WAITING_MIN, most * 2) as u32;
        }
    }

    /// The set with all that was added where it belongs.
    fn settled(&self) -> Cow<'_, Self> {
        if self.settled as usize == self.hashes.len() {
            return Cow::Borrowed(self);
        }
        let mut set = self.clone();
        set.settle();
        Cow::Owned(set)
    }

    fn become_many(&mut self) {
        if self.has_registers() {
            return;
        }
        self.registers = vec![0; 1 << self.bits].into_boxed_slice();
        raise_all(&mut self.registers, self.bits, &self.hashes);
        self.hashes = Vec::new();
        self.settled = 0;
        self.full = self.few_max() as u32;
    }

    /// Adds the values of another set. The result is as accurate as the less accurate of the two.
    pub fn merge(&mut self, other: &Self) {
        if self.bits > other.bits {
            self.coarsen(other.bits);
        }
        if other.has_registers() {
            self.become_many();
            let coarser;
            let theirs = if other.bits > self.bits {
                coarser = coarsened(&other.registers, other.bits, self.bits);
                &coarser
            } else {
                &other.registers
            };
            highest(&mut self.registers, theirs);
        }
        other.hashes.iter().for_each(|hash| self.insert(*hash));
    }

    fn coarsen(&mut self, bits: u8) {
        if self.has_registers() {
            self.settle();
            self.registers = coarsened(&self.registers, self.bits, bits);
            self.full = 1 << (bits - 4);
        }
        self.bits = bits;
        self.settle();
    }

    /// About how many distinct values were added; exactly, while they are few.
    pub fn count(&self) -> u64 {
        let set = self.settled();
        match set.has_registers() {
            true => estimate(&set.registers, set.bits).round() as u64,
            false => u64::from(set.settled),
        }
    }

    /// The hashes of a small set.
    pub(super) fn hashes(&self) -> Option<Vec<u64>> {
        let set = self.settled();
        (!set.has_registers()).then(|| set.hashes.clone())
    }

    /// The stored form: a version, the index bits, then hashes or six-bit registers. Equal sets have equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let set = self.settled();
        if !set.has_registers() {
            let mut bytes = vec![FORMAT, set.bits, 0];
            bytes.extend(set.hashes.iter().flat_map(|hash| hash.to_le_bytes()));
            return bytes;
        }
        let mut bytes = vec![FORMAT, set.bits, 1];
        for four in set.registers.chunks_exact(4) {
            let packed = four.iter().fold(0_u32, |packed, register| packed << 6 | u32::from(*register));
            bytes.extend_from_slice(&packed.to_be_bytes()[1..]);
        }
        bytes
    }

    /// Appends a form that is larger and quicker to make and to merge than the stored one: registers as they are.
    /// [`Self::merge_quick`] reads it. Call [`Self::settle`] first.
    pub fn write_quick(&self, bytes: &mut Vec<u8>) {
        if self.has_registers() {
            bytes.extend_from_slice(&[FORMAT, self.bits, QUICK]);
            bytes.extend_from_slice(&self.registers);
        } else {
            bytes.extend_from_slice(&[FORMAT, self.bits, 0]);
            bytes.extend(self.hashes.iter().flat_map(|hash| hash.to_le_bytes()));
        }
    }

    /// Bytes that [`Self::write_quick`] appends.
    pub fn quick_bytes(&self) -> usize {
        3 + if self.has_registers() { self.registers.len() } else { self.hashes.len() * size_of::<u64>() }
    }

    /// Adds the values of a set in its quick form. `None`, and nothing added, when the bytes are something else.
    pub fn merge_quick(&mut self, bytes: &[u8]) -> Option<()> {
        let ([FORMAT, bits, kind], body) = bytes.split_first_chunk::<3>()? else { return None };
        match *kind {
            // what partial results have nearly always: the accuracy of the query on both sides
            0 if *bits == self.bits => {
                let (hashes, []) = body.as_chunks::<8>() else { return None };
                for hash in hashes {
                    self.insert(u64::from_le_bytes(*hash));
                }
            }
            QUICK if *bits == self.bits && body.len() == self.registers.len() => {
                highest(&mut self.registers, body);
            }
            _ => self.merge(&Self::from_bytes(bytes)?),
        }
        Some(())
    }

    /// Reads the stored form and the quick one; `None` when the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([FORMAT, bits, kind], body) = bytes.split_first_chunk::<3>()? else { return None };
        if !BITS_OF_LEVEL.contains(bits) {
            return None;
        }
        let mut set = Self::new(*bits);
        match kind {
            0 if body.len() % 8 == 0 && body.len() / 8 <= set.few_max() => {
                let (hashes, _) = body.as_chunks::<8>();
                for hash in hashes {
                    set.insert(u64::from_le_bytes(*hash));
                }
                set.settle();
            }
            1 if body.len() == (1 << bits) / 4 * 3 => {
                let longest = 65 - bits;
                let mut registers = Vec::with_capacity(1 << bits);
                for [a, b, c] in body.as_chunks::<3>().0 {
                    let packed = u32::from_be_bytes([0, *a, *b, *c]);
                    let four = [18, 12, 6, 0].map(|shift| (packed >> shift) as u8 & 63);
                    registers.extend(four.map(|register| register.min(longest)));
                }
                set.become_many();
                set.registers = registers.into_boxed_slice();
            }
            &QUICK if body.len() == 1 << bits => {
                let longest = 65 - bits;
                set.become_many();
                set.registers = body.iter().map(|register| (*register).min(longest)).collect();
            }
            _ => return None,
        }
        Some(set)
    }
}

/// Whether there are surely more than `most` different hashes: by as many of their first bits, which takes a small
/// part of the time that bringing them in order does.
fn surely_more(hashes: &[u64], most: usize) -> bool {
    let mut found = vec![0_u64; 1 << 10];
    let mut different = 0;
    for hash in hashes {
        let first = (hash >> 48) as usize;
        let (word, bit) = (&mut found[first / 64], 1 << (first % 64));
        different += usize::from(*word & bit == 0);
        *word |= bit;
    }
    different > most
}

/// The register that a hash belongs to.
#[inline]
fn place(bits: u8, hash: u64) -> usize {
    (hash >> (64 - bits)) as usize
}

/// One more than the zeros that a hash has behind its index bits.
#[inline]
fn run(bits: u8, hash: u64) -> u8 {
    // The bit below the index bits' place ends a run that would go on forever.
    ((hash << bits) | 1 << (bits - 1)).leading_zeros() as u8 + 1
}

/// Raises the registers of hashes.
fn raise_all(registers: &mut [u8], bits: u8, hashes: &[u64]) {
    if hashes.len() * LINE_BYTES > registers.len() {
        fetch(registers);
    }
    for hash in hashes {
        let run = run(bits, *hash);
        let register = &mut registers[place(bits, *hash)];
        // Seldom: what is written back to memory costs as much again as what is read.
        if *register < run {
            *register = run;
        }
    }
}

/// Reads registers from end to end, so that the processor has them at hand when they are asked for in no order. It
/// sees such a read coming, and so it takes a fifth of the time that waiting for each line in turn does.
fn fetch(registers: &[u8]) {
    let all = registers.iter().step_by(LINE_BYTES).fold(0, |all, register| all | register);
    // nobody wants it, but nobody is to leave it out either
    std::hint::black_box(all);
}

fn highest(mine: &mut [u8], theirs: &[u8]) {
    mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
}

/// Registers as they would be with fewer index bits: the bits that leave the index begin the run.
fn coarsened(registers: &[u8], from: u8, to: u8) -> Box<[u8]> {
    let dropped = from - to;
    let mut coarser = vec![0; 1 << to].into_boxed_slice();
    for (index, register) in registers.iter().enumerate().filter(|(_, register)| **register > 0) {
        let low = index & ((1 << dropped) - 1);
        let run = match low {
            0 => dropped + register,
            _ => dropped - low.ilog2() as u8,
        };
        let register: &mut u8 = &mut coarser[index >> dropped];
        *register = (*register).max(run);
    }
    coarser
}

fn estimate(registers: &[u8], bits: u8) -> f64 {
    let longest = usize::from(64 - bits);
    let mut tally = vec![0_u32; longest + 2];
    for register in registers {
        tally[usize::from(*register)] += 1;
    }
    let m = registers.len() as f64;
    let full = 1.0 - f64::from(tally[longest + 1]) / m;
    let sum = (1..=longest).rev().fold(m * tau(full), |sum, run| 0.5 * (sum + f64::from(tally[run])));
    let sum = sum + m * sigma(f64::from(tally[0]) / m);
    m * m / (2.0 * LN_2 * sum)
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut scale, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * scale;
        scale += scale;
        if sum == before {
            return sum;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut scale, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        scale *= 0.5;
        sum -= (1.0 - x).powi(2) * scale;
        if sum == before {
            return sum / 3.0;
        }
    }
}

/// Equal sets are those of which everything that is asked is the same.
impl PartialEq for Hll {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash_u64;

    /// Hashes that come many at a time make the set that they make one by one, whatever their number.
    #[test]
    fn many_at_a_time_are_as_each_alone() {
        for level in [0, 1] {
            let mut each = Hll::with_accuracy(level).unwrap();
            let mut many = Hll::with_accuracy(level).unwrap();
            let mut from = 0;
            for count in (0..200).chain([1_000, 20_000, 3]) {
                // every third was there before
                let hashes: Vec<u64> =
                    (from..from + count).map(|value| hash_u64(value - value / 3)).collect();
                hashes.iter().for_each(|hash| each.insert(*hash));
                many.insert_many(&hashes);
                assert_eq!(many.count(), each.count(), "{level} {from}");
                from += count;
            }
            assert!(many.has_registers());
            assert_eq!(many.to_bytes(), each.to_bytes());
            let mut zero = Hll::with_accuracy(level).unwrap();
            zero.insert_many(&[0, 0, 1]);
            assert_eq!(zero.count(), 1, "0 is not stored");
        }
    }

    fn of(level: usize, values: std::ops::Range<u64>) -> Hll {
        let mut set = Hll::with_accuracy(level).unwrap();
        for value in values {
            set.insert(hash_u64(value));
        }
        set
    }

    #[test]
    fn small_sets_are_exact() {
        for level in 0..5 {
            assert_eq!(of(level, 0..0).count(), 0);
            assert_eq!(of(level, 0..250).count(), 250);
        }
        assert_eq!(of(1, 0..1024).count(), 1024);
    }

    #[test]
    fn large_sets_are_within_four_standard_errors() {
        for (level, error) in [0.0163, 0.0082, 0.0041, 0.0029, 0.0021].into_iter().enumerate() {
            for size in [1_100_u64, 20_000, 300_000] {
                let got = of(level, 0..size).count() as f64;
                let off = (got - size as f64).abs() / size as f64;
                assert!(off < 4.0 * error, "level {level}, {size}: {got}");
            }
        }
    }

    #[test]
    fn what_waits_for_its_register_counts() {
        // so many that some wait, and one more each time
        for added in 0..40 {
            let set = of(1, 0..5_000 + added * 53);
            assert!(set.has_registers());
            let mut settled = set.clone();
            settled.settle();
            assert!(settled.hashes.is_empty());
            assert_eq!((set.count(), set.to_bytes()), (settled.count(), settled.to_bytes()));
            // one by one, each hash twice and at its register at once
            let mut at_once = settled;
            for value in 0..5_000 + added * 53 {
                at_once.insert(hash_u64(value));
                at_once.settle();
            }
            assert_eq!(at_once, set);
        }
        let waiting = of(1, 0..5_000);
        assert!(!waiting.hashes.is_empty(), "none waits, so that nothing was tried");
        let mut merged = of(0, 0..3);
        merged.merge(&waiting);
        assert_eq!(merged, of(0, 0..5_000));
    }

    #[test]
    fn a_merge_is_the_set_of_all() {
        for (a, b) in [(10, 20), (10, 50_000), (50_000, 10), (50_000, 90_000)] {
            let mut merged = of(1, 0..a);
            merged.merge(&of(1, a / 2..b));
            assert_eq!(merged.count(), of(1, 0..a.max(b)).count(), "{a} {b}");
        }
    }

    #[test]
    fn a_set_has_registers_as_soon_as_it_has_too_many_values() {
        for values in [1_023, 1_024, 1_025, 1_100, 2_048_u64] {
            // each twice, so that there are as many hashes as are looked at
            let mut set = of(1, 0..values);
            (0..values).for_each(|value| set.insert(hash_u64(value)));
            set.settle();
            assert_eq!(set.has_registers(), values > 1_024, "{values}");
            assert_eq!(set, of(1, 0..values));
        }
    }

    #[test]
    fn repeated_values_are_counted_once_and_take_no_room() {
        for values in [1, 20, 1_024, 1_025, 3_000_u64] {
            let mut set = Hll::with_accuracy(1).unwrap();
            for n in 0..100_000 {
                set.insert(hash_u64(n * 7 % values));
            }
            assert_eq!(set, of(1, 0..values));
            assert!(
                set.heap_bytes() <= values.next_power_of_two().clamp(16, 1_024) as usize * 32,
                "{values}"
            );
        }
    }

    #[test]
    fn the_quick_form_merges_as_the_set_does() {
        let sets =
            [of(1, 0..10), of(1, 5..900), of(1, 3..50_000), of(0, 7..9_000), of(0, 0..5), of(2, 0..70_000)];
        for a in &sets {
            for b in &sets {
                let (mut whole, mut quick, mut bytes) = (a.clone(), a.clone(), Vec::new());
                whole.merge(b);
                let mut b = b.clone();
                b.settle();
                b.write_quick(&mut bytes);
                assert_eq!(quick.merge_quick(&bytes), Some(()));
                assert_eq!(quick.to_bytes(), whole.to_bytes());
            }
        }
        let mut set = of(1, 0..10);
        assert_eq!(set.merge_quick(&[1, 14, 0, 9]), None);
        assert_eq!((set.merge_quick(b"x"), set.count()), (None, 10));
    }

    #[test]
    fn accuracies_merge_to_the_lower_one() {
        let (fine, coarse) = (of(3, 0..60_000), of(0, 0..60_000));
        let mut merged = fine.clone();
        merged.merge(&coarse);
        assert_eq!(merged, coarse);
        let mut merged = coarse.clone();
        merged.merge(&fine);
        assert_eq!(merged, coarse);
        let mut empty = Hll::with_accuracy(0).unwrap();
        empty.merge(&of(4, 0..2_000));
        assert_eq!(empty.bits, 12);
    }

    #[test]
    fn the_stored_form_reads_back() {
        for set in [of(1, 0..0), of(1, 0..100), of(0, 0..5_000), of(4, 0..1_000_000)] {
            let again = Hll::from_bytes(&set.to_bytes()).unwrap();
            assert_eq!((again.count(), again.to_bytes()), (set.count(), set.to_bytes()));
            let (mut quick, mut set) = (Vec::new(), set);
            set.settle();
            set.write_quick(&mut quick);
            assert_eq!(quick.len(), set.quick_bytes());
            assert_eq!(Hll::from_bytes(&quick).unwrap().to_bytes(), set.to_bytes());
        }
        for bad in [
            &b""[..],
            b"x",
            &[1, 14, 2],
            &[1, 14, 3],
            &[1, 13, 0],
            &[1, 14, 1, 0],
            &[1, 14, 0, 1],
            &[2, 14, 0],
        ] {
            assert_eq!(Hll::from_bytes(bad), None);
        }
    }
}
