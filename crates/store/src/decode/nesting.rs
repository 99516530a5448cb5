//! A guard in front of the parser: refuses bodies that nest too deep, without recursion.

use memchr::memchr2;

use super::malformed;
use crate::error::StoreError;

/// Checks that arrays and objects nest at most `depth_max` deep. What it says about a body holds up to
/// the first syntax error, and the parser stops there.
pub(super) fn check(body: &[u8], depth_max: usize) -> Result<(), StoreError> {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < body.len() {
        match body[at] {
            b'"' => at = string_end(body, at + 1),
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    return Err(malformed(at, format!("values nest more than {depth_max} deep")));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The position of the quote that ends a string whose text starts at `from`, or the body's end.
fn string_end(body: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = body.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if body[at] == b'"' {
            return at;
        }
        at += 2;
    }
    body.len()
}

/// Whether a text begins and ends like a JSON array or object, so that trying to parse it is worth while.
pub(super) fn looks_nested(text: &str) -> bool {
    let text = text.trim().as_bytes();
    matches!((text.first(), text.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_only_outside_strings() {
        assert!(check(br#"[{"a":"[[[[[[","b":"\"[[[["}]"#, 2).is_ok());
        assert!(check(br#"[{"a":"\\"},{"b":[]}]"#, 3).is_ok());
        let error = check(b"[[[", 2).unwrap_err();
        assert!(matches!(error, StoreError::Malformed { position: 2, .. }), "{error}");
    }
}
