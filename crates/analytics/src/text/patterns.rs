//! The patterns that many texts share: frequent terms stay, the rest becomes `*`.
//!
//! After R. Vaarandi, "A Data Clustering Algorithm for Mining Patterns From Event Logs" (2003). One pass
//! counts each term at each place. A second one writes every text as its frequent terms, with a wildcard
//! for each run of other ones, and counts those; what too few texts share belongs to no pattern.

use std::collections::HashMap;

/// Terms of a text that are looked at; the rest of it is one wildcard.
const TERMS_MAX: usize = 256;

/// A pattern and the texts that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pub text: String,
    pub count: usize,
    /// The first text with this pattern.
    pub representative: usize,
}

/// The patterns of some texts, most frequent first, and the pattern of each text (`None`: of too few).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns {
    pub patterns: Vec<Pattern>,
    pub of: Vec<Option<usize>>,
}

/// A term and what separates it from the one before.
struct Term<'a> {
    before: &'a str,
    text: &'a str,
}

/// Finds patterns that more than `threshold` (a part of one) of the texts share. Terms are runs of ASCII
/// letters and digits, parted by all other characters and by `separators`; those of `separators` next to a
/// wildcard are part of it. `goes_on` is asked every few thousand texts.
///
/// # Errors
/// That of `goes_on`.
pub fn find<E>(
    texts: &[&str],
    threshold: f64,
    separators: &str,
    mut goes_on: impl FnMut() -> Result<(), E>,
) -> Result<Patterns, E> {
    let mut places: HashMap<(usize, &str), usize> = HashMap::new();
    for (at, text) in texts.iter().enumerate() {
        if at % 4096 == 0 {
            goes_on()?;
        }
        for (place, term) in terms(text, separators).into_iter().enumerate() {
            *places.entry((place, term.text)).or_default() += 1;
        }
    }
    // what occurs once is no pattern, however few texts there are
    let least = (threshold * texts.len() as f64).max(1.0);
    let frequent = |count: usize| count as f64 > least;
    let mut patterns: Vec<Pattern> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut of: Vec<Option<usize>> = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        if at % 4096 == 0 {
            goes_on()?;
        }
        let pattern = pattern(text, separators, |place, term| {
            places.get(&(place, term)).is_some_and(|count| frequent(*count))
        });
        of.push(pattern.map(|pattern| {
            let found = *known.entry(pattern).or_insert_with_key(|pattern| {
                patterns.push(Pattern { text: pattern.clone(), count: 0, representative: at });
                patterns.len() - 1
            });
            patterns[found].count += 1;
            found
        }));
    }
    let mut order: Vec<usize> = (0..patterns.len()).filter(|at| frequent(patterns[*at].count)).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&patterns[*a], &patterns[*b]);
        b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text))
    });
    let new: HashMap<usize, usize> = order.iter().enumerate().map(|(to, from)| (*from, to)).collect();
    let of = of.into_iter().map(|found| found.and_then(|found| new.get(&found).copied())).collect();
    let patterns = order.into_iter().map(|at| patterns[at].clone()).collect();
    Ok(Patterns { patterns, of })
}

fn terms<'a>(text: &'a str, separators: &str) -> Vec<Term<'a>> {
    let in_term = |c: char| c.is_ascii_alphanumeric() && !separators.contains(c);
    let mut terms = Vec::new();
    let mut rest = text;
    while terms.len() < TERMS_MAX {
        let start = rest.find(in_term).unwrap_or(rest.len());
        let after = &rest[start..];
        let end = after.find(|c: char| !in_term(c)).unwrap_or(after.len());
        if end == 0 {
            break;
        }
        terms.push(Term { before: &rest[..start], text: &after[..end] });
        rest = &after[end..];
    }
    terms
}

/// A text's frequent terms with `*` for each run of others; `None` when none is frequent.
fn pattern(text: &str, separators: &str, is_frequent: impl Fn(usize, &str) -> bool) -> Option<String> {
    let terms = terms(text, separators);
    let kept: Vec<bool> = terms.iter().enumerate().map(|(at, term)| is_frequent(at, term.text)).collect();
    if !kept.contains(&true) {
        return None;
    }
    let plain = |before: &str| -> String { before.chars().filter(|c| !separators.contains(*c)).collect() };
    let mut pattern = String::new();
    for (at, term) in terms.iter().enumerate() {
        let before_wild = at > 0 && !kept[at - 1];
        match (kept[at], before_wild) {
            (false, true) => {}
            (false, false) => {
                pattern.push_str(&plain(term.before));
                pattern.push('*');
            }
            (true, true) => {
                pattern.push_str(&plain(term.before));
                pattern.push_str(term.text);
            }
            (true, false) => {
                pattern.push_str(term.before);
                pattern.push_str(term.text);
            }
        }
    }
    let written: usize = terms.iter().map(|term| term.before.len() + term.text.len()).sum();
    if kept.last() == Some(&true) {
        pattern.push_str(&text[written..]);
    }
    Some(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], threshold: f64, separators: &str, expected: &[(&str, usize, usize)]) {
        let found = find(texts, threshold, separators, || Ok::<(), ()>(())).unwrap();
        let patterns: Vec<(&str, usize, usize)> = found
            .patterns
            .iter()
            .map(|pattern| (pattern.text.as_str(), pattern.count, pattern.representative))
            .collect();
        assert_eq!(patterns, expected);
        let with_pattern = found.of.iter().flatten().count();
        assert_eq!(with_pattern, expected.iter().map(|(_, count, _)| count).sum::<usize>());
    }

    #[test]
    fn frequent_terms_stay() {
        let texts = ["user anna logged in", "user bert logged in", "user carl logged in", "reboot"];
        check(&texts, 0.5, "", &[("user * logged in", 3, 0)]);
    }

    #[test]
    fn runs_of_other_terms_are_one_wildcard() {
        check(&["get /a/b ok", "get /c ok", "get /d/e/f ok"], 0.4, "", &[("get /*", 3, 0)]);
    }

    #[test]
    fn nothing_in_common() {
        check(&["a1", "a2", "a3"], 0.4, "", &[]);
        check(&[], 0.1, "", &[]);
        check(&["", "!!"], 0.1, "", &[]);
    }

    #[test]
    fn separators_part_terms_and_vanish_into_wildcards() {
        check(&["hostX1", "hostX2", "hostX3"], 0.4, "X", &[("host*", 3, 0)]);
    }

    #[test]
    fn the_most_frequent_pattern_comes_first() {
        let texts = ["b x", "a y", "a z", "a w"];
        check(&texts, 0.3, "", &[("a *", 3, 1)]);
    }
}
