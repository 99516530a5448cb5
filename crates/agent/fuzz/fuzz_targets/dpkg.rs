//! Any text gives packages, perhaps none, and never a panic.
#![no_main]

use bartizan_agent::inventory::dpkg::parse_status;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| drop(parse_status(text)));
