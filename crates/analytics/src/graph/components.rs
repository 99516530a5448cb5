//! Parts of a graph that hang together.

use super::{Direction, Graph};

/// The component of each node when direction does not count, numbered in the order of their first nodes.
pub fn weak_components(graph: &Graph) -> Vec<u32> {
    let mut component = vec![u32::MAX; graph.node_count()];
    let mut next = 0;
    let mut open = Vec::new();
    for start in 0..graph.node_count() as u32 {
        if component[start as usize] != u32::MAX {
            continue;
        }
        component[start as usize] = next;
        open.push(start);
        while let Some(node) = open.pop() {
            for (_, near) in graph.ways(node, Direction::Any) {
                if component[near as usize] == u32::MAX {
                    component[near as usize] = next;
                    open.push(near);
                }
            }
        }
        next += 1;
    }
    component
}

/// The component of each node when every node of one must be reachable from every other (Tarjan), numbered in
/// the order of their first nodes.
pub fn strong_components(graph: &Graph) -> Vec<u32> {
    const UNSEEN: u32 = u32::MAX;
    let count = graph.node_count();
    let (mut index, mut low) = (vec![UNSEEN; count], vec![0; count]);
    let mut raw = vec![UNSEEN; count];
    let (mut stack, mut next_index, mut next_raw) = (Vec::new(), 0, 0);
    // nodes being looked at, and how many of their edges have been followed
    let mut open: Vec<(u32, usize)> = Vec::new();
    for start in 0..count as u32 {
        if index[start as usize] != UNSEEN {
            continue;
        }
        open.push((start, 0));
        while let Some((node, followed)) = open.pop() {
            let at = node as usize;
            if followed == 0 {
                index[at] = next_index;
                low[at] = next_index;
                next_index += 1;
                stack.push(node);
            }
            let edges = graph.leaving.of(node);
            if let Some(edge) = edges.get(followed) {
                open.push((node, followed + 1));
                let (_, near) = graph.edges[*edge as usize];
                if index[near as usize] == UNSEEN {
                    open.push((near, 0));
                } else if raw[near as usize] == UNSEEN {
                    low[at] = low[at].min(index[near as usize]);
                }
                continue;
            }
            if low[at] == index[at] {
                while let Some(member) = stack.pop() {
                    raw[member as usize] = next_raw;
                    if member == node {
                        break;
                    }
                }
                next_raw += 1;
            }
            if let Some((parent, _)) = open.last() {
                low[*parent as usize] = low[*parent as usize].min(low[at]);
            }
        }
    }
    renumbered(&raw)
}

/// The same parts, numbered by first occurrence.
fn renumbered(raw: &[u32]) -> Vec<u32> {
    let mut names = std::collections::HashMap::new();
    raw.iter()
        .map(|part| {
            let next = names.len() as u32;
            *names.entry(*part).or_insert(next)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_and_strong() {
        // a circle of three, a tail out of it, and two nodes apart
        let graph = Graph::new(6, vec![(0, 1), (1, 2), (2, 0), (2, 3), (5, 4)]);
        assert_eq!(weak_components(&graph), [0, 0, 0, 0, 1, 1]);
        assert_eq!(strong_components(&graph), [0, 0, 0, 1, 2, 3]);
        assert!(strong_components(&Graph::new(0, Vec::new())).is_empty());
    }

    #[test]
    fn long_chains_need_no_stack() {
        let count = 200_000;
        let graph = Graph::new(count, (1..count as u32).map(|node| (node - 1, node)).collect());
        assert_eq!(weak_components(&graph).iter().max(), Some(&0));
        assert_eq!(strong_components(&graph).len(), count);
    }
}
