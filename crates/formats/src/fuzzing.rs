//! Ways in for fuzz targets: the parsers of what other programs wrote, for any input.

use bartizan_base::Ticks;
use jiff::tz::TimeZone;

use crate::syslog::{self, LineDefaults};
use crate::{cef, windows};

/// A line of a log file, the same as a datagram, and the same from the network.
pub fn syslog(text: &str) {
    // 2026-01-02T03:04:05Z
    let now = Ticks::from_unix_millis(1_767_323_045_000);
    let defaults = LineDefaults { facility: None, file_name: "auth.log" };
    drop(syslog::parse_line(text, defaults, now, &TimeZone::UTC));
    drop(syslog::parse_message(text, now, &TimeZone::UTC));
    drop(syslog::parse_network(text, now, &TimeZone::UTC));
}

/// A CEF message.
pub fn cef(text: &str) {
    if let Ok(event) = cef::parse(text) {
        drop(event.row());
    }
}

/// An XPath query over Windows events.
pub fn event_query(text: &str) {
    if let Ok(query) = windows::EventQuery::parse(text) {
        query.matches(&windows::EventFacts::default());
    }
}
