//! For tests only: a server in this process with clients for each kind of caller, and the real programs as
//! child processes.

#![forbid(unsafe_code)]

pub mod in_process;
pub mod real;

/// The server as a library, for tests that set it up in their own way.
pub use bartizan_server;
