//! Operations on graphs.
//!
//! A graph is two relations. Nodes: [`GRAPH_NODE_COLUMNS`] hidden columns (the id as text, edges arriving,
//! edges leaving), then the properties. Edges: [`GRAPH_EDGE_COLUMNS`] hidden columns (the ids of source and
//! target), then the properties. Conditions on one element and what `map`, `all` and `any` look at are columns
//! that the binder has appended, so an engine only walks.

/// Hidden columns of a relation of nodes: id, edges arriving, edges leaving.
pub const GRAPH_NODE_COLUMNS: usize = 3;
/// Hidden columns of a relation of edges: source, target.
pub const GRAPH_EDGE_COLUMNS: usize = 2;

/// Makes the relation of nodes. Inputs: the edges, then tables of nodes whose first column is the id.
#[derive(Clone, Debug)]
pub struct GraphNodes {
    /// The properties of the result, after the hidden columns.
    pub columns: Vec<GraphNodeColumn>,
}

/// A property of nodes.
#[derive(Clone, Debug)]
pub struct GraphNodeColumn {
    /// Where it comes from: input and column. The first that has a value counts.
    pub from: Vec<(usize, usize)>,
    /// Holds the id itself for nodes that only edges name.
    pub is_key: bool,
}

/// How often a match may come back to where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphCycles {
    All,
    UniqueEdges,
    None,
}

/// `graph-match` and `graph-shortest-paths`. Inputs: nodes, edges. One row per match.
#[derive(Clone, Debug)]
pub struct GraphMatch {
    /// For each node variable, boolean columns of the nodes that must hold.
    pub nodes: Vec<Vec<usize>>,
    pub steps: Vec<GraphStep>,
    pub sequences: Vec<GraphSequence>,
    pub cycles: GraphCycles,
    /// `graph-shortest-paths`: whether all of the shortest are wanted, or any one.
    pub shortest: Option<bool>,
    /// What each column of the result holds.
    pub outputs: Vec<GraphOutput>,
}

/// Steps that follow one another, from a first node variable.
#[derive(Clone, Debug)]
pub struct GraphSequence {
    pub first: usize,
    pub steps: Vec<usize>,
}

/// One edge of a pattern, or a run of edges.
#[derive(Clone, Debug)]
pub struct GraphStep {
    pub from: usize,
    pub to: usize,
    /// Follows edges from source to target, against that, or (neither) both ways.
    pub forward: bool,
    pub backward: bool,
    /// Least and most edges; (1, 1) for a plain edge.
    pub hops: (u32, u32),
    /// Boolean columns of the edges that must hold for each edge.
    pub filters: Vec<usize>,
    /// Boolean columns of the nodes that must hold for each node between two edges.
    pub inner_filters: Vec<usize>,
}

/// A value taken from a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphOutput {
    /// A column of the node that a variable is.
    Node { variable: usize, column: usize },
    /// A column of the one edge of a step.
    Edge { step: usize, column: usize },
    /// A column of all edges of a step, or of all nodes between them.
    Path { step: usize, inner: bool, column: usize, fold: GraphFold },
}

/// What becomes of the values along a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFold {
    /// An array of them.
    List,
    /// Whether all are true.
    All,
    /// Whether one is true.
    Any,
    /// One by one: only inside a condition that each edge must meet, never in a result.
    Each,
}
