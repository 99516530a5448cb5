//! The 30 days that a plan is free for, counted from when it was first turned on in a subscription. Turning it off and
//! on again does not start them anew.

use bartizan_base::time::{TICKS_PER_DAY, TICKS_PER_SECOND};
use bartizan_base::{ResourceId, Ticks, Timespan};
use bartizan_records::{Records, RecordsError};
use serde_json::Value;

/// How long a plan is free for.
pub const TRIAL: Timespan = Timespan(30 * TICKS_PER_DAY);

/// Notes that a plan is on, if it never was.
///
/// # Errors
/// When the records cannot be read or written.
pub async fn start(
    records: &Records,
    subscription: &ResourceId,
    plan: &str,
    now: Ticks,
) -> Result<(), RecordsError> {
    let key = key(subscription, plan);
    if records.get_state(&key).await?.is_none() {
        records.put_state(&key, now.0.into()).await?;
    }
    Ok(())
}

/// What is left of the free time; all of it when the plan was never on.
///
/// # Errors
/// When the records cannot be read.
pub async fn left(
    records: &Records,
    subscription: &ResourceId,
    plan: &str,
    now: Ticks,
) -> Result<Timespan, RecordsError> {
    let started = records.get_state(&key(subscription, plan)).await?;
    let used = started.as_ref().and_then(Value::as_i64).map_or(0, |started| now.0 - started);
    Ok(Timespan((TRIAL.0 - used).clamp(0, TRIAL.0)))
}

/// Whether the plan is in its free time now. Who never turned it on by the API has none.
///
/// # Errors
/// When the records cannot be read.
pub async fn runs(
    records: &Records,
    subscription: &ResourceId,
    plan: &str,
    now: Ticks,
) -> Result<bool, RecordsError> {
    let started = records.get_state(&key(subscription, plan)).await?;
    Ok(started.as_ref().and_then(Value::as_i64).is_some_and(|started| now.0 - started < TRIAL.0))
}

/// As ISO 8601 has it, to the second: `P29DT23H59M59S`.
pub fn duration(time: Timespan) -> String {
    let seconds = time.0 / TICKS_PER_SECOND;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    if rest == 0 {
        return if days == 0 { "PT0S".to_owned() } else { format!("P{days}D") };
    }
    format!("P{days}DT{}H{}M{}S", rest / 3600, rest / 60 % 60, rest % 60)
}

fn key(subscription: &ResourceId, plan: &str) -> String {
    format!("trial{}/{}", subscription.key(), plan.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_iso() {
        assert_eq!(duration(TRIAL), "P30D");
        assert_eq!(duration(Timespan(0)), "PT0S");
        assert_eq!(duration(Timespan(90_061 * TICKS_PER_SECOND)), "P1DT1H1M1S");
    }
}
