//! One JSON value, and how it becomes a value of each KQL type.
//!
//! Texts that spell a number, a bool or a date convert; values of another kind do not, except that
//! anything can become text. The empty string is no value for every type but string and dynamic.

use std::borrow::Cow;

use bartizan_base::Ticks;
use bartizan_base::time::{TICKS_PER_DAY, TICKS_PER_SECOND};

/// A JSON value as the parser hands it over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Only above `i64::MAX`.
    Uint(u64),
    Float(f64),
    Text(&'a str),
    /// The text of an array or object.
    Nested(&'a str),
}

/// What a conversion gives: a value, no value, or a value that does not fit.
#[derive(Debug, PartialEq)]
pub(super) enum Converted<T> {
    Value(T),
    Absent,
    Rejected,
}

impl<T> From<Option<T>> for Converted<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Rejected, Self::Value)
    }
}

impl<'a> Cell<'a> {
    /// The trimmed text of a string, unless there is none.
    fn parse<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Converted<T> {
        match text.trim() {
            "" => Converted::Absent,
            text => parse(text).into(),
        }
    }

    pub(super) fn to_text(self) -> Option<Cow<'a, str>> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Self::Int(value) => Cow::Owned(value.to_string()),
            Self::Uint(value) => Cow::Owned(value.to_string()),
            Self::Float(value) => Cow::Owned(float_text(value)),
            Self::Text(text) | Self::Nested(text) => Cow::Borrowed(text),
        })
    }

    pub(super) fn to_bool(self) -> Converted<bool> {
        match self {
            Self::Null => Converted::Absent,
            Self::Bool(value) => Converted::Value(value),
            Self::Int(value) => Converted::Value(value != 0),
            Self::Text(text) => Self::parse(text, |text| match text {
                "1" => Some(true),
                "0" => Some(false),
                _ if text.eq_ignore_ascii_case("true") => Some(true),
                _ if text.eq_ignore_ascii_case("false") => Some(false),
                _ => None,
            }),
            Self::Uint(_) | Self::Float(_) | Self::Nested(_) => Converted::Rejected,
        }
    }

    pub(super) fn to_long(self) -> Converted<i64> {
        match self {
            Self::Null => Converted::Absent,
            Self::Bool(value) => Converted::Value(i64::from(value)),
            Self::Int(value) => Converted::Value(value),
            Self::Float(value) => whole(value).into(),
            Self::Text(text) => {
                Self::parse(text, |text| text.parse().ok().or_else(|| whole(text.parse().ok()?)))
            }
            Self::Uint(_) | Self::Nested(_) => Converted::Rejected,
        }
    }

    pub(super) fn to_int(self) -> Converted<i32> {
        match self.to_long() {
            Converted::Value(value) => i32::try_from(value).ok().into(),
            Converted::Absent => Converted::Absent,
            Converted::Rejected => Converted::Rejected,
        }
    }

    pub(super) fn to_real(self) -> Converted<f64> {
        match self {
            Self::Null => Converted::Absent,
            Self::Bool(value) => Converted::Value(f64::from(u8::from(value))),
            Self::Int(value) => Converted::Value(value as f64),
            Self::Uint(value) => Converted::Value(value as f64),
            Self::Float(value) => Converted::Value(value),
            Self::Text(text) => Self::parse(text, |text| text.parse().ok()),
            Self::Nested(_) => Converted::Rejected,
        }
    }

    /// ISO 8601 only. A number could count seconds, milliseconds or ticks, and a guess would be wrong
    /// for somebody.
    pub(super) fn to_datetime(self) -> Converted<i64> {
        match self {
            Self::Null => Converted::Absent,
            Self::Text(text) => Self::parse(text, |text| Some(Ticks::parse(text).ok()?.0)),
            _ => Converted::Rejected,
        }
    }

    /// KQL's text form `[-][d.]hh:mm:ss[.fffffff]`.
    pub(super) fn to_timespan(self) -> Converted<i64> {
        match self {
            Self::Null => Converted::Absent,
            Self::Text(text) => Self::parse(text, timespan_ticks),
            _ => Converted::Rejected,
        }
    }

    /// The lower-case form with hyphens.
    pub(super) fn to_guid(self) -> Converted<String> {
        match self {
            Self::Null => Converted::Absent,
            Self::Text(text) => {
                Self::parse(text, |text| Some(uuid::Uuid::parse_str(text).ok()?.hyphenated().to_string()))
            }
            _ => Converted::Rejected,
        }
    }

    pub(super) fn to_decimal(self) -> Converted<Cow<'a, str>> {
        match self {
            Self::Null => Converted::Absent,
            Self::Text(text) => match text.trim() {
                "" => Converted::Absent,
                text => is_decimal(text).then_some(Cow::Borrowed(text)).into(),
            },
            Self::Int(_) | Self::Uint(_) | Self::Float(_) => self.to_text().into(),
            Self::Bool(_) | Self::Nested(_) => Converted::Rejected,
        }
    }
}

/// A float that is a whole number within `long`.
fn whole(value: f64) -> Option<i64> {
    // 2^63 is exact in f64, and the first value that no longer fits.
    let in_range = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    (in_range && value.fract() == 0.0).then_some(value as i64)
}

/// Whole floats keep one decimal, so that the text still says it was a real number.
fn float_text(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.1}") } else { format!("{value}") }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}

fn timespan_ticks(text: &str) -> Option<i64> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let mut parts = text.splitn(3, ':');
    let (first, minutes, seconds) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let (days, hours) = first.split_once('.').unwrap_or(("0", first));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let number = |part: &str, limit: i64| -> Option<i64> {
        let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten().filter(|value| *value < limit)
    };
    let days = number(days, i64::MAX / TICKS_PER_DAY)?;
    let seconds = number(hours, 24)? * 3600 + number(minutes, 60)? * 60 + number(seconds, 60)?;
    if fraction.is_empty() || fraction.len() > 7 {
        return None;
    }
    let fraction = number(fraction, i64::MAX)? * 10_i64.pow(7 - fraction.len() as u32);
    let ticks = days.checked_mul(TICKS_PER_DAY)?.checked_add(seconds * TICKS_PER_SECOND + fraction)?;
    Some(if negative { -ticks } else { ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (cell, expected) in [
            (Cell::Int(7), Converted::Value(7)),
            (Cell::Float(7.0), Converted::Value(7)),
            (Cell::Float(7.5), Converted::Rejected),
            (Cell::Float(9.3e18), Converted::Rejected),
            (Cell::Text(" 12 "), Converted::Value(12)),
            (Cell::Text("12.0"), Converted::Value(12)),
            (Cell::Text("0x10"), Converted::Rejected),
            (Cell::Text(""), Converted::Absent),
            (Cell::Uint(u64::MAX), Converted::Rejected),
            (Cell::Nested("[1]"), Converted::Rejected),
        ] {
            assert_eq!(cell.to_long(), expected, "{cell:?}");
        }
        assert_eq!(Cell::Int(1 << 31).to_int(), Converted::Rejected);
    }

    #[test]
    fn times_spans_and_guids() {
        assert_eq!(Cell::Text("0001-01-01T00:00:01Z").to_datetime(), Converted::Value(TICKS_PER_SECOND));
        assert_eq!(Cell::Int(1_700_000_000).to_datetime(), Converted::Rejected);
        for (text, expected) in [
            ("00:00:01.5", Some(15_000_000)),
            ("-1.02:00:00", Some(-(TICKS_PER_DAY + 7200 * TICKS_PER_SECOND))),
            ("01:30", Some(5400 * TICKS_PER_SECOND)),
            ("25:00:00", None),
            ("1:-1:00", None),
            ("5m", None),
        ] {
            assert_eq!(Cell::Text(text).to_timespan(), expected.into(), "{text}");
        }
        let guid = Cell::Text("6F9619FF8B86D011B42D00C04FC964FF").to_guid();
        assert_eq!(guid, Converted::Value("6f9619ff-8b86-d011-b42d-00c04fc964ff".to_owned()));
    }

    #[test]
    fn text_keeps_what_was_sent() {
        let text = |cell: Cell<'static>| cell.to_text().unwrap_or_default().into_owned();
        assert_eq!(text(Cell::Float(2.0)), "2.0");
        assert_eq!(text(Cell::Float(0.25)), "0.25");
        assert_eq!(text(Cell::Bool(true)), "true");
        assert_eq!(text(Cell::Nested("{\"a\":1}")), "{\"a\":1}");
        assert_eq!(Cell::Text("12.50").to_decimal(), Converted::Value(Cow::Borrowed("12.50")));
        assert_eq!(Cell::Text("1e3").to_decimal(), Converted::Rejected);
    }
}
