//! From a received message to a row: `Syslog`, or `CommonSecurityLog` when it holds CEF.

use std::net::IpAddr;

use bartizan_base::{Ticks, Timespan};
use bartizan_formats::{cef, syslog};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

/// A clock that is further ahead is wrong; the time of arrival is nearer to the truth.
const AHEAD_MAX: Timespan = Timespan::from_seconds(86_400);
/// Nor did anything happen before syslog.
const OLDEST_UNIX_SECONDS: i64 = 0;

/// A message as it came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) from: IpAddr,
    pub(super) at: Ticks,
    pub(super) bytes: Vec<u8>,
}

/// A row and where it goes.
#[derive(Clone, Debug)]
pub(super) struct ReadMessage {
    pub(super) table: &'static str,
    pub(super) row: Map<String, Value>,
    /// It had no valid priority, or its CEF header is broken, and is kept as text.
    pub(super) malformed: bool,
}

/// Reads messages for one collector.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) host_name: String,
    pub(super) zone: TimeZone,
}

impl Reader {
    pub(super) fn read(&self, message: &Received) -> ReadMessage {
        let text = String::from_utf8_lossy(&message.bytes);
        let (entry, has_priority) = syslog::parse_network(&text, message.at, &self.zone);
        let sender = entry.host.clone().unwrap_or_else(|| message.from.to_string());
        let believable =
            |time: &Ticks| *time <= message.at + AHEAD_MAX && time.unix_seconds() >= OLDEST_UNIX_SECONDS;
        let time = entry.time.filter(believable).unwrap_or(message.at);
        let mut row = Map::new();
        let mut malformed = !has_priority;
        let mut table = "Syslog";
        if let Some(text) = cef::within(&entry.process, &entry.message) {
            match cef::parse(&text) {
                Ok(event) => {
                    table = "CommonSecurityLog";
                    row = event.row();
                }
                Err(_) => malformed = true,
            }
        }
        let mut set = |name: &str, value: Value| drop(row.insert(name.to_owned(), value));
        set("TimeGenerated", json!(time));
        set("Computer", json!(sender));
        set("CollectorHostName", json!(self.host_name));
        set("SourceSystem", json!("Linux"));
        if table == "Syslog" {
            set("EventTime", json!(entry.time.unwrap_or(message.at)));
            set("HostName", json!(sender));
            set("HostIP", json!(message.from.to_string()));
            set("Facility", json!(entry.facility));
            set("SeverityLevel", json!(entry.severity));
            set("ProcessName", json!(entry.process));
            set("ProcessID", json!(entry.pid));
            set("SyslogMessage", json!(entry.message));
        }
        ReadMessage { table, row, malformed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (bool, &'static str, Value) {
        let reader = Reader { host_name: "collector".to_owned(), zone: TimeZone::UTC };
        let at = Ticks::parse("2026-03-01T12:00:00Z").unwrap();
        let from = "192.0.2.8".parse().unwrap();
        let read = reader.read(&Received { from, at, bytes: text.as_bytes().to_vec() });
        (read.malformed, read.table, Value::Object(read.row))
    }

    #[test]
    fn rows_of_messages() {
        let (malformed, table, row) = read("<34>1 2026-03-01T11:59:00Z fw-1 sshd 42 - - hello");
        assert_eq!((malformed, table), (false, "Syslog"));
        assert_eq!((&row["Computer"], &row["HostIP"]), (&json!("fw-1"), &json!("192.0.2.8")));
        assert_eq!((&row["TimeGenerated"], &row["ProcessID"]), (&json!("2026-03-01T11:59:00Z"), &json!(42)));
        let (_, _, row) = read("<34>1 2099-03-01T11:59:00Z fw-1 sshd 42 - - tomorrow");
        assert_eq!(row["TimeGenerated"], "2026-03-01T12:00:00Z");
        assert_eq!(row["EventTime"], "2099-03-01T11:59:00Z");
        let (malformed, table, row) = read("\u{1}\u{2} nonsense");
        assert_eq!(
            (malformed, table, &row["SyslogMessage"]),
            (true, "Syslog", &json!("\u{1}\u{2} nonsense"))
        );
        assert_eq!(row["Computer"], "192.0.2.8");
    }

    #[test]
    fn cef_goes_to_its_own_table() {
        let (malformed, table, row) =
            read("<134>Mar  1 11:00:00 fw-1 CEF:0|Acme|Wall|1|100|deny|5|src=198.51.100.1 dpt=22");
        assert_eq!((malformed, table), (false, "CommonSecurityLog"));
        assert_eq!((&row["SourceIP"], &row["DestinationPort"]), (&json!("198.51.100.1"), &json!(22)));
        assert_eq!((&row["Computer"], &row["Activity"]), (&json!("fw-1"), &json!("deny")));
        let (malformed, table, row) = read("<134>Mar  1 11:00:00 fw-1 CEF:0|Acme|Wall");
        assert_eq!((malformed, table, &row["SyslogMessage"]), (true, "Syslog", &json!("0|Acme|Wall")));
    }
}
