//! The server program as a library: settings, start, the TLS listener, stop.
//!
//! [`Server::start`] opens the data folder, makes what is missing at first start, and listens; tests use it
//! in-process on port 0. What is answered lies in `control`, what runs beside it in `detect` and `posture`.

#![forbid(unsafe_code)]

mod accept;
mod accounts;
mod background;
mod backup;
pub mod cli;
mod database;
mod export;
mod external;
mod ingest;
mod listener;
mod lock;
mod machines;
mod names;
mod oidc;
mod policy;
mod rows;
mod s3;
mod server;
mod subscriptions;
mod syslog;
mod tenant;
mod tls;

pub use database::open_records;
pub use external::ExternalOptions;
pub use s3::S3Options;
pub use server::{Ready, ServeOptions, Server};
pub use syslog::{Framer, Malformed, SyslogAddresses, SyslogOptions};
