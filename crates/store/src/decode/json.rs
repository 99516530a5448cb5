//! A reader of JSON text that stops at nothing on its way: no tree, no copies but of texts with escapes.
//!
//! It accepts exactly what RFC 8259 allows, up to [`DEPTH_MAX`] arrays and objects within each other. Everything
//! nested is passed over without recursion, so a hostile body cannot reach the end of a stack.

use super::cell::Cell;

/// Deepest nesting of arrays and objects in a body. Parsers of nested values recurse, and a hostile
/// body must not reach the end of their stacks.
pub(super) const DEPTH_MAX: u32 = 64;

/// Where a text stops being JSON, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) position: usize,
    pub(super) reason: &'static str,
}

type Read<T> = Result<T, Wrong>;

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Starts at byte `at` of a text; positions count from the text's begin.
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The text from a place that was passed up to here.
    pub(super) fn since(&self, from: usize) -> &'a str {
        &self.text[from..self.at]
    }

    /// Passes over `expected` when it is what follows.
    #[inline]
    pub(super) fn take(&mut self, expected: &[u8]) -> bool {
        let found = self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(expected));
        if found {
            self.at += expected.len();
        }
        found
    }

    /// The next byte that is no white space, without passing over it.
    #[inline]
    pub(super) fn token(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Passes over one byte that must follow, after white space.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8, reason: &'static str) -> Read<()> {
        match self.token() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            found => Err(self.unexpected(found, reason)),
        }
    }

    /// Says that something else was expected than the byte that follows.
    pub(super) fn unexpected(&self, found: Option<u8>, reason: &'static str) -> Wrong {
        match found {
            Some(_) => self.wrong(reason),
            None => self.wrong("the text ends too early"),
        }
    }

    fn wrong(&self, reason: &'static str) -> Wrong {
        Wrong { position: self.at, reason }
    }

    /// Reads a string whose opening quote follows. A string with escapes is put into `scratch`.
    #[inline]
    pub(super) fn string<'s>(&mut self, scratch: &'s mut String) -> Read<&'s str>
    where
        'a: 's,
    {
        let from = self.at + 1;
        let to = plain_end(self.text.as_bytes(), from);
        if self.text.as_bytes().get(to) == Some(&b'"') {
            self.at = to + 1;
            return Ok(&self.text[from..to]);
        }
        self.escaped_string(from, to, scratch)
    }

    /// Reads on where the plain begin of a string ends.
    fn escaped_string<'s>(&mut self, from: usize, to: usize, scratch: &'s mut String) -> Read<&'s str> {
        scratch.clear();
        let (mut from, mut to) = (from, to);
        loop {
            self.at = to;
            scratch.push_str(&self.text[from..to]);
            match self.text.as_bytes().get(to) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(scratch);
                }
                Some(b'\\') => scratch.push(self.escape()?),
                found => return Err(self.unexpected(found.copied(), CONTROL)),
            }
            from = self.at;
            to = plain_end(self.text.as_bytes(), from);
        }
    }

    /// The character that an escape stands for; the backslash follows.
    fn escape(&mut self) -> Read<char> {
        let plain = match self.text.as_bytes().get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            found => return Err(self.unexpected(found.copied(), ESCAPE)),
        };
        self.at += 2;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Read<char> {
        let first = self.code_unit()?;
        let code = match first {
            0xD800..=0xDBFF if self.text.as_bytes().get(self.at..self.at + 2) == Some(b"\\u") => {
                let second = self.code_unit()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(self.wrong(SURROGATE));
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| self.wrong(SURROGATE))
    }

    /// The number in `\uXXXX`.
    fn code_unit(&mut self) -> Read<u32> {
        let digits = self.text.as_bytes().get(self.at + 2..self.at + 6);
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0, |sum, digit| Some(sum << 4 | char::from(*digit).to_digit(16)?))
        });
        let value = value.ok_or_else(|| self.unexpected(digits.map(|digits| digits[0]), ESCAPE))?;
        self.at += 6;
        Ok(value)
    }

    /// Reads a number.
    #[inline]
    pub(super) fn number(&mut self) -> Read<Cell<'static>> {
        let from = self.at;
        let whole = self.skip_number()?;
        let text = self.since(from);
        // `-0` is a real number: a whole one has no such sign.
        if whole && text != "-0" {
            if let Some(value) = small_number(text) {
                return Ok(Cell::Int(value));
            }
            if let Ok(value) = text.parse() {
                return Ok(Cell::Int(value));
            }
            if let Ok(value) = text.parse() {
                return Ok(Cell::Uint(value));
            }
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Cell::Float(value)),
            _ => Err(Wrong { position: from, reason: "the number is too large" }),
        }
    }

    /// Passes over a number; says whether it is a whole one.
    fn skip_number(&mut self) -> Read<bool> {
        if self.text.as_bytes().get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let first = self.text.as_bytes().get(self.at).copied();
        match (self.digits(), first) {
            (0, found) => return Err(self.unexpected(found, "a number has no digits")),
            (2.., Some(b'0')) => return Err(self.wrong("a number starts with a zero too many")),
            _ => {}
        }
        let mut whole = true;
        if self.text.as_bytes().get(self.at) == Some(&b'.') {
            self.at += 1;
            whole = false;
            self.some_digits("a number has no digits after its point")?;
        }
        if let Some(b'e' | b'E') = self.text.as_bytes().get(self.at) {
            self.at += 1;
            whole = false;
            if let Some(b'+' | b'-') = self.text.as_bytes().get(self.at) {
                self.at += 1;
            }
            self.some_digits("a number has no digits in its exponent")?;
        }
        Ok(whole)
    }

    fn some_digits(&mut self, reason: &'static str) -> Read<()> {
        match self.digits() {
            0 => Err(self.unexpected(self.text.as_bytes().get(self.at).copied(), reason)),
            _ => Ok(()),
        }
    }

    /// Passes over digits and counts them.
    #[inline]
    fn digits(&mut self) -> usize {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// Reads `null`, `true` or `false`.
    pub(super) fn literal(&mut self) -> Read<Cell<'static>> {
        for (text, cell) in [("null", Cell::Null), ("true", Cell::Bool(true)), ("false", Cell::Bool(false))] {
            if self.take(text.as_bytes()) {
                return Ok(cell);
            }
        }
        Err(self.unexpected(self.text.as_bytes().get(self.at).copied(), "no JSON value starts here"))
    }

    /// Passes over a value of any kind that lies in `depth` arrays and objects, and returns its text.
    pub(super) fn skip(&mut self, depth: u32) -> Read<&'a str> {
        self.token();
        let from = self.at;
        let mut open = 0_u32;
        // One bit for each that is open, the innermost one lowest: set for an object.
        let mut objects = 0_u64;
        loop {
            match self.token() {
                Some(bracket @ (b'{' | b'[')) => {
                    if depth + open >= DEPTH_MAX {
                        return Err(self.wrong("values nest more than 64 deep"));
                    }
                    self.at += 1;
                    open += 1;
                    objects = objects << 1 | u64::from(bracket == b'{');
                    // The closing brackets of ASCII are two behind the opening ones.
                    if self.token() != Some(bracket + 2) {
                        if bracket == b'{' {
                            self.skip_key()?;
                        }
                        continue;
                    }
                }
                Some(b'"') => self.skip_string()?,
                Some(b'-' | b'0'..=b'9') => drop(self.skip_number()?),
                _ => drop(self.literal()?),
            }
            // A value has ended, and with it all that end right after it.
            loop {
                if open == 0 {
                    return Ok(self.since(from));
                }
                let in_object = objects & 1 == 1;
                match self.token() {
                    // An empty one comes here with its closing bracket, too.
                    Some(b'}') if in_object => {}
                    Some(b']') if !in_object => {}
                    Some(b',') => {
                        self.at += 1;
                        if in_object {
                            self.skip_key()?;
                        }
                        break;
                    }
                    found => return Err(self.unexpected(found, "a comma or a closing bracket is missing")),
                }
                self.at += 1;
                open -= 1;
                objects >>= 1;
            }
        }
    }

    /// Passes over a member's name and the colon.
    fn skip_key(&mut self) -> Read<()> {
        match self.token() {
            Some(b'"') => self.skip_string()?,
            found => return Err(self.unexpected(found, NAME)),
        }
        self.expect(b':', COLON)
    }

    /// Passes over a string. Halves of surrogate pairs are left to who reads it.
    fn skip_string(&mut self) -> Read<()> {
        self.at += 1;
        loop {
            self.at = plain_end(self.text.as_bytes(), self.at);
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') if self.text.as_bytes().get(self.at + 1) == Some(&b'u') => {
                    self.code_unit()?;
                }
                Some(b'\\') => drop(self.escape()?),
                found => return Err(self.unexpected(found.copied(), CONTROL)),
            }
        }
    }
}

pub(super) const NAME: &str = "a member's name in quotes is missing";
pub(super) const COLON: &str = "the colon after a member's name is missing";
const CONTROL: &str = "a text has a control character that is not escaped";
const ESCAPE: &str = "a text has an escape that JSON does not know";
const SURROGATE: &str = "a text has half of a surrogate pair";

/// Whether a text is one JSON value and nothing else.
pub(super) fn is_json(text: &str) -> bool {
    let mut scanner = Scanner::new(text, 0);
    scanner.skip(0).is_ok() && scanner.token().is_none()
}

/// Whether a text begins and ends like a JSON array or object, so that trying to parse it is worth while.
pub(super) fn looks_nested(text: &str) -> bool {
    let text = text.trim().as_bytes();
    matches!((text.first(), text.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
}

/// A whole number of at most eighteen digits, which always fits.
#[inline]
fn small_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.len() > 18 {
        return None;
    }
    let value = digits.bytes().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some(if digits.len() == text.len() { value } else { -value })
}

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// The position of the first quote, backslash or control character from `from` on, or the end.
///
/// Eight bytes at a time. `(x - ONES) & !x & HIGHS` has a bit for each byte of `x` that is zero, and, above the
/// lowest of these only, bits that mean nothing (Mycroft's test; see Warren, Hacker's Delight, 6-1). The lowest
/// bit is the first byte, and it alone is used.
#[inline]
fn plain_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let zero = |x: u64| x.wrapping_sub(ONES) & !x;
        let quote = zero(word ^ (ONES * b'"' as u64));
        let backslash = zero(word ^ (ONES * b'\\' as u64));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (quote | backslash | control) & HIGHS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    at + found.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_ends_where_a_byte_says_so() {
        for special in [b'"', b'\\', 0, 0x1F] {
            for filler in [b' ', b'!', b'#', 0x7F, 0x80, 0xFF, b'['] {
                for len in 0..40 {
                    let mut bytes = vec![filler; 40];
                    assert_eq!(plain_end(&bytes[..len], 0), len);
                    bytes[len] = special;
                    bytes[39] = b'"';
                    for from in 0..=len {
                        assert_eq!(plain_end(&bytes, from), len, "{special} after {filler}");
                    }
                }
            }
        }
    }

    #[test]
    fn numbers() {
        let read = |text: &str| {
            let mut scanner = Scanner::new(text, 0);
            scanner.number().ok().filter(|_| scanner.token().is_none())
        };
        for (text, expected) in [
            ("0", Some(Cell::Int(0))),
            ("-0", Some(Cell::Float(-0.0))),
            ("-7", Some(Cell::Int(-7))),
            ("999999999999999999", Some(Cell::Int(999_999_999_999_999_999))),
            ("9223372036854775807", Some(Cell::Int(i64::MAX))),
            ("-9223372036854775808", Some(Cell::Int(i64::MIN))),
            ("9223372036854775808", Some(Cell::Uint(1 << 63))),
            ("18446744073709551616", Some(Cell::Float(18_446_744_073_709_551_616.0))),
            ("1.5e3", Some(Cell::Float(1500.0))),
            ("1E-2", Some(Cell::Float(0.01))),
            ("1e400", None),
            ("01", None),
            ("-", None),
            ("1.", None),
            (".5", None),
            ("1e", None),
            ("+1", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_and_counts_only_outside_strings() {
        let nest = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_json(&nest(DEPTH_MAX as usize)));
        assert!(!is_json(&nest(DEPTH_MAX as usize + 1)));
        assert!(is_json(&format!(r#"{{"a":"{}\"[","b":[{{}}, [ ] ]}}"#, "[".repeat(100))));
        let found = Scanner::new("[[[", 0).skip(DEPTH_MAX - 2).unwrap_err();
        assert_eq!(found, Wrong { position: 2, reason: "values nest more than 64 deep" });
        let mixed = "{\"a\":[".repeat(32) + "1" + &"]}".repeat(32);
        assert!(is_json(&mixed) && !is_json(&mixed.replace('1', "{}")));
    }

    #[test]
    fn brackets_commas_and_names_are_where_they_belong() {
        for text in ["[]", "{}", "[ 1 , 2 ]", r#"{"a":[],"b":{"c":null}}"#, "\"x\"", "-1.5", "true"] {
            assert!(is_json(text), "{text}");
        }
        for text in [
            "",
            "[",
            "]",
            "[,]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{]",
            "[}",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            "{a:1}",
            "tru",
            "nul",
            "\"a",
            "\"\\x\"",
            "\"\\u12g4\"",
            "[1]]",
            "1 1",
            "NaN",
        ] {
            assert!(!is_json(text), "{text}");
        }
    }

    #[test]
    fn escapes() {
        let read = |text: &str| {
            let mut scratch = String::new();
            Scanner::new(text, 0).string(&mut scratch).map(str::to_owned)
        };
        assert_eq!(read(r#""a\"\\\/\b\f\n\r\tb""#).unwrap(), "a\"\\/\u{8}\u{c}\n\r\tb");
        assert_eq!(read(r#""ü\u00fc\ud83d\ude00""#).unwrap(), "üü\u{1F600}");
        for text in [
            r#""\ud83d""#,
            r#""\ud83dx""#,
            r#""\ud83d\u0041""#,
            r#""\ude00""#,
            "\"a\tb\"",
            r#""\"#,
            r#""\u00"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
