//! Comparison where DataFusion has none: operands whose type is known only row by row, and decimals.

use std::cmp::Ordering;

use super::decimal::Decimal;
use super::dynamic;
use super::kernel::{Entry, seeing_nulls, strict};
use crate::value::Value;

pub(crate) const EQUAL: Entry = seeing_nulls("==", |args, _| equality(&args[0], &args[1], false));
pub(crate) const NOT_EQUAL: Entry = seeing_nulls("!=", |args, _| equality(&args[0], &args[1], true));
pub(crate) const IN: Entry = seeing_nulls("in", |args, _| Value::Bool(member(args, false)));
pub(crate) const NOT_IN: Entry = seeing_nulls("!in", |args, _| Value::Bool(!member(args, false)));
pub(crate) const IN_IGNORING_CASE: Entry = seeing_nulls("in~", |args, _| Value::Bool(member(args, true)));
pub(crate) const NOT_IN_IGNORING_CASE: Entry =
    seeing_nulls("!in~", |args, _| Value::Bool(!member(args, true)));

/// An ordering that DataFusion does not have: of decimals, and of values known only row by row.
pub(crate) fn ordering(function: &str) -> Entry {
    match function {
        "<" => strict("<", |args, _| ordered(args, Ordering::is_lt)),
        "<=" => strict("<=", |args, _| ordered(args, Ordering::is_le)),
        ">" => strict(">", |args, _| ordered(args, Ordering::is_gt)),
        _ => strict(">=", |args, _| ordered(args, Ordering::is_ge)),
    }
}

fn ordered<'a>(args: &[Value<'a>], holds: fn(Ordering) -> bool) -> Value<'a> {
    let (a, b) = (dynamic::unwrap_ref(&args[0]), dynamic::unwrap_ref(&args[1]));
    match (&a, &b) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        // Bags and arrays have no order, nor have text and numbers between them.
        (Value::Dynamic(_), _) | (_, Value::Dynamic(_)) => Value::Null,
        (Value::String(_), other) | (other, Value::String(_)) if !matches!(other, Value::String(_)) => {
            Value::Null
        }
        _ => order(&a, &b).map_or(Value::Bool(false), |found| Value::Bool(holds(found))),
    }
}

pub(super) const FUNCTIONS: &[Entry] = &[
    seeing_nulls("min_of", |args, _| extremum(args, Ordering::Less)),
    seeing_nulls("max_of", |args, _| extremum(args, Ordering::Greater)),
    strict("around", |args, _| around(args)),
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
        (Value::Decimal(_), _) | (_, Value::Decimal(_)) => {
            let both = Decimal::of(&a).zip(Decimal::of(&b));
            both.is_some_and(|(a, b)| a == b)
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

/// Whether a value lies no further than a distance from a centre, either way.
fn around<'a>(args: &[Value<'a>]) -> Value<'a> {
    let [value, center, delta] = args else { return Value::Null };
    let inside = match (value, center, delta) {
        (Value::Real(_), ..) | (_, Value::Real(_), _) | (.., Value::Real(_)) => {
            let number = super::convert::to_real;
            let parts = (number(value), number(center), number(delta));
            let (Some(value), Some(center), Some(delta)) = parts else { return Value::Null };
            (value - center).abs() <= delta
        }
        (Value::Decimal(_), ..) | (_, Value::Decimal(_), _) | (.., Value::Decimal(_)) => {
            let parts = (Decimal::of(value), Decimal::of(center), Decimal::of(delta));
            let (Some(value), Some(center), Some(delta)) = parts else { return Value::Null };
            value.subtract(center).is_some_and(|distance| distance.abs() <= delta)
        }
        _ => {
            let number = super::convert::to_long;
            let parts = (number(value), number(center), number(delta));
            let (Some(value), Some(center), Some(delta)) = parts else { return Value::Null };
            (i128::from(value) - i128::from(center)).abs() <= i128::from(delta)
        }
    };
    Value::Bool(inside)
}

fn extremum<'a>(args: &[Value<'a>], wanted: Ordering) -> Value<'a> {
    let mut best: Option<&Value<'a>> = None;
    for arg in args.iter().filter(|arg| !arg.is_null()) {
        if best.is_none_or(|best| order(arg, best) == Some(wanted)) {
            best = Some(arg);
        }
    }
    best.cloned().unwrap_or(Value::Null)
}

/// The order of two values of one kind.
pub(crate) fn order(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) | (Value::Guid(a), Value::Guid(b)) => Some(a.cmp(b)),
        (Value::Decimal(_), _) | (_, Value::Decimal(_)) => Some(Decimal::of(a)?.cmp(&Decimal::of(b)?)),
        (Value::Real(_), _) | (_, Value::Real(_)) => {
            super::convert::to_real(a)?.partial_cmp(&super::convert::to_real(b)?)
        }
        _ => Some(super::convert::to_long(a)?.cmp(&super::convert::to_long(b)?)),
    }
}
