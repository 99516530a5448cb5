//! Where the reference binder's columns are not those the service gives, for every query of a kind.

use std::collections::HashSet;

/// A result's columns as the two sides give them: `(name, type)`.
type Columns = [(String, String)];

/// Why the reference's columns differ although ours are right, if one of the known reasons explains it whole.
/// `texts` are the query and the functions that it reaches.
pub(crate) fn explains(texts: &[&str], wanted: &Columns, ours: &Columns) -> Option<&'static str> {
    texts.iter().any(|text| text.contains("parse")).then(|| parse_again(wanted, ours)).flatten()
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
