//! Calendar arithmetic: starts and ends of periods, parts of a date, differences in whole boundaries.

use bartizan_base::Ticks;
use bartizan_base::time::{TICKS_PER_DAY, TICKS_PER_SECOND, days_in_month};

use super::super::convert::{text, to_long};
use super::super::kernel::{Entry, strict};
use super::in_range;
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    strict("startofday", |args, _| edge(args, Period::Day, false)),
    strict("startofweek", |args, _| edge(args, Period::Week, false)),
    strict("startofmonth", |args, _| edge(args, Period::Month, false)),
    strict("startofyear", |args, _| edge(args, Period::Year, false)),
    strict("endofday", |args, _| edge(args, Period::Day, true)),
    strict("endofweek", |args, _| edge(args, Period::Week, true)),
    strict("endofmonth", |args, _| edge(args, Period::Month, true)),
    strict("endofyear", |args, _| edge(args, Period::Year, true)),
    strict("dayofweek", |args, _| on(&args[0], |ticks| Value::TimeSpan(weekday(ticks) * TICKS_PER_DAY))),
    strict("dayofmonth", |args, _| on(&args[0], |ticks| Value::Int(i32::from(ticks.civil().2)))),
    strict("dayofyear", |args, _| on(&args[0], |ticks| Value::Int(day_of_year(ticks)))),
    strict("hourofday", |args, _| on(&args[0], |ticks| Value::Int(i32::from(ticks.civil().3)))),
    strict("monthofyear", |args, _| on(&args[0], |ticks| Value::Int(i32::from(ticks.civil().1)))),
    strict("getyear", |args, _| on(&args[0], |ticks| Value::Int(ticks.civil().0))),
    strict("week_of_year", |args, _| on(&args[0], |ticks| Value::Int(week_of_year(ticks)))),
    strict("datetime_part", |args, _| part(&text(args[0].clone()), &args[1])),
    strict("datetime_add", |args, _| add(&text(args[0].clone()), &args[1], &args[2])),
    strict("datetime_diff", |args, _| diff(&text(args[0].clone()), &args[1], &args[2])),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Day,
    Week,
    Month,
    Year,
}

fn on<'a>(value: &Value<'a>, with: impl Fn(Ticks) -> Value<'a>) -> Value<'a> {
    match value {
        Value::DateTime(ticks) if (0..=Ticks::MAX.0).contains(ticks) => with(Ticks(*ticks)),
        _ => Value::Null,
    }
}

/// Days since Sunday. Tick 0 is a Monday.
fn weekday(ticks: Ticks) -> i64 {
    (ticks.0.div_euclid(TICKS_PER_DAY) + 1).rem_euclid(7)
}

fn midnight(year: i32, month: u8, day: u8) -> Option<i64> {
    Ticks::from_civil(year, month, day, 0, 0).map(|ticks| ticks.0)
}

fn day_of_year(ticks: Ticks) -> i32 {
    let first = midnight(ticks.civil().0, 1, 1).unwrap_or(0);
    ((ticks.0 - first) / TICKS_PER_DAY) as i32 + 1
}

/// The week of ISO 8601: weeks start on Monday, the first has the year's first Thursday.
fn week_of_year(ticks: Ticks) -> i32 {
    let monday_based = (weekday(ticks) + 6) % 7;
    let thursday = Ticks((ticks.0 + (3 - monday_based) * TICKS_PER_DAY).clamp(0, Ticks::MAX.0));
    (day_of_year(thursday) - 1) / 7 + 1
}

/// The first moment of the period that is `offset` periods away, or `None` outside the calendar.
fn start(ticks: Ticks, period: Period, offset: i64) -> Option<i64> {
    let (year, month, ..) = ticks.civil();
    let day = ticks.0 - ticks.0.rem_euclid(TICKS_PER_DAY);
    match period {
        Period::Day => day.checked_add(offset.checked_mul(TICKS_PER_DAY)?),
        Period::Week => {
            let sunday = day - weekday(ticks) * TICKS_PER_DAY;
            sunday.checked_add(offset.checked_mul(7 * TICKS_PER_DAY)?)
        }
        Period::Month => {
            let months = i64::from(year) * 12 + i64::from(month) - 1 + offset;
            midnight(i32::try_from(months.div_euclid(12)).ok()?, months.rem_euclid(12) as u8 + 1, 1)
        }
        Period::Year => midnight(i32::try_from(i64::from(year) + offset).ok()?, 1, 1),
    }
}

fn edge<'a>(args: &[Value<'a>], period: Period, end: bool) -> Value<'a> {
    let Some(offset) = args.get(1).map_or(Some(0), to_long) else { return Value::Null };
    if offset.unsigned_abs() > 1_000_000_000 {
        return Value::Null;
    }
    on(&args[0], |ticks| {
        if end {
            // The last period of the calendar has no successor.
            let next = start(ticks, period, offset + 1).unwrap_or(Ticks::MAX.0 + 1);
            in_range(Some(next - 1))
        } else {
            in_range(start(ticks, period, offset))
        }
    })
}

fn part<'a>(part: &str, value: &Value<'a>) -> Value<'a> {
    on(value, |ticks| {
        let (year, month, day, hour, minute, second, fraction) = ticks.civil();
        Value::Int(match part.to_ascii_lowercase().as_str() {
            "year" => year,
            "quarter" => (i32::from(month) - 1) / 3 + 1,
            "month" => i32::from(month),
            "week_of_year" | "weekofyear" => week_of_year(ticks),
            "day" => i32::from(day),
            "dayofyear" => day_of_year(ticks),
            "hour" => i32::from(hour),
            "minute" => i32::from(minute),
            "second" => i32::from(second),
            "millisecond" => fraction as i32 / 10_000,
            "microsecond" => fraction as i32 / 10,
            "nanosecond" => fraction as i32 * 100,
            _ => return Value::Null,
        })
    })
}

/// Ticks of a unit of fixed length.
fn unit_ticks(part: &str) -> Option<i64> {
    Some(match part {
        "week" => 7 * TICKS_PER_DAY,
        "day" => TICKS_PER_DAY,
        "hour" => 3600 * TICKS_PER_SECOND,
        "minute" => 60 * TICKS_PER_SECOND,
        "second" => TICKS_PER_SECOND,
        "millisecond" => 10_000,
        "microsecond" => 10,
        _ => return None,
    })
}

fn add<'a>(part: &str, amount: &Value<'a>, value: &Value<'a>) -> Value<'a> {
    let Some(amount) = to_long(amount) else { return Value::Null };
    let part = part.to_ascii_lowercase();
    on(value, |ticks| {
        if let Some(unit) = unit_ticks(&part) {
            return in_range(amount.checked_mul(unit).and_then(|span| ticks.0.checked_add(span)));
        }
        let months = match part.as_str() {
            "year" => amount.checked_mul(12),
            "quarter" => amount.checked_mul(3),
            "month" => Some(amount),
            "nanosecond" => return in_range(ticks.0.checked_add(amount / 100)),
            _ => None,
        };
        let Some(months) = months.filter(|months| months.unsigned_abs() < 1_000_000) else {
            return Value::Null;
        };
        let (year, month, day, ..) = ticks.civil();
        let total = i64::from(year) * 12 + i64::from(month) - 1 + months;
        let (year, month) = (total.div_euclid(12) as i32, total.rem_euclid(12) as u8 + 1);
        if !(1..=9999).contains(&year) {
            return Value::Null;
        }
        // The 31st of a shorter month is its last day.
        let date = midnight(year, month, day.min(days_in_month(year, month)));
        in_range(date.map(|date| date + ticks.0.rem_euclid(TICKS_PER_DAY)))
    })
}

/// Boundaries crossed from the second to the first: the year from 2000-12-31 to 2017-01-01 is 17.
fn diff<'a>(part: &str, a: &Value<'a>, b: &Value<'a>) -> Value<'a> {
    let (Value::DateTime(a), Value::DateTime(b)) = (a, b) else { return Value::Null };
    let part = part.to_ascii_lowercase();
    let number = |ticks: i64| -> Option<i64> {
        let moment = Ticks(ticks);
        let (year, month, ..) = moment.civil();
        Some(match part.as_str() {
            "year" => i64::from(year),
            "quarter" => i64::from(year) * 4 + (i64::from(month) - 1) / 3,
            "month" => i64::from(year) * 12 + i64::from(month),
            // Weeks turn on Sunday.
            "week" => (ticks.div_euclid(TICKS_PER_DAY) + 1).div_euclid(7),
            "nanosecond" => return ticks.checked_mul(100),
            _ => ticks.div_euclid(unit_ticks(&part)?),
        })
    };
    if part == "nanosecond" {
        return (a - b).checked_mul(100).map_or(Value::Null, Value::Long);
    }
    match (number(*a), number(*b)) {
        (Some(a), Some(b)) => Value::Long(a - b),
        _ => Value::Null,
    }
}
