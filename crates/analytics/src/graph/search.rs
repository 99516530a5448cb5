//! All places where a pattern fits: depth first, from the end of each sequence that fits fewer nodes.

use super::Graph;
use super::pattern::{Cycles, Match, Pattern, Watch};

/// Edges looked at between two questions to the caller.
const EDGES_PER_QUESTION: u32 = 4096;

/// Finds every match.
///
/// # Errors
/// The caller's own, when it wants the search to end.
pub fn search<W: Watch>(graph: &Graph, pattern: &Pattern, watch: &mut W) -> Result<(), W::Error> {
    let mut walk = Walk {
        graph,
        pattern,
        moves: moves(graph, pattern),
        bound: vec![None; pattern.nodes.len()],
        paths: vec![Vec::new(); pattern.steps.len()],
        trail: Vec::new(),
        used: Vec::new(),
        trail_from: 0,
        used_from: 0,
        looked: 0,
        watch,
    };
    walk.go(0)
}

/// One thing to do next.
#[derive(Clone, Copy, Debug)]
enum Move {
    /// A sequence begins at this variable.
    Start(usize),
    /// A step, from its end when `turned`.
    Step { step: usize, turned: bool },
}

/// The moves of all sequences. A sequence is walked backwards when its last node is known before, or fits
/// fewer nodes than its first.
fn moves(graph: &Graph, pattern: &Pattern) -> Vec<Move> {
    let fitting: Vec<usize> = pattern
        .nodes
        .iter()
        .map(|allowed| match allowed {
            Some(allowed) => allowed.iter().filter(|fits| **fits).count(),
            None => graph.node_count(),
        })
        .collect();
    let mut known = vec![false; pattern.nodes.len()];
    let mut left: Vec<_> = pattern.sequences.iter().collect();
    let mut out = Vec::new();
    let ends = |sequence: &super::Sequence| {
        let last = sequence.steps.last().map_or(sequence.first, |step| pattern.steps[*step].to);
        (sequence.first, last)
    };
    while !left.is_empty() {
        let cost = |variable: usize, known: &[bool]| if known[variable] { 0 } else { fitting[variable] + 1 };
        let next = (0..left.len())
            .min_by_key(|at| {
                let (first, last) = ends(left[*at]);
                cost(first, &known).min(cost(last, &known))
            })
            .unwrap_or(0);
        let sequence = left.remove(next);
        let (first, last) = ends(sequence);
        let turned = cost(last, &known) < cost(first, &known);
        out.push(Move::Start(if turned { last } else { first }));
        if turned {
            out.extend(sequence.steps.iter().rev().map(|step| Move::Step { step: *step, turned }));
        } else {
            out.extend(sequence.steps.iter().map(|step| Move::Step { step: *step, turned }));
        }
        known[first] = true;
        for step in &sequence.steps {
            known[pattern.steps[*step].to] = true;
        }
    }
    out
}

struct Walk<'a, W> {
    graph: &'a Graph,
    pattern: &'a Pattern,
    moves: Vec<Move>,
    bound: Vec<Option<u32>>,
    paths: Vec<Vec<u32>>,
    /// Nodes and edges walked over; those of the present sequence begin at `trail_from` and `used_from`.
    trail: Vec<u32>,
    used: Vec<u32>,
    trail_from: usize,
    used_from: usize,
    looked: u32,
    watch: &'a mut W,
}

impl<W: Watch> Walk<'_, W> {
    fn go(&mut self, at: usize) -> Result<(), W::Error> {
        match self.moves.get(at).copied() {
            None => self.emit(),
            Some(Move::Start(variable)) => self.start(at, variable),
            Some(Move::Step { step, turned }) => {
                let pattern_step = &self.pattern.steps[step];
                let from = if turned { pattern_step.to } else { pattern_step.from };
                let Some(node) = self.bound[from] else { return Ok(()) };
                debug_assert!(self.paths[step].is_empty());
                self.walk(at, step, turned, node)
            }
        }
    }

    fn start(&mut self, at: usize, variable: usize) -> Result<(), W::Error> {
        let before = (self.trail_from, self.used_from);
        (self.trail_from, self.used_from) = (self.trail.len(), self.used.len());
        let known = self.bound[variable];
        let nodes = known.map_or(0..self.graph.node_count() as u32, |node| node..node + 1);
        for node in nodes {
            self.look()?;
            if !self.pattern.fits(variable, node) {
                continue;
            }
            self.bound[variable] = Some(node);
            self.trail.push(node);
            self.go(at + 1)?;
            self.trail.pop();
        }
        self.bound[variable] = known;
        (self.trail_from, self.used_from) = before;
        Ok(())
    }

    /// Goes on from `node` inside a step that has made some hops already.
    fn walk(&mut self, at: usize, step: usize, turned: bool, node: u32) -> Result<(), W::Error> {
        let (graph, pattern) = (self.graph, self.pattern);
        let this = &pattern.steps[step];
        let to = if turned { this.from } else { this.to };
        let hops = self.paths[step].len() as u32;
        if hops >= this.hops.0 {
            self.arrive(at, to, node)?;
        }
        if hops >= this.hops.1 || (hops > 0 && !this.passes(node)) {
            return Ok(());
        }
        let direction = if turned { this.direction.turned() } else { this.direction };
        for (edge, next) in graph.ways(node, direction) {
            self.look()?;
            if !this.uses(edge) {
                continue;
            }
            if pattern.cycles == Cycles::UniqueEdges && self.used[self.used_from..].contains(&edge) {
                continue;
            }
            let back = pattern.cycles == Cycles::None && self.trail[self.trail_from..].contains(&next);
            // a pattern that names one node twice closes the circle itself
            let closes = back && self.bound[to] == Some(next) && hops + 1 >= this.hops.0;
            if back && !closes {
                continue;
            }
            self.paths[step].push(edge);
            self.used.push(edge);
            self.trail.push(next);
            if closes {
                self.arrive(at, to, next)?
            } else {
                self.walk(at, step, turned, next)?
            }
            self.trail.pop();
            self.used.pop();
            self.paths[step].pop();
        }
        Ok(())
    }

    fn arrive(&mut self, at: usize, variable: usize, node: u32) -> Result<(), W::Error> {
        match self.bound[variable] {
            Some(known) if known != node => return Ok(()),
            Some(_) => return self.go(at + 1),
            None => {}
        }
        if self.pattern.fits(variable, node) {
            self.bound[variable] = Some(node);
            self.go(at + 1)?;
            self.bound[variable] = None;
        }
        Ok(())
    }

    fn emit(&mut self) -> Result<(), W::Error> {
        let nodes: Vec<u32> = self.bound.iter().map(|node| node.unwrap_or(0)).collect();
        let turned = self.moves.iter().filter_map(|next| match next {
            Move::Step { step, turned: true } => Some(*step),
            _ => None,
        });
        let mut paths = self.paths.clone();
        turned.for_each(|step| paths[step].reverse());
        self.watch.found(&Match { nodes: &nodes, paths: &paths })
    }

    fn look(&mut self) -> Result<(), W::Error> {
        self.looked += 1;
        if self.looked < EDGES_PER_QUESTION {
            return Ok(());
        }
        self.looked = 0;
        self.watch.step()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Direction, Sequence, Step};
    use super::*;

    /// Keeps what is found; ends after `limit` matches.
    pub(crate) struct Kept {
        pub found: Vec<(Vec<u32>, Vec<Vec<u32>>)>,
        pub limit: usize,
    }

    impl Watch for Kept {
        type Error = ();

        fn step(&mut self) -> Result<(), ()> {
            Ok(())
        }

        fn found(&mut self, found: &Match<'_>) -> Result<(), ()> {
            self.found.push((found.nodes.to_vec(), found.paths.to_vec()));
            if self.found.len() >= self.limit { Err(()) } else { Ok(()) }
        }
    }

    pub(crate) fn step(from: usize, to: usize, direction: Direction, hops: (u32, u32)) -> Step {
        Step { from, to, direction, hops, edges: None, inner: None }
    }

    /// One sequence over all steps.
    pub(crate) fn pattern(variables: usize, steps: Vec<Step>, cycles: Cycles) -> Pattern {
        let sequence = Sequence { first: 0, steps: (0..steps.len()).collect() };
        Pattern { nodes: vec![None; variables], steps, sequences: vec![sequence], cycles }
    }

    fn count(graph: &Graph, pattern: &Pattern) -> usize {
        let mut kept = Kept { found: Vec::new(), limit: 100_000 };
        search(graph, pattern, &mut kept).unwrap();
        kept.found.len()
    }

    /// 0 -> 1 -> 2 -> 0, and 2 -> 3.
    fn loop_with_tail() -> Graph {
        Graph::new(4, vec![(0, 1), (1, 2), (2, 0), (2, 3)])
    }

    #[test]
    fn directions() {
        let graph = loop_with_tail();
        let one = |direction| count(&graph, &pattern(2, vec![step(0, 1, direction, (1, 1))], Cycles::All));
        assert_eq!((one(Direction::Forward), one(Direction::Backward), one(Direction::Any)), (4, 4, 8));
        let selfie = Graph::new(1, vec![(0, 0)]);
        assert_eq!(count(&selfie, &pattern(2, vec![step(0, 1, Direction::Any, (1, 1))], Cycles::All)), 1);
    }

    #[test]
    fn cycles() {
        let graph = loop_with_tail();
        let from_zero = |cycles| {
            let mut wanted = pattern(2, vec![step(0, 1, Direction::Forward, (1, 5))], cycles);
            wanted.nodes[0] = Some(vec![true, false, false, false]);
            count(&graph, &wanted)
        };
        // 1, 2, 0, 3, then around again: 1, and 2 and so on
        assert_eq!(from_zero(Cycles::None), 3);
        assert_eq!(from_zero(Cycles::UniqueEdges), 4);
        assert_eq!(from_zero(Cycles::All), 6);
        let closed = pattern(1, vec![step(0, 0, Direction::Forward, (1, 5))], Cycles::None);
        assert_eq!(count(&graph, &closed), 3, "one node named twice may close the circle");
    }

    #[test]
    fn paths_are_in_the_order_of_the_pattern() {
        let graph = Graph::new(3, vec![(0, 1), (1, 2)]);
        let mut wanted = pattern(2, vec![step(0, 1, Direction::Forward, (2, 2))], Cycles::All);
        // one end known: the walk begins there
        wanted.nodes[1] = Some(vec![false, false, true]);
        let mut kept = Kept { found: Vec::new(), limit: 10 };
        search(&graph, &wanted, &mut kept).unwrap();
        assert_eq!(kept.found, [(vec![0, 2], vec![vec![0, 1]])]);
    }

    #[test]
    fn sequences_share_nodes() {
        let graph = Graph::new(4, vec![(0, 1), (0, 2), (3, 1)]);
        let steps = vec![step(0, 1, Direction::Forward, (1, 1)), step(0, 2, Direction::Forward, (1, 1))];
        let sequences = vec![Sequence { first: 0, steps: vec![0] }, Sequence { first: 0, steps: vec![1] }];
        let star = Pattern { nodes: vec![None; 3], steps, sequences, cycles: Cycles::UniqueEdges };
        // from 0 to (1, 1), (1, 2), (2, 1), (2, 2), from 3 to (1, 1)
        assert_eq!(count(&graph, &star), 5);
    }

    #[test]
    fn an_error_ends_the_search() {
        let all: Vec<(u32, u32)> = (0..50).flat_map(|a| (0..50).map(move |b| (a, b))).collect();
        let graph = Graph::new(50, all);
        let wanted = pattern(2, vec![step(0, 1, Direction::Forward, (1, 50))], Cycles::All);
        let mut kept = Kept { found: Vec::new(), limit: 1000 };
        assert_eq!(search(&graph, &wanted, &mut kept), Err(()));
        assert_eq!(kept.found.len(), 1000);
    }

    #[test]
    fn zero_hops_stay() {
        let graph = Graph::new(2, vec![(0, 1)]);
        let wanted = pattern(2, vec![step(0, 1, Direction::Forward, (0, 1))], Cycles::UniqueEdges);
        assert_eq!(count(&graph, &wanted), 3);
    }
}
