//! A guard in front of the recursive JSON reader: what nests too deep is no JSON here.
//!
//! Texts come from anybody, and the reader that paths and elements are found with calls itself for every level
//! that it skips (sonic-rs 0.5), so a text of brackets would end at the end of the stack, and the process with
//! it. Every use of that reader on data goes through this module.

use std::borrow::Cow;

use memchr::memchr2;
use sonic_rs::{ArrayJsonIter, LazyValue, ObjectJsonIter};

/// Deepest nesting of arrays and bags that is read. Documents in logs have a dozen levels, and uploads with more
/// than 64 are refused.
pub(crate) const DEPTH_MAX: usize = 512;

/// Bytes looked at together: their brackets still fit a byte.
const CHUNK_BYTES: usize = 255;

/// Whether arrays and bags of a JSON text nest deeper than [`DEPTH_MAX`]. What it says holds up to the first
/// mistake in the text, and readers stop there.
pub(crate) fn too_deep(json: &str) -> bool {
    let json = json.as_bytes();
    json.len() > DEPTH_MAX && opening(json) > DEPTH_MAX && nests_too_deep(json)
}

/// How many brackets open, in strings too: one cheap pass that spares almost all texts the careful one.
fn opening(json: &[u8]) -> usize {
    // `[` and `{` differ in this one bit
    let opens = |byte: &u8| u8::from(byte & 0xdf == b'[');
    json.chunks(CHUNK_BYTES).map(|chunk| usize::from(chunk.iter().map(opens).sum::<u8>())).sum()
}

fn nests_too_deep(json: &[u8]) -> bool {
    let (mut depth, mut at) = (0_usize, 0);
    while at < json.len() {
        match json[at] {
            b'"' => at = string_end(json, at + 1),
            b'{' | b'[' if depth == DEPTH_MAX => return true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    false
}

/// The position of the quote that ends a string whose text starts at `from`, or the end of all.
fn string_end(json: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = json.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if json[at] == b'"' {
            return at;
        }
        at += 2;
    }
    json.len()
}

/// The value at the end of a path, as it is written there.
pub(crate) fn get<'j, P: IntoIterator>(json: &'j str, path: P) -> Option<LazyValue<'j>>
where
    P::Item: sonic_rs::Index,
{
    if too_deep(json) { None } else { sonic_rs::get(json, path).ok() }
}

/// The elements of an array; one mistake where there is none to be read.
pub(crate) fn array(json: &str) -> ArrayJsonIter<'_> {
    sonic_rs::to_array_iter(if too_deep(json) { "" } else { json })
}

/// How many elements an array has; `None` where there is none to be read.
pub(crate) fn array_length(json: &str) -> Option<usize> {
    let (mut count, mut end) = (0, 0);
    for element in array(json) {
        let element = element.ok()?;
        // texts of a borrowed array are borrowed from it
        let Cow::Borrowed(text) = element.as_raw_cow() else { return None };
        end = text.as_ptr() as usize + text.len() - json.as_ptr() as usize;
        count += 1;
    }
    is_end_of_array(json, end).then_some(count)
}

/// Whether what follows the last element, which ends at `end`, is the end of the array. Behind an array without
/// elements `end` is 0.
pub(crate) fn is_end_of_array(json: &str, end: usize) -> bool {
    let rest = json[end..].trim();
    rest == "]" || (end == 0 && rest.strip_prefix('[').is_some_and(|rest| rest.trim() == "]"))
}

/// The pairs of a bag; one mistake where there is none to be read.
pub(crate) fn bag(json: &str) -> ObjectJsonIter<'_> {
    sonic_rs::to_object_iter(if too_deep(json) { "" } else { json })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_levels_count() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(!too_deep(&nested(DEPTH_MAX)));
        assert!(too_deep(&nested(DEPTH_MAX + 1)));
        assert!(too_deep(&"{\"a\":".repeat(DEPTH_MAX + 1)));
        assert!(!too_deep(&format!("[{}1]", "[{}],".repeat(10_000))), "beside each other");
        assert!(!too_deep(&format!("[\"\\\"{}\"]", "[".repeat(10_000))), "in a string");
        assert!(too_deep(&format!("[\"\\\\\",{}", "[".repeat(10_000))), "after a string");
        assert!(!too_deep(&"\"\\".repeat(10_000)));
    }

    #[test]
    fn arrays_have_as_many_elements_as_reading_them_gives() {
        let arrays = [
            "[]",
            " [ ] ",
            "[1]",
            "[ [1,2], \"a,b\" ,{\"c\":[3,4]}, null ]",
            "[1,2",
            "[1] 2",
            "[1,]",
            "{}",
            "",
        ];
        for json in arrays {
            let read = super::super::elements(json).map(|all| all.len());
            assert_eq!(array_length(json), read, "{json}");
        }
        assert_eq!(array_length(&format!("{}{}", "[".repeat(600), "]".repeat(600))), None);
    }

    #[test]
    fn readers_find_nothing_in_what_is_too_deep() {
        let deep = format!("{{\"x\":{}", "[".repeat(1_000_000));
        assert!(get(&deep, ["y"]).is_none());
        assert!(bag(&deep).next().is_none_or(|pair| pair.is_err()));
        assert!(array(&"[".repeat(1_000_000)).next().is_none_or(|element| element.is_err()));
        let found = get("{\"a\":{\"b\":[1]}}", ["a", "b"]).unwrap();
        assert_eq!(found.as_raw_str(), "[1]");
    }
}
