//! Any text gives an answer, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| bartizan_formats::fuzzing::syslog(text));
