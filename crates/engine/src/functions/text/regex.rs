//! Regular expressions. KQL's documented syntax is that of the `regex` crate. Constant patterns have been checked
//! before any row is read, see `lower::pattern`; one that comes from a row and is not valid matches nothing.

use bartizan_schema::KqlType;
use serde_json::Value as Tree;

use super::super::convert::{convert, text, to_long};
use super::super::dynamic::{self, from_tree};
use super::super::kernel::{Entry, Scratch, strict};
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    strict("extract", extract),
    strict("indexof_regex", indexof),
    strict("extract_all", extract_all),
    strict("replace_regex", |args, scratch| replace(&args[1], &args[2], &args[0], scratch)),
    strict("replace", |args, scratch| replace(&args[0], &args[1], &args[2], scratch)),
    strict("regex_quote", |args, _| Value::string(regex::escape(&text(args[0].clone())))),
    strict("trim", |args, scratch| trim(args, scratch, true, true)),
    strict("trim_start", |args, scratch| trim(args, scratch, true, false)),
    strict("trim_end", |args, scratch| trim(args, scratch, false, true)),
    strict("has_any_index", |args, _| {
        let subject = text(args[0].clone());
        let Value::Dynamic(json) = &args[1] else { return Value::Long(-1) };
        let needles = dynamic::elements(json).unwrap_or_default();
        let found = needles.iter().position(|needle| {
            let needle = text(from_tree(needle)).into_owned();
            super::matching::has_term(&subject, &needle)
        });
        Value::Long(found.map_or(-1, |at| at as i64))
    }),
];

/// `extract(regex, group, source [, type])`: null when nothing matches.
fn extract<'a>(args: &[Value<'a>], scratch: &mut Scratch) -> Value<'a> {
    let (pattern, group, source) = (text(args[0].clone()), to_long(&args[1]), text(args[2].clone()));
    let wanted = scratch.wanted.unwrap_or(KqlType::String);
    let group = group.and_then(|group| usize::try_from(group).ok());
    let found = scratch.regex(&pattern).zip(group).and_then(|(regex, group)| {
        if group == 0 {
            return regex.find(&source).map(|found| found.as_str().to_owned());
        }
        regex.captures(&source)?.get(group).map(|found| found.as_str().to_owned())
    });
    match found {
        Some(found) => match convert(Value::string(found), wanted) {
            Value::Null => Value::Null,
            value => value,
        },
        None => Value::Null,
    }
}

/// `extract_all(regex [, groups], source)`: an array of matches; arrays of groups when there are several.
fn extract_all<'a>(args: &[Value<'a>], scratch: &mut Scratch) -> Value<'a> {
    let (pattern, source) = match args {
        [pattern, source] => (text(pattern.clone()), text(source.clone())),
        [pattern, _, source] => (text(pattern.clone()), text(source.clone())),
        _ => return Value::Null,
    };
    let chosen: Option<Vec<Tree>> = match args {
        [_, Value::Dynamic(groups), _] => dynamic::elements(groups),
        _ => None,
    };
    let Some(regex) = scratch.regex(&pattern) else { return Value::Null };
    let mut matches = Vec::new();
    for found in regex.captures_iter(&source) {
        let group = |wanted: &Tree| {
            let group = match wanted {
                Tree::Number(at) => at.as_u64().and_then(|at| found.get(at as usize)),
                Tree::String(name) => found.name(name),
                _ => None,
            };
            Tree::from(group.map_or("", |group| group.as_str()))
        };
        let groups: Vec<Tree> = match &chosen {
            Some(chosen) => chosen.iter().map(group).collect(),
            None if found.len() == 1 => vec![group(&Tree::from(0))],
            None => (1..found.len()).map(|at| group(&Tree::from(at))).collect(),
        };
        matches.push(match <[Tree; 1]>::try_from(groups) {
            Ok([only]) => only,
            Err(groups) => Tree::Array(groups),
        });
    }
    if matches.is_empty() { Value::Null } else { from_tree(&Tree::Array(matches)) }
}

/// References in the replacement are `\0`, `\1` …
fn replace<'a>(
    pattern: &Value<'a>,
    rewrite: &Value<'a>,
    source: &Value<'a>,
    scratch: &mut Scratch,
) -> Value<'a> {
    let (pattern, rewrite) = (text(pattern.clone()), text(rewrite.clone()));
    let source = text(source.clone());
    // cheap to clone: the compiled form is shared
    let Some(regex) = scratch.regex(&pattern).cloned() else { return Value::String(source) };
    let mut template = String::with_capacity(rewrite.len());
    let mut chars = rewrite.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                template.push_str("${");
                template.push(digit);
                template.push('}');
                chars.next();
            }
            ('\\', Some('\\')) => {
                template.push('\\');
                chars.next();
            }
            ('$', _) => template.push_str("$$"),
            (c, _) => template.push(c),
        }
    }
    // a template may name groups, so its growth is seen only as it happens
    let mut out = String::new();
    let mut rest = 0;
    for found in regex.captures_iter(&source) {
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&source[rest..whole.start()]);
        found.expand(&template, &mut out);
        rest = whole.end();
        if scratch.too_large(out.len()) {
            return Value::Null;
        }
    }
    out.push_str(&source[rest..]);
    Value::string(out)
}

/// Cuts matches of the pattern off the ends that are asked for: `trim` all that follow each other, the
/// one-sided forms a single one, as documented.
fn trim<'a>(args: &[Value<'a>], scratch: &mut Scratch, start: bool, end: bool) -> Value<'a> {
    let (pattern, source) = (text(args[0].clone()), text(args[1].clone()));
    let mut kept = source.as_ref();
    let repeat = if start && end { "+" } else { "" };
    if start && let Some(regex) = scratch.regex(&format!("^(?:{pattern}){repeat}")) {
        kept = regex.find(kept).map_or(kept, |found| &kept[found.end()..]);
    }
    if end && let Some(regex) = scratch.regex(&format!("(?:{pattern}){repeat}$")) {
        kept = regex.find(kept).map_or(kept, |found| &kept[..found.start()]);
    }
    Value::string(kept.to_owned())
}

/// `indexof_regex(text, regex [, start [, length [, occurrence]]])`: matches do not overlap; −1 when absent, null
/// for a place that there is not.
fn indexof<'a>(args: &[Value<'a>], scratch: &mut Scratch) -> Value<'a> {
    let (subject, pattern) = (text(args[0].clone()), text(args[1].clone()));
    let number = |at: usize, default: i64| args.get(at).map_or(Some(default), to_long).unwrap_or(default);
    let (start, length, occurrence) = (number(2, 0), number(3, -1), number(4, 1));
    let count = subject.chars().count() as i64;
    if start < 0 || length < -1 || occurrence < 0 {
        return Value::Null;
    }
    if start > count {
        return Value::Long(-1);
    }
    let length = if length < 0 { count } else { length };
    let window: String = subject.chars().skip(start as usize).take(length as usize).collect();
    let found = scratch.regex(&pattern).and_then(|regex| {
        let found = regex.find_iter(&window).nth(usize::try_from(occurrence).ok()?.checked_sub(1)?)?;
        Some(window[..found.start()].chars().count() as i64)
    });
    Value::Long(found.map_or(-1, |at| start + at))
}
