//! Any JSON is a policy or is refused; a policy judges a resource, and ends.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| bartizan_policy::fuzzing::definition(text));
