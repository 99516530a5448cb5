//! The `timespan` of a query request: an ISO 8601 duration back from now, or an interval.

use bartizan_base::{Ticks, Timespan};

use crate::error::ApiError;

/// Reads `P1D`, `PT86400.0S`, `2026-01-01T00:00:00Z/2026-01-02`, `…/PT1H` or `PT1H/…`.
///
/// # Errors
/// When the text is none of these.
pub fn parse(text: &str, now: Ticks) -> Result<(Ticks, Ticks), ApiError> {
    let wrong = || {
        let shown: String = text.chars().take(80).collect();
        ApiError::field("timespan", format!("`{shown}` is not an ISO 8601 duration or interval"))
    };
    let moment = |text: &str| Ticks::parse(text).map_err(|_| wrong());
    let (start, end) = match text.split_once('/') {
        None => (now - duration(text).ok_or_else(wrong)?, now),
        Some((first, second)) => match (duration(first), duration(second)) {
            (None, None) => (moment(first)?, moment(second)?),
            (None, Some(length)) => {
                let start = moment(first)?;
                (start, start.saturating_add(length))
            }
            (Some(length), None) => {
                let end = moment(second)?;
                (end.saturating_add(Timespan(-length.0)), end)
            }
            (Some(_), Some(_)) => return Err(wrong()),
        },
    };
    if start <= end { Ok((start, end)) } else { Err(wrong()) }
}

/// An ISO 8601 duration. Years and months count 365 and 30 days, as Log Analytics does not define them better.
pub fn duration(text: &str) -> Option<Timespan> {
    let rest = text.strip_prefix('P').or_else(|| text.strip_prefix('p'))?;
    let mut seconds = 0.0_f64;
    let mut in_time = false;
    let mut number = String::new();
    let mut parts = 0;
    for c in rest.chars() {
        match c.to_ascii_uppercase() {
            '0'..='9' | '.' => number.push(c),
            'T' if number.is_empty() && !in_time => in_time = true,
            unit => {
                let value: f64 = std::mem::take(&mut number).parse().ok()?;
                seconds += value
                    * match (unit, in_time) {
                        ('Y', false) => 365.0 * 86_400.0,
                        ('M', false) => 30.0 * 86_400.0,
                        ('W', false) => 7.0 * 86_400.0,
                        ('D', false) => 86_400.0,
                        ('H', true) => 3600.0,
                        ('M', true) => 60.0,
                        ('S', true) => 1.0,
                        _ => return None,
                    };
                parts += 1;
            }
        }
    }
    // A float's cast saturates, so a huge number becomes the longest span there is.
    (parts > 0 && number.is_empty()).then_some(Timespan((seconds * 1e7).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_intervals() {
        let now = Ticks::parse("2026-01-02T00:00:00Z").unwrap();
        let show = |text: &str| match parse(text, now) {
            Ok((start, end)) => format!("{start} {end}"),
            Err(error) => error.code,
        };
        assert_eq!(show("P1D"), "2026-01-01T00:00:00Z 2026-01-02T00:00:00Z");
        assert_eq!(show("PT86400.0S"), "2026-01-01T00:00:00Z 2026-01-02T00:00:00Z");
        assert_eq!(show("P1DT12H30M"), "2025-12-31T11:30:00Z 2026-01-02T00:00:00Z");
        assert_eq!(show("2026-01-01/2026-01-01T01:00:00Z"), "2026-01-01T00:00:00Z 2026-01-01T01:00:00Z");
        assert_eq!(show("2026-01-01T00:00:00Z/PT1H"), "2026-01-01T00:00:00Z 2026-01-01T01:00:00Z");
        assert_eq!(show("PT1H/2026-01-01T01:00:00Z"), "2026-01-01T00:00:00Z 2026-01-01T01:00:00Z");
        for wrong in ["", "P", "PT", "1d", "P1", "P1H", "P1D/P1D", "2026-01-02/2026-01-01", "yesterday"] {
            assert_eq!(show(wrong), "InvalidRequestContent", "{wrong}");
        }
    }
}
