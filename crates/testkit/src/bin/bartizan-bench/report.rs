//! The figures: printed as they come, and written as a page with `--report`.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

const PAGE: &str = "# How fast rows come in

Written by `cargo xtask bench ingest --report FILE`; do not edit. The command builds the server, starts it with an empty
data folder, and sends generated security events of about 500 bytes to its ingestion door over TLS on the loopback
interface, while queries run. No two events are the same. A row counts when its batch was acknowledged, which is when it
is synced to disk; in the end the server is asked how many rows it has, and both numbers must agree. Client and server
share the machine; their processor time is counted apart.

DuckDB and chdb load the same lines from one file in their fastest documented way, each into a table on disk, with two
threads. Theirs is one bulk load. Ours are requests of eight megabytes over HTTP and TLS, read from the file as they are
sent, each durable, visible and known by its number when it is acknowledged; its rows are then in a file as they came,
and are sorted, indexed and compressed afterwards, which is not in the figure and has a line of its own.

";

/// What was measured, in order.
#[derive(Debug)]
pub(crate) struct Report {
    page: &'static str,
    lines: Vec<(String, String, String)>,
}

impl Default for Report {
    fn default() -> Self {
        Self::titled(PAGE)
    }
}

impl Report {
    /// A report whose page begins with `page`.
    pub(crate) fn titled(page: &'static str) -> Self {
        Self { page, lines: Vec::new() }
    }

    /// Adds a figure, with the bar it is measured against (empty when there is none).
    pub(crate) fn add(&mut self, what: impl Into<String>, measured: impl Into<String>, bar: &str) {
        let (what, measured) = (what.into(), measured.into());
        let against = if bar.is_empty() { String::new() } else { format!("   (bar: {bar})") };
        println!("{what:<58} {measured}{against}");
        self.lines.push((what, measured, bar.to_owned()));
    }

    /// Writes the page; `conditions` says what it was measured on.
    pub(crate) fn write(&self, path: &Path, conditions: &str) -> anyhow::Result<()> {
        let mut page = String::from(self.page);
        page.push_str("| what | measured | bar |\n| --- | --- | --- |\n");
        for (what, measured, bar) in &self.lines {
            page.push_str(&format!("| {what} | {measured} | {bar} |\n"));
        }
        page.push_str(&format!("\n{conditions}\n"));
        std::fs::write(path, page).with_context(|| format!("cannot write `{}`", path.display()))
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in the unit that reads best.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.2} GB", count as f64 / 1e9),
    }
}

/// A duration in milliseconds or seconds.
pub(crate) fn time(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.2} s"),
    }
}

/// The value below which `percent` of `sorted` lie; zero for none.
pub(crate) fn at_percent(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * percent / 100).min(last)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [0, 999, 1000, 1_234_567].map(thousands).each_ref().map(String::as_str)
        );
        assert_eq!(bytes(1_500), "1.5 kB");
        assert_eq!(bytes(2_500_000_000), "2.50 GB");
        assert_eq!(time(Duration::from_micros(1500)), "1.5 ms");
    }

    #[test]
    fn percentiles_of_few_and_none() {
        let waits: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(at_percent(&waits, 50), Duration::from_millis(101));
        assert_eq!(at_percent(&waits, 99), Duration::from_millis(199));
        assert_eq!(at_percent(&waits, 100), Duration::from_millis(200));
        assert_eq!(at_percent(&[], 50), Duration::ZERO);
    }
}
