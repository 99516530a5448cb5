//! Metering: for which hours which machine was protected by which plan.
//!
//! The rule is one sentence: an hour of a machine counts when the server heard of its agent in it. So a machine that is
//! Connected counts; one that is Connecting (never reported), Disconnected or Expired does not. When an agent was last
//! heard of is in the records, so nothing depends on this task being there at the right moment, as long as it looks once
//! in a while; and counting an hour twice changes nothing, so restarts and changes of the leading server do no harm.

mod ledger;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::time::TICKS_PER_SECOND;
use bartizan_base::{ResourceId, Ticks};
use bartizan_records::{Records, RecordsError};
use serde_json::{Value, json};

use crate::app::App;
use crate::http::chain;
use crate::plans::features::subscription_of;
use crate::plans::plan::{Cover, POSTURE, Plan, SERVERS, Tier};
use crate::plans::trial;

pub(crate) use ledger::month_of;
use ledger::{Hour, Meters, Month};
pub(crate) use report::{csv, report};

const HOUR: i64 = 3600 * TICKS_PER_SECOND;
/// Agents report at least once a minute.
const PAUSE: Duration = Duration::from_secs(30);
const HOURS: &str = "metering/hour/";
const MONTHS: &str = "metering/month/";
const DATA: &str = "metering/data/";
/// When machines were last looked at.
const MARK: &str = "metering/mark";
/// Months that are kept.
const MONTHS_KEPT: usize = 36;

/// Meters until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    loop {
        if let Err(error) = meter_machines(&app).await {
            tracing::warn!(error = chain(&error), "cannot meter machines; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = app.stop.cancelled() => return,
        }
    }
}

/// Counts the hours in which machines were heard of, up to now. The leading server does so by itself.
///
/// # Errors
/// When the records cannot be read or written; the next call makes up for it.
pub async fn meter_machines(app: &App) -> Result<(), RecordsError> {
    let (records, now) = (&app.records, app.clock.now());
    let mark = records.get_state(MARK).await?.as_ref().and_then(Value::as_i64).unwrap_or(i64::MAX);
    let mut plans = Plans::default();
    let mut heard: BTreeMap<i64, Hour> = BTreeMap::new();
    for agent in records.agents().await? {
        // It was enrolled and has not reported: Connecting.
        if agent.last_seen == agent.enrolled {
            continue;
        }
        let hour = agent.last_seen.0.div_euclid(HOUR);
        // What was heard of longer ago has been counted, unless nobody looked since: the server was away.
        if hour < now.0.div_euclid(HOUR) - 1 && agent.last_seen.0 <= mark {
            continue;
        }
        let meters = plans.meters(records, &agent.machine, now).await?;
        if !meters.is_empty() {
            heard.entry(hour).or_default().add(&agent.vm_id.to_string(), agent.machine.key(), meters);
        }
    }
    for (hour, heard) in heard {
        let key = format!("{HOURS}{hour}");
        let mut stored = Hour::from_json(records.get_state(&key).await?.as_ref());
        if stored.merge(&heard) {
            records.put_state(&key, stored.to_json()).await?;
        }
    }
    close_hours(records, now).await?;
    records.put_state(MARK, now.0.into()).await
}

/// Moves hours that are over into their months. An hour that is there already is only removed: a stop in between is made
/// up for, and nothing is counted twice.
async fn close_hours(records: &Records, now: Ticks) -> Result<(), RecordsError> {
    let current = now.0.div_euclid(HOUR);
    let mut closing: BTreeMap<String, Vec<(i64, String, Hour)>> = BTreeMap::new();
    for (key, value) in records.list_state(HOURS).await? {
        let hour = key.strip_prefix(HOURS).and_then(|text| text.parse::<i64>().ok());
        // The hour before the current one can still get machines that were heard of at its end.
        if let Some(hour) = hour.filter(|hour| *hour < current - 1) {
            let start = Ticks(hour * HOUR);
            closing.entry(month_of(start)).or_default().push((hour, key, Hour::from_json(Some(&value))));
        }
    }
    if closing.is_empty() {
        return Ok(());
    }
    for (name, hours) in closing {
        let key = format!("{MONTHS}{name}");
        let mut month = Month::from_json(records.get_state(&key).await?.as_ref());
        for (hour, _, machines) in &hours {
            month.close(*hour, machines);
        }
        records.put_state(&key, month.to_json()).await?;
        for (_, key, _) in hours {
            records.delete_state(&key).await?;
        }
    }
    for kind in [MONTHS, DATA] {
        let months = records.list_state(kind).await?;
        let old = months.len().saturating_sub(MONTHS_KEPT);
        for (key, _) in months.into_iter().take(old) {
            records.delete_state(&key).await?;
        }
    }
    Ok(())
}

/// The month's hours of every machine: those that are closed and those that are not.
pub(crate) async fn month(records: &Records, name: &str) -> Result<Month, RecordsError> {
    let mut month = Month::from_json(records.get_state(&format!("{MONTHS}{name}")).await?.as_ref());
    for (key, value) in records.list_state(HOURS).await? {
        let hour = key.strip_prefix(HOURS).and_then(|text| text.parse::<i64>().ok());
        if let Some(hour) = hour.filter(|hour| month_of(Ticks(hour * HOUR)) == name) {
            month.close(hour, &Hour::from_json(Some(&value)));
        }
    }
    Ok(month)
}

/// Notes what a day used of the data that plans include, in MB.
pub(crate) async fn note_included_data(
    records: &Records,
    day: Ticks,
    used_mb: f64,
    allowance_mb: f64,
    machines: usize,
) -> Result<(), RecordsError> {
    let key = format!("{DATA}{}", month_of(day));
    let mut days = records.get_state(&key).await?.unwrap_or_else(|| json!({}));
    let name: String = day.to_string().chars().take(10).collect();
    days[name.as_str()] = json!({"usedMb": used_mb, "allowanceMb": allowance_mb, "machines": machines});
    records.put_state(&key, days).await
}

/// The plans of all subscriptions, each read once.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    subscriptions: BTreeMap<ResourceId, Known>,
}

#[derive(Debug)]
struct Known {
    plan: Plan,
    servers_free: bool,
    posture_free: bool,
}

impl Plans {
    async fn known(
        &mut self,
        records: &Records,
        machine: &ResourceId,
        now: Ticks,
    ) -> Result<Option<&Known>, RecordsError> {
        let Some(subscription) = subscription_of(machine) else { return Ok(None) };
        if !self.subscriptions.contains_key(&subscription) {
            let known = Known {
                plan: Plan::read(records, &subscription).await?,
                servers_free: trial::runs(records, &subscription, SERVERS, now).await?,
                posture_free: trial::runs(records, &subscription, POSTURE, now).await?,
            };
            self.subscriptions.insert(subscription.clone(), known);
        }
        Ok(self.subscriptions.get(&subscription))
    }

    /// What holds for a machine.
    pub(crate) async fn cover(
        &mut self,
        records: &Records,
        machine: &ResourceId,
        now: Ticks,
    ) -> Result<Cover, RecordsError> {
        Ok(self
            .known(records, machine, now)
            .await?
            .map(|known| known.plan.cover_of(machine))
            .unwrap_or_default())
    }

    async fn meters(
        &mut self,
        records: &Records,
        machine: &ResourceId,
        now: Ticks,
    ) -> Result<Meters, RecordsError> {
        let Some(known) = self.known(records, machine, now).await? else { return Ok(Meters::default()) };
        let cover = known.plan.cover_of(machine);
        let mut meters = Meters::default();
        match cover.tier {
            Tier::Free => {}
            Tier::P1 => meters.add(Meters::P1, known.servers_free),
            Tier::P2 => meters.add(Meters::P2, known.servers_free),
        }
        if cover.posture {
            meters.add(Meters::POSTURE, known.posture_free);
        }
        Ok(meters)
    }
}

/// The first moment of a month such as `2026-11`; `None` when it is no month.
pub(crate) fn start_of(month: &str) -> Option<Ticks> {
    let right = month.len() == 7 && month.is_ascii();
    right.then(|| Ticks::parse(&format!("{month}-01T00:00:00Z")).ok()).flatten()
}

/// The months for which there is something, newest first, the current one always.
pub(crate) async fn months(records: &Records, now: Ticks) -> Result<Vec<String>, RecordsError> {
    let mut names = std::collections::BTreeSet::from([month_of(now)]);
    for kind in [MONTHS, DATA] {
        let found = records.list_state(kind).await?;
        names.extend(found.into_iter().filter_map(|(key, _)| key.strip_prefix(kind).map(str::to_owned)));
    }
    Ok(names.into_iter().rev().collect())
}
