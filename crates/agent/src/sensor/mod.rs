//! The sensor extension: process events of `bartizan-sensor` as rows of DeviceProcessEvents.
//!
//! Whatever it could not see becomes a row too. `SensorGap`: processes ran while no sensor watched (the
//! kernel counts forks since boot; the count last seen is kept on disk). `SensorEventLoss`: a source dropped
//! events while it ran. So a query over the table can tell "nothing happened" from "nobody looked".

mod mode;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bartizan_base::Ticks;
use bartizan_sensor::{DeviceIdentity, ProcessEvent, Sensor, SensorOptions, SensorStatus, Tier};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::extension::{self, Context, Output, Row, SEND_ROWS_MAX, Unsupported, row};
use crate::files;
use crate::protection;
use mode::{Blocklist, Mode, WantedMode};

const STREAM: &str = "Microsoft-DeviceProcessEvents";
/// Rows of one send; process rows are about 2 KiB.
const BATCH_EVENTS_MAX: usize = SEND_ROWS_MAX / 4;
/// How long the reading thread waits for a first event; also how fast it notices a stop.
const RECEIVE_WAIT: Duration = Duration::from_millis(100);
/// How often counters are read and the kernel's fork count is kept.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// How often other protection is looked for.
const MODE_INTERVAL: Duration = Duration::from_secs(30);
/// Below the supervisor's working directory for this extension.
const WATCHED_FILE: &str = "watched.json";

/// Settings of the sensor; members of Azure templates are skipped.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SensorSettings {
    /// Use this source or fail: `ebpf`, `audit` or `procConnector`.
    tier: Option<String>,
    /// Images larger than this are not hashed; 0 switches hashing off.
    hash_bytes_max: Option<u64>,
    /// `auto`, `passive`, `active` or `activeBesideOthers`.
    mode: WantedMode,
    /// Images that are ended in active mode and told in passive mode.
    blocked_sha256: Vec<String>,
}

/// Runs until told to stop.
///
/// # Errors
/// When no source of process events works, or the spool cannot be opened.
pub async fn run(context: Context) -> Result<()> {
    let settings: SensorSettings = extension::settings(&context.configuration.extension.settings)?;
    if !context.configuration.extension.streams.contains_key(STREAM) {
        context.health.issue(STREAM, Some("no data collection rule takes it".to_owned()));
    }
    let options = options(&settings)?;
    let blocked = Blocklist::parse(&settings.blocked_sha256)?;
    if !blocked.is_empty() && options.hash_bytes_max == 0 {
        return Err(Unsupported(
            "`blockedSha256` needs hashes, and `hashBytesMax` 0 switches them off".to_owned(),
        )
        .into());
    }
    let active = Arc::new(AtomicBool::new(false));
    choose_mode(&context, settings.mode, &active).await;
    let output = context.outputs.stream(STREAM)?;
    let sensor = tokio::task::spawn_blocking(move || Sensor::start(options)).await?;
    let sensor = Arc::new(sensor.map_err(|error| Unsupported(error.to_string()))?);
    let machine = &context.configuration.machine;
    let device = DeviceIdentity { device_id: machine.vm_id.clone(), device_name: machine.host_name.clone() };
    let (batches, mut rows) = mpsc::channel(16);
    let stopped = Arc::new(AtomicBool::new(false));
    let reader = std::thread::Builder::new()
        .name("sensor-rows".to_owned())
        .spawn({
            let (sensor, active, stopped) = (sensor.clone(), active.clone(), stopped.clone());
            move || {
                let receive = || sensor.recv_batch(BATCH_EVENTS_MAX, RECEIVE_WAIT);
                pass_on(receive, |events| rows_of(&events, &device, &blocked, &active), &stopped, &batches);
            }
        })
        .context("cannot start the reading thread")?;
    let mut watch = Watch { sensor: sensor.clone(), gap: 0, told_lost: 0, settled: None };
    watch.report_gap(&context, &output).await;
    let mut check = tokio::time::interval(CHECK_INTERVAL);
    let mut look = tokio::time::interval(MODE_INTERVAL);
    loop {
        tokio::select! {
            () = context.stop.cancelled() => break,
            _ = check.tick() => watch.check(&context, &output).await,
            _ = look.tick() => choose_mode(&context, settings.mode, &active).await,
            batch = rows.recv() => match batch {
                Some(batch) => output.send_rows(batch).await,
                None => break,
            },
        }
    }
    sensor.stop();
    // What was seen until now is told before the end: of a change of settings nobody would know that it hid anything.
    stopped.store(true, Ordering::Release);
    while let Some(batch) = rows.recv().await {
        output.send_rows(batch).await;
    }
    watch.check(&context, &output).await;
    watch.keep(watched(context.clock.now()));
    anyhow::ensure!(context.stop.is_cancelled(), "the sensor's reading thread ended");
    drop(tokio::task::spawn_blocking(move || reader.join()).await);
    Ok(())
}

/// Looks at what else runs here and takes the mode that follows.
async fn choose_mode(context: &Context, wanted: WantedMode, active: &AtomicBool) {
    let Ok(products) = tokio::task::spawn_blocking(protection::installed).await else { return };
    let mode = Mode::decide(wanted, &products);
    active.store(mode.active, Ordering::Relaxed);
    context.health.set_mode(mode.name(), &mode.reason);
}

fn options(settings: &SensorSettings) -> Result<SensorOptions, Unsupported> {
    let mut options = SensorOptions::default();
    options.hash_bytes_max = settings.hash_bytes_max.unwrap_or(options.hash_bytes_max);
    if let Some(name) = &settings.tier {
        let known = Tier::ALL.into_iter().find(|tier| tier_name(*tier) == name);
        options.tier = Some(known.ok_or_else(|| Unsupported(format!("there is no sensor tier `{name}`")))?);
    }
    Ok(options)
}

/// The names of the agent protocol.
fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Ebpf => "ebpf",
        Tier::Audit => "audit",
        Tier::Connector => "procConnector",
    }
}

/// Hands on what arrives until nothing is left after the sensor was `stopped`, or nobody takes it any more.
fn pass_on<T>(
    receive: impl Fn() -> Vec<T>,
    rows: impl Fn(Vec<T>) -> Vec<Row>,
    stopped: &AtomicBool,
    batches: &mpsc::Sender<Vec<Row>>,
) {
    loop {
        // Asked before: what arrived until the stop is in this answer or in one of the next.
        let is_last = stopped.load(Ordering::Acquire);
        let events = receive();
        if events.is_empty() {
            if is_last || batches.is_closed() {
                return;
            }
        } else if batches.blocking_send(rows(events)).is_err() {
            return;
        }
    }
}

/// A row of each event, and one of each process that ran a blocked image.
fn rows_of(
    events: &[ProcessEvent],
    device: &DeviceIdentity,
    blocked: &Blocklist,
    active: &AtomicBool,
) -> Vec<Row> {
    let rows = events.iter().flat_map(|event| {
        let row = event.to_row(device);
        let told =
            blocked.has(event).then(|| mode::enforce(event, active.load(Ordering::Relaxed), row.clone()));
        std::iter::once(row).chain(told)
    });
    rows.collect()
}

/// What the kernel's fork counter said, and in which boot.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Watched {
    boot_id: String,
    processes: u64,
    at: Ticks,
}

struct Watch {
    sensor: Arc<Sensor>,
    /// Processes that ran while no sensor watched, as of this start.
    gap: u64,
    told_lost: u64,
    /// The count of the last check: its processes have had the time between two checks to reach the spool, so
    /// this is the one to keep, and a crash counts what was still in memory as missed.
    settled: Option<Watched>,
}

impl Watch {
    /// Tells what ran unseen since the last run, and keeps the count as of now: a sensor that is killed before its
    /// first check leaves a count to start from, too, and the same gap is not told twice.
    async fn report_gap(&mut self, context: &Context, output: &Output) {
        let Some(now) = watched(context.clock.now()) else { return };
        let (missed, since) = match files::read_json::<Watched>(Path::new(WATCHED_FILE)) {
            // The very first start: nobody promised to watch before it.
            Ok(None) => (0, None),
            Ok(before) => missed(before.as_ref(), &now),
            Err(error) => {
                tracing::warn!(%error, "the process count of the last run is lost");
                missed(None, &now)
            }
        };
        self.gap = missed;
        if missed > 0 {
            let facts = json!({"processesStarted": missed, "from": since, "to": now.at});
            output.send_rows(vec![loss_row(context, "SensorGap", facts)]).await;
        }
        self.keep(Some(now));
    }

    /// Takes over the sensor's counters, tells new loss, and keeps the fork count.
    async fn check(&mut self, context: &Context, output: &Output) {
        let status = self.sensor.status();
        let health = &context.health;
        health.set_tier(tier_name(status.tier));
        for (name, value) in &status.counters {
            health.set(name, *value);
        }
        let lost = lost(&status);
        health.set("lost", lost);
        health.set("unwatchedProcesses", self.gap);
        // A lower tier is a lasting weakness that a person should know of, with the kernel's reason.
        let weak = status.tier != Tier::Ebpf;
        health.issue(
            "tier",
            weak.then(|| format!("{}: {}", tier_name(status.tier), status.reasons.join("; "))),
        );
        if lost > self.told_lost {
            let facts =
                json!({"lost": lost - self.told_lost, "lostInAll": lost, "counters": status.counters});
            output.send_rows(vec![loss_row(context, "SensorEventLoss", facts)]).await;
            self.told_lost = lost;
        }
        let now = watched(context.clock.now());
        let settled = std::mem::replace(&mut self.settled, now);
        self.keep(settled);
    }

    fn keep(&self, watched: Option<Watched>) {
        let kept = watched
            .map(|watched| serde_json::to_vec(&watched).map_err(std::io::Error::from))
            .map(|json| files::replace(Path::new(WATCHED_FILE), &json?));
        if let Some(Err(error)) = kept {
            tracing::warn!(%error, "cannot keep the kernel's process count");
        }
    }
}

/// How many processes started between two counts, and since when. After a reboot, and when the count of before
/// is lost, everything since boot ran unseen.
fn missed(before: Option<&Watched>, now: &Watched) -> (u64, Option<Ticks>) {
    match before {
        Some(before) if before.boot_id == now.boot_id => {
            (now.processes.saturating_sub(before.processes), Some(before.at))
        }
        before => (now.processes, before.map(|before| before.at)),
    }
}

fn lost(status: &SensorStatus) -> u64 {
    ["lostExec", "lostFork", "lostExit", "queueDropped"]
        .iter()
        .filter_map(|name| status.counters.get(*name))
        .sum()
}

fn watched(at: Ticks) -> Option<Watched> {
    let stat = files::read_bounded(Path::new("/proc/stat"), 4 << 20).ok()??;
    let stat = String::from_utf8_lossy(&stat);
    let processes = stat.lines().find_map(|line| line.strip_prefix("processes "))?.trim().parse().ok()?;
    Some(Watched { boot_id: files::read_line("/proc/sys/kernel/random/boot_id"), processes, at })
}

fn loss_row(context: &Context, action: &str, facts: Value) -> Row {
    let machine = &context.configuration.machine;
    row([
        ("TimeGenerated", json!(context.clock.now())),
        ("DeviceId", json!(machine.vm_id)),
        ("DeviceName", json!(machine.host_name)),
        ("ActionType", json!(action)),
        ("AdditionalFields", facts),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_before_the_stop_is_handed_on() {
        let arrived = std::cell::RefCell::new(vec![vec![4], Vec::new(), vec![3], vec![1, 2]]);
        // The third answer is that nothing waits just now; the sensor has not stopped.
        let stopped = AtomicBool::new(false);
        let receive = || {
            let events = arrived.borrow_mut().pop().unwrap_or_default();
            stopped.store(arrived.borrow().len() <= 1, Ordering::Release);
            events
        };
        let rows = |events: Vec<u64>| events.iter().map(|event| row([("n", json!(event))])).collect();
        let (batches, mut taken) = mpsc::channel(16);
        pass_on(receive, rows, &stopped, &batches);
        drop(batches);
        let mut seen = Vec::new();
        while let Ok(batch) = taken.try_recv() {
            seen.extend(batch.iter().map(|row| row["n"].as_u64().unwrap()));
        }
        assert_eq!(seen, [1, 2, 3, 4]);
        // Nobody takes the rows any more: the thread ends.
        let (batches, taken) = mpsc::channel(1);
        drop(taken);
        pass_on(|| vec![1], rows, &AtomicBool::new(false), &batches);
        pass_on(Vec::new, rows, &AtomicBool::new(false), &batches);
    }

    #[test]
    fn a_gap_is_counted_within_a_boot_and_from_its_start_after_a_reboot_or_a_lost_count() {
        let watched =
            |boot: &str, processes, at| Watched { boot_id: boot.to_owned(), processes, at: Ticks(at) };
        let now = watched("b", 150, 9);
        for (before, gap) in [
            (Some(watched("b", 100, 5)), (50, Some(Ticks(5)))),
            (Some(watched("b", 150, 9)), (0, Some(Ticks(9)))),
            (Some(watched("a", 100, 5)), (150, Some(Ticks(5)))),
            (None, (150, None)),
        ] {
            assert_eq!(missed(before.as_ref(), &now), gap, "{before:?}");
        }
    }
}
