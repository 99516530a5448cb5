//! One binary for all integration tests of this crate.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic like tests")]

mod content;
mod live;
mod reference;
