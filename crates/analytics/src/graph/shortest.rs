//! Shortest paths along a pattern of one sequence: breadth first over places in the pattern and nodes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::pattern::{Match, Pattern, Watch};
use super::{Graph, Sequence};

/// Edges looked at between two questions to the caller.
const EDGES_PER_QUESTION: u32 = 4096;

/// At a node, inside a step, after some hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Spot {
    step: usize,
    hops: u32,
    node: u32,
}

/// How a spot was reached: from where, and over which edge (none when a step ended and the next began).
type Ways = Vec<(Spot, Option<u32>)>;

/// What is known of a spot.
struct Reached {
    distance: u32,
    ways: Ways,
}

/// For each pair of a first and a last node, one path with the fewest edges, or `all` of them.
///
/// # Errors
/// The caller's own, when it wants the search to end.
pub fn shortest<W: Watch>(
    graph: &Graph,
    pattern: &Pattern,
    all: bool,
    watch: &mut W,
) -> Result<(), W::Error> {
    let [sequence] = pattern.sequences.as_slice() else { return Ok(()) };
    for start in 0..graph.node_count() as u32 {
        if pattern.fits(sequence.first, start) {
            let mut flood =
                Flood { graph, pattern, sequence, all, reached: HashMap::new(), looked: 0, watch };
            flood.from(start)?;
        }
    }
    Ok(())
}

struct Flood<'a, W> {
    graph: &'a Graph,
    pattern: &'a Pattern,
    sequence: &'a Sequence,
    all: bool,
    reached: HashMap<Spot, Reached>,
    looked: u32,
    watch: &'a mut W,
}

impl<W: Watch> Flood<'_, W> {
    fn from(&mut self, start: u32) -> Result<(), W::Error> {
        let first = Spot { step: 0, hops: 0, node: start };
        self.reached.insert(first, Reached { distance: 0, ways: Vec::new() });
        let mut level = vec![first];
        let mut ends = Vec::new();
        let mut distance = 0;
        while !level.is_empty() {
            // the list grows while steps end, which costs no edge
            let mut at = 0;
            while at < level.len() {
                let spot = level[at];
                at += 1;
                if spot.step == self.sequence.steps.len() {
                    ends.push(spot);
                } else if let Some(next) = self.step_ends(spot)
                    && self.reach(next, distance, (spot, None))
                {
                    level.push(next);
                }
            }
            distance += 1;
            let mut next = Vec::new();
            for spot in level {
                self.hop(spot, distance, &mut next)?;
            }
            level = next;
        }
        for end in ends {
            self.emit(start, end)?;
        }
        Ok(())
    }

    /// The beginning of the next step, when this one may end here.
    fn step_ends(&self, spot: Spot) -> Option<Spot> {
        let step = &self.pattern.steps[self.sequence.steps[spot.step]];
        let may = spot.hops >= step.hops.0 && self.pattern.fits(step.to, spot.node);
        may.then_some(Spot { step: spot.step + 1, hops: 0, node: spot.node })
    }

    fn hop(&mut self, spot: Spot, distance: u32, next: &mut Vec<Spot>) -> Result<(), W::Error> {
        let (graph, pattern) = (self.graph, self.pattern);
        let Some(step) = self.sequence.steps.get(spot.step).map(|step| &pattern.steps[*step]) else {
            return Ok(());
        };
        if spot.hops >= step.hops.1 || (spot.hops > 0 && !step.passes(spot.node)) {
            return Ok(());
        }
        for (edge, node) in graph.ways(spot.node, step.direction) {
            self.looked += 1;
            if self.looked >= EDGES_PER_QUESTION {
                self.looked = 0;
                self.watch.step()?;
            }
            let there = Spot { hops: spot.hops + 1, node, ..spot };
            if step.uses(edge) && self.reach(there, distance, (spot, Some(edge))) {
                next.push(there);
            }
        }
        Ok(())
    }

    /// Notes a way to a spot; true when it is the first.
    fn reach(&mut self, spot: Spot, distance: u32, way: (Spot, Option<u32>)) -> bool {
        match self.reached.entry(spot) {
            Entry::Vacant(place) => {
                place.insert(Reached { distance, ways: vec![way] });
                true
            }
            Entry::Occupied(mut known) => {
                if self.all && known.get().distance == distance {
                    known.get_mut().ways.push(way);
                }
                false
            }
        }
    }

    /// Reports the paths to an end, walking back.
    fn emit(&mut self, start: u32, end: Spot) -> Result<(), W::Error> {
        // the ways not tried yet, of each spot on the present path
        let mut open: Vec<(Spot, usize)> = vec![(end, 0)];
        let mut edges: Vec<Option<u32>> = Vec::new();
        while let Some((spot, tried)) = open.last().copied() {
            let way = self.reached.get(&spot).and_then(|reached| reached.ways.get(tried)).copied();
            self.looked += 1;
            if self.looked >= EDGES_PER_QUESTION {
                self.looked = 0;
                self.watch.step()?;
            }
            if spot.step == 0 && spot.hops == 0 {
                let path: Vec<(Spot, Option<u32>)> = open
                    .iter()
                    .map(|(spot, _)| *spot)
                    .zip(std::iter::once(None).chain(edges.iter().copied()))
                    .collect();
                if self.found(start, &path)? && !self.all {
                    return Ok(());
                }
                open.pop();
                edges.pop();
                continue;
            }
            match way {
                Some((before, edge)) => {
                    if let Some(top) = open.last_mut() {
                        top.1 += 1;
                    }
                    open.push((before, 0));
                    edges.push(edge);
                }
                None => {
                    open.pop();
                    edges.pop();
                }
            }
        }
        Ok(())
    }

    /// Reports one path, given from its end. False when it names a node twice that is not the same, or uses an
    /// edge twice.
    fn found(&mut self, start: u32, path: &[(Spot, Option<u32>)]) -> Result<bool, W::Error> {
        let mut nodes: Vec<Option<u32>> = vec![None; self.pattern.nodes.len()];
        let mut paths = vec![Vec::new(); self.pattern.steps.len()];
        nodes[self.sequence.first] = Some(start);
        let mut used = Vec::new();
        // backwards over the list is forwards along the path
        for pair in path.windows(2).rev() {
            let ((after, _), (before, edge)) = (pair[0], pair[1]);
            match edge {
                Some(edge) => {
                    paths[self.sequence.steps[before.step]].push(edge);
                    used.push(edge);
                }
                None => {
                    let variable = self.pattern.steps[self.sequence.steps[before.step]].to;
                    if nodes[variable].is_some_and(|node| node != after.node) {
                        return Ok(false);
                    }
                    nodes[variable] = Some(after.node);
                }
            }
        }
        let count = used.len();
        used.sort_unstable();
        used.dedup();
        if used.len() < count {
            return Ok(false);
        }
        let nodes: Vec<u32> = nodes.into_iter().map(|node| node.unwrap_or(0)).collect();
        self.watch.found(&Match { nodes: &nodes, paths: &paths })?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::search::tests::{Kept, pattern, step};
    use super::super::{Cycles, Direction};
    use super::*;

    fn check(all: bool, wanted: &[(Vec<u32>, Vec<Vec<u32>>)]) {
        // two ways of two edges from 0 to 3, and one of three
        let graph = Graph::new(6, vec![(0, 1), (1, 3), (0, 2), (2, 3), (0, 4), (4, 5), (5, 3)]);
        let mut path = pattern(2, vec![step(0, 1, Direction::Forward, (1, 5))], Cycles::UniqueEdges);
        path.nodes[0] = Some(vec![true, false, false, false, false, false]);
        path.nodes[1] = Some(vec![false, false, false, true, false, false]);
        let mut kept = Kept { found: Vec::new(), limit: 100 };
        shortest(&graph, &path, all, &mut kept).unwrap();
        kept.found.sort();
        assert_eq!(kept.found, wanted);
    }

    #[test]
    fn one_or_all() {
        check(false, &[(vec![0, 3], vec![vec![0, 1]])]);
        check(true, &[(vec![0, 3], vec![vec![0, 1]]), (vec![0, 3], vec![vec![2, 3]])]);
    }

    #[test]
    fn fixed_and_variable_steps() {
        let graph = Graph::new(4, vec![(0, 1), (1, 2), (2, 3), (0, 3)]);
        let steps = vec![step(0, 1, Direction::Forward, (1, 1)), step(1, 2, Direction::Forward, (1, 3))];
        let mut path = pattern(3, steps, Cycles::UniqueEdges);
        path.nodes[0] = Some(vec![true, false, false, false]);
        path.nodes[2] = Some(vec![false, false, false, true]);
        let mut kept = Kept { found: Vec::new(), limit: 100 };
        shortest(&graph, &path, true, &mut kept).unwrap();
        assert_eq!(kept.found, [(vec![0, 1, 3], vec![vec![0], vec![1, 2]])]);
    }
}
