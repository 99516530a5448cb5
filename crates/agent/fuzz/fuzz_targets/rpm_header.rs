//! Any bytes give a package or none, and never a panic.
#![no_main]

use bartizan_agent::inventory::rpm_header::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| drop(parse(bytes)));
