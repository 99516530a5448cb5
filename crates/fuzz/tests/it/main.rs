//! A short run of every target, and the fuzzer itself on targets that fail in each way there is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, helpers of tests too")]

mod driver;
mod targets;
