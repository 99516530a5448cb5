//! Log formats of other programs, as text to facts and rows: syslog, CEF, Windows events.
//!
//! Used where logs come in, by agents and by the server. Nothing here does I/O, and nothing trusts its input:
//! every parser takes any text, gives what it could read, and says so where it could not.

#![forbid(unsafe_code)]

pub mod cef;
pub mod fuzzing;
pub mod syslog;
pub mod windows;
