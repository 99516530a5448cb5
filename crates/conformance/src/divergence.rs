//! Where the reference binder's columns are not those the service gives, for every query of a kind.

use std::collections::HashSet;

/// A result's columns as the two sides give them: `(name, type)`.
type Columns = [(String, String)];

/// Characters behind `union` within which its settings are looked for.
const INNER_WITHIN: usize = 100;

/// Why the reference's columns differ although ours are right, if one of the known reasons explains it whole.
/// `texts` are the query and the functions that it reaches.
pub(crate) fn explains(texts: &[&str], wanted: &Columns, ours: &Columns) -> Option<&'static str> {
    let written = |word: &str| texts.iter().any(|text| text.contains(word));
    written("parse")
        .then(|| parse_again(wanted, ours))
        .flatten()
        .or_else(|| written("scan").then(|| match_ids(wanted, ours)).flatten())
        .or_else(|| written("union").then(|| inner_union(texts, wanted, ours)).flatten())
        .or_else(|| written("make-series").then(|| series_of_several(wanted, ours)).flatten())
        .or_else(|| written("diffpatterns").then(|| split_column(wanted, ours)).flatten())
        .or_else(|| written("make-graph").then(|| elements(wanted, ours)).flatten())
}

/// A node or an edge as a column: the reference's own `tuple` is no type that a result has.
fn elements(wanted: &Columns, ours: &Columns) -> Option<&'static str> {
    let alike = |(theirs, mine): (&(String, String), &(String, String))| {
        theirs == mine || theirs.0 == mine.0 && theirs.1 == "tuple" && mine.1 == "dynamic"
    };
    (wanted.len() == ours.len() && wanted.iter().zip(ours).all(alike))
        .then_some("`tuple` is the reference's mark for an element of a graph; as a result it is dynamic")
}

/// `make-series` gives arrays; the reference has the type of one element for aggregates with several results.
fn series_of_several(wanted: &Columns, ours: &Columns) -> Option<&'static str> {
    let alike = |(theirs, mine): (&(String, String), &(String, String))| {
        theirs == mine || theirs.0 == mine.0 && mine.1 == "dynamic"
    };
    (wanted.len() == ours.len() && wanted.iter().zip(ours).all(alike))
        .then_some("the reference gives a series of `make-series` the type of its elements")
}

/// `diffpatterns` leaves out the column that splits the rows, as its page shows; the reference keeps it.
fn split_column(wanted: &Columns, ours: &Columns) -> Option<&'static str> {
    let left_out = |at: usize| wanted[..at].iter().chain(&wanted[at + 1..]).eq(ours);
    (wanted.len() == ours.len() + 1 && (0..wanted.len()).any(left_out))
        .then_some("the reference keeps the column that splits the rows of `diffpatterns`")
}

/// `scan`: the reference shows the column `match_id` without `with_match_id`, which the service does not give.
fn match_ids(wanted: &Columns, ours: &Columns) -> Option<&'static str> {
    let without =
        wanted.iter().filter(|(name, _)| name.trim_end_matches(|c: char| c.is_ascii_digit()) != "match_id");
    (wanted.len() > ours.len() && without.eq(ours))
        .then_some("the reference shows a `match_id` that `scan` was not asked for")
}

/// `union kind=inner` keeps the columns that all its inputs have; the reference keeps all.
fn inner_union(texts: &[&str], wanted: &Columns, ours: &Columns) -> Option<&'static str> {
    let inner = texts.iter().any(|text| {
        text.split("union").skip(1).any(|rest| {
            let head: String = rest.chars().take(INNER_WITHIN).filter(|c| !c.is_whitespace()).collect();
            head.contains("kind=inner")
        })
    });
    let known: HashSet<_> = wanted.iter().collect();
    (inner && wanted.len() > ours.len() && ours.iter().all(|column| known.contains(column))).then_some(
        "the reference keeps all columns of `union kind=inner`, the service those that all inputs have",
    )
}

/// `parse` into a column that is there already: the service gives that column the new value, the reference
/// adds a second one called `name1`.
fn parse_again(wanted: &Columns, ours: &Columns) -> Option<&'static str> {
    let our_names: HashSet<&str> = ours.iter().map(|(name, _)| name.as_str()).collect();
    let mut kept: Vec<(String, String)> = Vec::new();
    let mut changed = false;
    for (name, ty) in wanted {
        let digitless = name.trim_end_matches(|c: char| c.is_ascii_digit());
        // the second column has a number, or the same name where nothing follows
        let again = kept.iter().any(|(known, _)| known == name);
        let base = if again { name } else { digitless };
        let doubled = again || base != name && !our_names.contains(name.as_str());
        if !doubled {
            kept.push((name.clone(), ty.clone()));
            continue;
        }
        changed = true;
        // the first of the two may have been renamed or left out since
        if let Some((_, known)) = kept.iter_mut().find(|(known, _)| known == base) {
            known.clone_from(ty);
        }
    }
    (changed && kept == ours)
        .then_some("the reference adds a second column where `parse` gives one that exists a new value")
}
