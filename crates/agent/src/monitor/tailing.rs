//! The collector over log files: which files, how often, and from lines to rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use jiff::tz::TimeZone;
use serde_json::json;

use super::rows::SyslogRows;
use super::settings::FileInput;
use super::tail::{Begin, Tail};
use crate::extension::{Context, Output, SEND_BYTES_MAX};
use crate::spool::Positions;
use crate::upload::on_disk;
use bartizan_formats::syslog::{LineDefaults, parse_line};

/// A look at a dozen files costs tens of microseconds; inotify would miss writes on some file systems.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// New files (and files new to a pattern) are looked for this often.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(2);
/// Files followed at once.
const FILES_MAX: usize = 256;

/// Debian's and Red Hat's main files hold what these hold as well; reading both would double the lines.
const REPEATED: &[(&str, &[&str])] = &[
    (
        "/var/log/syslog",
        &[
            "/var/log/kern.log",
            "/var/log/daemon.log",
            "/var/log/user.log",
            "/var/log/cron.log",
            "/var/log/mail.log",
            "/var/log/messages",
        ],
    ),
    ("/var/log/messages", &["/var/log/kern.log", "/var/log/daemon.log", "/var/log/user.log"]),
];

pub(super) async fn run(context: Context, inputs: Vec<FileInput>, output: Output) -> Result<()> {
    let mut collector = Collector {
        rows: super::devlog::rows_for(&context),
        zone: TimeZone::system(),
        first_run: !output.has_positions(),
        started: false,
        tails: BTreeMap::new(),
        inputs,
        output,
        context,
    };
    let mut poll = tokio::time::interval(POLL_INTERVAL);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut discovery = tokio::time::interval(DISCOVERY_INTERVAL);
    loop {
        tokio::select! {
            () = collector.context.stop.cancelled() => return Ok(()),
            _ = discovery.tick() => collector.discover().await,
            _ = poll.tick() => collector.poll().await,
        }
    }
}

struct Collector {
    context: Context,
    output: Output,
    inputs: Vec<FileInput>,
    rows: SyslogRows,
    zone: TimeZone,
    /// Nothing was ever stored: what the files hold already is older than the agent and is left alone.
    first_run: bool,
    started: bool,
    /// Path → tail and its fixed facility.
    tails: BTreeMap<PathBuf, (Tail, Option<String>)>,
}

impl Collector {
    async fn discover(&mut self) {
        let found = find_files(&self.inputs);
        for (path, facility) in found {
            if self.tails.contains_key(&path) || self.tails.len() >= FILES_MAX {
                continue;
            }
            let stored =
                self.output.position(&key(&path)).and_then(|value| serde_json::from_value(value).ok());
            let begin = if self.first_run && !self.started { Begin::End } else { Begin::Start };
            let tail = Tail::new(&path, stored, begin);
            if stored.is_none()
                && let Some(position) = tail.position()
            {
                self.output.send(Vec::new(), Positions::from([(key(&path), json!(position))])).await;
            }
            self.tails.insert(path, (tail, facility));
        }
        self.started = true;
        self.context.health.set("files", self.tails.len() as u64);
    }

    async fn poll(&mut self) {
        for path in self.tails.keys().cloned().collect::<Vec<_>>() {
            // Bounded, so that one flooding file does not starve the others.
            for _ in 0..32 {
                if !self.read(&path).await {
                    break;
                }
            }
        }
    }

    /// One read of one file; true when there is more.
    async fn read(&mut self, path: &Path) -> bool {
        let Some((mut tail, facility)) = self.tails.remove(path) else { return false };
        let (tail, read) = match on_disk(move || {
            let read = tail.read(SEND_BYTES_MAX);
            Ok((tail, read))
        })
        .await
        {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(%error, path = %path.display(), "reading a log file failed");
                return false;
            }
        };
        let lost = tail.lost_files();
        if lost > 0 {
            self.context.health.set(&format!("lostFiles {}", path.display()), lost);
        }
        self.tails.insert(path.to_owned(), (tail, facility.clone()));
        let issue = format!("file {}", path.display());
        match read {
            Ok(None) => {
                self.context.health.issue(&issue, None);
                false
            }
            Ok(Some(read)) => {
                self.context.health.issue(&issue, None);
                self.forward(path, facility.as_deref(), read.lines, json!(read.position)).await;
                read.more
            }
            Err(error) => {
                self.context.health.issue(&issue, Some(error.to_string()));
                false
            }
        }
    }

    async fn forward(
        &self,
        path: &Path,
        facility: Option<&str>,
        lines: Vec<String>,
        position: serde_json::Value,
    ) {
        let now = self.context.clock.now();
        let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let defaults = LineDefaults { facility, file_name };
        self.context.health.count("events", lines.len() as u64);
        let rows: Vec<_> = lines
            .iter()
            .filter_map(|line| self.rows.row(parse_line(line, defaults, now, &self.zone), now))
            .collect();
        // One read is one send: its position may only be stored together with all its lines.
        self.output.send(rows, Positions::from([(key(path), position)])).await;
    }
}

fn key(path: &Path) -> String {
    format!("file:{}", path.display())
}

/// Existing files of all inputs, without those that repeat another.
fn find_files(inputs: &[FileInput]) -> Vec<(PathBuf, Option<String>)> {
    let mut found: BTreeMap<PathBuf, Option<String>> = BTreeMap::new();
    for input in inputs {
        for path in expand(&input.path) {
            found.entry(path).or_insert_with(|| input.facility.clone());
        }
    }
    for (main, repeated) in REPEATED {
        if found.contains_key(Path::new(main)) {
            for path in *repeated {
                found.remove(Path::new(path));
            }
        }
    }
    found.into_iter().collect()
}

/// The files a pattern names now; `*` is allowed in the last part of the path.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let path = Path::new(pattern);
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    if !name.contains('*') {
        return if path.is_file() { vec![path.to_owned()] } else { Vec::new() };
    }
    let Some(Ok(entries)) = path.parent().map(std::fs::read_dir) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| {
            entry.file_name().to_str().is_some_and(|file| matches(name, file)) && entry.path().is_file()
        })
        .map(|entry| entry.path())
        .collect()
}

/// Whether `name` fits `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("*.log", "auth.log", true),
            ("*.log", "auth.log.1", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("x*", "x", true),
            ("plain", "plainer", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
