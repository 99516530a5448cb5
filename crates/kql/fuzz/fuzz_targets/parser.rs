//! The parser reads any text, and every finding points into it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| bartizan_kql::fuzzing::parser(text));
