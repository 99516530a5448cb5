//! Pairs of keys and values in a text, such as `src=10.0.0.1 dst=10.0.0.2 note="not found"`.
//!
//! Keys and values may be in quotes, where delimiters mean nothing and an escape character takes the next
//! one as it is. White space around keys and values does not belong to them. Time is linear in the text.

/// How the text is built.
#[derive(Clone, Debug, Default)]
pub struct Shape<'a> {
    /// What separates pairs, and what separates a key from its value. Without delimiters, anything that is
    /// neither a letter nor a digit separates.
    pub delimiters: Option<(&'a str, &'a str)>,
    /// Opening and closing quotes.
    pub quotes: Vec<(char, char)>,
    pub escapes: Vec<char>,
    /// A value without quotes goes on, over delimiters of pairs, until the next key.
    pub greedy: bool,
}

/// The pairs of a text, in order.
pub fn pairs(text: &str, shape: &Shape<'_>) -> Vec<(String, String)> {
    match shape.delimiters {
        Some((pair, kv)) if !pair.is_empty() && !kv.is_empty() => delimited(text, pair, kv, shape),
        _ => undelimited(text, shape),
    }
}

fn delimited(text: &str, pair: &str, kv: &str, shape: &Shape<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (key, after) = match quoted(rest, pair, shape) {
            Some((key, after)) => match after.trim_start().strip_prefix(kv) {
                Some(after) => (key, after),
                None => {
                    rest = behind(after, pair);
                    continue;
                }
            },
            None => {
                let Some(at) = rest.find(kv) else { break };
                // a pair delimiter before it ends a word that is no key
                let start = rest[..at].rfind(pair).map_or(0, |from| from + pair.len());
                (rest[start..at].trim().to_owned(), &rest[at + kv.len()..])
            }
        };
        let (value, after) = match quoted(after, pair, shape) {
            Some((value, after)) => (value, behind(after, pair)),
            None => {
                let end = if shape.greedy { next_key(after, pair, kv) } else { after.find(pair) };
                let end = end.unwrap_or(after.len());
                let next = after.get(end + pair.len()..).unwrap_or_default();
                (after[..end].trim().to_owned(), next)
            }
        };
        found.push((key, value));
        rest = after;
    }
    found
}

/// Where the delimiter before the next key is.
fn next_key(text: &str, pair: &str, kv: &str) -> Option<usize> {
    let at = text.find(kv)?;
    // the text before the next key may end in several delimiters
    text[..at].rfind(pair)
}

/// The text behind the next delimiter.
fn behind<'a>(text: &'a str, pair: &str) -> &'a str {
    text.find(pair).map_or("", |at| &text[at + pair.len()..])
}

/// The quoted text that `text` begins with, white space aside, and what follows it. A quote that is not
/// closed is no quote.
fn quoted<'a>(text: &'a str, pair: &str, shape: &Shape<'_>) -> Option<(String, &'a str)> {
    // white space may itself be the delimiter: then an empty value ends here
    let trimmed = text.trim_start();
    let skipped = &text[..text.len() - trimmed.len()];
    if !pair.is_empty() && skipped.contains(pair) && !shape.greedy {
        return None;
    }
    let mut chars = trimmed.char_indices();
    let (_, first) = chars.next()?;
    let (_, close) = shape.quotes.iter().find(|(open, _)| *open == first)?;
    let mut inner = String::new();
    while let Some((at, c)) = chars.next() {
        if shape.escapes.contains(&c) {
            inner.extend(chars.next().map(|(_, c)| c));
        } else if c == *close {
            return Some((inner.trim().to_owned(), &trimmed[at + c.len_utf8()..]));
        } else {
            inner.push(c);
        }
    }
    None
}

/// Every word that is followed by another one, through separators, is taken for a key with that value.
fn undelimited(text: &str, shape: &Shape<'_>) -> Vec<(String, String)> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some((word, after)) = quoted(rest, "", shape).filter(|_| !first.is_whitespace()) {
            words.push(word);
            rest = after;
        } else if first.is_alphanumeric() {
            let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    words.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shape: &Shape<'_>, expected: &[(&str, &str)]) {
        let found = pairs(text, shape);
        let found: Vec<(&str, &str)> =
            found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn delimiters_separate_and_white_space_is_dropped() {
        let shape = Shape { delimiters: Some((",", ":")), ..Shape::default() };
        check("a:1, b : two words ,c:", &shape, &[("a", "1"), ("b", "two words"), ("c", "")]);
        check("", &shape, &[]);
        check("no pair at all", &shape, &[]);
        check("stray, a:1", &shape, &[("a", "1")]);
    }

    #[test]
    fn quotes_hide_delimiters() {
        let shape =
            Shape { delimiters: Some((" ", "=")), quotes: vec![('"', '"'), ('(', ')')], ..Shape::default() };
        check(r#"a="x y" (b c)=(d = e) f=g"#, &shape, &[("a", "x y"), ("b c", "d = e"), ("f", "g")]);
        check(r#"a="open b=1"#, &shape, &[("a", "\"open"), ("b", "1")]);
        check("a= b=1", &shape, &[("a", ""), ("b", "1")]);
    }

    #[test]
    fn escapes_take_the_next_character() {
        let shape = Shape {
            delimiters: Some((" ", "=")),
            quotes: vec![('"', '"')],
            escapes: vec!['\\'],
            ..Shape::default()
        };
        check(r#"a="say \"hi\"" b=2"#, &shape, &[("a", "say \"hi\""), ("b", "2")]);
        check("a=\"ends in \\", &shape, &[("a", "\"ends")]);
    }

    #[test]
    fn a_greedy_value_ends_before_the_next_key() {
        let shape = Shape { delimiters: Some((" ", "=")), greedy: true, ..Shape::default() };
        check("a=x y  b=1 2 3", &shape, &[("a", "x y"), ("b", "1 2 3")]);
        let plain = Shape { greedy: false, ..shape };
        check("a=x y b=1 2", &plain, &[("a", "x"), ("b", "1")]);
    }

    #[test]
    fn without_delimiters_a_word_is_the_key_of_the_next() {
        let shape = Shape { quotes: vec![('\'', '\'')], ..Shape::default() };
        check("id: 7, [name] 'x y'", &shape, &[("id", "7"), ("7", "name"), ("name", "x y")]);
    }
}
