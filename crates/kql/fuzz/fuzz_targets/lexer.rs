//! The token stream holds every byte of any text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| bartizan_kql::fuzzing::lexer(text));
