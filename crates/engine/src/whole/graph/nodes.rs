//! `make-graph`: the nodes that tables list and edges name, each once.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use bartizan_kql::bound::{GRAPH_NODE_COLUMNS, GraphNodeColumn, GraphNodes};
use bartizan_schema::KqlType;

use super::{ROWS_PER_CHECK, check_count, entry_bytes, id};
use crate::error::QueryError;
use crate::functions::convert;
use crate::value::{ColumnBuilder, Reader, Value};
use crate::whole::{Rows, Task};

/// What stands before an id when a graph is partitioned.
const PARTITION_MARK: char = '\u{1}';

/// A node: its id, and where its rows are.
struct Node {
    id: String,
    /// Input and row, of each table that lists it, in order.
    rows: Vec<(usize, usize)>,
    arriving: i64,
    leaving: i64,
}

/// Nodes in the order of the tables, then of the edges that first name them.
pub(in crate::whole) fn run(
    make: &GraphNodes,
    inputs: &[Rows],
    task: &Task<'_>,
) -> Result<Vec<ArrayRef>, QueryError> {
    let mut found = Found { nodes: Vec::new(), numbers: HashMap::new(), task };
    for (input, rows) in inputs.iter().enumerate().skip(1) {
        let ids = rows.reader(0)?;
        for row in 0..rows.len() {
            found.look(row)?;
            let at = found.node(id(ids.get(row)))?;
            found.nodes[at].rows.push((input, row));
        }
    }
    let edges = &inputs[0];
    let (sources, targets) = (edges.reader(0)?, edges.reader(1)?);
    for row in 0..edges.len() {
        found.look(row)?;
        let source = found.node(id(sources.get(row)))?;
        found.nodes[source].leaving += 1;
        let target = found.node(id(targets.get(row)))?;
        found.nodes[target].arriving += 1;
    }
    check_count(found.nodes.len(), "nodes")?;
    columns(make, inputs, &found.nodes, task)
}

struct Found<'a, 't> {
    nodes: Vec<Node>,
    numbers: HashMap<String, usize>,
    task: &'a Task<'t>,
}

impl Found<'_, '_> {
    fn look(&self, row: usize) -> Result<(), QueryError> {
        if row.is_multiple_of(ROWS_PER_CHECK) {
            self.task.interrupt().check()?;
        }
        Ok(())
    }

    fn node(&mut self, id: String) -> Result<usize, QueryError> {
        if let Some(known) = self.numbers.get(&id) {
            return Ok(*known);
        }
        self.task.memory.try_grow(entry_bytes(&id) * 2 + size_of::<Node>())?;
        let at = self.nodes.len();
        self.numbers.insert(id.clone(), at);
        self.nodes.push(Node { id, rows: Vec::new(), arriving: 0, leaving: 0 });
        Ok(at)
    }
}

fn columns(
    make: &GraphNodes,
    inputs: &[Rows],
    nodes: &[Node],
    task: &Task<'_>,
) -> Result<Vec<ArrayRef>, QueryError> {
    let mut ids = ColumnBuilder::new(KqlType::String, nodes.len());
    let mut arriving = ColumnBuilder::new(KqlType::Long, nodes.len());
    let mut leaving = ColumnBuilder::new(KqlType::Long, nodes.len());
    for node in nodes {
        ids.push(Value::string(node.id.as_str()));
        arriving.push(Value::Long(node.arriving));
        leaving.push(Value::Long(node.leaving));
    }
    let mut arrays = vec![ids.finish(), arriving.finish(), leaving.finish()];
    debug_assert_eq!(arrays.len(), GRAPH_NODE_COLUMNS);
    let schemas = task.whole.columns.iter().skip(GRAPH_NODE_COLUMNS);
    for (column, schema) in make.columns.iter().zip(schemas) {
        task.interrupt().check()?;
        arrays.push(property(column, schema.ty, inputs, nodes)?);
    }
    Ok(arrays)
}

fn property(
    column: &GraphNodeColumn,
    ty: KqlType,
    inputs: &[Rows],
    nodes: &[Node],
) -> Result<ArrayRef, QueryError> {
    let readers = column
        .from
        .iter()
        .map(|(input, at)| Ok((*input, inputs[*input].reader(*at)?)))
        .collect::<Result<Vec<(usize, Reader)>, QueryError>>()?;
    let mut builder = ColumnBuilder::new(ty, nodes.len());
    for node in nodes {
        let values = node.rows.iter().flat_map(|(input, row)| {
            readers.iter().filter(move |(from, _)| from == input).map(move |(_, reader)| reader.get(*row))
        });
        // an empty text says nothing, and gives way to what another table knows
        let mut values = values.filter(|value| !value.is_empty());
        match values.next() {
            Some(value) => builder.push(value),
            None if column.is_key => {
                let id = node.id.rsplit(PARTITION_MARK).next().unwrap_or(&node.id);
                builder.push(convert::convert(Value::string(id), ty));
            }
            None => builder.push(Value::Null),
        }
    }
    Ok(builder.finish())
}
