//! The real programs on this machine, from first start to closed incident, and on bad days.
//!
//! Needs root, BTF and Debian's openssh-server, sshpass and chromium; `cargo xtask test` installs what it can.
//! What a machine lacks is said by the test that needs it, and that test then checks nothing.

#![expect(clippy::print_stdout, reason = "what a test measured or skipped is part of its answer")]

mod attacks;
mod bad_days;
mod direct;
mod fleet;
mod main_job;
mod onboarding_script;
mod portal;
mod storage;
mod three_hosts;
mod tour;
