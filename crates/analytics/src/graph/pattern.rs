//! What is looked for: nodes joined by steps, and limits on each.

/// Which way a step follows edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
    Any,
}

impl Direction {
    /// The same step seen from its other end.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Forward => Self::Backward,
            Self::Backward => Self::Forward,
            Self::Any => Self::Any,
        }
    }
}

/// How often a sequence may come back to where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cycles {
    All,
    /// To the same node, but not over the same edge.
    UniqueEdges,
    /// Not to the same node.
    None,
}

/// One edge, or several one after the other, between two nodes of a pattern.
#[derive(Clone, Debug)]
pub struct Step {
    /// Node variables, by position.
    pub from: usize,
    pub to: usize,
    pub direction: Direction,
    /// Least and most edges.
    pub hops: (u32, u32),
    /// Edges that may be used; all when absent.
    pub edges: Option<Vec<bool>>,
    /// Nodes that may lie between the edges; all when absent.
    pub inner: Option<Vec<bool>>,
}

/// Steps that follow one another: each begins where the one before ended.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// The first node variable.
    pub first: usize,
    /// Positions of steps.
    pub steps: Vec<usize>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// For each node variable, the nodes it may be; all when absent.
    pub nodes: Vec<Option<Vec<bool>>>,
    pub steps: Vec<Step>,
    pub sequences: Vec<Sequence>,
    pub cycles: Cycles,
}

impl Pattern {
    /// Whether a variable may be a node.
    pub(super) fn fits(&self, variable: usize, node: u32) -> bool {
        self.nodes[variable].as_ref().is_none_or(|allowed| allowed[node as usize])
    }
}

impl Step {
    pub(super) fn uses(&self, edge: u32) -> bool {
        self.edges.as_ref().is_none_or(|allowed| allowed[edge as usize])
    }

    pub(super) fn passes(&self, node: u32) -> bool {
        self.inner.as_ref().is_none_or(|allowed| allowed[node as usize])
    }
}

/// One place where the pattern fits.
#[derive(Debug)]
pub struct Match<'a> {
    /// The node of each variable.
    pub nodes: &'a [u32],
    /// The edges of each step, in the order of the pattern.
    pub paths: &'a [Vec<u32>],
}

/// The caller's side of a search. An error ends it.
pub trait Watch {
    type Error;

    /// Called every few thousand edges.
    ///
    /// # Errors
    /// When the search shall end.
    fn step(&mut self) -> Result<(), Self::Error>;

    /// Called with each match.
    ///
    /// # Errors
    /// When the search shall end.
    fn found(&mut self, found: &Match<'_>) -> Result<(), Self::Error>;
}
