//! Any bytes are machines of a source or are refused, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| bartizan_discover::fuzzing::answers(data));
