//! Process events of a Linux host: what was executed, by whom, from which image, and when it ended.
//!
//! [`Sensor::start`] probes three sources, best first, and keeps the first that works: kernel programs on
//! the scheduler tracepoints ([`Tier::Ebpf`]), the audit subsystem read by our own socket
//! ([`Tier::Audit`]), and the process connector with `/proc` ([`Tier::Connector`]). The tier in use, why
//! the better ones are not, and every loss are part of [`SensorStatus`]: a sensor that misses events must
//! be able to say how many.
//!
//! The crate watches and never blocks: there is no enforcement here, no network, and no file events. Its
//! only knowledge of tables is [`ProcessEvent::to_row`], which fills `DeviceProcessEvents`.

mod audit;
mod audit_record;
mod boot;
mod command_line;
mod complete;
mod connector;
mod counters;
mod ebpf;
mod event;
#[doc(hidden)]
pub mod fuzzing;
mod hash;
mod netlink;
mod observation;
mod pipeline;
mod procfs;
mod queue;
mod record;
mod row;
mod sensor;
mod table;
mod users;
mod wait;
mod waker;

pub use event::{Action, DeviceIdentity, Hashes, Image, Process, ProcessEvent, ProcessKey};
pub use sensor::{Sensor, SensorError, SensorOptions, SensorStatus, Tier};
