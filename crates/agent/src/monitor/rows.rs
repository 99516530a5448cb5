//! From a syslog entry to a row of the Syslog table.

use bartizan_base::Ticks;
use serde_json::{Value, json};

use super::settings::SyslogFilter;
use crate::extension::{Row, row};
use bartizan_formats::syslog::SyslogEntry;

/// Makes rows for one machine.
#[derive(Clone, Debug)]
pub struct SyslogRows {
    pub host_name: String,
    pub resource_id: String,
    pub host_ip: String,
    /// Messages that pass none of these are not sent; without filters all are.
    pub filters: Vec<SyslogFilter>,
}

impl SyslogRows {
    /// The row of `entry`, read at `now`; `None` when no data collection rule wants it.
    pub fn row(&self, entry: SyslogEntry, now: Ticks) -> Option<Row> {
        let wanted = self.filters.is_empty()
            || self.filters.iter().any(|filter| filter.passes(&entry.facility, &entry.severity));
        wanted.then(|| self.made(entry, now))
    }

    fn made(&self, entry: SyslogEntry, now: Ticks) -> Row {
        let time = entry.time.unwrap_or(now);
        row([
            ("TimeGenerated", json!(time)),
            ("EventTime", json!(time)),
            ("Computer", json!(self.host_name)),
            ("CollectorHostName", json!(self.host_name)),
            // A relayed line names another host than the one that collects it.
            ("HostName", json!(entry.host.as_deref().unwrap_or(&self.host_name))),
            ("HostIP", json!(self.host_ip)),
            ("Facility", json!(entry.facility)),
            ("SeverityLevel", json!(entry.severity)),
            ("ProcessName", json!(entry.process)),
            ("ProcessID", entry.pid.map_or(Value::Null, |pid| json!(pid))),
            ("SyslogMessage", json!(entry.message)),
            ("SourceSystem", json!("Linux")),
            ("_ResourceId", json!(self.resource_id)),
        ])
    }
}
