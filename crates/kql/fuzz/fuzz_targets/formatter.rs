//! Formatting twice is formatting once, and what is formatted has no syntax errors.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| bartizan_kql::fuzzing::formatter(text));
