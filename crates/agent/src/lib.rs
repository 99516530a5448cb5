//! The agent: what runs on every watched machine.
//!
//! One program with three faces. `connect` gives the machine an identity ([`connect`]). `run` is the
//! supervisor ([`supervisor`]): it asks the server what should run, installs it, keeps it running and says
//! how it goes. `extension …` is a child of the supervisor ([`extension`]): the [`monitor`] ships raw logs,
//! the [`sensor`] watches processes, the [`inventory`] reports what is installed and how it is set up.
//!
//! Rows travel one way only: collector → [`spool`] on disk → [`upload`] → server. The spool is the point
//! where a row becomes ours; from there it is delivered exactly once or counted as dropped.
//!
//! The agent raises no alerts and knows no KQL; that is the server's work.

pub mod backoff;
pub mod check;
pub mod cli;
pub mod connect;
pub mod connectivity;
pub mod extension;
pub mod facts;
pub mod files;
#[doc(hidden)]
pub mod fuzzing;
pub mod identity;
pub mod inventory;
mod memory;
pub mod monitor;
pub mod privileges;
pub mod protection;
pub mod protocol;
pub mod sealing;
pub mod sensor;
pub mod server;
pub mod spool;
pub mod status;
pub mod supervisor;
pub mod test_alert;
pub mod tls;
pub mod upgrade;
pub mod upload;

/// Version of the agent and of the extension programs inside it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
