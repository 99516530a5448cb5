//! Patterns in RE2's syntax, as real queries write them, made those of the `regex` crate.
//!
//! The two differ where RE2 takes a character for itself: `{` that begins no repetition, `[` inside a class, `\<`,
//! `&&` in a class. The rules are those of RE2's syntax page (<https://github.com/google/re2/wiki/Syntax>).

/// The same pattern for the `regex` crate. A pattern that is wrong in RE2 stays wrong.
pub(crate) fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut class = Class::Outside;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match (c, class) {
            ('\\', _) => escape(after, &mut out),
            ('[', Class::Outside) => {
                out.push('[');
                class = Class::First;
                let negated = after.strip_prefix('^');
                if negated.is_some() {
                    out.push('^');
                }
                negated.unwrap_or(after)
            }
            ('{', Class::Outside) => {
                if !begins_repetition(after) {
                    out.push('\\');
                }
                out.push('{');
                after
            }
            // at once after `[` it is a member
            (']', Class::Inside) => {
                out.push(']');
                class = Class::Outside;
                after
            }
            ('[', _) => match named_class(after) {
                Some(length) => {
                    out.push('[');
                    out.push_str(&after[..length]);
                    class = Class::Inside;
                    &after[length..]
                }
                None => {
                    out.push_str("\\[");
                    class = Class::Inside;
                    after
                }
            },
            (c, Class::First | Class::Inside) => {
                // `&&` and `~~` are operators to the crate
                if matches!(c, '&' | '~' | ']') {
                    out.push('\\');
                }
                out.push(c);
                class = Class::Inside;
                after
            }
            (c, Class::Outside) => {
                out.push(c);
                after
            }
        };
        if c == '\\' && class == Class::First {
            class = Class::Inside;
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    /// Nothing of the class was read yet.
    First,
    Inside,
}

/// Writes what stands behind a backslash, and gives what follows it.
fn escape<'a>(after: &'a str, out: &mut String) -> &'a str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let behind = &after[c.len_utf8()..];
    match c {
        '<' | '>' => out.push(c),
        '0' => {
            let digits = behind.bytes().take(2).take_while(|digit| (b'0'..=b'7').contains(digit)).count();
            let code = u32::from_str_radix(&after[..=digits], 8).unwrap_or(0);
            out.push_str(&format!("\\x{{{code:x}}}"));
            return &behind[digits..];
        }
        'Q' => {
            let (literal, next) = behind.split_once("\\E").unwrap_or((behind, ""));
            out.push_str(&regex_syntax::escape(literal));
            return next;
        }
        // the braces belong to the escape: `\p{L}`, `\x{41}`, `\b{start}`
        'p' | 'P' | 'x' | 'u' | 'U' | 'b' => {
            out.extend(['\\', c]);
            let inside =
                behind.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(inside, _)| inside);
            if let Some(inside) = inside.filter(|inside| c != 'b' || WORD_EDGES.contains(inside)) {
                let length = inside.len() + 2;
                out.push_str(&behind[..length]);
                return &behind[length..];
            }
        }
        c => out.extend(['\\', c]),
    }
    behind
}

/// What may stand in the braces of `\b{…}`; other braces there are literal ones or a repetition.
const WORD_EDGES: &[&str] = &["start", "end", "start-half", "end-half"];

/// Whether what follows a `{` makes it a repetition: `3}`, `3,}` or `3,5}`.
fn begins_repetition(after: &str) -> bool {
    let Some((inside, _)) = after.split_once('}') else { return false };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match inside.split_once(',') {
        Some((least, most)) => number(least) && (most.is_empty() || number(most)),
        None => number(inside),
    }
}

/// The length of `:alpha:]`, when that follows a `[` inside a class.
fn named_class(after: &str) -> Option<usize> {
    let end = after.strip_prefix(':')?.find(":]")?;
    let name = &after[1..=end];
    let name = name.strip_prefix('^').unwrap_or(name);
    name.bytes().all(|byte| byte.is_ascii_lowercase()).then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_re2() {
        for (pattern, translation, text, found) in [
            ("{(.*)}", r"\{(.*)}", "a{b}c", Some("{b}")),
            (r"v{\d+}", r"v\{\d+}", "v{12}", Some("v{12}")),
            ("a{2}b{1,}c{1,2}", "a{2}b{1,}c{1,2}", "aabcc", Some("aabcc")),
            ("[0-9]{1-3}+", r"[0-9]\{1-3}+", "7{1-3}", Some("7{1-3}")),
            ("[[]", r"[\[]", "a[", Some("[")),
            (r#"[[",\]]+"#, r#"[\[",\]]+"#, r#"x["],"#, Some(r#"["],"#)),
            ("[]a]+", r"[\]a]+", "x]a", Some("]a")),
            ("[^]a]+", r"[^\]a]+", "]ab]", Some("b")),
            ("[[:alpha:]_]+", "[[:alpha:]_]+", "1a_b2", Some("a_b")),
            ("[a&&b]+", r"[a\&\&b]+", "a&b", Some("a&b")),
            (r"\<b\>", "<b>", "a<b>", Some("<b>")),
            (r"[\<\>]+", "[<>]+", "a<>", Some("<>")),
            (r"\0", r"\x{0}", "a\0b", Some("\0")),
            (r"\012", r"\x{a}", "a\nb", Some("\n")),
            (r"\Qa.b\E+", r"a\.b+", "a.bb", Some("a.bb")),
            (r"\\{2}", r"\\{2}", r"a\\b", Some(r"\\")),
            (r"\p{L}{2}", r"\p{L}{2}", "1äb", Some("äb")),
            (r"[\p{Lu}\P{L}]+", r"[\p{Lu}\P{L}]+", "aB1c", Some("B1")),
            (r"\pL+", r"\pL+", "1ab", Some("ab")),
            (r"\x{41}{2}", r"\x{41}{2}", "xAA", Some("AA")),
            (r"\b{start}b", r"\b{start}b", "ab b", Some("b")),
            ("äöü[äö]", "äöü[äö]", "äöüö", Some("äöüö")),
        ] {
            assert_eq!(translated(pattern), translation);
            let regex = regex::Regex::new(translation).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert_eq!(regex.find(text).map(|found| found.as_str()), found, "{pattern}");
        }
    }

    #[test]
    fn what_is_wrong_in_re2_stays_wrong() {
        for pattern in ["(", "[a", "a)", "*a", r"\", r"\1", "[z-a]", "a{2000000}"] {
            assert!(regex::Regex::new(&translated(pattern)).is_err(), "{pattern}");
        }
    }
}
