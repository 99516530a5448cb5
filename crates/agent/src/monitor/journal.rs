//! The systemd journal, read through `journalctl --follow`: the journal's own files have a format that
//! systemd alone promises to read. The cursor of the last entry is the stored position.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use bartizan_base::Ticks;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::rows::SyslogRows;
use crate::backoff::Backoff;
use crate::extension::{Context, Output, SEND_ROWS_MAX};
use crate::spool::Positions;
use bartizan_formats::syslog::{SyslogEntry, facility_name, severity_name};

const POSITION: &str = "journal";
/// Longest entry read; journald itself stores up to 64 MiB, of which nobody wants a row.
const LINE_BYTES_MAX: usize = 256 << 10;
/// Entries within this time are one send.
const GATHER: Duration = Duration::from_millis(50);

/// Whether journald runs on this machine.
pub(super) fn runs_here() -> bool {
    Path::new("/run/systemd/journal/socket").exists()
}

pub(super) async fn run(context: Context, output: Output) -> Result<()> {
    let rows = super::devlog::rows_for(&context);
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));
    loop {
        let result = tokio::select! {
            () = context.stop.cancelled() => return Ok(()),
            result = follow(&context, &output, &rows) => result,
        };
        let reason = result.map_or_else(|error| error.to_string(), |()| "journalctl ended".to_owned());
        context.health.issue("journal", Some(reason));
        tokio::select! {
            () = context.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(backoff.next_wait()) => {}
        }
    }
}

async fn follow(context: &Context, output: &Output, rows: &SyslogRows) -> std::io::Result<()> {
    let mut command = Command::new("journalctl");
    command.args(["--output=json", "--follow", "--quiet", "--all"]);
    match output.position(POSITION).as_ref().and_then(Value::as_str) {
        Some(cursor) => command.arg("--lines=all").arg(format!("--after-cursor={cursor}")),
        None => command.arg("--lines=0"),
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let Some(stdout) = child.stdout.take() else { return Ok(()) };
    context.health.issue("journal", None);
    let mut lines = BufReader::with_capacity(64 << 10, stdout);
    let (mut line, mut batch, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        // `line` keeps what a cut-off read brought, so a timeout in the middle of a line loses nothing.
        let read = tokio::time::timeout(GATHER, lines.read_until(b'\n', &mut line)).await;
        let ended = matches!(read, Ok(Ok(0)));
        let timed_out = read.is_err();
        if let Ok(result) = read {
            result?;
            if line.len() <= LINE_BYTES_MAX
                && let Ok(Value::Object(fields)) = serde_json::from_slice(&line)
            {
                cursor = fields.get("__CURSOR").cloned().or(cursor);
                let now = context.clock.now();
                batch.extend(entry(&fields).and_then(|entry| rows.row(entry, now)));
            } else if line.len() > LINE_BYTES_MAX {
                context.health.count("oversizedEntries", 1);
            }
            line.clear();
        }
        if let Some(at) = cursor.take_if(|_| timed_out || ended || batch.len() >= SEND_ROWS_MAX) {
            context.health.count("events", batch.len() as u64);
            let positions = Positions::from([(POSITION.to_owned(), json!(at))]);
            output.send(std::mem::take(&mut batch), positions).await;
        }
        if ended {
            return Ok(());
        }
    }
}

/// The entry of a journal record; `None` for one without a message.
fn entry(fields: &Map<String, Value>) -> Option<SyslogEntry> {
    let text = |name: &str| fields.get(name).and_then(text_of);
    let number = |name: &str| text(name).and_then(|value| value.parse::<usize>().ok());
    let micros = text("_SOURCE_REALTIME_TIMESTAMP").or_else(|| text("__REALTIME_TIMESTAMP"))?;
    let time = Ticks::from_unix_nanos(micros.parse::<i128>().ok()?.checked_mul(1000)?);
    let process = text("SYSLOG_IDENTIFIER").or_else(|| text("_COMM")).unwrap_or_default();
    let kernel = text("_TRANSPORT").as_deref() == Some("kernel");
    let facility = number("SYSLOG_FACILITY").map_or(if kernel { "kern" } else { "daemon" }, facility_name);
    Some(SyslogEntry {
        time: Some(time),
        host: text("_HOSTNAME"),
        process,
        pid: text("SYSLOG_PID").or_else(|| text("_PID")).and_then(|pid| pid.trim().parse().ok()),
        message: text("MESSAGE")?,
        facility: facility.to_owned(),
        severity: severity_name(number("PRIORITY").unwrap_or(6)).to_owned(),
    })
}

/// A field is text, an array of bytes when it is not valid UTF-8, or an array of values when it was given twice.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let bytes: Option<Vec<u8>> =
                parts.iter().map(|part| part.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
            match bytes {
                Some(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                None => parts.first().and_then(text_of),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<SyslogEntry> {
        entry(serde_json::from_str::<Value>(json).unwrap().as_object().unwrap())
    }

    #[test]
    fn records_become_entries() {
        let entry = read(
            r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1767322800000001","_HOSTNAME":"web-1","SYSLOG_FACILITY":"10",
                "PRIORITY":"5","SYSLOG_IDENTIFIER":"sshd","_PID":"77","MESSAGE":"Accepted"}"#,
        )
        .unwrap();
        assert_eq!(entry.time.unwrap().to_string(), "2026-01-02T03:00:00.000001Z");
        assert_eq!(
            (entry.facility.as_str(), entry.severity.as_str(), entry.pid),
            ("authpriv", "notice", Some(77))
        );
    }

    #[test]
    fn odd_records_are_read_as_far_as_possible() {
        let bytes = read(r#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":[104,105,255]}"#).unwrap();
        assert_eq!(bytes.message, "hi\u{fffd}");
        let twice = read(r#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":["a","b"],"_PID":["1","2"]}"#).unwrap();
        assert_eq!((twice.message.as_str(), twice.pid), ("a", Some(1)));
        assert_eq!(read(r#"{"__REALTIME_TIMESTAMP":"x","MESSAGE":"m"}"#), None);
        assert_eq!(read(r#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":null}"#), None);
    }
}
