//! Settings of the monitor extension.

use std::time::Duration;

use serde::Deserialize;

/// All settings, with defaults that fit most machines. Members we do not know are skipped: templates written
/// for the Azure extension of this name carry some of their own.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MonitorSettings {
    /// Log files to follow, in place of the usual ones. `*` stands for any text within the file name.
    pub files: Vec<FileInput>,
    /// Read the systemd journal where it runs.
    pub journal: bool,
    /// Provide `/dev/log` where no syslog service does.
    pub dev_log: DevLog,
    /// Seconds between two readings of the performance counters; 0 switches them off.
    pub perf_interval_seconds: u64,
    /// Which counters are sent, as `Object(*)\Counter` with `*` for any; all when empty.
    pub perf_counters: Vec<String>,
    /// Which syslog messages are sent: those that pass any filter; all when there is none.
    pub syslog: Vec<SyslogFilter>,
}

/// Facilities and levels of syslog by name; an empty list stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SyslogFilter {
    pub facilities: Vec<String>,
    pub levels: Vec<String>,
}

impl SyslogFilter {
    /// Whether a message of this facility and level passes.
    pub fn passes(&self, facility: &str, level: &str) -> bool {
        let any = |names: &[String], name: &str| {
            names.is_empty() || names.iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        any(&self.facilities, facility) && any(&self.levels, level)
    }
}

/// One log file or a group of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileInput {
    pub path: String,
    /// Syslog facility of its lines, where the lines do not say.
    #[serde(default)]
    pub facility: Option<String>,
}

/// What to do about `/dev/log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DevLog {
    /// Provide it when nobody else does.
    Auto,
    Off,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            journal: true,
            dev_log: DevLog::Auto,
            perf_interval_seconds: 60,
            perf_counters: Vec::new(),
            syslog: Vec::new(),
        }
    }
}

impl MonitorSettings {
    /// The files to follow on a machine without journald.
    pub fn files_or_default(&self) -> Vec<FileInput> {
        if !self.files.is_empty() {
            return self.files.clone();
        }
        USUAL_FILES.iter().map(|path| FileInput { path: (*path).to_owned(), facility: None }).collect()
    }

    /// Whether a counter is wanted. The instance in a specifier is not looked at: all of them are sent.
    pub fn wants_counter(&self, object: &str, counter: &str) -> bool {
        let is = |pattern: &str, name: &str| pattern == "*" || pattern.eq_ignore_ascii_case(name);
        let matches = |specifier: &String| {
            let specifier = specifier.trim_start_matches('\\');
            specifier.split_once('\\').is_some_and(|(wanted, name)| {
                is(wanted.split('(').next().unwrap_or_default().trim(), object) && is(name.trim(), counter)
            })
        };
        self.perf_counters.is_empty() || self.perf_counters.iter().any(matches)
    }

    /// How often counters are read; `None` when they are off.
    pub fn perf_interval(&self) -> Option<Duration> {
        (self.perf_interval_seconds > 0).then(|| Duration::from_secs(self.perf_interval_seconds))
    }
}

/// Where distributions put syslog. Which of them repeat each other is in `tailing`.
const USUAL_FILES: &[&str] = &[
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/auth.log",
    "/var/log/secure",
    "/var/log/kern.log",
    "/var/log/daemon.log",
    "/var/log/user.log",
    "/var/log/cron.log",
    "/var/log/cron",
    "/var/log/mail.log",
    "/var/log/maillog",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::settings;
    use serde_json::json;

    #[test]
    fn what_a_rule_wants_is_sent_and_nothing_else() {
        let wanted: MonitorSettings = settings(&json!({
            "syslog": [{"facilities": ["auth"], "levels": ["err", "crit"]}, {"facilities": ["cron"]}],
            "perfCounters": ["Memory\\Available MBytes Memory", "\\Logical Disk(*)\\*"],
        }))
        .unwrap();
        let passes = |facility, level| wanted.syslog.iter().any(|filter| filter.passes(facility, level));
        assert!(
            passes("auth", "err")
                && !passes("auth", "info")
                && passes("cron", "debug")
                && !passes("mail", "err")
        );
        assert!(wanted.wants_counter("Memory", "available mbytes memory"));
        assert!(wanted.wants_counter("Logical Disk", "% Used Space"));
        assert!(!wanted.wants_counter("Memory", "% Used Memory"));
        assert!(MonitorSettings::default().wants_counter("Any", "Thing"));
    }

    #[test]
    fn an_unknown_or_wrong_field_is_named() {
        let good: MonitorSettings =
            settings(&json!({"files": [{"path": "/x/*.log", "facility": "local3"}]})).unwrap();
        assert_eq!(good.files_or_default().len(), 1);
        let error = settings::<MonitorSettings>(&json!({"files": [{"paht": "x"}]})).unwrap_err().to_string();
        assert!(error.contains("`paht`"), "{error}");
        assert!(
            settings::<MonitorSettings>(&json!({"authentication": {}})).is_ok(),
            "an Azure template's own"
        );
        let error = settings::<MonitorSettings>(&json!({"devLog": "maybe"})).unwrap_err().to_string();
        assert!(error.contains("maybe"), "{error}");
    }
}
