//! Any facts are judged, with evidence and a way out, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| bartizan_readiness::fuzzing::facts(text));
