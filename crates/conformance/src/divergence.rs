//! Where the reference binder's columns are not those the service gives, for every query of a kind.

use std::collections::HashSet;

/// A result's columns as the two sides give them: `(name, type)`.
type Columns = [(String, String)];

/// Why the reference's columns differ although ours are right, if one of the known reasons explains it whole.
pub(crate) fn explains(query: &str, wanted: &Columns, ours: &Columns) -> Option<&'static str> {
    query.contains("parse").then(|| parse_again(wanted, ours)).flatten()
}

/// `parse` into a column that is there already: the service gives that column the new value, the reference
/// adds a second one called `name1`.
fn parse_again(wanted: &Columns, ours: &Columns) -> Option<&'static str> {
    let our_names: HashSet<&str> = ours.iter().map(|(name, _)| name.as_str()).collect();
    let mut kept: Vec<(String, String)> = Vec::new();
    let mut changed = false;
    for (name, ty) in wanted {
        let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let doubled = base != name && !our_names.contains(name.as_str());
        match kept.iter_mut().find(|(known, _)| doubled && known == base) {
            Some((_, known)) => {
                known.clone_from(ty);
                changed = true;
            }
            None => kept.push((name.clone(), ty.clone())),
        }
    }
    (changed && kept == ours)
        .then_some("the reference adds a second column where `parse` gives one that exists a new value")
}
