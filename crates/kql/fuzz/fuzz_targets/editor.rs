//! Completion, hover, the forms of a call and colours work on any text at any place.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &str)| bartizan_kql::fuzzing::editor(input.1, usize::from(input.0)));
