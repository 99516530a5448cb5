//! Dates and times, and addresses.

use bartizan_base::{Ticks, Timespan};
use ipnet::IpNet;
use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{Call, Function, pure, reads};
use crate::expression::ExpressionError;

/// Ticks of a day.
const DAY: i64 = 864_000_000_000;

pub(super) const FUNCTIONS: &[Function] = &[
    pure("addDays", 2, 3, |call| {
        let days = call.integer(1)?.checked_mul(DAY).ok_or_else(|| call.must(1, "a number of days"))?;
        let moment = moment(call, 0)?.0.checked_add(days).filter(|ticks| (0..=Ticks::MAX.0).contains(ticks));
        written(call, Ticks(moment.ok_or_else(|| call.bad("the day lies outside years 1 to 9999"))?), 2, "O")
    }),
    pure("dateTimeAdd", 2, 3, |call| {
        let span: Span = call
            .text(1)?
            .parse()
            .map_err(|_| call.must(1, "an ISO 8601 duration such as `P3Y` or `-PT9H`"))?;
        let sum = civil(moment(call, 0)?)
            .and_then(|start| start.checked_add(span).ok())
            .and_then(|sum| ticks(&sum));
        written(call, sum.ok_or_else(|| call.bad("the sum lies outside years 1 to 9999"))?, 2, "u")
    }),
    pure("dateTimeFromEpoch", 1, 1, |call| {
        let moment = Ticks::from_unix_millis(call.integer(0)?.saturating_mul(1_000));
        Ok(form(moment, "yyyy-MM-ddTHH:mm:ssZ").into())
    }),
    pure("dateTimeToEpoch", 1, 1, |call| Ok(moment(call, 0)?.unix_seconds().into())),
    pure("ipRangeContains", 2, 2, |call| {
        let (range, target) = (range(call, 0)?, range(call, 1)?);
        Ok(target.iter().all(|target| range.iter().any(|range| range.contains(target))).into())
    }),
    reads("utcNow", 0, 1, |call| {
        let now = call.scope()?.now;
        written(call, now, 0, "O")
    }),
];

fn moment(call: &Call<'_>, at: usize) -> Result<Ticks, ExpressionError> {
    Ticks::parse(call.text(at)?).map_err(|_| call.must(at, "a date and time such as `2026-01-02T03:04:05Z`"))
}

fn civil(moment: Ticks) -> Option<DateTime> {
    let (year, month, day, hour, minute, second, ticks) = moment.civil();
    let [month, day, hour, minute, second] =
        [month, day, hour, minute, second].map(|part| i8::try_from(part).ok());
    let nanos = i32::try_from(ticks.saturating_mul(100)).ok()?;
    DateTime::new(i16::try_from(year).ok()?, month?, day?, hour?, minute?, second?, nanos).ok()
}

fn ticks(civil: &DateTime) -> Option<Ticks> {
    let stamp = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let ticks = Ticks::from_unix_nanos(stamp.as_nanosecond());
    (i32::from(civil.year()) >= 1).then_some(ticks)
}

/// The moment in the form of argument `at`, or in `usual`.
fn written(call: &Call<'_>, moment: Ticks, at: usize, usual: &str) -> Result<Value, ExpressionError> {
    let shape = call.given(at).map_or(Ok(usual), |_| call.text(at))?;
    let shape = match shape {
        "o" | "O" => "yyyy-MM-ddTHH:mm:ss.fffffffZ",
        "u" => "yyyy-MM-dd HH:mm:ssZ",
        "s" => "yyyy-MM-ddTHH:mm:ss",
        "d" => "M/d/yyyy",
        other if other.len() == 1 => {
            return Err(
                call.must(at, "one of the forms `o`, `s`, `u`, `d` or a pattern such as `yyyy-MM-dd`")
            );
        }
        other => other,
    };
    if shape.len() > 200 {
        return Err(call.must(at, "a pattern such as `yyyy-MM-dd`"));
    }
    Ok(form(moment, shape).into())
}

/// The pattern letters of .NET that mean the same in every culture; everything else stands for itself.
fn form(moment: Ticks, pattern: &str) -> String {
    let (year, month, day, hour, minute, second, ticks) = moment.civil();
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let run = rest.chars().take_while(|other| *other == c).count();
        let number = match c {
            'y' if run >= 4 => Some(format!("{year:04}")),
            'y' => Some(format!("{:02}", year % 100)),
            'M' => Some(padded(month, run)),
            'd' => Some(padded(day, run)),
            'H' => Some(padded(hour, run)),
            'h' => Some(padded((hour + 11) % 12 + 1, run)),
            'm' => Some(padded(minute, run)),
            's' => Some(padded(second, run)),
            'f' => Some(format!("{ticks:07}").chars().take(run.min(7)).collect()),
            _ => None,
        };
        match number {
            Some(number) => {
                out.push_str(&number);
                rest = &rest[run * c.len_utf8()..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

fn padded(part: u8, run: usize) -> String {
    if run >= 2 { format!("{part:02}") } else { part.to_string() }
}

/// `10.0.0.0/8`, `10.0.0.1` or `10.0.0.1-10.0.0.9`, as the networks that make it up.
fn range(call: &Call<'_>, at: usize) -> Result<Vec<IpNet>, ExpressionError> {
    let wrong = || call.must(at, "an address, a network such as `10.0.0.0/8` or a range of addresses");
    let text = call.text(at)?.trim();
    if let Ok(net) = text.parse::<IpNet>() {
        return Ok(vec![net]);
    }
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        return Ok(vec![IpNet::from(address)]);
    }
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let (first, last) = (first.trim(), last.trim());
    let nets: Vec<IpNet> = match (first.parse(), last.parse(), first.parse(), last.parse()) {
        (Ok(first), Ok(last), _, _) => ipnet::Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect(),
        (_, _, Ok(first), Ok(last)) => ipnet::Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect(),
        _ => return Err(wrong()),
    };
    if nets.is_empty() { Err(wrong()) } else { Ok(nets) }
}

/// Ticks of a duration of days, hours, minutes and seconds such as `PT10M`.
pub(crate) fn duration(text: &str) -> Option<Timespan> {
    let span: Span = text.parse().ok()?;
    let seconds = span.total((jiff::Unit::Second, jiff::SpanRelativeTo::days_are_24_hours())).ok()?;
    (seconds.abs() < 1e9).then_some(Timespan((seconds * 1e7) as i64))
}
