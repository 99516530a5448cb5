//! A fuzzer for a stable compiler: any input into any parser, for as long as one likes.
//!
//! Input number n of a target is a function of the seed, the target and n ([`inputs`]), so a failure is found
//! again by its number. [`worker`] feeds a target in a process of its own and ends with the first failure:
//! a panic, an input that takes too long, a process that grows too large, an abort. [`driver`] keeps what
//! failed in a folder and goes on with the next input. There is no feedback from coverage: the targets in
//! `crates/*/fuzz` are for cargo-fuzz, which has it and needs a nightly compiler.

#![forbid(unsafe_code)]

pub mod dictionary;
pub mod driver;
mod engine;
pub mod inputs;
mod mutation;
mod random;
pub mod seeds;
pub mod targets;
pub mod worker;
