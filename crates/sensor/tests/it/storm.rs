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
    // How many files are hashed in time depends on the machine; each without a hash is counted with its reason.
    let unhashed = seen.status.counters["hashLate"] + seen.status.counters["hashSkipped"];
    assert!(seen.with_hashes > 0);
    assert!(seen.with_hashes as u64 + unhashed >= seen.created as u64, "{} with hashes", seen.with_hashes);
    assert_eq!(seen.status.counters["malformed"], 0);
}

/// A tiny ring and nobody reading: most is lost, and the count of what is lost is right. A second sensor with
/// room enough tells how much happened on the whole machine.
#[test]
fn ebpf_counts_exactly_what_it_loses() {
    let _lock = machine_lock();
    let all = SensorOptions { tier: Some(Tier::Ebpf), ..SensorOptions::default() };
    let tiny = SensorOptions { ring_bytes: 64 << 10, queue_events_max: 64, ..all.clone() };
    let (witness, sensor) = match (Sensor::start(all), Sensor::start(tiny)) {
        (Ok(witness), Ok(sensor)) => (witness, sensor),
        (Err(error), _) | (_, Err(error)) => {
            println!("skipped: {error}");
            return;
        }
    };
    let marker = format!("loss-{}", std::process::id());
    const SPAWNED: usize = 1_500;
    spawn(&marker, SPAWNED);
    let received = collect(&sensor, &marker, &AtomicBool::new(true)).into_iter().filter(is_execution).count();
    // Before stopping: what is still unread then is thrown away with the queue full, and counted as that.
    let counters = sensor.status().counters;
    let happened =
        collect(&witness, &marker, &AtomicBool::new(true)).into_iter().filter(is_execution).count();
    let accounted = received as u64 + counters["lostExec"];
    println!("{SPAWNED} spawned, {happened} happened, {received} received, {counters:?}");
    assert_eq!(counters["queueDropped"], 0, "what does not fit stays with the kernel");
    assert!(counters["lostExec"] > 0, "the ring was too small to lose nothing");
    assert!(accounted >= SPAWNED as u64);
    // The two do not start and stop at the same moment; the rest of the machine goes on meanwhile.
    assert!(
        accounted <= happened as u64 + happened as u64 / 10,
        "{accounted} accounted, {happened} happened"
    );
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

fn is_execution(event: &ProcessEvent) -> bool {
    event.action == Action::Created
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
    let cpu = thread_cpu();
    sensor.stop();
    let seen = judge(&events, &marker, sensor.status(), seconds);
    println!(
        "{tier}: {count} processes, {} created ({} whole command lines, {} hashed), {} terminated in {:.1} s, {cpu}; {:?}",
        seen.created,
        seen.complete.len(),
        seen.with_hashes,
        seen.terminated,
        seen.seconds,
        seen.status
    );
    Some(seen)
}

/// Processor time of the sensor's threads so far.
fn thread_cpu() -> String {
    let mut texts = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |name| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let name = read("comm").trim().to_owned();
        let stat = read("stat");
        let fields: Vec<i64> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split(' ')
            .filter_map(|field| field.parse().ok())
            .collect();
        // After the name come the state, which is no number, and then ten more fields before the two times.
        if let (true, Some(times)) = (name.starts_with("sensor"), fields.get(10..12)) {
            texts.push(format!("{name} {:?} hundredths", times));
        }
    }
    texts.join(", ")
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
