//! `format_datetime` and `format_timespan`: letters by the documented list, everything else as it stands.

use bartizan_base::Ticks;
use bartizan_base::time::TICKS_PER_DAY;

use super::super::convert::text;
use super::super::kernel::{Entry, strict};
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    strict("format_datetime", |args, _| match &args[0] {
        Value::DateTime(ticks) if (0..=Ticks::MAX.0).contains(ticks) => {
            Value::string(datetime(Ticks(*ticks), &text(args[1].clone())))
        }
        _ => Value::Null,
    }),
    strict("format_timespan", |args, _| match &args[0] {
        Value::TimeSpan(ticks) => Value::string(timespan(*ticks, &text(args[1].clone()))),
        _ => Value::Null,
    }),
];

/// Runs of one letter, and the text between them.
fn pieces(format: &str) -> Vec<(char, usize)> {
    let mut pieces: Vec<(char, usize)> = Vec::new();
    for c in format.chars() {
        match pieces.last_mut() {
            Some((last, count)) if *last == c => *count += 1,
            _ => pieces.push((c, 1)),
        }
    }
    pieces
}

/// Decimals of a second: `f` keeps zeros, `F` drops them from the end.
fn fraction(ticks: u64, letter: char, count: usize) -> String {
    let digits = format!("{ticks:07}");
    let kept = &digits[..count.min(7)];
    if letter == 'F' { kept.trim_end_matches('0').to_owned() } else { kept.to_owned() }
}

/// A number in at least `count` digits, two at most.
fn padded(value: u64, count: usize) -> String {
    if count >= 2 { format!("{value:02}") } else { value.to_string() }
}

fn datetime(ticks: Ticks, format: &str) -> String {
    let (year, month, day, hour, minute, second, rest) = ticks.civil();
    let mut out = String::with_capacity(format.len() + 8);
    for (letter, count) in pieces(format) {
        let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
        match letter {
            'y' if count <= 2 => out.push_str(&padded(u64::from(year.unsigned_abs() % 100), count)),
            'y' => out.push_str(&format!("{year:0count$}")),
            'M' => out.push_str(&padded(u64::from(month), count)),
            'd' => out.push_str(&padded(u64::from(day), count)),
            'H' => out.push_str(&padded(u64::from(hour), count)),
            'h' => out.push_str(&padded(u64::from(twelve), count)),
            'm' => out.push_str(&padded(u64::from(minute), count)),
            's' => out.push_str(&padded(u64::from(second), count)),
            'f' | 'F' => out.push_str(&fraction(u64::from(rest), letter, count)),
            't' => {
                let half = if hour < 12 { "AM" } else { "PM" };
                out.push_str(if count == 1 { &half[..1] } else { half });
            }
            other => out.extend(std::iter::repeat_n(other, count)),
        }
    }
    out
}

fn timespan(ticks: i64, format: &str) -> String {
    let size = ticks.unsigned_abs();
    let days = size / TICKS_PER_DAY as u64;
    let seconds = size % TICKS_PER_DAY as u64 / 10_000_000;
    let mut out = String::with_capacity(format.len() + 8);
    if ticks < 0 {
        out.push('-');
    }
    for (letter, count) in pieces(format) {
        match letter {
            'd' => out.push_str(&format!("{days:0count$}")),
            'H' | 'h' => out.push_str(&padded(seconds / 3600, count)),
            'm' => out.push_str(&padded(seconds / 60 % 60, count)),
            's' => out.push_str(&padded(seconds % 60, count)),
            'f' | 'F' => out.push_str(&fraction(size % 10_000_000, letter, count)),
            other => out.extend(std::iter::repeat_n(other, count)),
        }
    }
    out
}
