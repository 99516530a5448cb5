//! Lengths of time as rules write them: `5m`, `1h`, `14d` in YAML, `PT5M`, `P1D` on the ARM wire.

use bartizan_base::Timespan;
use bartizan_base::time::TICKS_PER_SECOND;

/// Reads either form. `None` when the text is neither, or is longer than 100 years.
pub fn parse(text: &str) -> Option<Timespan> {
    let text = text.trim();
    let seconds = if text.starts_with(['P', 'p']) { iso_seconds(text)? } else { short_seconds(text)? };
    (seconds <= 100 * 366 * 86_400).then(|| Timespan(seconds * TICKS_PER_SECOND))
}

/// Writes the ISO 8601 form that ARM uses.
pub fn to_iso(span: Timespan) -> String {
    let seconds = span.0 / TICKS_PER_SECOND;
    let (days, hours, minutes, rest) =
        (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let mut out = String::from("P");
    if days > 0 {
        out.push_str(&format!("{days}D"));
    }
    let clock: String = [(hours, 'H'), (minutes, 'M'), (rest, 'S')]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if !clock.is_empty() {
        out.push('T');
        out.push_str(&clock);
    }
    if out == "P" { "PT0S".to_owned() } else { out }
}

fn short_seconds(text: &str) -> Option<i64> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let count: i64 = text[..at].parse().ok()?;
    count.checked_mul(match &text[at..] {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    })
}

fn iso_seconds(text: &str) -> Option<i64> {
    let mut in_time = false;
    let mut number = String::new();
    let mut seconds: i64 = 0;
    let mut parts = 0;
    for c in text[1..].chars().map(|c| c.to_ascii_uppercase()) {
        let unit = match (c, in_time) {
            ('0'..='9' | '.', _) => {
                number.push(c);
                continue;
            }
            ('T', false) if number.is_empty() => {
                in_time = true;
                continue;
            }
            ('W', false) => 7 * 86_400,
            ('D', false) => 86_400,
            ('H', true) => 3600,
            ('M', true) => 60,
            ('S', true) => 1,
            _ => return None,
        };
        // Clients send fractions ("PT86400.0S"); rules need whole seconds only.
        let count: f64 = number.parse().ok().filter(|count: &f64| count.is_finite() && *count < 1e10)?;
        seconds = seconds.checked_add((count * f64::from(unit)) as i64)?;
        number.clear();
        parts += 1;
    }
    (parts > 0 && number.is_empty()).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_both_forms() {
        for (text, iso) in [
            ("5m", "PT5M"),
            ("1h", "PT1H"),
            ("14d", "P14D"),
            ("P1DT2H", "P1DT2H"),
            ("PT86400.0S", "P1D"),
            ("90m", "PT1H30M"),
            ("0s", "PT0S"),
        ] {
            assert_eq!(parse(text).map(to_iso).as_deref(), Some(iso), "{text}");
        }
        for bad in ["", "P", "PT", "5", "m", "PT5X", "P5H", "99999999999d", "PT1e400S"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
