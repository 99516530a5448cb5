//! Time as KQL has it: 100-nanosecond ticks.
//!
//! A `datetime` counts ticks since 0001-01-01T00:00:00Z and reaches the end of year 9999; a `timespan`
//! counts ticks. Both fit `i64`, which nanoseconds since 1970 would not (they end in 2262).
//! docs/decisions/001-ticks.md has the reasons.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Ticks in one second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;
/// Ticks in one day.
pub const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;
/// Ticks from 0001-01-01 to 1970-01-01.
pub const UNIX_EPOCH_TICKS: i64 = 621_355_968_000_000_000;
/// The last tick of year 9999.
pub const TICKS_MAX: i64 = 3_155_378_975_999_999_999;

/// A moment, UTC: ticks since 0001-01-01T00:00:00Z. Its text form is the one the Log Analytics API
/// returns: `2026-01-02T03:04:05.1234567Z`, without trailing zeros in the fraction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticks(pub i64);

/// A length of time in ticks; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timespan(pub i64);

/// The text is not a moment in ISO 8601 form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date and time such as `2026-01-02T03:04:05.123Z`")]
pub struct TicksError(pub String);

impl Ticks {
    /// The last representable moment.
    pub const MAX: Ticks = Ticks(TICKS_MAX);

    /// From the system clock's type; moments outside years 1 to 9999 are clamped.
    pub fn from_system_time(time: SystemTime) -> Self {
        let offset = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => duration_ticks(after),
            Err(before) => -duration_ticks(before.duration()),
        };
        Self(UNIX_EPOCH_TICKS.saturating_add(offset).clamp(0, TICKS_MAX))
    }

    /// From milliseconds since 1970.
    pub fn from_unix_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(10_000).saturating_add(UNIX_EPOCH_TICKS).clamp(0, TICKS_MAX))
    }

    /// From nanoseconds since 1970, rounded down to a tick.
    pub fn from_unix_nanos(nanos: i128) -> Self {
        let ticks = nanos.div_euclid(100) + i128::from(UNIX_EPOCH_TICKS);
        Self(i64::try_from(ticks).unwrap_or(TICKS_MAX).clamp(0, TICKS_MAX))
    }

    /// Milliseconds since 1970, rounded down.
    pub fn unix_millis(self) -> i64 {
        (self.0 - UNIX_EPOCH_TICKS).div_euclid(10_000)
    }

    /// Seconds since 1970, rounded down.
    pub fn unix_seconds(self) -> i64 {
        (self.0 - UNIX_EPOCH_TICKS).div_euclid(TICKS_PER_SECOND)
    }

    /// Moves by a timespan; stops at the ends of the range.
    pub fn saturating_add(self, span: Timespan) -> Self {
        Self(self.0.saturating_add(span.0).clamp(0, TICKS_MAX))
    }

    /// Year, month, day, hour, minute, second, ticks within the second.
    pub fn civil(self) -> (i32, u8, u8, u8, u8, u8, u32) {
        let days = self.0.div_euclid(TICKS_PER_DAY);
        let in_day = self.0.rem_euclid(TICKS_PER_DAY);
        let (year, month, day) = civil_from_days(days - UNIX_EPOCH_TICKS / TICKS_PER_DAY);
        let seconds = in_day / TICKS_PER_SECOND;
        (
            year,
            month,
            day,
            (seconds / 3600) as u8,
            (seconds / 60 % 60) as u8,
            (seconds % 60) as u8,
            (in_day % TICKS_PER_SECOND) as u32,
        )
    }

    /// Builds a moment from civil parts; `None` when a part is out of range.
    pub fn from_civil(year: i32, month: u8, day: u8, seconds_in_day: i64, ticks: i64) -> Option<Self> {
        if !(1..=9999).contains(&year)
            || !(1..=12).contains(&month)
            || day < 1
            || day > days_in_month(year, month)
        {
            return None;
        }
        if !(0..86_400).contains(&seconds_in_day) || !(0..TICKS_PER_SECOND).contains(&ticks) {
            return None;
        }
        let days = days_from_civil(year, month, day) + UNIX_EPOCH_TICKS / TICKS_PER_DAY;
        Some(Self(days * TICKS_PER_DAY + seconds_in_day * TICKS_PER_SECOND + ticks))
    }

    /// Parses ISO 8601 / RFC 3339: `2026-01-02`, `2026-01-02T03:04[:05[.1234567]][Z|±hh[:mm]]`, with `T`
    /// or a space between. Without an offset the time is UTC. More than seven decimals are cut off.
    ///
    /// # Errors
    /// When the text has another form or a part is out of range.
    pub fn parse(text: &str) -> Result<Self, TicksError> {
        parse_iso(text.trim().as_bytes()).ok_or_else(|| TicksError(text.chars().take(80).collect()))
    }
}

/// Days in a month of the proleptic Gregorian calendar.
pub fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a civil date. Counting years from March puts the leap day last, so that
/// month lengths follow one linear rule.
pub fn days_from_civil(year: i32, month: u8, day: u8) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The civil date of a day counted from 1970-01-01; the inverse of [`days_from_civil`].
pub fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u8;
    let month = ((month_from_march + 2) % 12 + 1) as u8;
    let year = (year_of_era + era * 400 + i64::from(month <= 2)) as i32;
    (year, month, day)
}

fn duration_ticks(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos() / 100).unwrap_or(i64::MAX)
}

fn digits(bytes: &[u8], from: usize, count: usize) -> Option<i64> {
    let part = bytes.get(from..from + count)?;
    part.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

fn parse_iso(text: &[u8]) -> Option<Ticks> {
    let (year, month, day) = (digits(text, 0, 4)?, digits(text, 5, 2)?, digits(text, 8, 2)?);
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let mut seconds = 0;
    let mut ticks = 0;
    let mut offset_seconds = 0;
    let mut at = 10;
    if at < text.len() {
        if !matches!(text[at], b'T' | b't' | b' ') || text.get(at + 3) != Some(&b':') {
            return None;
        }
        let (hour, minute) = (digits(text, 11, 2)?, digits(text, 14, 2)?);
        at = 16;
        let mut second = 0;
        if text.get(at) == Some(&b':') {
            second = digits(text, at + 1, 2)?;
            at += 3;
            if text.get(at) == Some(&b'.') {
                let start = at + 1;
                let end = start + text[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if end == start {
                    return None;
                }
                let kept = &text[start..end.min(start + 7)];
                ticks = kept.iter().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
                ticks *= 10_i64.pow(7 - kept.len() as u32);
                at = end;
            }
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        seconds = hour * 3600 + minute * 60 + second;
        match text.get(at) {
            None => {}
            Some(b'Z' | b'z') if at + 1 == text.len() => {}
            Some(sign @ (b'+' | b'-')) => {
                let hours = digits(text, at + 1, 2)?;
                let rest = &text[at + 3..];
                let minutes = match rest.len() {
                    0 => 0,
                    2 => digits(rest, 0, 2)?,
                    3 if rest[0] == b':' => digits(rest, 1, 2)?,
                    _ => return None,
                };
                if hours > 14 || minutes > 59 {
                    return None;
                }
                offset_seconds = (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 };
            }
            Some(_) => return None,
        }
    }
    let local = Ticks::from_civil(year as i32, month as u8, day as u8, seconds, ticks)?;
    let utc = local.0 - offset_seconds * TICKS_PER_SECOND;
    (0..=TICKS_MAX).contains(&utc).then_some(Ticks(utc))
}

impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second, ticks) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if ticks != 0 {
            let fraction = format!("{ticks:07}");
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Ticks {
    type Err = TicksError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Ticks {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ticks {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Timespan {
    /// From whole seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * TICKS_PER_SECOND)
    }

    /// From a standard duration; saturates.
    pub fn from_duration(duration: Duration) -> Self {
        Self(duration_ticks(duration))
    }

    /// As a standard duration; negative spans become zero.
    pub fn to_duration(self) -> Duration {
        let ticks = self.0.max(0) as u64;
        Duration::new(ticks / 10_000_000, (ticks % 10_000_000) as u32 * 100)
    }
}

/// KQL's own text form: `[-][d.]hh:mm:ss[.fffffff]`.
impl fmt::Display for Timespan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let ticks = self.0.unsigned_abs();
        let (day, second) = (TICKS_PER_DAY as u64, TICKS_PER_SECOND as u64);
        if ticks >= day {
            write!(f, "{}.", ticks / day)?;
        }
        let seconds = ticks % day / second;
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if !ticks.is_multiple_of(second) {
            write!(f, ".{:07}", ticks % second)?;
        }
        Ok(())
    }
}

impl Add<Timespan> for Ticks {
    type Output = Ticks;

    fn add(self, span: Timespan) -> Ticks {
        self.saturating_add(span)
    }
}

impl Sub<Timespan> for Ticks {
    type Output = Ticks;

    fn sub(self, span: Timespan) -> Ticks {
        self.saturating_add(Timespan(span.0.saturating_neg()))
    }
}

impl Sub for Ticks {
    type Output = Timespan;

    fn sub(self, other: Ticks) -> Timespan {
        Timespan(self.0 - other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (text, ticks) in [
            ("0001-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00Z", UNIX_EPOCH_TICKS),
            ("9999-12-31T23:59:59.9999999Z", TICKS_MAX),
            ("2000-02-29T12:00:00.5Z", 630_874_224_005_000_000),
        ] {
            assert_eq!(Ticks::parse(text), Ok(Ticks(ticks)), "{text}");
            assert_eq!(Ticks(ticks).to_string(), text);
        }
    }

    #[test]
    fn offsets_short_forms_and_long_fractions() {
        let noon = Ticks::parse("2026-03-01T12:00:00Z").unwrap();
        for text in [
            "2026-03-01T14:00:00+02:00",
            "2026-03-01 12:00",
            "2026-03-01T10:30:00-0130",
            "2026-03-01T12:00:00.00000009Z",
        ] {
            assert_eq!(Ticks::parse(text), Ok(noon), "{text}");
        }
        assert_eq!(Ticks::parse("2026-03-01").unwrap(), noon - Timespan::from_seconds(12 * 3600));
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "yesterday",
            "2026-02-29",
            "2026-13-01",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00+99:00",
            "2026-01-01Tx",
            "2026-01-01T00:00:00Zjunk",
        ] {
            assert!(Ticks::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_day_round_trips() {
        for days in -719_162..=2_932_896 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn timespan_text() {
        assert_eq!(Timespan::from_seconds(14 * 86_400).to_string(), "14.00:00:00");
        assert_eq!(Timespan(-15_000_000).to_string(), "-00:00:01.5000000");
    }
}
