//! Any line of a log file and any datagram gives an entry, and never a panic.
#![no_main]

use bartizan_agent::monitor::syslog::{LineDefaults, parse_line, parse_message};
use bartizan_base::Ticks;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

/// 2026-01-02T03:04:05Z.
const NOW: Ticks = Ticks(639_029_198_450_000_000);

fuzz_target!(|text: &str| {
    let defaults = LineDefaults { facility: None, file_name: "auth.log" };
    drop(parse_line(text, defaults, NOW, &TimeZone::UTC));
    drop(parse_message(text, NOW, &TimeZone::UTC));
});
