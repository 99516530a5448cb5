//! Any body gives a batch of equally long columns, or is refused, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| bartizan_store::fuzzing::decode(body));
