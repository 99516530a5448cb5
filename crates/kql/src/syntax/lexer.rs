//! Text to tokens. Tokens carry no text of their own: the parser reads it from the query by span, so a
//! token is small and nothing is copied for text that turns out to be wrong.

use crate::span::Span;
use crate::syntax::source::is_space;
use crate::syntax::{Errors, codes};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name or a keyword: KQL has no reserved words, the parser decides by place. `!has`, `in~` and
    /// `!in~` are one token each.
    Word,
    /// `['any text']` is punctuation and a string; this is a plain, verbatim, obfuscated or multi-line one.
    String,
    /// Digits, decimal or hexadecimal.
    Long,
    Real,
    /// `1d`, `1.5h`, `10ms`.
    Timespan,
    /// `datetime(…)`, `guid(…)`, `long(…)`: a type name and raw text up to the closing parenthesis.
    Typed,
    /// Operators and brackets.
    Punct,
    /// After the last token.
    End,
}

/// A token: what and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: TokenKind,
    start: u32,
    end: u32,
}

impl Token {
    /// The token's place.
    pub(super) fn span(self) -> Span {
        Span::new(self.start as usize, self.end as usize)
    }
}

/// Type names that, before a parenthesis, start a literal with raw text inside.
const TYPED_LITERALS: &[&str] = &[
    "datetime", "date", "time", "timespan", "guid", "uuid", "uniqueid", "int", "int32", "long", "int64",
    "real", "double", "decimal", "bool", "boolean",
];

/// Units a number may carry to become a timespan.
pub(super) const TIMESPAN_UNITS: &[&str] = &[
    "d",
    "day",
    "days",
    "h",
    "hr",
    "hrs",
    "hour",
    "hours",
    "m",
    "min",
    "minute",
    "minutes",
    "s",
    "sec",
    "second",
    "seconds",
    "ms",
    "milli",
    "millis",
    "millisec",
    "millisecond",
    "milliseconds",
    "micro",
    "micros",
    "microsec",
    "microsecond",
    "microseconds",
    "nano",
    "nanos",
    "nanosec",
    "nanosecond",
    "nanoseconds",
    "tick",
    "ticks",
];

/// Longest first, so that `==` is not read as `=` twice.
const PUNCTUATION: &[&str] = &[
    "..", "==", "!=", "<>", "<=", ">=", "=~", "!~", "=>", "--", "(", ")", "[", "]", "{", "}", ",", ";", ":",
    ".", "|", "<", ">", "=", "+", "-", "*", "/", "%", "@", "?", "#", "~",
];

/// Splits `text` into tokens, ending with one [`TokenKind::End`].
pub(super) fn tokenize(text: &str, errors: &mut Errors) -> Vec<Token> {
    debug_assert!(u32::try_from(text.len()).is_ok(), "the caller limits the length of a query");
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0, errors };
    let mut tokens = Vec::with_capacity(text.len() / 5 + 1);
    loop {
        lexer.skip_space();
        let start = lexer.at;
        let kind = lexer.next_kind();
        match kind {
            Some(kind) => {
                tokens.push(Token { kind, start: start as u32, end: lexer.at as u32 });
                if kind == TokenKind::End {
                    return tokens;
                }
            }
            None => lexer.skip_unknown(start),
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    errors: &'a mut Errors,
}

fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$'
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl Lexer<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_while(&mut self, test: impl Fn(u8) -> bool) {
        while self.at < self.bytes.len() && test(self.bytes[self.at]) {
            self.at += 1;
        }
    }

    fn skip_space(&mut self) {
        loop {
            let Some(c) = self.rest().chars().next() else { return };
            if is_space(c) {
                self.at += c.len_utf8();
            } else if self.rest().starts_with("//") {
                self.skip_while(|byte| byte != b'\n');
            } else {
                return;
            }
        }
    }

    /// The kind of the token that starts here, with `at` moved behind it; `None` for a character that
    /// starts nothing.
    fn next_kind(&mut self) -> Option<TokenKind> {
        if self.at >= self.bytes.len() {
            return Some(TokenKind::End);
        }
        if let Some(kind) = self.string() {
            return Some(kind);
        }
        let byte = self.byte(0);
        if byte.is_ascii_digit() {
            return Some(self.number());
        }
        if starts_word(byte) {
            return Some(self.word());
        }
        if byte == b'!' && self.byte(1).is_ascii_alphabetic() {
            self.at += 1;
            self.skip_while(in_word);
            self.skip_tilde();
            return Some(TokenKind::Word);
        }
        let found = PUNCTUATION.iter().find(|mark| self.bytes[self.at..].starts_with(mark.as_bytes()))?;
        // `--` is two signs; it only stands in the table to keep the list of marks in one place
        self.at += if *found == "--" { 1 } else { found.len() };
        Some(TokenKind::Punct)
    }

    fn skip_tilde(&mut self) {
        if self.byte(0) == b'~' {
            self.at += 1;
        }
    }

    fn word(&mut self) -> TokenKind {
        let start = self.at;
        self.at += 1;
        self.skip_while(in_word);
        let word = &self.text[start..self.at];
        if word == "in" && self.byte(0) == b'~' {
            self.at += 1;
            return TokenKind::Word;
        }
        if TYPED_LITERALS.contains(&word) {
            let after = self.rest().trim_start();
            if after.starts_with('(') {
                self.at = self.text.len() - after.len() + 1;
                return self.typed_literal(start);
            }
        }
        TokenKind::Word
    }

    fn typed_literal(&mut self, start: usize) -> TokenKind {
        let quote = self.rest().trim_start().chars().next().filter(|c| matches!(c, '\'' | '"'));
        let inside = self.rest();
        let end = match quote {
            Some(quote) => {
                let open = inside.find(quote).unwrap_or(0) + 1;
                inside[open..]
                    .find(quote)
                    .map(|at| open + at + 1)
                    .and_then(|at| inside[at..].find(')').map(|n| at + n))
            }
            None => inside.find([')', ';', '|', '\n']).filter(|at| inside[*at..].starts_with(')')),
        };
        match end {
            Some(end) => self.at += end + 1,
            None => {
                self.skip_while(|byte| !matches!(byte, b'\n' | b'|' | b';'));
                self.errors.error(
                    codes::UNCLOSED,
                    Span::new(start, self.at),
                    "this literal has no closing `)`",
                );
            }
        }
        TokenKind::Typed
    }

    fn number(&mut self) -> TokenKind {
        let start = self.at;
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X') && self.byte(2).is_ascii_hexdigit() {
            self.at += 2;
            self.skip_while(|byte| byte.is_ascii_hexdigit());
            return TokenKind::Long;
        }
        self.skip_while(|byte| byte.is_ascii_digit());
        let mut kind = TokenKind::Long;
        let exponent = |from: usize| {
            let sign = usize::from(matches!(self.byte(from + 1), b'+' | b'-'));
            matches!(self.byte(from), b'e' | b'E') && self.byte(from + 1 + sign).is_ascii_digit()
        };
        let fraction = self.byte(1) != b'.' && (!starts_word(self.byte(1)) || exponent(1));
        if self.byte(0) == b'.' && fraction {
            kind = TokenKind::Real;
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
        if matches!(self.byte(0), b'e' | b'E') && self.byte(1 + sign).is_ascii_digit() {
            kind = TokenKind::Real;
            self.at += 1 + sign;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        let unit_start = self.at;
        self.skip_while(in_word);
        let unit = &self.text[unit_start..self.at];
        if unit.is_empty() {
            kind
        } else if TIMESPAN_UNITS.contains(&unit) {
            TokenKind::Timespan
        } else if self.text[start..self.at].bytes().all(in_word) {
            // names may start with digits: `4688_events`
            TokenKind::Word
        } else {
            self.errors.error(
                codes::BAD_LITERAL,
                Span::new(start, self.at),
                "this is neither a number nor a timespan",
            );
            kind
        }
    }

    /// All string forms: `'…'`, `"…"`, `@'…'`, `h'…'`, `h@'…'`, and multi-line ones between three
    /// backticks or three tildes.
    fn string(&mut self) -> Option<TokenKind> {
        let mut ahead = 0;
        if matches!(self.byte(0), b'h' | b'H') && matches!(self.byte(1), b'\'' | b'"' | b'@' | b'`' | b'~') {
            ahead = 1;
        }
        let fence = self.bytes.get(self.at + ahead..self.at + ahead + 3);
        if fence == Some(b"```") || fence == Some(b"~~~") {
            self.fenced(ahead);
            return Some(TokenKind::String);
        }
        let verbatim = self.byte(ahead) == b'@' && matches!(self.byte(ahead + 1), b'\'' | b'"');
        ahead += usize::from(verbatim);
        let quote = self.byte(ahead);
        if !matches!(quote, b'\'' | b'"') {
            return None;
        }
        let start = self.at;
        self.at += ahead + 1;
        loop {
            match self.byte(0) {
                byte if byte == quote && verbatim && self.byte(1) == quote => self.at += 2,
                byte if byte == quote => {
                    self.at += 1;
                    break;
                }
                b'\\' if !verbatim && !self.known_escape() => {
                    let mut end = (self.at + 2).min(self.bytes.len());
                    // the backslash may stand before a character of several bytes
                    while self.bytes.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
                        end += 1;
                    }
                    let at = Span::new(self.at, end);
                    self.errors.error_with_hint(
                        codes::BAD_LITERAL,
                        at,
                        "this escape has no meaning",
                        Some("write `\\\\`, or put `@` before the string".to_owned()),
                    );
                    self.at += 2;
                }
                b'\\' if !verbatim && self.at + 1 < self.bytes.len() && self.byte(1) != b'\n' => self.at += 2,
                b'\n' | b'\r' => {
                    self.unclosed(start);
                    break;
                }
                _ if self.at >= self.bytes.len() => {
                    self.unclosed(start);
                    break;
                }
                _ => self.at += 1,
            }
        }
        self.skip_to_char_boundary();
        Some(TokenKind::String)
    }

    /// Whether the backslash here starts an escape of the language.
    fn known_escape(&self) -> bool {
        matches!(
            self.byte(1),
            b'\'' | b'"' | b'\\' | b'n' | b'r' | b't' | b'a' | b'b' | b'f' | b'v' | b'0'
                ..=b'9' | b'u' | b'U' | b'x' | b'\n'
        )
    }

    fn fenced(&mut self, ahead: usize) {
        let start = self.at;
        let fence = &self.bytes[self.at + ahead..self.at + ahead + 3];
        let body = self.at + ahead + 3;
        match self.bytes[body..].windows(3).position(|window| window == fence) {
            Some(at) => self.at = body + at + 3,
            None => {
                self.at = self.bytes.len();
                self.unclosed(start);
            }
        }
    }

    fn unclosed(&mut self, start: usize) {
        self.skip_to_char_boundary();
        self.errors.error(codes::UNCLOSED, Span::new(start, self.at), "this string has no closing quote");
    }

    /// An escape skips one byte, which may be the first of several of one character.
    fn skip_to_char_boundary(&mut self) {
        self.at = self.at.min(self.bytes.len());
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    /// Reports a run of characters that start no token, once.
    fn skip_unknown(&mut self, start: usize) {
        while let Some(c) = self.rest().chars().next() {
            let known = c.is_whitespace()
                || (c.is_ascii() && !c.is_ascii_control() && !matches!(c, '!' | '^' | '&' | '\\' | '`'));
            if known {
                break;
            }
            self.at += c.len_utf8();
        }
        if self.at == start {
            self.at += self.rest().chars().next().map_or(1, char::len_utf8);
        }
        self.errors.error(
            codes::UNKNOWN_CHARACTER,
            Span::new(start, self.at),
            "this character has no meaning here",
        );
    }
}
