//! Any text gives diagnostics or a bound query, and never a panic or a query without end.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| bartizan_kql::fuzzing::binder(text));
