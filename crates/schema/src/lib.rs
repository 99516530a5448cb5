//! Table and column declarations: what `content/tables/*.yaml` says, checked and looked up by name.
//!
//! An API boundary: small, documented, and free of any engine. Agents use it to name what they send, the
//! store to lay rows out, the KQL binder to resolve names.

#![forbid(unsafe_code)]

mod registry;
mod table;
mod types;

pub use registry::{RegistryError, TableRegistry};
pub use table::{Column, Table, TableKind};
pub use types::{KqlType, UnknownType};
