//! Graphs: how they are made, the patterns that are looked for, and the way back to tables.

use crate::span::Span;

use super::{Expr, Name, Operator, Setting};

/// `make-graph a --> b with N on id, M on id` or `make-graph a --> b with_node_id=id`.
#[derive(Clone, Debug)]
pub struct MakeGraph {
    pub settings: Vec<Setting>,
    pub source: Expr,
    /// `-->`; `--` otherwise.
    pub directed: bool,
    pub target: Expr,
    pub nodes: Vec<GraphNodes>,
    /// The name of the node column when no table of nodes is given.
    pub with_node_id: Option<Name>,
    pub partition: Option<GraphPartition>,
}

/// `N on id`: a table of nodes and its key.
#[derive(Clone, Debug)]
pub struct GraphNodes {
    pub table: Expr,
    pub key: Expr,
}

/// `partitioned-by column ( graph operators )`: one graph for each value of the column.
#[derive(Clone, Debug)]
pub struct GraphPartition {
    pub by: Expr,
    pub body: Vec<Operator>,
}

/// `graph-match` and `graph-shortest-paths`.
#[derive(Clone, Debug)]
pub struct PatternQuery {
    /// `cycles=none`, `output=all`.
    pub settings: Vec<Setting>,
    pub patterns: Vec<GraphPattern>,
    pub condition: Option<Expr>,
    pub project: Vec<Expr>,
}

/// `(a)-[e]->(b)<-[f*1..3]-(c)`.
#[derive(Clone, Debug)]
pub struct GraphPattern {
    pub first: PatternNode,
    pub steps: Vec<(PatternEdge, PatternNode)>,
    pub span: Span,
}

/// `(name)` or `()`.
#[derive(Clone, Debug)]
pub struct PatternNode {
    pub name: Option<Name>,
    pub span: Span,
}

/// `-[name*1..3]->` and the like; `-->` has no name.
#[derive(Clone, Debug)]
pub struct PatternEdge {
    pub name: Option<Name>,
    pub direction: EdgeDirection,
    pub range: Option<HopRange>,
    pub span: Span,
}

/// Where an edge of a pattern points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeDirection {
    Forward,
    Backward,
    Any,
}

/// `*1..3`: how many edges one after the other.
#[derive(Clone, Debug)]
pub struct HopRange {
    pub min: Expr,
    pub max: Expr,
}

/// `nodes as N with_node_id=id` or `edges as E with_source_id=a with_target_id=b` of `graph-to-table`.
#[derive(Clone, Debug)]
pub struct GraphTable {
    pub edges: bool,
    pub name: Option<Name>,
    pub settings: Vec<Setting>,
    pub span: Span,
}
