//! Any text is an expression or is refused, and ends.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| bartizan_policy::fuzzing::expression(text));
