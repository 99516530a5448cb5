//! The store from outside: what survives, what is counted, what is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up stops there")]

mod append;
mod crash;
mod damage;
mod disk_full;
mod files;
mod fixture;
mod repeats;
mod sim_disk;
mod tables;
