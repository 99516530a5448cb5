//! Reading datetimes and timespans from text, and arithmetic on them.

pub(crate) mod calendar;
pub(crate) mod format;
pub(crate) mod zone;

use bartizan_base::Ticks;
use bartizan_base::time::{TICKS_PER_DAY, TICKS_PER_SECOND, UNIX_EPOCH_TICKS};
use bartizan_schema::KqlType;

use super::convert::{convert, to_long, to_real};
use super::kernel::{Entry, strict};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("unixtime_seconds_todatetime", |args, _| from_unix(&args[0], TICKS_PER_SECOND as f64)),
    strict("unixtime_milliseconds_todatetime", |args, _| from_unix(&args[0], 10_000.0)),
    strict("unixtime_microseconds_todatetime", |args, _| from_unix(&args[0], 10.0)),
    strict("unixtime_nanoseconds_todatetime", |args, _| from_unix(&args[0], 0.01)),
    strict("make_timespan", |args, _| make_timespan(args)),
    strict("make_datetime", |args, _| make_datetime(args)),
];

fn from_unix<'a>(value: &Value<'_>, ticks_per_unit: f64) -> Value<'a> {
    let ticks = match (value, ticks_per_unit) {
        (Value::Real(value), _) => Some((*value * ticks_per_unit) as i64),
        (value, unit) if unit >= 1.0 => to_long(value).and_then(|value| value.checked_mul(unit as i64)),
        (value, _) => to_long(value).map(|value| value.div_euclid(100)),
    };
    let moment = ticks.and_then(|ticks| ticks.checked_add(UNIX_EPOCH_TICKS));
    in_range(moment)
}

/// A datetime, or null outside years 1 to 9999.
pub(super) fn in_range<'a>(ticks: Option<i64>) -> Value<'a> {
    ticks.filter(|ticks| (0..=Ticks::MAX.0).contains(ticks)).map_or(Value::Null, Value::DateTime)
}

fn make_timespan<'a>(args: &[Value<'a>]) -> Value<'a> {
    if let [value] = args {
        return convert(value.clone(), KqlType::TimeSpan);
    }
    let parts: Option<Vec<f64>> = args.iter().map(to_real).collect();
    let (days, hours, minutes, seconds) = match parts.as_deref() {
        Some([hours, minutes]) => (0.0, *hours, *minutes, 0.0),
        Some([hours, minutes, seconds]) => (0.0, *hours, *minutes, *seconds),
        Some([days, hours, minutes, seconds]) => (*days, *hours, *minutes, *seconds),
        _ => return Value::Null,
    };
    if !(0.0..24.0).contains(&hours) || !(0.0..60.0).contains(&minutes) || !(0.0..60.0).contains(&seconds) {
        return Value::Null;
    }
    let whole = (days as i64 * 86_400 + hours as i64 * 3600 + minutes as i64 * 60) * TICKS_PER_SECOND;
    Value::TimeSpan(whole + (seconds * TICKS_PER_SECOND as f64).round() as i64)
}

fn make_datetime<'a>(args: &[Value<'a>]) -> Value<'a> {
    if let [value] = args {
        return convert(value.clone(), KqlType::DateTime);
    }
    let part = |at: usize, default: i64| args.get(at).map_or(Some(default), to_long);
    let (Some(year), Some(month), Some(day), Some(hour), Some(minute)) =
        (part(0, 1), part(1, 1), part(2, 1), part(3, 0), part(4, 0))
    else {
        return Value::Null;
    };
    let Some(second) = args.get(5).map_or(Some(0.0), to_real) else { return Value::Null };
    let in_bounds = (0..24).contains(&hour) && (0..60).contains(&minute) && (0.0..60.0).contains(&second);
    let (Ok(year), Ok(month), Ok(day), true) =
        (i32::try_from(year), u8::try_from(month), u8::try_from(day), in_bounds)
    else {
        return Value::Null;
    };
    let fraction = ((second - second.floor()) * TICKS_PER_SECOND as f64).round() as i64;
    let seconds = hour * 3600 + minute * 60 + second as i64;
    Ticks::from_civil(year, month, day, seconds, fraction.min(TICKS_PER_SECOND - 1))
        .map_or(Value::Null, |ticks| Value::DateTime(ticks.0))
}

/// Parses what `todatetime` accepts: ISO 8601 first, then the other documented forms.
pub(crate) fn parse_datetime(text: &str) -> Option<Ticks> {
    let text = text.trim();
    if let Ok(ticks) = Ticks::parse(text) {
        return Some(ticks);
    }
    parse_american(text)
        .or_else(|| parse_named_month(text))
        .or_else(|| parse_compact(text))
        .or_else(|| parse_period(text))
}

/// `02/17/2016[ 08:40:01[.5]][ PM]`, with `-` for `/` too.
fn parse_american(text: &str) -> Option<Ticks> {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let mut parts = date.split(['/', '-']);
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?, time)
}

/// RFC 822 and 850: `Sat, 8 Nov 14 15:05:02 GMT`, `Saturday, 08-Nov-14 15:05:02 UTC`, `8 Nov 2014 15:05`.
fn parse_named_month(text: &str) -> Option<Ticks> {
    let rest = text.split_once(',').map_or(text, |(_, rest)| rest).trim();
    let rest = rest.trim_end_matches("GMT").trim_end_matches("UTC").trim_end_matches('Z').trim();
    let mut words = rest.splitn(4, [' ', '-']).filter(|word| !word.is_empty());
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let time = words.next().unwrap_or("");
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let prefix = month.get(..3)?.to_ascii_lowercase();
    let month = months.iter().position(|name| *name == prefix)? as u8 + 1;
    let year: i32 = year.parse().ok()?;
    let year = match year {
        0..50 => year + 2000,
        50..100 => year + 1900,
        year => year,
    };
    civil(year, month, day.parse().ok()?, time)
}

/// `20140508` and `20140508T1525`.
fn parse_compact(text: &str) -> Option<Ticks> {
    let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return None;
    }
    civil(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?, "")
}

/// `2026` and `2026-03`: the start of the year or the month.
fn parse_period(text: &str) -> Option<Ticks> {
    let (year, month) = text.split_once('-').unwrap_or((text, "1"));
    if year.len() != 4 || month.len() > 2 {
        return None;
    }
    civil(year.parse().ok()?, month.parse().ok()?, 1, "")
}

/// A date and `hh:mm[:ss[.fffffff]][ AM|PM]`.
fn civil(year: i32, month: u8, day: u8, time: &str) -> Option<Ticks> {
    let time = time.trim().trim_end_matches('Z').trim();
    let upper = time.to_ascii_uppercase();
    let (clock, half) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(clock), _) => (clock.trim(), Some(0)),
        (_, Some(clock)) => (clock.trim(), Some(12)),
        _ => (time, None),
    };
    if clock.is_empty() {
        return if half.is_none() { Ticks::from_civil(year, month, day, 0, 0) } else { None };
    }
    let mut parts = clock.split(':');
    let hour: i64 = parts.next()?.parse().ok()?;
    let minute: i64 = parts.next()?.parse().ok()?;
    let second = parts.next().unwrap_or("0");
    if parts.next().is_some() {
        return None;
    }
    let (second, fraction) = second.split_once('.').unwrap_or((second, ""));
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    let second: i64 = second.parse().ok()?;
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..60).contains(&second) {
        return None;
    }
    Ticks::from_civil(year, month, day, hour * 3600 + minute * 60 + second, fraction_ticks(fraction)?)
}

/// Decimals of a second as ticks; more than seven are cut off.
fn fraction_ticks(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept = &digits[..digits.len().min(7)];
    Some(
        kept.bytes().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'))
            * 10_i64.pow(7 - kept.len() as u32),
    )
}

/// Parses `[-][d.]hh:mm[:ss[.fffffff]]`, KQL's own literals (`1.5h`, `3d`) and a bare number of days.
pub(crate) fn parse_timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let ticks = if body.contains(':') { parse_clock(body) } else { parse_unit(body) }?;
    Some(if negative { -ticks } else { ticks })
}

fn parse_clock(text: &str) -> Option<i64> {
    let (first, rest) = text.split_once(':')?;
    let (days, hours) = match first.split_once('.') {
        Some((days, hours)) => (days.parse::<i64>().ok()?, hours),
        None => (0, first),
    };
    let hours: i64 = hours.parse().ok()?;
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
    let minutes: i64 = minutes.parse().ok()?;
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let seconds: i64 = seconds.parse().ok()?;
    if !(0..24).contains(&hours) || !(0..60).contains(&minutes) || !(0..60).contains(&seconds) {
        return None;
    }
    let whole = days.checked_mul(86_400)?.checked_add(hours * 3600 + minutes * 60 + seconds)?;
    whole.checked_mul(TICKS_PER_SECOND)?.checked_add(fraction_ticks(fraction)?)
}

fn parse_unit(text: &str) -> Option<i64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim() {
        "" | "d" | "day" | "days" => TICKS_PER_DAY,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600 * TICKS_PER_SECOND,
        "m" | "min" | "minute" | "minutes" => 60 * TICKS_PER_SECOND,
        "s" | "sec" | "second" | "seconds" => TICKS_PER_SECOND,
        "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 10_000,
        "micro" | "micros" | "microsecond" | "microseconds" => 10,
        "tick" | "ticks" => 1,
        _ => return None,
    };
    match number.parse::<i64>() {
        Ok(number) => number.checked_mul(unit),
        Err(_) => number.parse::<f64>().ok().map(|number| (number * unit as f64).round() as i64),
    }
}
