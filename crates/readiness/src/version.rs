//! Comparing versions by their numbers: `5.10.0-28-amd64` is 5, 10, 0; what follows the numbers does not count.

use std::cmp::Ordering;

/// Longest version that is read; more is not one.
const PARTS_MAX: usize = 8;

/// The leading numbers of a version; empty when it begins with none.
pub fn numbers(version: &str) -> Vec<u64> {
    let mut out = Vec::new();
    for part in version.trim().split('.').take(PARTS_MAX) {
        let digits: &str = &part[..part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len())];
        let Ok(number) = digits.parse() else { break };
        out.push(number);
        if digits.len() < part.len() {
            break;
        }
    }
    out
}

/// Compares two versions; missing parts count as zero. `None` when one of them has no numbers.
pub fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (mut left, mut right) = (numbers(left), numbers(right));
    if left.is_empty() || right.is_empty() {
        return None;
    }
    let length = left.len().max(right.len());
    left.resize(length, 0);
    right.resize(length, 0);
    Some(left.cmp(&right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number_and_ignore_what_follows() {
        for (left, right, order) in [
            ("5.10.0-28-amd64", "5.8", Some(Ordering::Greater)),
            ("4.18.0-553.el8_10.x86_64", "4.18", Some(Ordering::Equal)),
            ("9", "10", Some(Ordering::Less)),
            ("20.04", "18.04", Some(Ordering::Greater)),
            ("10.0.14393", "10.0.14394", Some(Ordering::Less)),
            ("rolling", "1", None),
            ("", "1", None),
            ("99999999999999999999999", "1", None),
        ] {
            assert_eq!(compare(left, right), order, "{left} {right}");
        }
    }
}
