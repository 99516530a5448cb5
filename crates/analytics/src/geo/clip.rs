//! Lines combined with lines and with polygons.

use std::collections::BTreeSet;

use super::arc::{Arc, SAME_RAD};
use super::line::Lines;
use super::net::{Net, Node, Piece, Source};
use super::overlay::{chains, gathered_points};
use super::shape::{Shape, path};
use super::surface::Surface;

/// Whether two edges have a place in common.
pub(super) fn arcs_meet(a: Arc, b: Arc) -> bool {
    a.crossing(b).is_some()
        || [b.a, b.b].into_iter().any(|end| a.distance(end) < SAME_RAD)
        || [a.a, a.b].into_iter().any(|end| b.distance(end) < SAME_RAD)
}

/// Whether lines have a place in common.
pub fn lines_intersect(a: &Lines, b: &Lines) -> bool {
    let others: Vec<Arc> = b.arcs().collect();
    a.arcs().any(|arc| others.iter().any(|other| arcs_meet(arc, *other)))
}

/// Whether lines and a surface have a place in common.
pub fn line_meets_surface(lines: &Lines, surface: &Surface) -> bool {
    let starts = lines.chains.iter().filter_map(|chain| chain.first());
    let borders: Vec<Arc> = surface.arcs().collect();
    starts.into_iter().any(|place| surface.parts.iter().any(|part| part.contains(*place)))
        || lines.arcs().any(|arc| borders.iter().any(|border| arcs_meet(arc, *border)))
}

/// What lines have in common: stretches they share, and places where they cross. None when there are too
/// many edges.
pub fn lines_in_common(a: &Lines, b: &Lines) -> Option<Shape> {
    let net = net(&[a, b])?;
    let mut shared = Vec::new();
    for (_, group) in net.groups() {
        let of_a = group.iter().find(|piece| piece.owner == 0);
        if let (Some(piece), true) = (of_a, group.iter().any(|piece| piece.owner == 1)) {
            shared.push(*piece);
        }
    }
    let meeting = &nodes_of(&net.pieces, |owner| owner == 0) & &nodes_of(&net.pieces, |owner| owner == 1);
    Some(lines_and_points(&net, shared, &meeting))
}

/// The stretches of lines inside a surface, and places where they only touch it.
pub fn lines_inside(lines: &Lines, surface: &Surface) -> Option<Shape> {
    let border = surface.arcs().map(|arc| Source { arc, owner: 1 });
    let sources: Vec<Source> = lines.arcs().map(|arc| Source { arc, owner: 0 }).chain(border).collect();
    let net = Net::of(&sources)?;
    let mut inside = Vec::new();
    for ((low, high), group) in net.groups() {
        let Some(piece) = group.iter().find(|piece| piece.owner == 0) else { continue };
        let middle = net.middle(low, high);
        let on_border = group.iter().any(|piece| piece.owner == 1);
        if on_border || surface.parts.iter().any(|part| part.contains(middle)) {
            inside.push(*piece);
        }
    }
    let meeting = &nodes_of(&net.pieces, |owner| owner == 0) & &nodes_of(&net.pieces, |owner| owner == 1);
    Some(lines_and_points(&net, inside, &meeting))
}

/// All lines as one shape in which no stretch occurs twice.
pub fn union_lines(all: &[Lines]) -> Option<Shape> {
    let net = net(&all.iter().collect::<Vec<_>>())?;
    let once =
        net.groups().into_values().filter_map(|group| group.into_iter().min_by_key(|piece| piece.source));
    let mut pieces: Vec<Piece> = once.collect();
    pieces.sort_by_key(|piece| piece.order);
    Some(Shape::lines(chains(&net, pieces).iter().map(|chain| path(chain)).collect()))
}

fn net(all: &[&Lines]) -> Option<Net> {
    let sources = all
        .iter()
        .enumerate()
        .flat_map(|(owner, lines)| lines.arcs().map(move |arc| Source { arc, owner }))
        .collect::<Vec<_>>();
    Net::of(&sources)
}

fn nodes_of(pieces: &[Piece], owned: impl Fn(usize) -> bool) -> BTreeSet<Node> {
    pieces.iter().filter(|piece| owned(piece.owner)).flat_map(|piece| [piece.from, piece.to]).collect()
}

fn lines_and_points(net: &Net, mut pieces: Vec<Piece>, meeting: &BTreeSet<Node>) -> Shape {
    let on_lines = nodes_of(&pieces, |_| true);
    let points = meeting.difference(&on_lines).map(|node| Shape::point(net.nodes[*node])).collect();
    let mut found = gathered_points(points);
    if !pieces.is_empty() {
        // in the direction and order of the first lines
        pieces.sort_by_key(|piece| piece.order);
        found.push(Shape::lines(chains(net, pieces).iter().map(|chain| path(chain)).collect()));
    }
    Shape::collected(found)
}
