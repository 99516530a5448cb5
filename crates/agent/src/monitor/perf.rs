//! Performance counters under the names that the Log Analytics agent gave them on Linux, so that existing
//! queries and workbooks find them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::settings::MonitorSettings;
use crate::extension::{Context, Output, Row, row};
use crate::files;

/// The first sample comes this soon, so that rates and a first picture exist quickly.
const FIRST_AFTER: Duration = Duration::from_secs(5);
/// Mounts reported; a container host may have thousands.
const MOUNTS_MAX: usize = 64;

pub(super) async fn run(context: Context, settings: MonitorSettings, output: Output) -> Result<()> {
    let Some(interval) = settings.perf_interval() else { return Ok(()) };
    let mut before = Totals::read();
    let mut wait = FIRST_AFTER.min(interval);
    loop {
        tokio::select! {
            () = context.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
        wait = interval;
        let now = Totals::read();
        let mut samples = rates(&before, &now);
        samples.extend(levels());
        samples.extend(sensor(&context));
        samples.retain(|sample| settings.wants_counter(sample.object, sample.counter));
        before = now;
        output.send_rows(samples.iter().map(|sample| sample.row(&context)).collect()).await;
    }
}

/// One reading of one counter.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    object: &'static str,
    counter: &'static str,
    instance: String,
    value: f64,
}

fn sample(object: &'static str, counter: &'static str, instance: &str, value: f64) -> Sample {
    Sample { object, counter, instance: instance.to_owned(), value }
}

impl Sample {
    fn row(&self, context: &Context) -> Row {
        let machine = &context.configuration.machine;
        let path = format!(r"\\{}\{}({})\{}", machine.host_name, self.object, self.instance, self.counter);
        row([
            ("TimeGenerated", json!(context.clock.now())),
            ("Computer", json!(machine.host_name)),
            ("ObjectName", json!(self.object)),
            ("CounterName", json!(self.counter)),
            ("InstanceName", json!(self.instance)),
            ("CounterValue", json!(self.value)),
            ("CounterPath", json!(path)),
            ("SourceSystem", json!("Linux")),
            ("_ResourceId", json!(machine.resource_id)),
        ])
    }
}

/// Numbers that only grow; counters are their differences.
#[derive(Debug, Default)]
struct Totals {
    /// Processor → (busy, all) in clock ticks.
    processors: BTreeMap<String, (u64, u64)>,
    /// Interface → (received, sent) bytes.
    interfaces: BTreeMap<String, (u64, u64)>,
}

impl Totals {
    fn read() -> Self {
        Self {
            processors: read_processors(&text("/proc/stat")),
            interfaces: read_interfaces(&text("/proc/net/dev")),
        }
    }
}

fn read_processors(stat: &str) -> BTreeMap<String, (u64, u64)> {
    let read = |line: &str| {
        let mut parts = line.strip_prefix("cpu")?.split_ascii_whitespace();
        let name = if line.starts_with("cpu ") { "total".to_owned() } else { parts.next()?.to_owned() };
        // user nice system idle iowait irq softirq steal; guest times are in user already.
        let ticks: Vec<u64> = parts.take(8).map_while(|part| part.parse().ok()).collect();
        let all: u64 = ticks.iter().sum();
        let idle = ticks.get(3)? + ticks.get(4).unwrap_or(&0);
        Some((name, (all.saturating_sub(idle), all)))
    };
    stat.lines().filter_map(read).collect()
}

fn read_interfaces(dev: &str) -> BTreeMap<String, (u64, u64)> {
    let read = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> =
            numbers.split_ascii_whitespace().map_while(|part| part.parse().ok()).collect();
        Some((name.trim().to_owned(), (*numbers.first()?, *numbers.get(8)?)))
    };
    dev.lines().filter_map(read).filter(|(name, _)| name != "lo").collect()
}

fn rates(before: &Totals, now: &Totals) -> Vec<Sample> {
    let mut out = Vec::new();
    for (name, (busy, all)) in &now.processors {
        let (busy_before, all_before) = before.processors.get(name).copied().unwrap_or_default();
        let span = all.saturating_sub(all_before);
        if span > 0 {
            let instance = if name == "total" { "_Total" } else { name };
            let percent = busy.saturating_sub(busy_before) as f64 * 100.0 / span as f64;
            out.push(sample("Processor", "% Processor Time", instance, percent));
        }
    }
    for (name, (received, sent)) in &now.interfaces {
        let Some((received_before, sent_before)) = before.interfaces.get(name) else { continue };
        let (received, sent) = (received.saturating_sub(*received_before), sent.saturating_sub(*sent_before));
        out.push(sample("Network", "Total Bytes Received", name, received as f64));
        out.push(sample("Network", "Total Bytes Transmitted", name, sent as f64));
        out.push(sample("Network", "Total Bytes", name, (received + sent) as f64));
    }
    out
}

fn levels() -> Vec<Sample> {
    let mut out = Vec::new();
    let meminfo = text("/proc/meminfo");
    let kib = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().trim_end_matches(" kB").parse::<f64>().ok()
    };
    if let (Some(total), Some(available)) = (kib("MemTotal"), kib("MemAvailable")) {
        out.push(sample("Memory", "Available MBytes Memory", "Memory", available / 1024.0));
        out.push(sample("Memory", "% Used Memory", "Memory", (total - available) * 100.0 / total.max(1.0)));
        out.push(sample("Memory", "Used Memory MBytes", "Memory", (total - available) / 1024.0));
    }
    if let (Some(total), Some(free)) = (kib("SwapTotal"), kib("SwapFree")) {
        let used = if total > 0.0 { (total - free) * 100.0 / total } else { 0.0 };
        out.push(sample("Memory", "% Used Swap Space", "Memory", used));
    }
    let first_number =
        |path: &str| text(path).split_ascii_whitespace().next().and_then(|part| part.parse::<f64>().ok());
    out.extend(first_number("/proc/uptime").map(|seconds| sample("System", "Uptime", "System", seconds)));
    out.extend(first_number("/proc/loadavg").map(|load| sample("System", "Load1", "System", load)));
    for mount in mounts(&text("/proc/self/mounts")) {
        let Ok(disk) = rustix::fs::statvfs(&mount) else { continue };
        if disk.f_blocks == 0 {
            continue;
        }
        let free = disk.f_bavail as f64 * disk.f_frsize as f64 / (1024.0 * 1024.0);
        let used_blocks = disk.f_blocks.saturating_sub(disk.f_bfree) as f64;
        // As `df` computes it: what root keeps in reserve is neither used nor available.
        let used = used_blocks * 100.0 / (used_blocks + disk.f_bavail as f64).max(1.0);
        out.push(sample("Logical Disk", "% Used Space", &mount, used));
        out.push(sample("Logical Disk", "Free Megabytes", &mount, free));
        if disk.f_files > 0 {
            let inodes = disk.f_files.saturating_sub(disk.f_ffree) as f64 * 100.0 / disk.f_files as f64;
            out.push(sample("Logical Disk", "% Used Inodes", &mount, inodes));
        }
    }
    out
}

/// Mount points of real file systems: those on a device, each device once.
fn mounts(table: &str) -> Vec<String> {
    let mut seen = BTreeMap::new();
    for line in table.lines() {
        let mut parts = line.split(' ');
        let (Some(device), Some(point)) = (parts.next(), parts.next()) else { continue };
        let real = device.starts_with("/dev/") && !device.starts_with("/dev/loop");
        let real = real || point == "/";
        if real {
            seen.entry(device.to_owned()).or_insert_with(|| point.replace("\\040", " "));
        }
    }
    seen.into_values().take(MOUNTS_MAX).collect()
}

/// What the sensor says of itself, so that a rule can watch for loss.
fn sensor(context: &Context) -> Vec<Sample> {
    let siblings = context.siblings.borrow();
    let sensors = siblings.iter().filter_map(|extension| Some((extension, extension.health.as_ref()?)));
    sensors
        .filter(|(_, health)| !health.tier.is_empty())
        .flat_map(|(extension, health)| {
            let value = |name: &str| health.counters.get(name).copied().unwrap_or(0) as f64;
            [
                sample("Bartizan Sensor", "Events", &extension.name, value("events")),
                sample("Bartizan Sensor", "Lost Events", &extension.name, value("lost")),
            ]
        })
        .collect()
}

fn text(path: &str) -> String {
    let bytes = files::read_bounded(Path::new(path), 4 << 20).ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_the_busy_share_of_the_interval() {
        let before =
            Totals { processors: read_processors("cpu  10 0 10 80 0 0 0 0 0 0\n"), ..Totals::default() };
        let now = Totals {
            processors: read_processors("cpu  35 0 10 155 0 0 0 0 0 0\nintr 5\n"),
            ..Totals::default()
        };
        assert_eq!(rates(&before, &now), [sample("Processor", "% Processor Time", "_Total", 25.0)]);
    }

    #[test]
    fn interfaces_and_mounts_are_read_and_garbage_is_not() {
        let dev = "Inter-|\n face |\n  eth0: 100 1 0 0 0 0 0 0 50 1 0 0 0 0 0 0\n    lo: 5 5\n junk\n x: y\n";
        assert_eq!(read_interfaces(dev), BTreeMap::from([("eth0".to_owned(), (100, 50))]));
        let table = "/dev/sda1 / ext4 rw 0 0\n/dev/sda1 /again ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/sdb1 /a\\040b xfs rw 0 0\n\n";
        assert_eq!(mounts(table), ["/", "/a b"]);
        assert!(read_processors("cpu\ncpu0 x\n").is_empty());
    }
}
