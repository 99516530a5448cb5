//! The REST surface: paths, types, versions, bodies and errors, without anything that answers them.
//!
//! An API boundary. ARM resources are documents (`id`, `name`, `type`, `properties` …) described by one row
//! each in [`types::TYPES`]; requests of other doors have structs here. The list of all operations is checked
//! in as `docs/reference/operations.txt`, and a test compares it.

#![forbid(unsafe_code)]

pub mod error;
pub mod incidents;
pub mod logs;
pub mod openapi;
pub mod operations;
pub mod path;
pub mod portal;
pub mod resource_graph;
pub mod timespan;
pub mod token;
pub mod types;
pub mod versions;

pub use error::ApiError;
pub use path::Target;
