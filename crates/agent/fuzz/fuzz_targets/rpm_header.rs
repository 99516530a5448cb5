//! Any bytes give a package or none, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| bartizan_agent::fuzzing::rpm_header(bytes));
