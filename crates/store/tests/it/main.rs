//! The store from outside: what survives, what is counted, what is refused.

mod append;
mod crash;
mod damage;
mod disk_full;
mod files;
mod fixture;
mod repeats;
mod sim_disk;
mod tables;
