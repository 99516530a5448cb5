//! Directed graphs in memory: patterns, shortest paths, components.
//!
//! Nodes and edges are numbers; what they carry is the caller's. Everything that may run long asks the caller
//! now and then whether to go on.

mod components;
mod pattern;
mod search;
mod shortest;

pub use components::{strong_components, weak_components};
pub use pattern::{Cycles, Direction, Match, Pattern, Sequence, Step, Watch};
pub use search::search;
pub use shortest::shortest;

/// Nodes `0..node_count` and edges between them, with the edges of each node at hand.
#[derive(Debug)]
pub struct Graph {
    edges: Vec<(u32, u32)>,
    leaving: Adjacency,
    arriving: Adjacency,
}

/// Edges by node: those of node `n` are `edges[starts[n]..starts[n + 1]]`.
#[derive(Debug)]
struct Adjacency {
    starts: Vec<usize>,
    edges: Vec<u32>,
}

impl Adjacency {
    fn new(node_count: usize, ends: impl Iterator<Item = u32> + Clone) -> Self {
        let mut starts = vec![0; node_count + 1];
        for end in ends.clone() {
            starts[end as usize + 1] += 1;
        }
        for at in 0..node_count {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut edges = vec![0; starts[node_count]];
        for (edge, end) in (0..).zip(ends) {
            edges[next[end as usize]] = edge;
            next[end as usize] += 1;
        }
        Self { starts, edges }
    }

    fn of(&self, node: u32) -> &[u32] {
        &self.edges[self.starts[node as usize]..self.starts[node as usize + 1]]
    }
}

impl Graph {
    /// A graph of edges given as source and target. Both must be below `node_count`.
    pub fn new(node_count: usize, edges: Vec<(u32, u32)>) -> Self {
        let leaving = Adjacency::new(node_count, edges.iter().map(|(source, _)| *source));
        let arriving = Adjacency::new(node_count, edges.iter().map(|(_, target)| *target));
        Self { edges, leaving, arriving }
    }

    pub fn node_count(&self) -> usize {
        self.leaving.starts.len() - 1
    }

    /// The end of an edge that is not `node`.
    pub fn other_end(&self, edge: u32, node: u32) -> u32 {
        let (source, target) = self.edges[edge as usize];
        if source == node { target } else { source }
    }

    /// Bytes that the graph takes.
    pub fn size_bytes(node_count: usize, edge_count: usize) -> usize {
        node_count * 2 * size_of::<usize>() + edge_count * 4 * size_of::<u32>()
    }

    /// Edges from a node and where they lead. A loop is given once.
    fn ways(&self, node: u32, direction: Direction) -> impl Iterator<Item = (u32, u32)> {
        let out = if direction == Direction::Backward { &[][..] } else { self.leaving.of(node) };
        let back = if direction == Direction::Forward { &[][..] } else { self.arriving.of(node) };
        let out = out.iter().map(|edge| (*edge, self.edges[*edge as usize].1));
        let back = back.iter().map(|edge| (*edge, self.edges[*edge as usize].0));
        let both = direction == Direction::Any;
        out.chain(back.filter(move |(_, source)| !both || *source != node))
    }
}
