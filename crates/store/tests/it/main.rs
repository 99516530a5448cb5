//! The store from outside: what survives, what is counted, what is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up stops there")]

mod append;
mod backup;
mod crash;
mod damage;
mod decode;
mod delta;
mod disk_full;
mod faults;
mod files;
mod fixture;
mod integrity;
mod loading;
mod many_files;
mod purge;
mod repeats;
mod retention;
mod sim_disk;
mod tables;
mod versions;
mod workspaces;
