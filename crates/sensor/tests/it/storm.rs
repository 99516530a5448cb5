//! Thousands of short processes: every one is reported with its arguments or counted as lost.
//!
//! `SENSOR_STORM` sets how many (5,000 by default). Each test needs root and its source in the kernel, and says
//! `skipped:` with the kernel's answer otherwise.

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bartizan_sensor::{Action, DeviceIdentity, ProcessEvent, Sensor, SensorOptions, SensorStatus, Tier};

/// The kernel's sources are shared by the whole machine, and audit has one owner: one test at a time. The
/// tests are separate processes under nextest, so the lock that counts is the one on a file.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// No event for this long after the last process means no more will come.
const QUIET: Duration = Duration::from_secs(2);

struct Seen {
    /// Numbers found in complete command lines of our marked processes.
    complete: HashSet<usize>,
    /// Our processes' executions, complete or not.
    created: usize,
    terminated: usize,
    with_hashes: usize,
    status: SensorStatus,
    seconds: f64,
}

#[test]
fn ebpf_reports_or_counts_every_process() {
    let Some(seen) = storm(Tier::Ebpf, count(5_000)) else { return };
    let lost = seen.status.counters["lostExec"] + seen.status.counters["queueDropped"];
    // Losses of other processes on this machine are in the counter as well, so with losses this is a bound.
    assert!(seen.created as u64 + lost >= count(5_000) as u64, "{} of {}", seen.created, count(5_000));
    assert_eq!(seen.complete.len(), seen.created, "every received execution has its whole command line");
    if lost == 0 {
        assert_eq!(seen.created, count(5_000));
    }
    assert!(seen.with_hashes * 10 >= seen.created * 9, "{} with hashes", seen.with_hashes);
    assert_eq!(seen.status.counters["malformed"], 0);
}

#[test]
fn audit_reports_every_process() {
    let Some(seen) = storm(Tier::Audit, count(2_000)) else { return };
    if seen.status.counters["overruns"] + seen.status.counters["lostExec"] == 0 {
        assert_eq!(seen.created, count(2_000));
        assert_eq!(seen.complete.len(), seen.created);
    }
}

#[test]
fn connector_reports_every_process_but_not_its_arguments() {
    let Some(seen) = storm(Tier::Connector, count(2_000)) else { return };
    if seen.status.counters["overruns"] == 0 {
        // Without arguments nobody can tell whose execution it was: other processes count as well.
        assert!(seen.status.counters["observed"] >= 3 * count(2_000) as u64);
    }
}

fn count(default: usize) -> usize {
    std::env::var("SENSOR_STORM").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn storm(tier: Tier, count: usize) -> Option<Seen> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let _lock = machine_lock();
    let sensor = match Sensor::start(SensorOptions { tier: Some(tier), ..SensorOptions::default() }) {
        Ok(sensor) => sensor,
        Err(error) => {
            println!("skipped: {error}");
            return None;
        }
    };
    let marker = format!("storm-{}-{}", tier, std::process::id());
    let spawned = AtomicBool::new(false);
    let started = Instant::now();
    let events = std::thread::scope(|scope| {
        let reader = scope.spawn(|| collect(&sensor, &marker, &spawned));
        spawn(&marker, count);
        spawned.store(true, Ordering::Release);
        reader.join().unwrap()
    });
    let seconds = started.elapsed().as_secs_f64();
    sensor.stop();
    let seen = judge(&events, &marker, sensor.status(), seconds);
    println!(
        "{tier}: {count} processes, {} created ({} whole command lines, {} hashed), {} terminated in {:.1} s; {:?}",
        seen.created,
        seen.complete.len(),
        seen.with_hashes,
        seen.terminated,
        seen.seconds,
        seen.status
    );
    Some(seen)
}

/// One machine-wide user of the kernel's sources at a time, also across test processes.
fn machine_lock() -> std::fs::File {
    let file = std::fs::File::create(std::env::temp_dir().join("sensor-storm.lock")).unwrap();
    file.lock().unwrap();
    file
}

/// Several processes at a time, each with its own number at the end of its arguments.
fn spawn(marker: &str, count: usize) {
    const PARALLEL: usize = 8;
    let mut running = std::collections::VecDeque::new();
    for number in 0..count {
        let child = Command::new("/bin/true")
            .args([marker, "a b", &number.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        running.push_back(child);
        if running.len() >= PARALLEL {
            running.pop_front().unwrap().wait().unwrap();
        }
    }
    for mut child in running {
        child.wait().unwrap();
    }
}

/// Reads until nothing of ours has come for a while after the last spawn.
fn collect(sensor: &Sensor, marker: &str, spawned: &AtomicBool) -> Vec<ProcessEvent> {
    let mut events = Vec::new();
    let mut last = Instant::now();
    while !spawned.load(Ordering::Acquire) || last.elapsed() < QUIET {
        let batch = sensor.recv_batch(1024, Duration::from_millis(100));
        if !spawned.load(Ordering::Acquire) || batch.iter().any(|event| is_ours(event, marker)) {
            last = Instant::now();
        }
        events.extend(batch);
    }
    events
}

/// The test itself has the marker in no argument.
fn is_ours(event: &ProcessEvent, marker: &str) -> bool {
    event.process.executed && event.process.command_line.contains(marker)
}

fn judge(events: &[ProcessEvent], marker: &str, status: SensorStatus, seconds: f64) -> Seen {
    let device = DeviceIdentity { device_id: "id".to_owned(), device_name: "host".to_owned() };
    let mut seen =
        Seen { complete: HashSet::new(), created: 0, terminated: 0, with_hashes: 0, status, seconds };
    let prefix = format!("/bin/true {marker} \"a b\" ");
    for event in events.iter().filter(|event| is_ours(event, marker)) {
        match event.action {
            Action::Created => {
                seen.created += 1;
                let number: Option<usize> =
                    event.process.command_line.strip_prefix(&prefix).and_then(|text| text.parse().ok());
                seen.complete.extend(number);
                seen.with_hashes += usize::from(event.process.image.hashes.is_some());
                let row = event.to_row(&device);
                assert_eq!(row["ActionType"], "ProcessCreated");
                assert_eq!(row["InitiatingProcessId"], std::process::id());
            }
            Action::Terminated { .. } => seen.terminated += 1,
            Action::Forked => unreachable!("not asked for"),
        }
    }
    seen
}
