//! Series as JSON: reading numbers, writing results.

use std::borrow::Cow;
use std::fmt::Write;

use bartizan_schema::KqlType;

use crate::functions::convert::{convert, real_text, to_long, to_real};
use crate::functions::dynamic::{Json, nesting, unwrap_ref};
use crate::value::Value;

/// An element of a series. Whole numbers stay whole, because the language keeps them apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Long(i64),
    Real(f64),
}

impl Number {
    pub(super) fn real(self) -> f64 {
        match self {
            Self::Long(value) => value as f64,
            Self::Real(value) => value,
        }
    }

    fn of(json: &Json<'_>) -> Option<Self> {
        match json {
            Json::Long(value) => Some(Self::Long(*value)),
            Json::Real(value) => Some(Self::Real(*value)),
            // JSON has no other way to write these
            Json::Text(text) => match text.as_ref() {
                "NaN" => Some(Self::Real(f64::NAN)),
                "Infinity" | "∞" => Some(Self::Real(f64::INFINITY)),
                "-Infinity" | "-∞" => Some(Self::Real(f64::NEG_INFINITY)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The elements of an array as they are written; `None` when the value is no array.
pub(super) fn texts<'v>(value: &'v Value<'_>) -> Option<Vec<Cow<'v, str>>> {
    let Value::Dynamic(json) = value else { return None };
    if !json.trim_start().starts_with('[') {
        return None;
    }
    nesting::array(json).map(|element| element.ok().map(|element| element.as_raw_cow())).collect()
}

/// The elements of an array; what is not a number is missing.
pub(super) fn numbers(value: &Value<'_>) -> Option<Vec<Option<Number>>> {
    let texts = texts(value)?;
    Some(texts.iter().map(|text| Number::of(&Json::of(text))).collect())
}

/// The elements of an array with NaN for what is missing.
pub(super) fn reals(value: &Value<'_>) -> Option<Vec<f64>> {
    let texts = texts(value)?;
    Some(texts.iter().map(|text| Number::of(&Json::of(text)).map_or(f64::NAN, Number::real)).collect())
}

/// One number, from a number or a dynamic that holds one.
pub(super) fn number(value: &Value<'_>) -> Option<Number> {
    match unwrap_ref(value) {
        Value::Int(value) => Some(Number::Long(i64::from(value))),
        Value::Long(value) => Some(Number::Long(value)),
        Value::Real(value) => Some(Number::Real(value)),
        _ => None,
    }
}

/// An optional argument as a number; null counts as left out.
pub(super) fn real_argument(args: &[Value<'_>], at: usize) -> Option<f64> {
    args.get(at).and_then(|arg| to_real(&unwrap_ref(arg)))
}

/// An optional argument as a whole number.
pub(super) fn long_argument(args: &[Value<'_>], at: usize) -> Option<i64> {
    args.get(at).and_then(|arg| to_long(&unwrap_ref(arg)))
}

/// An optional argument as a truth value.
pub(super) fn bool_argument(args: &[Value<'_>], at: usize) -> Option<bool> {
    match args.get(at).map(|arg| convert(arg.clone(), KqlType::Bool)) {
        Some(Value::Bool(value)) => Some(value),
        _ => None,
    }
}

/// How many points at the end are not learned from.
pub(super) fn test_points(args: &[Value<'_>], at: usize) -> usize {
    usize::try_from(long_argument(args, at).unwrap_or(0)).unwrap_or(0)
}

/// An array of numbers.
pub(super) fn from_numbers<'a>(numbers: impl IntoIterator<Item = Option<Number>>) -> Value<'a> {
    let mut out = String::from("[");
    for number in numbers {
        match number {
            Some(Number::Long(value)) => {
                separated(&mut out, |out| write!(out, "{value}"));
            }
            Some(Number::Real(value)) => separated(&mut out, |out| write_real(out, value)),
            None => separated(&mut out, |out| out.write_str("null")),
        }
    }
    out.push(']');
    Value::dynamic(out)
}

/// An array of truth values.
pub(super) fn from_bools<'a>(values: impl IntoIterator<Item = Option<bool>>) -> Value<'a> {
    let texts = values.into_iter().map(|value| match value {
        Some(true) => "true",
        Some(false) => "false",
        None => "null",
    });
    from_texts(texts)
}

/// An array of elements written as JSON.
pub(super) fn from_texts<'a, T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Value<'a> {
    let mut out = String::from("[");
    for text in texts {
        separated(&mut out, |out| out.write_str(text.as_ref()));
    }
    out.push(']');
    Value::dynamic(out)
}

/// One part of a result with several.
pub(super) enum Part<'p> {
    Real(f64),
    Long(usize),
    /// NaN is written as null.
    Series(&'p [f64]),
    Flags(&'p [i8]),
    Bag(Vec<(&'static str, Part<'p>)>),
}

impl Part<'_> {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        match self {
            Self::Real(value) => write_real(out, *value),
            Self::Long(value) => write!(out, "{value}"),
            Self::Series(values) => write_array(out, values, |out, value| match value {
                value if value.is_nan() => out.write_str("null"),
                value => write_real(out, *value),
            }),
            Self::Flags(values) => write_array(out, values, |out, value| write!(out, "{value}")),
            Self::Bag(pairs) => {
                out.push('{');
                for (at, (key, part)) in pairs.iter().enumerate() {
                    write!(out, "{}\"{key}\":", if at > 0 { "," } else { "" })?;
                    part.write(out)?;
                }
                out.push('}');
                Ok(())
            }
        }
    }
}

/// A series of its own.
pub(super) fn from_reals<'a>(values: &[f64]) -> Value<'a> {
    written(&Part::Series(values))
}

/// An array of parts, which are the columns of the result.
pub(super) fn from_parts<'a>(parts: &[Part<'_>]) -> Value<'a> {
    let mut out = String::new();
    let done = write_array(&mut out, parts, |out, part| part.write(out));
    finished(out, done)
}

/// A bag of parts.
pub(super) fn from_bag<'a>(pairs: Vec<(&'static str, Part<'_>)>) -> Value<'a> {
    written(&Part::Bag(pairs))
}

fn written<'a>(part: &Part<'_>) -> Value<'a> {
    let mut out = String::new();
    let done = part.write(&mut out);
    finished(out, done)
}

fn finished<'a>(out: String, done: std::fmt::Result) -> Value<'a> {
    // writing into memory does not fail
    done.map_or(Value::Null, |()| Value::dynamic(out))
}

fn write_array<T>(
    out: &mut String,
    values: &[T],
    mut write: impl FnMut(&mut String, &T) -> std::fmt::Result,
) -> std::fmt::Result {
    out.push('[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(out, value)?;
    }
    out.push(']');
    Ok(())
}

fn separated(out: &mut String, write: impl FnOnce(&mut String) -> std::fmt::Result) {
    if out.len() > 1 {
        out.push(',');
    }
    write(out).expect("writing into memory does not fail");
}

/// A real as JSON; those that JSON cannot write are text, as everywhere in the language.
fn write_real(out: &mut String, value: f64) -> std::fmt::Result {
    if value.is_finite() { write!(out, "{value:?}") } else { write!(out, "\"{}\"", real_text(value)) }
}
