//! `graph-match` and `graph-shortest-paths`: one row per match.

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;
use bartizan_analytics::graph::{
    Cycles, Direction, Graph, Match, Pattern, Sequence, Step, Watch, search, shortest,
};
use bartizan_kql::bound::{GraphCycles, GraphFold, GraphMatch, GraphOutput, GraphStep};
use bartizan_schema::KqlType;
use datafusion::error::DataFusionError;

use super::{ROWS_PER_CHECK, graph};
use crate::error::QueryError;
use crate::functions::dynamic;
use crate::value::{ColumnBuilder, Reader, Value};
use crate::whole::{Rows, Task};

/// Matches one operator may give. The pattern of a dense graph has more than any machine could hold.
const MATCHES_MAX: usize = 10_000_000;
/// Memory is asked for in portions of this size.
const PORTION_BYTES: usize = 1 << 20;

/// Looks for the pattern and gathers what is asked of each match.
pub(in crate::whole) fn run(
    wanted: &GraphMatch,
    inputs: &[Rows],
    task: &Task<'_>,
) -> Result<Vec<ArrayRef>, QueryError> {
    let (nodes, edges) = (&inputs[0], &inputs[1]);
    let (graph, edge_rows) = graph(nodes, edges, task)?;
    let pattern = pattern(wanted, nodes, edges, &edge_rows, task)?;
    let mut found = Found {
        wanted,
        graph: &graph,
        task,
        columns: wanted.outputs.iter().map(|_| Gathered::default()).collect(),
        count: 0,
        held: 0,
    };
    match wanted.shortest {
        Some(all) => shortest(&graph, &pattern, all, &mut found)?,
        None => search(&graph, &pattern, &mut found)?,
    }
    let Found { columns, .. } = found;
    let schemas = &task.whole.columns;
    wanted
        .outputs
        .iter()
        .zip(columns)
        .zip(schemas)
        .map(|((output, gathered), schema)| {
            column(*output, gathered, schema.ty, nodes, edges, &edge_rows, task)
        })
        .collect()
}

fn pattern(
    wanted: &GraphMatch,
    nodes: &Rows,
    edges: &Rows,
    edge_rows: &[u32],
    task: &Task<'_>,
) -> Result<Pattern, QueryError> {
    let rows: Vec<u32> = (0..nodes.len() as u32).collect();
    let node_flags = |columns: &[usize]| flags(nodes, columns, &rows, task);
    let step = |step: &GraphStep| -> Result<Step, QueryError> {
        Ok(Step {
            from: step.from,
            to: step.to,
            direction: match (step.forward, step.backward) {
                (true, _) => Direction::Forward,
                (false, true) => Direction::Backward,
                (false, false) => Direction::Any,
            },
            hops: step.hops,
            edges: flags(edges, &step.filters, edge_rows, task)?,
            inner: node_flags(&step.inner_filters)?,
        })
    };
    let sequence = |sequence: &bartizan_kql::bound::GraphSequence| Sequence {
        first: sequence.first,
        steps: sequence.steps.clone(),
    };
    Ok(Pattern {
        nodes: wanted.nodes.iter().map(|columns| node_flags(columns)).collect::<Result<_, _>>()?,
        steps: wanted.steps.iter().map(step).collect::<Result<_, _>>()?,
        sequences: wanted.sequences.iter().map(sequence).collect(),
        cycles: match wanted.cycles {
            GraphCycles::All => Cycles::All,
            GraphCycles::UniqueEdges => Cycles::UniqueEdges,
            GraphCycles::None => Cycles::None,
        },
    })
}

/// For each of `rows`, whether all boolean columns hold. None when there are no columns.
fn flags(
    input: &Rows,
    columns: &[usize],
    rows: &[u32],
    task: &Task<'_>,
) -> Result<Option<Vec<bool>>, QueryError> {
    if columns.is_empty() {
        return Ok(None);
    }
    task.memory.try_grow(rows.len())?;
    let mut flags = vec![true; rows.len()];
    for column in columns {
        task.interrupt().check()?;
        let Some(holds) = input.batch.column(*column).as_boolean_opt() else { continue };
        for (flag, row) in flags.iter_mut().zip(rows) {
            *flag &= holds.is_valid(*row as usize) && holds.value(*row as usize);
        }
    }
    Ok(Some(flags))
}

/// What one column of the result will be made of.
#[derive(Default)]
struct Gathered {
    /// Nodes or edges, match after match.
    items: Vec<u32>,
    /// Where the items of each match end; unused where every match has one.
    ends: Vec<usize>,
}

struct Found<'a, 't> {
    wanted: &'a GraphMatch,
    graph: &'a Graph,
    task: &'a Task<'t>,
    columns: Vec<Gathered>,
    count: usize,
    /// Bytes gathered since memory was asked for.
    held: usize,
}

impl Watch for Found<'_, '_> {
    type Error = QueryError;

    fn step(&mut self) -> Result<(), QueryError> {
        Ok(self.task.interrupt().check()?)
    }

    fn found(&mut self, found: &Match<'_>) -> Result<(), QueryError> {
        self.count += 1;
        if self.count > MATCHES_MAX {
            let what = format!("the pattern has more than {MATCHES_MAX} matches");
            return Err(QueryError::TooLarge { what });
        }
        for (output, gathered) in self.wanted.outputs.iter().zip(&mut self.columns) {
            let before = gathered.items.len();
            match *output {
                GraphOutput::Node { variable, .. } => gathered.items.push(found.nodes[variable]),
                GraphOutput::Edge { step, .. } => gathered.items.extend(found.paths[step].first()),
                GraphOutput::Path { step, inner: false, .. } => gathered.items.extend(&found.paths[step]),
                GraphOutput::Path { step, inner: true, .. } => {
                    let mut node = found.nodes[self.wanted.steps[step].from];
                    let path = &found.paths[step];
                    for edge in &path[..path.len().saturating_sub(1)] {
                        node = self.graph.other_end(*edge, node);
                        gathered.items.push(node);
                    }
                }
            }
            gathered.ends.push(gathered.items.len());
            self.held += (gathered.items.len() - before) * size_of::<u32>() + size_of::<usize>();
        }
        if self.held >= PORTION_BYTES {
            self.task.interrupt().check()?;
            self.task.memory.try_grow(self.held)?;
            self.held = 0;
        }
        Ok(())
    }
}

fn column(
    output: GraphOutput,
    gathered: Gathered,
    ty: KqlType,
    nodes: &Rows,
    edges: &Rows,
    edge_rows: &[u32],
    task: &Task<'_>,
) -> Result<ArrayRef, QueryError> {
    let Gathered { mut items, ends } = gathered;
    let (input, column) = match output {
        GraphOutput::Node { column, .. } | GraphOutput::Path { inner: true, column, .. } => (nodes, column),
        GraphOutput::Edge { column, .. } | GraphOutput::Path { inner: false, column, .. } => {
            items.iter_mut().for_each(|edge| *edge = edge_rows[*edge as usize]);
            (edges, column)
        }
    };
    let fold = match output {
        GraphOutput::Path { fold, .. } => fold,
        GraphOutput::Node { .. } | GraphOutput::Edge { .. } => {
            let rows = UInt32Array::from(items);
            return Ok(take(input.batch.column(column), &rows, None).map_err(DataFusionError::from)?);
        }
    };
    let reader = input.reader(column)?;
    let mut builder = ColumnBuilder::new(ty, ends.len());
    let mut start = 0;
    for (row, end) in ends.into_iter().enumerate() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
        }
        builder.push(folded(fold, &reader, &items[start..end]));
        start = end;
    }
    Ok(builder.finish())
}

fn folded<'r>(fold: GraphFold, reader: &'r Reader, rows: &[u32]) -> Value<'r> {
    let mut values = rows.iter().map(|row| reader.get(*row as usize));
    match fold {
        GraphFold::List | GraphFold::Each => {
            let parts: Vec<String> = values.map(|value| dynamic::to_json(&value)).collect();
            Value::dynamic(format!("[{}]", parts.join(",")))
        }
        GraphFold::All => Value::Bool(values.all(|value| value == Value::Bool(true))),
        GraphFold::Any => Value::Bool(values.any(|value| value == Value::Bool(true))),
    }
}
