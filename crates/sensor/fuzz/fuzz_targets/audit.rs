//! Any text from the audit socket has a stamp or none, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| bartizan_sensor::fuzzing::audit(text));
