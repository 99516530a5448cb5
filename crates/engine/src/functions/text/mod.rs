//! Strings: length, case, pieces and joining. Positions and lengths count characters.

pub(crate) mod agent;
pub(crate) mod key_values;
pub(crate) mod matching;
mod needle;
pub(crate) mod parse;
mod plain_pattern;
pub(crate) mod re2;
pub(crate) mod regex;
mod required;
mod search;
pub(crate) mod url;
pub(crate) mod xml;

use std::borrow::Cow;

use serde_json::Value as Tree;

use super::convert::{text, to_long, to_real};
use super::dynamic::{elements, from_tree};
use super::kernel::{Entry, Scratch, VALUE_BYTES_MAX, seeing_nulls, strict};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("strlen", |args, _| Value::Long(text(args[0].clone()).chars().count() as i64)),
    strict("string_size", |args, _| Value::Long(text(args[0].clone()).len() as i64)),
    strict("tolower", |args, _| Value::string(text(args[0].clone()).to_lowercase())),
    strict("toupper", |args, _| Value::string(text(args[0].clone()).to_uppercase())),
    strict("reverse", |args, _| Value::string(text(args[0].clone()).chars().rev().collect::<String>())),
    seeing_nulls("strcat", |args, _| {
        Value::string(args.iter().map(|arg| text(arg.clone())).collect::<Vec<_>>().concat())
    }),
    seeing_nulls("strcat_delim", |args, _| {
        let Some((delimiter, parts)) = args.split_first() else { return Value::Null };
        let parts: Vec<_> = parts.iter().map(|part| text(part.clone())).collect();
        Value::string(parts.join(&text(delimiter.clone())))
    }),
    strict("strrep", strrep),
    strict("strcmp", |args, _| {
        let order = text(args[0].clone()).cmp(&text(args[1].clone()));
        Value::Long(order as i64)
    }),
    strict("substring", |args, _| substring(args)),
    strict("split", |args, _| split(args)),
    strict("indexof", |args, _| indexof(args)),
    strict("countof", countof),
    strict("replace_string", |args, scratch| {
        let (subject, from, to) = (text(args[0].clone()), text(args[1].clone()), text(args[2].clone()));
        replaced(subject, &from, &to, scratch)
    }),
    strict("replace_strings", replace_strings),
    strict("isascii", |args, _| Value::Bool(text(args[0].clone()).is_ascii())),
    strict("isutf8", |_, _| Value::Bool(true)),
    strict("unicode_codepoints_to_string", |args, _| {
        let mut out = String::new();
        for arg in args {
            push_codes(arg, &mut out);
        }
        Value::string(out)
    }),
    strict("unicode_codepoints_from_string", |args, _| codepoints(&args[0])),
    strict("translate", |args, _| translate(args)),
    strict("format_bytes", |args, _| format_bytes(args)),
];

/// Equality without regard to case.
pub(crate) fn eq_ignore_case(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

fn strrep<'a>(args: &[Value<'a>], scratch: &mut Scratch) -> Value<'a> {
    let piece = text(args[0].clone());
    let count = to_long(&args[1]).unwrap_or(0).clamp(0, 1024) as usize;
    let delimiter = args.get(2).map_or(Cow::Borrowed(""), |delimiter| text(delimiter.clone()));
    if scratch.too_large((piece.len() + delimiter.len()) * count) {
        return Value::Null;
    }
    Value::string(vec![piece.as_ref(); count].join(&delimiter))
}

/// From a 0-based position; a negative one counts from the end. Never fails.
fn substring<'a>(args: &[Value<'a>]) -> Value<'a> {
    let subject = text(args[0].clone());
    let count = subject.chars().count() as i64;
    let start = to_long(&args[1]).unwrap_or(0);
    let start = if start < 0 { start.saturating_add(count).max(0) } else { start };
    let length = args.get(2).map_or(count, |length| to_long(length).unwrap_or(0));
    if start >= count || length == 0 {
        return Value::string("");
    }
    // A negative length means the whole rest.
    let length = if length < 0 { count } else { length };
    Value::string(subject.chars().skip(start as usize).take(length as usize).collect::<String>())
}

/// `split(text, delimiter [, index])`: an array, of one element when an index is given.
fn split<'a>(args: &[Value<'a>]) -> Value<'a> {
    let (subject, delimiter) = (text(args[0].clone()), text(args[1].clone()));
    let parts: Vec<&str> =
        if delimiter.is_empty() { vec![&subject] } else { subject.split(delimiter.as_ref()).collect() };
    let wanted: Vec<&str> = match args.get(2).and_then(to_long) {
        None => parts,
        Some(at) => {
            let at = if at < 0 { at + parts.len() as i64 } else { at };
            usize::try_from(at).ok().and_then(|at| parts.get(at).copied()).into_iter().collect()
        }
    };
    from_tree(&Tree::Array(wanted.into_iter().map(Tree::from).collect()))
}

/// `indexof(text, wanted [, start [, length [, occurrence]]])`, −1 when absent.
fn indexof<'a>(args: &[Value<'a>]) -> Value<'a> {
    let (subject, wanted) = (text(args[0].clone()), text(args[1].clone()));
    let number = |at: usize, default: i64| args.get(at).map_or(Some(default), to_long).unwrap_or(default);
    let (start, length, occurrence) = (number(2, 0), number(3, -1), number(4, 1));
    let chars: Vec<char> = subject.chars().collect();
    let wanted: Vec<char> = wanted.chars().collect();
    Value::Long(occurrence_of(&chars, &wanted, Window { start, length, occurrence }))
}

/// Where `indexof` and `array_index_of` look: a negative start counts from the end, length −1 is no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub start: i64,
    pub length: i64,
    pub occurrence: i64,
}

/// The position of an occurrence, or −1. Each further occurrence is looked for from behind the last one,
/// again over the whole length, as the reference's examples show.
pub(crate) fn occurrence_of<T: PartialEq>(all: &[T], wanted: &[T], window: Window) -> i64 {
    let count = all.len() as i64;
    let start = if window.start < 0 { (window.start + count).max(0) } else { window.start };
    if start > count || window.length < -1 || window.occurrence < 1 {
        return -1;
    }
    if wanted.is_empty() {
        return start;
    }
    let mut from = start;
    for nth in 1..=window.occurrence {
        let end = if window.length < 0 { count } else { from.saturating_add(window.length).min(count) };
        let piece = all.get(from as usize..end.max(from) as usize).unwrap_or_default();
        match piece.windows(wanted.len()).position(|piece| piece == wanted) {
            Some(at) if nth == window.occurrence => return from + at as i64,
            Some(at) => from += at as i64 + 1,
            None => return -1,
        }
    }
    -1
}

/// Plain occurrences may overlap; regex ones do not.
fn countof<'a>(args: &[Value<'a>], scratch: &mut super::kernel::Scratch) -> Value<'a> {
    let (subject, wanted) = (text(args[0].clone()), text(args[1].clone()));
    if args.get(2).is_some_and(|kind| text(kind.clone()) == "regex") {
        return match scratch.regex(&wanted) {
            Some(regex) => Value::Long(regex.find_iter(&subject).count() as i64),
            None => Value::Null,
        };
    }
    if wanted.is_empty() {
        return Value::Long(0);
    }
    let overlapping = subject.char_indices().filter(|(at, _)| subject[*at..].starts_with(wanted.as_ref()));
    Value::Long(overlapping.count() as i64)
}

/// Every `from` as `to`; what would grow too large is not made.
fn replaced<'a>(subject: Cow<'a, str>, from: &str, to: &str, scratch: &mut Scratch) -> Value<'a> {
    if from.is_empty() {
        return Value::String(subject);
    }
    let may_grow = to.len() > from.len() && subject.len() / from.len() * to.len() > VALUE_BYTES_MAX;
    if may_grow {
        let count = subject.matches(from).count();
        if scratch.too_large(subject.len() + count * (to.len() - from.len())) {
            return Value::Null;
        }
    }
    Value::string(subject.replace(from, to))
}

/// Each text is looked for in what no text before it has replaced. Elements that are no text are passed over.
fn replace_strings<'a>(args: &[Value<'a>], scratch: &mut Scratch) -> Value<'a> {
    let subject = text(args[0].clone()).into_owned();
    let list = |value: &Value<'_>| match value {
        Value::Dynamic(json) => elements(json),
        _ => None,
    };
    let Some(from) = list(&args[1]) else { return Value::string(subject) };
    let to = list(&args[2]);
    let mut pieces = vec![Piece { text: subject, replaced: false }];
    for (at, from) in from.iter().enumerate() {
        let replacement = match &to {
            Some(all) => all.get(at).map_or(Some(""), Tree::as_str).map(str::to_owned),
            None => Some(text(args[2].clone()).into_owned()),
        };
        let (Some(from), Some(replacement)) = (from.as_str(), replacement) else { continue };
        if from.is_empty() {
            continue;
        }
        let whole: usize = pieces.iter().map(|piece| piece.text.len()).sum();
        let open = pieces.iter().filter(|piece| !piece.replaced);
        let count: usize = open.map(|piece| piece.text.matches(from).count()).sum();
        if scratch.too_large(whole.saturating_add(count.saturating_mul(replacement.len()))) {
            return Value::Null;
        }
        pieces = split_at(pieces, from, &replacement);
    }
    Value::string(pieces.into_iter().map(|piece| piece.text).collect::<String>())
}

/// A part of a text in which texts are replaced.
struct Piece {
    text: String,
    replaced: bool,
}

/// Cuts the pieces that nothing has replaced yet at each `from`, with `to` in its place.
fn split_at(pieces: Vec<Piece>, from: &str, to: &str) -> Vec<Piece> {
    let mut out = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if piece.replaced || !piece.text.contains(from) {
            out.push(piece);
            continue;
        }
        for (at, text) in piece.text.split(from).enumerate() {
            if at > 0 {
                out.push(Piece { text: to.to_owned(), replaced: true });
            }
            if !text.is_empty() {
                out.push(Piece { text: text.to_owned(), replaced: false });
            }
        }
    }
    out
}

fn push_codes(value: &Value<'_>, out: &mut String) {
    let mut push = |code: i64| out.extend(u32::try_from(code).ok().and_then(char::from_u32));
    match value {
        Value::Dynamic(json) => elements(json).iter().flatten().filter_map(Tree::as_i64).for_each(push),
        value => to_long(value).into_iter().for_each(&mut push),
    }
}

fn codepoints<'a>(value: &Value<'a>) -> Value<'a> {
    let codes = text(value.clone()).chars().map(|c| Tree::from(u32::from(c))).collect();
    from_tree(&Tree::Array(codes))
}

fn translate<'a>(args: &[Value<'a>]) -> Value<'a> {
    let (from, to, subject) = (text(args[0].clone()), text(args[1].clone()), text(args[2].clone()));
    let to: Vec<char> = to.chars().collect();
    let map = |c: char| match from.chars().position(|wanted| wanted == c) {
        None => Some(c),
        // The last replacement stands for all that are missing.
        Some(at) => to.get(at).or(to.last()).copied(),
    };
    Value::string(subject.chars().filter_map(map).collect::<String>())
}

/// `1.5 MB`: units are powers of 1024, chosen to fit unless one is given; trailing zeros are left out.
fn format_bytes<'a>(args: &[Value<'a>]) -> Value<'a> {
    const UNITS: [&str; 7] = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"];
    let Some(size) = to_real(&args[0]).filter(|size| size.is_finite()) else { return Value::Null };
    let digits = args.get(1).and_then(to_long).unwrap_or(0).clamp(0, 15);
    let unit = match args.get(2).map(|unit| text(unit.clone())).filter(|unit| !unit.is_empty()) {
        Some(wanted) => match UNITS.iter().position(|unit| unit.eq_ignore_ascii_case(&wanted)) {
            Some(at) => at,
            None => return Value::string(""),
        },
        None => (1..UNITS.len()).rev().find(|at| size.abs() >= 1024_f64.powi(*at as i32)).unwrap_or(0),
    };
    let scaled = size / 1024_f64.powi(unit as i32);
    let factor = 10_f64.powi(digits as i32);
    let rounded = (scaled * factor).round() / factor;
    Value::string(format!("{rounded} {}", UNITS[unit]))
}
