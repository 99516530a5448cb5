//! Operations on graphs. The walking is `bartizan_analytics::graph`'s; here ids become numbers and what is
//! found becomes columns.

mod components;
mod matching;
mod nodes;

use std::collections::HashMap;

use bartizan_analytics::graph::Graph;

use super::{Rows, Task};
use crate::error::QueryError;
use crate::functions::convert;
use crate::value::{Reader, Value};

pub(super) use components::run as components;
pub(super) use matching::run as matching;
pub(super) use nodes::run as nodes;

/// Rows between looks at the interrupt.
const ROWS_PER_CHECK: usize = 4096;
/// Nodes and edges are numbered with 32 bits, a few of which are kept free.
const ELEMENTS_MAX: usize = u32::MAX as usize / 2;

/// The graph of a relation of nodes and one of edges. Edges whose ends are not among the nodes are left out:
/// the second value says which row each edge is.
fn graph(nodes: &Rows, edges: &Rows, task: &Task<'_>) -> Result<(Graph, Vec<u32>), QueryError> {
    let numbers = numbers(nodes, task)?;
    let (sources, targets) = (edges.reader(0)?, edges.reader(1)?);
    check_count(edges.len(), "edges")?;
    task.memory.try_grow(Graph::size_bytes(nodes.len(), edges.len()) + edges.len() * size_of::<u32>())?;
    let mut ends = Vec::with_capacity(edges.len());
    let mut rows = Vec::with_capacity(edges.len());
    for row in 0..edges.len() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
        }
        let number = |reader: &Reader| numbers.get(id(reader.get(row)).as_str()).copied();
        if let (Some(source), Some(target)) = (number(&sources), number(&targets)) {
            ends.push((source, target));
            rows.push(row as u32);
        }
    }
    Ok((Graph::new(nodes.len(), ends), rows))
}

/// The number of each node, by its id.
fn numbers(nodes: &Rows, task: &Task<'_>) -> Result<HashMap<String, u32>, QueryError> {
    check_count(nodes.len(), "nodes")?;
    let ids = nodes.reader(0)?;
    let mut numbers = HashMap::with_capacity(nodes.len());
    for row in 0..nodes.len() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
        }
        let id = id(ids.get(row));
        task.memory.try_grow(entry_bytes(&id))?;
        numbers.insert(id, row as u32);
    }
    Ok(numbers)
}

fn id(value: Value<'_>) -> String {
    convert::text(value).into_owned()
}

/// What an id takes in a map, about.
fn entry_bytes(id: &str) -> usize {
    id.len() + size_of::<(String, u32)>() * 2
}

fn check_count(count: usize, what: &str) -> Result<(), QueryError> {
    if count > ELEMENTS_MAX {
        return Err(QueryError::TooLarge { what: format!("the graph has more than {ELEMENTS_MAX} {what}") });
    }
    Ok(())
}
