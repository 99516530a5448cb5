//! A short run of every target, and the fuzzer itself on targets that fail in each way there is.

mod driver;
mod targets;
