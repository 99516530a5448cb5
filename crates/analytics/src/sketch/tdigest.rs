//! Percentiles of many values from a few hundred: a merging t-digest (Dunning, arXiv:1902.04023).
//!
//! Neighbouring values become centroids, small ones near both ends, so that the 99.9th percentile is as
//! good as the median. Up to [`EXACT_MAX`] different values are kept as they are, with how often each
//! occurred; percentiles are then exact, by nearest rank.

use std::f64::consts::PI;

/// Different values that are kept apart before they are summarised.
const EXACT_MAX: usize = 1024;
/// Values that wait to be summarised together: sorting many at once is cheaper than placing each.
const WAITING_MAX: usize = 2048;
/// The same of values that occurred once, which take half the room.
const SINGLES_MAX: usize = 4096;
/// How fine a summary is: about as many centroids are left. The error of a rank is at most
/// pi / (2 * COMPRESSION) in the middle, and shrinks to nothing at the ends.
const COMPRESSION: f64 = 400.0;

/// A mean and the weight of the values it stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Centroid {
    pub mean: f64,
    pub weight: f64,
}

/// A summary of numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TDigest {
    /// In order of their means.
    centroids: Vec<Centroid>,
    /// Added since; not in order.
    waiting: Vec<Centroid>,
    /// Values that were added since and occurred once, by [`ordered`].
    singles: Vec<i64>,
    /// Some centroid stands for different values.
    summarised: bool,
    min: f64,
    max: f64,
}

impl TDigest {
    /// Adds a value that occurred `weight` times. What is no number, or has no weight, is passed over.
    pub fn add(&mut self, value: f64, weight: f64) {
        if value.is_nan() || weight.is_nan() || weight <= 0.0 {
            return;
        }
        let value = value.clamp(f64::MIN, f64::MAX);
        if self.is_empty() {
            (self.min, self.max) = (value, value);
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if weight == 1.0 {
            self.singles.push(ordered(value.to_bits() as i64));
        } else {
            self.waiting.push(Centroid { mean: value, weight });
        }
        self.settle_many();
    }

    fn settle_many(&mut self) {
        if self.waiting.len() >= WAITING_MAX || self.singles.len() >= SINGLES_MAX {
            self.settle();
        }
    }

    /// Adds the values of another digest.
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            (self.min, self.max) = (other.min, other.max);
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.summarised |= other.summarised;
        self.waiting.extend(other.centroids.iter().chain(&other.waiting));
        self.singles.extend(&other.singles);
        self.settle_many();
    }

    /// Whether no value was added.
    pub fn is_empty(&self) -> bool {
        self.centroids.is_empty() && self.nothing_waits()
    }

    fn nothing_waits(&self) -> bool {
        self.waiting.is_empty() && self.singles.is_empty()
    }

    /// Memory held beyond the value itself, in bytes.
    pub fn heap_bytes(&self) -> usize {
        (self.centroids.capacity() + self.waiting.capacity()) * size_of::<Centroid>()
            + self.singles.capacity() * size_of::<i64>()
    }

    /// Brings the waiting values in order and, when there are too many, into fewer centroids.
    pub fn settle(&mut self) {
        if self.nothing_waits() {
            return;
        }
        // Stable sorts make use of runs that are in order already, as those of clustered files are.
        if !self.singles.is_empty() {
            self.singles.sort();
            self.centroids = united(self.centroids.iter().copied(), grouped(&self.singles));
            self.singles.clear();
        }
        if !self.waiting.is_empty() {
            self.waiting.sort_by(|a, b| a.mean.total_cmp(&b.mean));
            self.centroids = united(self.centroids.iter().copied(), self.waiting.iter().copied());
            self.waiting.clear();
        }
        if self.centroids.len() > EXACT_MAX {
            self.summarised = true;
        }
        if self.summarised {
            self.centroids = summarised(&self.centroids);
        }
    }

    /// How many values were added, by weight.
    pub fn total(&self) -> f64 {
        let weights = self.centroids.iter().chain(&self.waiting).map(|centroid| centroid.weight);
        weights.sum::<f64>() + self.singles.len() as f64
    }

    /// The value that `percent` of all values are at or below. Call [`Self::settle`] first.
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        debug_assert!(self.nothing_waits(), "settled before it is asked");
        let rank = percent.clamp(0.0, 100.0) / 100.0 * self.total();
        if self.summarised { self.interpolated(rank) } else { self.nearest(rank) }
    }

    fn nearest(&self, rank: f64) -> Option<f64> {
        let mut sum = 0.0;
        let reaches = |centroid: &&Centroid| {
            sum += centroid.weight;
            sum >= rank
        };
        self.centroids.iter().find(reaches).or(self.centroids.last()).map(|centroid| centroid.mean)
    }

    /// Between the middles of two centroids; at the ends, between a middle and the least or greatest value.
    fn interpolated(&self, rank: f64) -> Option<f64> {
        let (mut before, mut at) = (0.0, self.min);
        let mut sum = 0.0;
        for centroid in &self.centroids {
            let middle = sum + centroid.weight / 2.0;
            if rank < middle {
                return Some(between(at, centroid.mean, (rank - before) / (middle - before)));
            }
            (before, at) = (middle, centroid.mean);
            sum += centroid.weight;
        }
        let share = if sum > before { (rank - before) / (sum - before) } else { 1.0 };
        (!self.centroids.is_empty()).then(|| between(at, self.max, share))
    }

    /// About how many values are at or below `value`. Call [`Self::settle`] first.
    pub fn rank(&self, value: f64) -> f64 {
        debug_assert!(self.nothing_waits(), "settled before it is asked");
        if !self.summarised || value >= self.max {
            let below = self.centroids.iter().take_while(|centroid| centroid.mean <= value);
            return below.map(|centroid| centroid.weight).sum();
        }
        if value < self.min {
            return 0.0;
        }
        let (mut before, mut at) = (0.0, self.min);
        let mut sum = 0.0;
        for centroid in &self.centroids {
            let middle = sum + centroid.weight / 2.0;
            if value < centroid.mean {
                return before + (middle - before) * (value - at) / (centroid.mean - at);
            }
            (before, at) = (middle, centroid.mean);
            sum += centroid.weight;
        }
        before + (sum - before) * (value - at) / (self.max - at)
    }

    /// The settled centroids, whether any stands for different values, and the least and greatest value.
    pub fn parts(&self) -> (&[Centroid], bool, f64, f64) {
        debug_assert!(self.nothing_waits(), "settled before it is taken apart");
        (&self.centroids, self.summarised, self.min, self.max)
    }

    /// A digest from its parts. `None` when they are not those of a digest.
    pub fn from_parts(centroids: Vec<Centroid>, summarised: bool, min: f64, max: f64) -> Option<Self> {
        let sound = centroids.iter().all(|c| c.mean.is_finite() && c.weight.is_finite() && c.weight > 0.0)
            && centroids.is_sorted_by(|a, b| a.mean <= b.mean)
            && min.is_finite()
            && max.is_finite();
        sound.then(|| Self { centroids, summarised, min, max, ..Self::default() })
    }

    /// The stored form of a settled digest.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (centroids, summarised, min, max) = self.parts();
        let mut bytes = vec![u8::from(summarised)];
        let numbers = centroids.iter().flat_map(|centroid| [centroid.mean, centroid.weight]);
        bytes.extend([min, max].into_iter().chain(numbers).flat_map(f64::to_le_bytes));
        bytes
    }

    /// Reads the stored form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (summarised, rest) = bytes.split_first()?;
        let (numbers, []) = rest.as_chunks::<8>() else { return None };
        let numbers: Vec<f64> = numbers.iter().map(|number| f64::from_le_bytes(*number)).collect();
        let ([min, max], pairs) = numbers.split_first_chunk::<2>()?;
        let (pairs, []) = pairs.as_chunks::<2>() else { return None };
        let centroids =
            pairs.iter().map(|[mean, weight]| Centroid { mean: *mean, weight: *weight }).collect();
        Self::from_parts(centroids, *summarised == 1, *min, *max)
    }
}

fn between(from: f64, to: f64, share: f64) -> f64 {
    from + (to - from) * share.clamp(0.0, 1.0)
}

/// The bits of a float as a number that is ordered as the float is, and back: negative ones count backwards.
fn ordered(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// Values in order as centroids, each as often as it occurs.
fn grouped(values: &[i64]) -> impl Iterator<Item = Centroid> {
    let groups = values.chunk_by(|a, b| a == b);
    groups
        .map(|group| Centroid { mean: f64::from_bits(ordered(group[0]) as u64), weight: group.len() as f64 })
}

/// Two lists in order as one; equal means become one centroid.
fn united(a: impl Iterator<Item = Centroid>, b: impl Iterator<Item = Centroid>) -> Vec<Centroid> {
    let mut out: Vec<Centroid> = Vec::with_capacity(a.size_hint().0 + b.size_hint().1.unwrap_or(0));
    let (mut a, mut b) = (a.peekable(), b.peekable());
    loop {
        let from_a = match (a.peek(), b.peek()) {
            (Some(left), Some(right)) => left.mean <= right.mean,
            (left, _) => left.is_some(),
        };
        let Some(next) = (if from_a { a.next() } else { b.next() }) else { return out };
        match out.last_mut() {
            Some(last) if last.mean == next.mean => last.weight += next.weight,
            _ => out.push(next),
        }
    }
}

/// Neighbours together as far as the scale allows: a centroid spans at most one step of
/// `COMPRESSION / (2 pi) * asin(2q - 1)`, where `q` is the share of values below.
fn summarised(centroids: &[Centroid]) -> Vec<Centroid> {
    let total: f64 = centroids.iter().map(|centroid| centroid.weight).sum();
    let step = 2.0 * PI / COMPRESSION;
    let limit = |below: f64| {
        let angle = (2.0 * (below / total).min(1.0) - 1.0).asin() + step;
        if angle >= PI / 2.0 { total } else { total * (angle.sin() + 1.0) / 2.0 }
    };
    let mut out: Vec<Centroid> = Vec::with_capacity(COMPRESSION as usize);
    let (mut below, mut most) = (0.0, limit(0.0));
    for next in centroids {
        match out.last_mut() {
            Some(last) if below + last.weight + next.weight <= most => {
                last.weight += next.weight;
                last.mean += (next.mean - last.mean) * (next.weight / last.weight);
            }
            last => {
                below += last.map_or(0.0, |last| last.weight);
                most = limit(below);
                out.push(*next);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = f64>) -> TDigest {
        let mut digest = TDigest::default();
        values.for_each(|value| digest.add(value, 1.0));
        digest.settle();
        digest
    }

    /// Numbers 0 to `n` in an order that is neither sorted nor random.
    fn shuffled(n: u64) -> impl Iterator<Item = f64> {
        (0..n).map(move |at| (at.wrapping_mul(7_368_787) % n) as f64)
    }

    #[test]
    fn few_values_are_exact_however_often_they_occur() {
        let digest = of((0..1_000_000).map(|n| f64::from(n % 100 + 1)));
        for percent in [1.0, 50.0, 95.0, 99.0, 100.0] {
            assert_eq!(digest.percentile(percent), Some(percent));
        }
        assert_eq!(digest.percentile(0.0), Some(1.0));
        assert_eq!((digest.rank(0.0), digest.rank(25.5), digest.rank(200.0)), (0.0, 250_000.0, 1e6));
        assert_eq!(TDigest::default().percentile(50.0), None);
    }

    #[test]
    fn many_values_are_close_and_closest_at_the_ends() {
        let n = 1_000_003;
        let digest = of(shuffled(n));
        assert!(digest.parts().0.len() < 500);
        for (percent, error) in [(0.1, 0.0005), (1.0, 0.001), (50.0, 0.005), (99.0, 0.001), (99.9, 0.0005)] {
            let got = digest.percentile(percent).unwrap() / n as f64;
            assert!((got - percent / 100.0).abs() < error, "{percent}: {got}");
            let rank = digest.rank(percent / 100.0 * n as f64) / n as f64;
            assert!((rank - percent / 100.0).abs() < error, "{percent}: rank {rank}");
        }
        assert_eq!((digest.percentile(0.0), digest.percentile(100.0)), (Some(0.0), Some((n - 1) as f64)));
    }

    #[test]
    fn a_merge_of_parts_is_close_to_the_whole() {
        let n = 200_003;
        let mut merged = TDigest::default();
        for part in 0..7 {
            merged.merge(&of(shuffled(n).skip(part).step_by(7)));
        }
        merged.settle();
        assert_eq!(merged.total(), n as f64);
        let got = merged.percentile(95.0).unwrap() / n as f64;
        assert!((got - 0.95).abs() < 0.003, "{got}");
    }

    #[test]
    fn a_value_added_often_is_the_value_with_that_weight() {
        let values = [-7.5, 0.0, -0.0, f64::MAX, -f64::MAX, 1e-300, 3.0, f64::INFINITY];
        let (mut often, mut once) = (TDigest::default(), TDigest::default());
        for (at, value) in values.into_iter().enumerate() {
            (0..at + 2).for_each(|_| often.add(value, 1.0));
            once.add(value, (at + 2) as f64);
        }
        assert_eq!(often.total(), once.total());
        often.settle();
        once.settle();
        assert_eq!(often.parts(), once.parts());
    }

    #[test]
    fn weights_count_and_nonsense_is_passed_over() {
        let mut digest = TDigest::default();
        for (value, weight) in
            [(10.0, 8.0), (20.0, 6.0), (30.0, 3.0), (40.0, 1.0), (f64::NAN, 1.0), (9.0, 0.0)]
        {
            digest.add(value, weight);
        }
        digest.settle();
        let got = [50.0, 75.0, 99.9].map(|percent| digest.percentile(percent));
        assert_eq!(got, [Some(20.0), Some(20.0), Some(40.0)]);
    }

    #[test]
    fn the_stored_form_reads_back() {
        for digest in [TDigest::default(), of(shuffled(50)), of(shuffled(50_021))] {
            assert_eq!(TDigest::from_bytes(&digest.to_bytes()), Some(digest));
        }
        assert_eq!(TDigest::from_bytes(b"x"), None);
    }
}
