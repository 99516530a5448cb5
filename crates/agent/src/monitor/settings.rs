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
        Self { files: Vec::new(), journal: true, dev_log: DevLog::Auto, perf_interval_seconds: 60 }
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
