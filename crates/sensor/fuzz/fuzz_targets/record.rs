//! Any bytes from the kernel's ring give an observation or an error, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| bartizan_sensor::fuzzing::record(bytes));
