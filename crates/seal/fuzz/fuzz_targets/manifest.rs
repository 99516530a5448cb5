//! Whatever passes as a manifest stays in its folder, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| bartizan_seal::fuzzing::manifest(text));
