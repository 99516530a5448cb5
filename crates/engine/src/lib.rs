//! KQL on DataFusion: a bound tree is lowered to a logical plan over a store snapshot, run within limits,
//! and its result encoded as the Log Analytics API does.
//!
//! `lower` keeps KQL's meaning, `functions` and `aggregates` hold the kernels where SQL's differs, and
//! `provider` is the only way to a table. Nothing here parses KQL or knows of HTTP.

#![forbid(unsafe_code)]

pub mod addresses;
mod aggregates;
mod arrow_stream;
mod catalog;
mod constant;
mod engine;
mod error;
mod extent;
mod functions;
mod given;
mod group_runs;
mod hoist;
mod hot_paths;
mod interrupt;
mod learn;
mod limits;
mod lower;
mod made_filters;
mod memory;
mod output;
mod packed;
mod planning;
mod provider;
mod prune;
mod pushdown;
mod reach;
mod repeats;
mod restore_order;
mod result;
mod share;
mod sound_files;
mod subquery;
mod text_index;
mod transform;
mod types;
mod unordered;
mod value;
mod whole;
mod wide_union;

pub use arrow_stream::ARROW_STREAM;
pub use catalog::FunctionSource;
pub use engine::{Checked, Engine, EngineOptions, QueryRequest, SeqWindow};
pub use error::{EngineError, QueryError};
pub use functions::registry::supports as supports_function;
pub use given::{GivenRows, GivenTable};
pub use hot_paths::HotPaths;
pub use limits::{Partial, QueryLimits};
pub use output::{QueryOutput, QueryStats, QueryTable};
pub use packed::PackedRows;
pub use planning::QueryPlan;
pub use reach::{NamedWorkspace, Reach};
pub use transform::{Transform, Transformed};
pub use whole::{ExternalData, Fetch};

/// Whether this engine runs the aggregate `name` (canonical, as the KQL registry has it).
pub fn supports_aggregate(name: &str) -> bool {
    aggregates::SUPPORTED.contains(&name)
}
