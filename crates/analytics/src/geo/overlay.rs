//! Unions and intersections of polygons.
//!
//! Edges of all polygons are cut where they meet ([`Net`]). Each piece then has a certain number of polygons
//! on its left and on its right; those with the result on exactly one side bound it, and are joined to rings.

use std::collections::{BTreeMap, BTreeSet};

use super::net::{Net, Node, Piece, Source};
use super::shape::{Shape, path};
use super::surface::{Part, Ring, Surface, signed_area};
use super::vector::Vector;

/// A piece of a border with the result on its left.
#[derive(Clone, Copy, Debug)]
struct Border {
    from: Node,
    to: Node,
    /// The edge it came from; borders of a ring are listed so that the latest source is last.
    source: usize,
}

/// Everything inside at least one of the parts. None when they are too many or too tangled.
pub(super) fn union(parts: &[Part]) -> Option<Surface> {
    let Cut { net, borders, .. } = cut(parts, &|inside| !inside.is_empty())?;
    Some(Surface { parts: assemble(&net, borders) })
}

/// Everything inside at least one of the surfaces. Two at a time, the smallest first: the work stays small,
/// and rings begin where the reference's begin.
pub fn union_all(surfaces: &[Surface]) -> Option<Surface> {
    let size = |surface: &Surface| surface.arcs().count();
    let mut open: BTreeMap<(usize, usize), Surface> =
        surfaces.iter().enumerate().map(|(at, surface)| ((size(surface), at), surface.clone())).collect();
    let mut next = surfaces.len();
    while let Some(((first_size, _), first)) = open.pop_first() {
        let Some(((second_size, _), second)) = open.pop_first() else {
            return if first.parts.len() > 1 { union(&first.parts) } else { Some(first) };
        };
        let parts: Vec<Part> = first.parts.into_iter().chain(second.parts).collect();
        open.insert((first_size + second_size, next), union(&parts)?);
        next += 1;
    }
    None
}

/// What two surfaces have in common: polygons, lines along shared borders, and places where they touch.
pub fn intersection(a: &Surface, b: &Surface) -> Option<Shape> {
    let parts: Vec<Part> = a.parts.iter().chain(&b.parts).cloned().collect();
    let split = a.parts.len();
    let both =
        move |inside: &[usize]| inside.iter().any(|at| *at < split) && inside.iter().any(|at| *at >= split);
    let Cut { net, borders, bare } = cut(&parts, &both)?;
    let covered: BTreeSet<Node> = borders.iter().flat_map(|border| [border.from, border.to]).collect();
    // pieces that bound both surfaces without anything of both beside them
    let lines: Vec<Piece> = bare
        .into_iter()
        .filter(|group| {
            group.iter().any(|piece| piece.owner < split) && group.iter().any(|piece| piece.owner >= split)
        })
        .filter_map(|group| group.first().copied())
        .collect();
    let on_lines: BTreeSet<Node> = lines.iter().flat_map(|piece| [piece.from, piece.to]).collect();
    let touching = touching_nodes(&net, split)
        .into_iter()
        .filter(|node| !covered.contains(node) && !on_lines.contains(node));
    let mut found: Vec<Shape> = touching.map(|node| Shape::point(net.nodes[node])).collect();
    found = gathered_points(found);
    if !lines.is_empty() {
        found.push(Shape::lines(chains(&net, lines).iter().map(|chain| path(chain)).collect()));
    }
    if !borders.is_empty() {
        found.push(Surface { parts: assemble(&net, borders) }.shape());
    }
    Some(Shape::collected(found))
}

/// Several points are one multipoint.
pub(super) fn gathered_points(points: Vec<Shape>) -> Vec<Shape> {
    if points.len() < 2 {
        return points;
    }
    let places = points.into_iter().filter_map(|point| match point {
        Shape::Point(place) => Some(place),
        _ => None,
    });
    vec![Shape::MultiPoint(places.collect())]
}

/// Nodes on edges of both sides, in order.
fn touching_nodes(net: &Net, split: usize) -> Vec<Node> {
    let mut of_side = [BTreeSet::new(), BTreeSet::new()];
    for piece in &net.pieces {
        of_side[usize::from(piece.owner >= split)].extend([piece.from, piece.to]);
    }
    of_side[0].intersection(&of_side[1]).copied().collect()
}

/// Parts cut where they meet.
struct Cut {
    net: Net,
    /// Pieces with the result on one side.
    borders: Vec<Border>,
    /// Groups of pieces that coincide, with nothing of the result beside them.
    bare: Vec<Vec<Piece>>,
}

/// Cuts parts. `wanted` is asked with the parts that hold a place, and says whether the result does.
fn cut(parts: &[Part], wanted: &dyn Fn(&[usize]) -> bool) -> Option<Cut> {
    let sources: Vec<Source> = parts
        .iter()
        .enumerate()
        .flat_map(|(owner, part)| part.arcs().map(move |arc| Source { arc, owner }))
        .collect();
    let net = Net::of(&sources)?;
    let mut borders = Vec::new();
    let mut bare = Vec::new();
    for ((low, high), group) in net.groups() {
        let middle = net.middle(low, high);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (owner, part) in parts.iter().enumerate() {
            let forward = group.iter().any(|piece| piece.owner == owner && piece.from == low);
            let backward = group.iter().any(|piece| piece.owner == owner && piece.from == high);
            let around = forward == backward && (forward || part.contains(middle));
            if forward && !backward || around {
                left.push(owner);
            }
            if backward && !forward || around {
                right.push(owner);
            }
        }
        match (wanted(&left), wanted(&right)) {
            (true, false) => borders.push(border(low, high, &group)),
            (false, true) => borders.push(border(high, low, &group)),
            (false, false) => bare.push(group),
            (true, true) => {}
        }
    }
    Some(Cut { net, borders, bare })
}

fn border(from: Node, to: Node, group: &[Piece]) -> Border {
    let same_way = group.iter().filter(|piece| piece.from == from).map(|piece| piece.source).min();
    let source = same_way.or(group.iter().map(|piece| piece.source).min()).unwrap_or(0);
    Border { from, to, source }
}

/// Joins borders to rings, and rings to polygons with holes.
fn assemble(net: &Net, borders: Vec<Border>) -> Vec<Part> {
    let mut shells: Vec<(Ring, Vec<Ring>)> = Vec::new();
    let mut holes = Vec::new();
    for ring in rings(net, borders) {
        if signed_area(&ring) > 0.0 { shells.push((ring, Vec::new())) } else { holes.push(ring) }
    }
    let outlines: Vec<Part> = shells.iter().map(|(shell, _)| Part::of_rings(vec![shell.clone()])).collect();
    for hole in holes {
        let around = (0..shells.len())
            .filter(|at| {
                hole.iter().any(|place| !shells[*at].0.contains(place) && outlines[*at].contains(*place))
            })
            .min_by(|a, b| signed_area(&shells[*a].0).total_cmp(&signed_area(&shells[*b].0)));
        // a hole around which nothing was found is the outer side of a surface larger than a hemisphere
        match around {
            Some(at) => shells[at].1.push(hole),
            None => shells.push((hole, Vec::new())),
        }
    }
    let whole =
        |(shell, holes): (Ring, Vec<Ring>)| Part::of_rings(std::iter::once(shell).chain(holes).collect());
    shells.into_iter().map(whole).collect()
}

fn rings(net: &Net, mut borders: Vec<Border>) -> Vec<Ring> {
    borders.sort_by_key(|border| border.source);
    let mut leaving: BTreeMap<Node, Vec<usize>> = BTreeMap::new();
    for (at, border) in borders.iter().enumerate() {
        leaving.entry(border.from).or_default().push(at);
    }
    let mut used = vec![false; borders.len()];
    let mut found = Vec::new();
    for start in 0..borders.len() {
        let mut trail: Vec<usize> = Vec::new();
        let mut next = Some(start).filter(|at| !used[*at]);
        while let Some(at) = next {
            used[at] = true;
            trail.push(at);
            // a node met again closes a ring
            if let Some(since) = trail.iter().position(|earlier| borders[*earlier].from == borders[at].to) {
                let ring: Vec<usize> = trail.drain(since..).collect();
                found.push(ring);
            }
            let here = trail.last().map_or(borders[at].to, |last| borders[*last].to);
            let came = trail.last().map(|last| borders[*last].from);
            let free = leaving.get(&here).into_iter().flatten().copied().filter(|at| !used[*at]);
            next = if trail.is_empty() { None } else { leftmost(net, came, here, free, &borders) };
        }
    }
    found.into_iter().map(|ring| placed(net, ring, &borders)).filter(|ring| ring.len() >= 3).collect()
}

/// The way on that turns left most sharply: surfaces that touch at a place stay apart.
fn leftmost(
    net: &Net,
    came: Option<Node>,
    here: Node,
    free: impl Iterator<Item = usize>,
    borders: &[Border],
) -> Option<usize> {
    let at = net.nodes[here];
    let back = came.map(|came| net.nodes[came] - at);
    let turn = |way: usize| {
        let Some(back) = back else { return 0.0 };
        let on = net.nodes[borders[way].to] - at;
        // clockwise from where we came: the first found is the sharpest left
        back.cross(on).dot(at).atan2(back.dot(on)).rem_euclid(std::f64::consts::TAU)
    };
    free.max_by(|a, b| turn(*a).total_cmp(&turn(*b)).then(b.cmp(a)))
}

/// The places of a ring, begun so that the border with the latest source is last.
fn placed(net: &Net, mut ring: Vec<usize>, borders: &[Border]) -> Ring {
    let count = ring.len();
    let latest = ring.iter().map(|at| borders[*at].source).max();
    let is_latest = |at: usize| Some(borders[ring[at % count]].source) == latest;
    // the last of a run of pieces of that source, in cyclic order
    if let Some(end) = (0..count).rev().find(|at| is_latest(*at) && !is_latest(at + 1)) {
        ring.rotate_left((end + 1) % count);
    }
    ring.into_iter().map(|at| net.nodes[borders[at].from]).collect()
}

/// Pieces joined to lines. A line goes on along the edge it came from where it can, and ends where it is
/// closed.
pub(super) fn chains(net: &Net, pieces: Vec<Piece>) -> Vec<Vec<Vector>> {
    let mut leaving: BTreeMap<Node, Vec<usize>> = BTreeMap::new();
    let mut arriving: BTreeMap<Node, usize> = BTreeMap::new();
    for (at, piece) in pieces.iter().enumerate() {
        leaving.entry(piece.from).or_default().push(at);
        *arriving.entry(piece.to).or_default() += 1;
    }
    // starts of lines first, then what is left of circles
    let count = |node: Node| leaving.get(&node).map_or(0, Vec::len);
    let starts = (0..pieces.len()).filter(|at| {
        let from = pieces[*at].from;
        count(from) > arriving.get(&from).copied().unwrap_or(0)
    });
    let order: Vec<usize> = starts.chain(0..pieces.len()).collect();
    let mut used = vec![false; pieces.len()];
    let mut found = Vec::new();
    for start in order {
        if used[start] {
            continue;
        }
        let mut line = vec![net.nodes[pieces[start].from]];
        let mut next = Some(start);
        while let Some(at) = next {
            used[at] = true;
            line.push(net.nodes[pieces[at].to]);
            let mut free = leaving.get(&pieces[at].to).into_iter().flatten().copied().filter(|on| !used[*on]);
            let first = free.next();
            next = free
                .chain(first)
                .filter(|on| pieces[*on].owner == pieces[at].owner)
                .min_by_key(|on| pieces[*on].source.abs_diff(pieces[at].source))
                .or(first);
        }
        found.push(line);
    }
    found
}

/// Whether two surfaces have a place in common.
pub fn intersects(a: &Surface, b: &Surface) -> bool {
    let arcs: Vec<_> = b.arcs().collect();
    let within = |inner: &Surface, outer: &Surface| {
        inner
            .parts
            .iter()
            .filter_map(|part| part.rings.first()?.first().copied())
            .any(|place| outer.parts.iter().any(|part| part.contains(place)))
    };
    within(a, b)
        || within(b, a)
        || a.arcs().any(|arc| arcs.iter().any(|other| super::clip::arcs_meet(arc, *other)))
}
