//! The values of literal tokens: strings, numbers, timespans, and `datetime(…)`-like typed literals.

use bartizan_base::time::{TICKS_PER_DAY, TICKS_PER_SECOND};
use bartizan_base::{Ticks, Timespan};
use bartizan_schema::KqlType;

use crate::bound::Literal;

/// The value of a string token, with its prefix and quotes.
pub(super) fn string_value(token: &str) -> String {
    let token = token.strip_prefix(['h', 'H']).unwrap_or(token);
    for fence in ["```", "~~~"] {
        if let Some(body) = token.strip_prefix(fence) {
            return body.strip_suffix(fence).unwrap_or(body).to_owned();
        }
    }
    let (verbatim, token) = match token.strip_prefix('@') {
        Some(rest) => (true, rest),
        None => (false, token),
    };
    let Some(quote) = token.chars().next() else { return String::new() };
    let body = &token[quote.len_utf8()..];
    let body = body.strip_suffix(quote).unwrap_or(body);
    if verbatim {
        let doubled: String = [quote, quote].iter().collect();
        return body.replace(&doubled, &quote.to_string());
    }
    unescape(body)
}

fn unescape(body: &str) -> String {
    if !body.contains('\\') {
        return body.to_owned();
    }
    let mut out = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('0') => out.push('\0'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some(kind @ ('u' | 'x' | 'U')) => {
                let width = match kind {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let digits: String = chars.clone().take(width).take_while(char::is_ascii_hexdigit).collect();
                match u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32) {
                    Some(value) => {
                        out.push(value);
                        chars.nth(digits.len() - 1);
                    }
                    None => out.push(kind),
                }
            }
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}

/// `12` and `0x1f`. A number that does not fit is `None`.
pub(super) fn long_value(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(|value| value as i64),
        None => text.parse().ok(),
    }
}

/// `1d`, `1.5h`, `10ticks`.
pub(super) fn timespan_value(text: &str) -> Option<Timespan> {
    let split = text.find(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let ticks_per_unit = match unit {
        "d" | "day" | "days" => TICKS_PER_DAY,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600 * TICKS_PER_SECOND,
        "m" | "min" | "minute" | "minutes" => 60 * TICKS_PER_SECOND,
        "s" | "sec" | "second" | "seconds" => TICKS_PER_SECOND,
        "ms" | "milli" | "millis" | "millisec" | "millisecond" | "milliseconds" => TICKS_PER_SECOND / 1000,
        "micro" | "micros" | "microsec" | "microsecond" | "microseconds" => 10,
        "nano" | "nanos" | "nanosec" | "nanosecond" | "nanoseconds" => return number_ticks(number, 0.01),
        "tick" | "ticks" => 1,
        _ => return None,
    };
    match number.parse::<i64>() {
        Ok(whole) => whole.checked_mul(ticks_per_unit).map(Timespan),
        Err(_) => number_ticks(number, ticks_per_unit as f64),
    }
}

fn number_ticks(number: &str, ticks_per_unit: f64) -> Option<Timespan> {
    let ticks = number.parse::<f64>().ok()? * ticks_per_unit;
    (ticks.abs() < i64::MAX as f64).then(|| Timespan(ticks.round() as i64))
}

/// `long(5)`, `datetime(2024-01-01)`, `guid(null)` …: the type and the value, or why there is none.
pub(super) fn typed_value(token: &str) -> Result<(Literal, KqlType), String> {
    let (name, rest) = token.split_once('(').unwrap_or((token, ""));
    let raw = rest.strip_suffix(')').unwrap_or(rest).trim();
    let ty: KqlType = name.trim().parse().map_err(|_| format!("`{}` is not a type", name.trim()))?;
    let quoted = raw.starts_with(['\'', '"']);
    let text = if quoted { string_value(raw) } else { raw.to_owned() };
    let text = text.trim();
    if text.is_empty() || text == "null" {
        return Ok((Literal::Null, ty));
    }
    let value = match ty {
        KqlType::Bool => bool_value(text).map(Literal::Bool),
        KqlType::Int => signed(text).and_then(int_value).map(Literal::Int),
        KqlType::Long => signed(text).map(Literal::Long),
        KqlType::Real => real_value(text).map(Literal::Real),
        KqlType::Decimal => decimal_value(text).map(Literal::Decimal),
        KqlType::DateTime => datetime_value(text).map(Literal::DateTime),
        KqlType::TimeSpan => timespan_text(text).map(Literal::TimeSpan),
        KqlType::Guid => guid_value(text).map(Literal::Guid),
        KqlType::String | KqlType::Dynamic => None,
    };
    value
        .map(|value| (value, ty))
        .ok_or_else(|| format!("`{}` is not a {ty} value", text.chars().take(80).collect::<String>()))
}

/// Hexadecimal numbers up to 32 bits wrap around: `int(0xf090013d)` is negative.
fn int_value(value: i64) -> Option<i32> {
    i32::try_from(value).ok().or_else(|| u32::try_from(value).ok().map(|value| value as i32))
}

fn bool_value(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn signed(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(rest) if rest.starts_with("0x") => long_value(rest).map(i64::wrapping_neg),
        _ => long_value(text),
    }
}

/// A column's or table's name as it is written.
pub(crate) fn written_name(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { name.to_owned() } else { format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")) }
}

fn real_value(text: &str) -> Option<f64> {
    match text.to_ascii_lowercase().as_str() {
        "nan" => Some(f64::NAN),
        "inf" | "+inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        other if other.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) => {
            other.parse().ok()
        }
        _ => None,
    }
}

fn decimal_value(text: &str) -> Option<String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let valid = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && text.parse::<f64>().is_ok();
    valid.then(|| text.trim_start_matches('+').to_owned())
}

/// ISO 8601, years and months alone, and the forms with slashes and month names the service accepts.
pub(super) fn datetime_value(text: &str) -> Option<Ticks> {
    if let Ok(ticks) = Ticks::parse(text) {
        return Some(ticks);
    }
    if text == "now" {
        return None;
    }
    parse_loose_datetime(text)
}

/// `2024-1-5 3:04:05`, `2024`, `2024-05`, `20240501`, `5/31/2024 10:00 PM`, `31 May 2024`.
fn parse_loose_datetime(text: &str) -> Option<Ticks> {
    let text = text.trim().trim_end_matches(['Z', 'z']);
    let text = text.strip_suffix("UTC").or_else(|| text.strip_suffix("GMT")).unwrap_or(text).trim();
    let (date, time) = match text.find(['T', ' ']).filter(|at| text[*at + 1..].contains(':')) {
        Some(at) if text[..at].contains(|c: char| c.is_ascii_digit()) => split_time(text, at),
        _ => (text, ""),
    };
    let (year, month, day) = loose_date(date.trim())?;
    let (seconds, ticks) = if time.is_empty() { (0, 0) } else { loose_time(time.trim())? };
    Ticks::from_civil(year, month, day, seconds, ticks)
}

/// The time is the part from the last blank (or `T`) before the first colon on.
fn split_time(text: &str, first: usize) -> (&str, &str) {
    let colon = text.find(':').unwrap_or(text.len());
    let at = text[..colon].rfind([' ', 'T']).unwrap_or(first);
    (&text[..at], &text[at + 1..])
}

/// The time in `datetime('8:00:00 AM')`, which has no date.
pub(super) fn time_of_day(token: &str) -> Option<Timespan> {
    let raw = token.strip_prefix("datetime")?.trim().strip_prefix('(')?.strip_suffix(')')?.trim();
    let text = if raw.starts_with(['\'', '"']) { string_value(raw) } else { raw.to_owned() };
    let text = text.trim();
    let plain =
        |c: char| c.is_ascii_digit() || matches!(c, ':' | '.' | ' ' | 'A' | 'P' | 'M' | 'a' | 'p' | 'm');
    if !text.contains(':') || !text.chars().all(plain) {
        return None;
    }
    let (seconds, ticks) = loose_time(text)?;
    Some(Timespan(seconds * TICKS_PER_SECOND + ticks))
}

fn loose_date(text: &str) -> Option<(i32, u8, u8)> {
    let text = text.split_once(", ").map_or(text, |(_, rest)| rest);
    let parts: Vec<&str> = text.split(['-', '/', ' ', '.']).filter(|p| !p.is_empty()).collect();
    let number = |at: usize| parts.get(at).and_then(|part| part.parse::<u32>().ok());
    match parts.len() {
        1 if text.len() == 8 => {
            let value = number(0)?;
            Some(((value / 10_000) as i32, (value / 100 % 100) as u8, (value % 100) as u8))
        }
        1 if text.len() == 4 => Some((number(0)? as i32, 1, 1)),
        2 if parts[0].len() == 4 => Some((number(0)? as i32, u8::try_from(number(1)?).ok()?, 1)),
        3 if parts[0].len() == 4 => {
            Some((number(0)? as i32, u8::try_from(number(1)?).ok()?, u8::try_from(number(2)?).ok()?))
        }
        3 => match month_name(parts[1]) {
            Some(month) => Some((number(2)? as i32, month, u8::try_from(number(0)?).ok()?)),
            None => Some((number(2)? as i32, u8::try_from(number(0)?).ok()?, u8::try_from(number(1)?).ok()?)),
        },
        _ => None,
    }
}

fn month_name(text: &str) -> Option<u8> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let lower = text.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| lower.get(..3) == Some(month))?;
    u8::try_from(at + 1).ok()
}

fn loose_time(text: &str) -> Option<(i64, i64)> {
    let upper = text.to_ascii_uppercase();
    let (text, shift) = match upper.strip_suffix("PM") {
        Some(rest) => (rest.trim(), Some(12)),
        None => (upper.strip_suffix("AM").map(str::trim).unwrap_or(text), upper.ends_with("AM").then_some(0)),
    };
    let mut parts = text.split(':');
    let mut hour: i64 = parts.next()?.parse().ok()?;
    if let Some(shift) = shift {
        hour = hour % 12 + shift;
    }
    let minute: i64 = parts.next().unwrap_or("0").parse().ok()?;
    let (second, fraction) = match parts.next() {
        Some(text) => text.split_once('.').unwrap_or((text, "")),
        None => ("0", ""),
    };
    let second: i64 = second.parse().ok()?;
    let kept: String = fraction.chars().take(7).collect();
    let ticks = if kept.is_empty() { 0 } else { format!("{kept:0<7}").parse().ok()? };
    let valid = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    valid.then_some((hour * 3600 + minute * 60 + second, ticks))
}

/// The text inside `timespan(…)`: `1d`, `1.02:03:04.5`, `02:03`, a count of days, or `3 seconds`.
pub(super) fn timespan_text(text: &str) -> Option<Timespan> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let ticks = if let Ok(days) = compact.parse::<i64>() {
        days.checked_mul(TICKS_PER_DAY)?
    } else if compact.contains(':') {
        clock_ticks(&compact)?
    } else {
        timespan_value(&compact)?.0
    };
    Some(Timespan(if negative { -ticks } else { ticks }))
}

/// `[d.]hh:mm[:ss[.fffffff]]`.
fn clock_ticks(text: &str) -> Option<i64> {
    let colon = text.find(':')?;
    let (days, clock) = match text[..colon].split_once('.') {
        Some((days, _)) => (days.parse::<i64>().ok()?, &text[days.len() + 1..]),
        None => (0, text),
    };
    let mut parts = clock.splitn(3, ':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let (seconds, fraction) =
        parts.next().map_or(("0", ""), |text| text.split_once('.').unwrap_or((text, "")));
    let seconds: i64 = seconds.parse().ok()?;
    let kept: String = fraction.chars().take(7).collect();
    let ticks: i64 = if kept.is_empty() { 0 } else { format!("{kept:0<7}").parse().ok()? };
    let in_day = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?;
    days.checked_mul(TICKS_PER_DAY)?.checked_add(in_day.checked_mul(TICKS_PER_SECOND)?)?.checked_add(ticks)
}

fn guid_value(text: &str) -> Option<String> {
    let hex: String =
        text.chars().filter(|c| !matches!(c, '-' | '{' | '}')).collect::<String>().to_ascii_lowercase();
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}
