//! The plugins of `evaluate` that run over all rows: one line each in [`PLUGINS`].

mod activity;
mod bag_unpack;
mod dcount_intersect;
mod geo_lookup;
mod lookup;
mod narrow;
mod pattern;
mod pivot;
mod rolling;
mod rows_near;
mod schema_merge;
mod sequence;
mod timeline;

use arrow::array::ArrayRef;
use bartizan_kql::bound::{ColumnSchema, Literal, Operation, PluginCall, Scalar, ScalarKind};

use super::{Rows, Task};
use crate::error::QueryError;
use crate::value::Reader;

/// Rows between looks at the interrupt.
const ROWS_PER_CHECK: usize = 4096;

/// Columns that rows may give rise to: what a table may have at most.
const COLUMNS_MAX: usize = 10_000;

fn too_many_columns(plugin: &str) -> QueryError {
    QueryError::TooLarge { what: format!("`evaluate {plugin}` gives at most {COLUMNS_MAX} columns") }
}

/// Computes a plugin: one array per column of `task.whole`.
type Run = fn(&[Rows], &Task<'_>) -> Result<Vec<ArrayRef>, QueryError>;

/// The columns that a plugin's rows tell, besides those of `task.whole`.
type Learn = fn(&[Rows], &Task<'_>) -> Result<Vec<ColumnSchema>, QueryError>;

const PLUGINS: &[(&str, Run)] = &[
    ("active_users_count", activity::active_users_count),
    ("activity_counts_metrics", activity::activity_counts_metrics),
    ("activity_engagement", activity::activity_engagement),
    ("activity_metrics", activity::activity_metrics),
    ("autocluster", pattern::autocluster),
    ("basket", pattern::basket),
    ("dcount_intersect", dcount_intersect::run),
    ("diffpatterns", pattern::diffpatterns),
    ("funnel_sequence", sequence::funnel_sequence),
    ("funnel_sequence_completion", sequence::funnel_sequence_completion),
    ("geo_line_lookup", geo_lookup::run),
    ("geo_polygon_lookup", geo_lookup::run),
    ("ipv4_lookup", lookup::run),
    ("ipv6_lookup", lookup::run),
    ("narrow", narrow::run),
    ("new_activity_metrics", activity::new_activity_metrics),
    ("pivot", pivot::run),
    ("rolling_percentile", rolling::run),
    ("rows_near", rows_near::run),
    ("schema_merge", schema_merge::run),
    ("sequence_detect", sequence::sequence_detect),
    ("session_count", activity::session_count),
    ("sliding_window_counts", activity::sliding_window_counts),
];

/// Plugins whose columns are in the rows.
const LEARNERS: &[(&str, Learn)] = &[("bag_unpack", bag_unpack::learn), ("pivot", pivot::learn)];

/// Runs a call over its inputs.
pub(super) fn run(call: &PluginCall, inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    match PLUGINS.iter().find(|(name, _)| *name == call.plugin) {
        Some((_, run)) if call.unlearned.is_none() => run(inputs, task),
        _ => Err(task.unsupported(&format!("evaluate {}", call.plugin))),
    }
}

/// Asks the inputs of a call for its columns.
pub(super) fn learn(
    call: &PluginCall,
    inputs: &[Rows],
    task: &Task<'_>,
) -> Result<Vec<ColumnSchema>, QueryError> {
    match LEARNERS.iter().find(|(name, _)| *name == call.plugin) {
        Some((_, learn)) => learn(inputs, task),
        None => Err(task.unsupported(&format!("evaluate {}", call.plugin))),
    }
}

impl Task<'_> {
    /// The call of the plugin.
    fn call(&self) -> &PluginCall {
        match &self.whole.operation {
            Operation::Plugin(call) => call,
            _ => unreachable!("only plugins are run by this module"),
        }
    }

    fn arg(&self, at: usize) -> Result<&Scalar, QueryError> {
        let missing = || QueryError::Internal(format!("`{}` lacks argument {at}", self.call().plugin));
        self.call().args.get(at).ok_or_else(missing)
    }

    /// A constant argument.
    fn constant(&self, at: usize) -> Result<Literal, QueryError> {
        self.context.constant(self.arg(at)?)
    }

    /// The values of a column argument.
    fn column(&self, rows: &Rows, at: usize) -> Result<Reader, QueryError> {
        self.values(rows, self.arg(at)?)
    }

    /// The values of a column.
    fn values(&self, rows: &Rows, value: &Scalar) -> Result<Reader, QueryError> {
        match value.kind {
            ScalarKind::Column(at) if at < rows.columns.len() => rows.reader(at),
            _ => Err(QueryError::Internal(format!("`{}` needs a column here", self.call().plugin))),
        }
    }

    /// Accounts for what is about to be allocated.
    fn hold(&self, bytes: usize) -> Result<(), QueryError> {
        Ok(self.memory.try_grow(bytes)?)
    }
}
