//! `==`, `!=` and `in` where an operand's type is known only row by row.

use super::dynamic;
use super::kernel::{Entry, seeing_nulls};
use crate::value::Value;

pub(crate) const EQUAL: Entry = seeing_nulls("==", |args, _| equality(&args[0], &args[1], false));
pub(crate) const NOT_EQUAL: Entry = seeing_nulls("!=", |args, _| equality(&args[0], &args[1], true));
pub(crate) const IN: Entry = seeing_nulls("in", |args, _| Value::Bool(member(args, false)));
pub(crate) const NOT_IN: Entry = seeing_nulls("!in", |args, _| Value::Bool(!member(args, false)));
pub(crate) const IN_IGNORING_CASE: Entry = seeing_nulls("in~", |args, _| Value::Bool(member(args, true)));
pub(crate) const NOT_IN_IGNORING_CASE: Entry =
    seeing_nulls("!in~", |args, _| Value::Bool(!member(args, true)));

pub(super) const FUNCTIONS: &[Entry] = &[
    seeing_nulls("min_of", |args, _| extremum(args, std::cmp::Ordering::Less)),
    seeing_nulls("max_of", |args, _| extremum(args, std::cmp::Ordering::Greater)),
];

fn equality<'a>(a: &Value<'a>, b: &Value<'a>, negated: bool) -> Value<'a> {
    if a.is_null() && b.is_null() {
        return Value::Null;
    }
    Value::Bool(equal(a, b, false) != negated)
}

/// Whether two values are the same value; a null is the same as nothing.
pub(crate) fn equal(a: &Value<'_>, b: &Value<'_>, ignore_case: bool) -> bool {
    let (a, b) = (dynamic::unwrap_ref(a), dynamic::unwrap_ref(b));
    match (&a, &b) {
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Dynamic(a), Value::Dynamic(b)) => dynamic::same(a, b),
        (Value::String(a), Value::String(b)) if ignore_case => super::text::eq_ignore_case(a, b),
        (Value::Guid(a), Value::String(b)) | (Value::String(b), Value::Guid(a)) => a.eq_ignore_ascii_case(b),
        (Value::DateTime(ticks), Value::String(text)) | (Value::String(text), Value::DateTime(ticks)) => {
            super::time::parse_datetime(text).is_some_and(|parsed| parsed.0 == *ticks)
        }
        (Value::TimeSpan(ticks), Value::String(text)) | (Value::String(text), Value::TimeSpan(ticks)) => {
            super::time::parse_timespan(text) == Some(*ticks)
        }
        _ if number(&a).is_some() && number(&b).is_some() => match (&a, &b) {
            (Value::Real(_), _) | (_, Value::Real(_)) => number(&a) == number(&b),
            _ => super::convert::to_long(&a) == super::convert::to_long(&b),
        },
        // A bag or array beside text: compared by text, as `tostring` prints it.
        (Value::Dynamic(json), Value::String(text)) | (Value::String(text), Value::Dynamic(json)) => {
            json == text
        }
        _ => a == b,
    }
}

fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(_) | Value::Long(_) | Value::Real(_) | Value::Bool(_) => super::convert::to_real(value),
        _ => None,
    }
}

fn member(args: &[Value<'_>], ignore_case: bool) -> bool {
    let Some((value, members)) = args.split_first() else { return false };
    members.iter().any(|member| match member {
        Value::Dynamic(json) => dynamic::leaves(json).iter().any(|leaf| {
            let leaf = crate::lower::literal_value(leaf);
            equal(value, &leaf, ignore_case)
        }),
        member => equal(value, member, ignore_case),
    })
}

fn extremum<'a>(args: &[Value<'a>], wanted: std::cmp::Ordering) -> Value<'a> {
    let mut best: Option<&Value<'a>> = None;
    for arg in args.iter().filter(|arg| !arg.is_null()) {
        if best.is_none_or(|best| order(arg, best) == Some(wanted)) {
            best = Some(arg);
        }
    }
    best.cloned().unwrap_or(Value::Null)
}

/// The order of two values of one kind.
pub(crate) fn order(a: &Value<'_>, b: &Value<'_>) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Real(_), _) | (_, Value::Real(_)) => {
            super::convert::to_real(a)?.partial_cmp(&super::convert::to_real(b)?)
        }
        _ => Some(super::convert::to_long(a)?.cmp(&super::convert::to_long(b)?)),
    }
}
