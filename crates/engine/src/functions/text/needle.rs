//! Searching one text in many, ASCII case ignored.
//!
//! The two bytes of the needle that are rarest in logs are looked for together, at sixteen or thirty-two
//! places at once: plain loops that compile to vector instructions. Only where both are found is the
//! whole needle compared. This passes over what does not match at several gigabytes a second, where
//! lowering every subject first, or stopping at each occurrence of the needle's first letter, does not.

/// Bytes of command lines, paths and names, the most frequent first. All others are rarer.
const FREQUENT: &[u8] = b"e taoinsrlcdmpuhg\\/.-0123456789fbwyvx:_k\"j=,zq";

/// Places that are looked at together.
const WIDE: usize = 32;
const NARROW: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Needle {
    lower: String,
    /// Where in the needle its two rarest bytes are.
    first: usize,
    second: usize,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let lower = text.to_lowercase();
        let bytes = lower.as_bytes();
        let rarity = |at: &usize| FREQUENT.iter().position(|byte| *byte == bytes[*at]).unwrap_or(usize::MAX);
        let first = (0..lower.len()).max_by_key(rarity).unwrap_or(0);
        let second = (0..lower.len()).filter(|at| *at != first).max_by_key(rarity).unwrap_or(first);
        Self { lower, first, second }
    }

    /// The needle in lower case.
    pub(super) fn text(&self) -> &str {
        &self.lower
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lower.is_empty()
    }

    pub(super) fn is_ascii(&self) -> bool {
        self.lower.is_ascii()
    }

    /// Whether a text outside ASCII could have the needle although its ASCII letters do not spell it: when
    /// the needle is not ASCII, or has a letter that a letter outside ASCII becomes when lowered (the
    /// Kelvin sign and the dotted capital I).
    pub(super) fn may_need_lowering(&self) -> bool {
        !self.lower.is_ascii() || self.lower.bytes().any(|byte| matches!(byte, b'k' | b'i'))
    }

    /// The first occurrence at or behind `from`.
    pub(super) fn find(&self, subject: &[u8], from: usize) -> Option<usize> {
        let rest = subject.get(from..)?;
        let places = (rest.len() + 1).checked_sub(self.lower.len())?;
        if self.is_empty() {
            return Some(from);
        }
        let lower = self.lower.as_bytes();
        let (x, y) = (lower[self.first] | 0x20, lower[self.second] | 0x20);
        let (a, b) = (&rest[self.first..self.first + places], &rest[self.second..self.second + places]);
        let mut at = 0;
        while places - at >= WIDE {
            if both::<WIDE>(&a[at..], &b[at..], x, y)
                && let Some(found) = self.compare(rest, at, at + WIDE)
            {
                return Some(from + found);
            }
            at += WIDE;
        }
        while places - at >= NARROW {
            if both::<NARROW>(&a[at..], &b[at..], x, y)
                && let Some(found) = self.compare(rest, at, at + NARROW)
            {
                return Some(from + found);
            }
            at += NARROW;
        }
        // The last few places: again with some before them, where there are any.
        if at < places && places >= NARROW {
            let back = places - NARROW;
            if !both::<NARROW>(&a[back..], &b[back..], x, y) {
                return None;
            }
        }
        self.compare(rest, at, places).map(|found| from + found)
    }

    fn compare(&self, rest: &[u8], from: usize, to: usize) -> Option<usize> {
        let lower = self.lower.as_bytes();
        let (first, x, length) = (self.first, lower[self.first], lower.len());
        (from..to).find(|at| {
            rest[at + first].eq_ignore_ascii_case(&x) && rest[*at..at + length].eq_ignore_ascii_case(lower)
        })
    }
}

/// Whether at some of `N` places `a` has `x` and `b` has `y`, apart from the bit that tells case.
fn both<const N: usize>(a: &[u8], b: &[u8], x: u8, y: u8) -> bool {
    let (Some(a), Some(b)) = (a.first_chunk::<N>(), b.first_chunk::<N>()) else { return true };
    let mut found = 0_u8;
    for at in 0..N {
        found |= u8::from(a[at] | 0x20 == x) & u8::from(b[at] | 0x20 == y);
    }
    found != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_plain_search_finds_at_every_place() {
        let needles = ["a", "kat", "MIMIKATZ", "x.y", "zz", "@"];
        for length in 0..120 {
            for needle in needles {
                for at in 0..=length {
                    let subject =
                        format!("{}{}{}", "q".repeat(at), needle.to_uppercase(), "`".repeat(length - at));
                    let plain = subject.to_lowercase().find(&needle.to_lowercase());
                    assert_eq!(
                        Needle::new(needle).find(subject.as_bytes(), 0),
                        plain,
                        "{needle} in {subject}"
                    );
                }
                let without = "qwertyuiop".repeat(12)[..length].to_owned();
                assert_eq!(Needle::new(needle).find(without.as_bytes(), 0), without.find(needle));
            }
        }
    }

    #[test]
    fn finds_later_occurrences_too() {
        let needle = Needle::new("ab");
        assert_eq!(needle.find(b"abxABxab", 1), Some(3));
        assert_eq!(needle.find(b"abxABxab", 7), None);
        assert_eq!(Needle::new("").find(b"abc", 2), Some(2));
        assert_eq!(needle.find(b"a", 0), None);
    }
}
