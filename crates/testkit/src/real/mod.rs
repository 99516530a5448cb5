//! The real programs, started as child processes: for end-to-end tests and for `cargo xtask bench`.

pub mod crash;
pub mod fleet;
pub mod programs;
pub mod server;
