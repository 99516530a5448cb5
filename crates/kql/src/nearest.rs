//! "Did you mean": the closest of some names to a mistyped one.

/// Names longer than this are not compared, so that hostile names cost nothing.
const LENGTH_MAX: usize = 64;

/// The candidate nearest to `name`, if one is close enough to be meant.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LENGTH_MAX {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let allowed = 1 + lower.len() / 4;
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(lower.len()) <= allowed)
        .map(|candidate| (distance(&lower, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, candidate)| (*distance, *candidate))
        .map(|(_, candidate)| candidate)
}

/// Edits between two texts, by bytes; a swap of neighbours counts as two.
fn distance(left: &str, right: &str) -> usize {
    let right = right.as_bytes();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_near_names_only() {
        assert_eq!(nearest("sumarize", ["summarize", "sort"]), Some("summarize"));
        assert_eq!(nearest("ComputerName", ["Account"]), None);
        assert_eq!(nearest("zzz", ["summarize", "sort"]), None);
    }
}
