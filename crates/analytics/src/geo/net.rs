//! Edges of several shapes cut where they meet, so that what is left of each either coincides with another
//! or touches it at its ends only. Every operation that combines shapes starts from here.

use std::collections::BTreeMap;

use super::arc::{Arc, SAME_RAD, near_pairs};
use super::vector::Vector;

/// Edges that one operation may start from.
const ARCS_MAX: usize = 100_000;
/// Pairs of near edges that one operation may look at.
const PAIRS_MAX: usize = 4_000_000;

/// An edge of a shape that takes part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub arc: Arc,
    /// Which shape it belongs to.
    pub owner: usize,
}

/// A place where edges meet, by position in [`Net::nodes`].
pub(super) type Node = usize;

/// A piece of an edge, from one node to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub from: Node,
    pub to: Node,
    pub owner: usize,
    /// Which edge it is a piece of: its position among all sources.
    pub source: usize,
    /// Its position among all pieces.
    pub order: usize,
}

/// The cut edges.
pub(super) struct Net {
    pub nodes: Vec<Vector>,
    /// Source by source, each in its direction.
    pub pieces: Vec<Piece>,
}

impl Net {
    /// Cuts edges at their meeting places. None when there are too many.
    pub(super) fn of(sources: &[Source]) -> Option<Self> {
        if sources.len() > ARCS_MAX {
            return None;
        }
        let arcs: Vec<Arc> = sources.iter().map(|source| source.arc).collect();
        let pairs = near_pairs(&arcs, PAIRS_MAX, |_, _| true)?;
        let mut cuts: Vec<Vec<Vector>> = vec![Vec::new(); arcs.len()];
        for (first, second) in pairs {
            meet(&arcs, first, second, &mut cuts);
        }
        let mut places: Vec<Vector> = Vec::new();
        for (arc, cuts) in arcs.iter().zip(&cuts) {
            places.extend([arc.a, arc.b]);
            places.extend(cuts);
        }
        let (nodes, node_of) = merged(&places);
        let mut next = 0;
        let mut pieces = Vec::new();
        for (at, cuts) in cuts.iter().enumerate() {
            let mine = &node_of[next..next + 2 + cuts.len()];
            next += mine.len();
            let mut along = mine.to_vec();
            let start = nodes[mine[0]];
            along.sort_by(|a, b| (nodes[*a] - start).norm().total_cmp(&(nodes[*b] - start).norm()));
            along.dedup();
            // the end is farthest in a sound edge, and stays last whatever rounding says
            along.retain(|node| *node != mine[1]);
            along.push(mine[1]);
            for ends in along.windows(2).filter(|ends| ends[0] != ends[1]) {
                let order = pieces.len();
                let owner = sources[at].owner;
                pieces.push(Piece { from: ends[0], to: ends[1], owner, source: at, order });
            }
        }
        Some(Self { nodes, pieces })
    }

    /// Pieces by their two nodes, whatever their direction.
    pub(super) fn groups(&self) -> BTreeMap<(Node, Node), Vec<Piece>> {
        let mut groups: BTreeMap<(Node, Node), Vec<Piece>> = BTreeMap::new();
        for piece in &self.pieces {
            groups.entry((piece.from.min(piece.to), piece.from.max(piece.to))).or_default().push(*piece);
        }
        groups
    }

    pub(super) fn middle(&self, from: Node, to: Node) -> Vector {
        (self.nodes[from] + self.nodes[to]).unit()
    }
}

/// Notes where two edges meet: an end of one on the other, or a crossing.
fn meet(arcs: &[Arc], first: usize, second: usize, cuts: &mut [Vec<Vector>]) {
    let mut touched = false;
    for (edge, other) in [(first, second), (second, first)] {
        for end in [arcs[other].a, arcs[other].b] {
            let at_an_end = close(end, arcs[edge].a) || close(end, arcs[edge].b);
            if at_an_end {
                touched = true;
            } else if arcs[edge].distance(end) < SAME_RAD {
                touched = true;
                cuts[edge].push(end);
            }
        }
    }
    if !touched && let Some(place) = arcs[first].crossing(arcs[second]) {
        cuts[first].push(place);
        cuts[second].push(place);
    }
}

fn close(a: Vector, b: Vector) -> bool {
    (a - b).norm() < SAME_RAD
}

/// Distinct places, and which of them each place is. The first of equal places stands for all.
fn merged(places: &[Vector]) -> (Vec<Vector>, Vec<Node>) {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].x.total_cmp(&places[*b].x).then(a.cmp(b)));
    let mut stands_for: Vec<usize> = (0..places.len()).collect();
    for (at, &first) in order.iter().enumerate() {
        for &second in &order[at + 1..] {
            if places[second].x - places[first].x > SAME_RAD {
                break;
            }
            if close(places[first], places[second]) {
                let (a, b) = (root(&stands_for, first), root(&stands_for, second));
                stands_for[a.max(b)] = a.min(b);
            }
        }
    }
    let mut nodes = Vec::new();
    let mut node_of = vec![usize::MAX; places.len()];
    for at in 0..places.len() {
        let root = root(&stands_for, at);
        if node_of[root] == usize::MAX {
            node_of[root] = nodes.len();
            nodes.push(places[root]);
        }
        node_of[at] = node_of[root];
    }
    (nodes, node_of)
}

fn root(stands_for: &[usize], mut at: usize) -> usize {
    while stands_for[at] != at {
        at = stands_for[at];
    }
    at
}
