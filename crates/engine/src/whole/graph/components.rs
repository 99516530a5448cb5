//! `graph-mark-components`: the nodes, and the number of the component of each.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use bartizan_analytics::graph::{strong_components, weak_components};

use super::graph;
use crate::error::QueryError;
use crate::whole::{Rows, Task};

/// Weak components, or strong ones.
pub(in crate::whole) fn run(
    strong: bool,
    inputs: &[Rows],
    task: &Task<'_>,
) -> Result<Vec<ArrayRef>, QueryError> {
    let (graph, _) = graph(&inputs[0], &inputs[1], task)?;
    task.memory.try_grow(inputs[0].len() * size_of::<u64>() * 3)?;
    let parts = if strong { strong_components(&graph) } else { weak_components(&graph) };
    let mut columns = inputs[0].batch.columns().to_vec();
    columns.push(Arc::new(Int64Array::from_iter_values(parts.into_iter().map(i64::from))));
    Ok(columns)
}
