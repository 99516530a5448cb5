//! Ways in for the fuzz targets in `fuzz/`: the parsers of what other programs wrote, for any input.

use bartizan_base::Ticks;
use jiff::tz::TimeZone;

use crate::inventory::{dpkg, rpm_header};
use crate::monitor::syslog::{self, LineDefaults};

/// A line of a log file, and the same as a datagram.
pub fn syslog(text: &str) {
    // 2026-01-02T03:04:05Z
    let now = Ticks::from_unix_millis(1_767_323_045_000);
    let defaults = LineDefaults { facility: None, file_name: "auth.log" };
    drop(syslog::parse_line(text, defaults, now, &TimeZone::UTC));
    drop(syslog::parse_message(text, now, &TimeZone::UTC));
}

/// dpkg's status file.
pub fn dpkg(text: &str) {
    drop(dpkg::parse_status(text));
}

/// A header of rpm's database.
pub fn rpm_header(bytes: &[u8]) {
    drop(rpm_header::parse(bytes));
}
