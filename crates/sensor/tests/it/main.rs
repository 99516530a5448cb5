//! Tests against the running kernel, and of the checked-in kernel object.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, outside #[test] functions")]

mod facts;
mod object;
mod storm;
