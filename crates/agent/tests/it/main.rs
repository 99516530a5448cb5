//! The agent from outside: spool and upload over a faulty server, extensions under the supervisor, and the
//! real program from `connect` to rows.

#![expect(clippy::unwrap_used, reason = "clippy spares only functions marked as tests, not what they call")]

mod connectivity;
mod delivery;
mod fake_server;
mod program;
mod spool;
mod supervision;
mod upgrade;
mod wait;
