//! Everything within a distance of a place, a line or a polygon.
//!
//! A circle becomes a polygon around it, an edge two half circles and the straight sides between them; these
//! are united.

use std::f64::consts::{FRAC_PI_2, PI};

use super::arc::Arc;
use super::line::Lines;
use super::overlay;
use super::place::{EARTH_RADIUS_M, Place};
use super::surface::{Part, Ring, Surface};
use super::vector::Vector;

/// The least tolerance, as a part of the radius.
const TOLERANCE_MIN: f64 = 1e-6;
/// Edges that the pieces of one buffer may have together.
const EDGES_MAX: usize = 50_000;

/// How a circle is drawn: the angle of its corners from the middle, and their number.
#[derive(Clone, Copy)]
struct Round {
    reach: f64,
    corners: usize,
}

impl Round {
    /// None when radius or tolerance make no sense.
    fn of(radius: f64, tolerance: f64) -> Option<Self> {
        let angle = radius / EARTH_RADIUS_M;
        let sound = radius > 0.0 && angle < FRAC_PI_2 * 0.99 && tolerance.is_finite();
        if !sound || tolerance < radius * TOLERANCE_MIN {
            return None;
        }
        let widest = (angle + tolerance.min(radius * 0.5) / EARTH_RADIUS_M).min(FRAC_PI_2 * 0.995);
        let corners = (PI / (angle.tan() / widest.tan()).acos()).ceil().max(4.0);
        // the middles of edges touch the circle, the corners reach out of it
        let reach = (angle.tan() / (PI / corners).cos()).atan();
        Some(Self { reach, corners: corners as usize })
    }

    /// Corners of the circle around `middle`: those at `steps`, counted anticlockwise from the direction `first`.
    fn corners(self, middle: Vector, first: Vector, steps: impl Iterator<Item = f64>) -> Vec<Vector> {
        let second = middle.cross(first);
        let corner = |step: f64| {
            let turn = step * 2.0 * PI / self.corners as f64;
            let out = first * turn.cos() + second * turn.sin();
            (middle * self.reach.cos() + out * self.reach.sin()).unit()
        };
        steps.map(corner).collect()
    }
}

/// A polygon around a place.
pub fn around_place(place: Place, radius: f64, tolerance: f64) -> Option<Surface> {
    let round = Round::of(radius, tolerance)?;
    let middle = place.vector();
    let ring = round.corners(middle, middle.orthogonal(), (0..round.corners).map(|step| step as f64));
    Some(Surface { parts: vec![Part::of_rings(vec![ring])] })
}

/// Polygons around lines.
pub fn around_lines(lines: &Lines, radius: f64, tolerance: f64) -> Option<Surface> {
    let round = Round::of(radius, tolerance)?;
    united(lines.arcs().collect(), Vec::new(), round)
}

/// Polygons that are larger by `radius` metres on every side.
pub fn around_surface(surface: &Surface, radius: f64, tolerance: f64) -> Option<Surface> {
    let round = Round::of(radius, tolerance)?;
    united(surface.arcs().collect(), surface.parts.clone(), round)
}

fn united(arcs: Vec<Arc>, mut parts: Vec<Part>, round: Round) -> Option<Surface> {
    if arcs.len().saturating_mul(round.corners + 2) > EDGES_MAX {
        return None;
    }
    parts.extend(arcs.into_iter().map(|arc| Part::of_rings(vec![capsule(arc, round)])));
    if parts.len() == 1 { Some(Surface { parts }) } else { overlay::union(&parts) }
}

/// The polygon around one edge.
fn capsule(arc: Arc, round: Round) -> Ring {
    let left = arc.a.left_of(arc.b);
    // half a circle at each end, whichever number of corners a whole one has
    let steps = round.corners / 2;
    let stride = round.corners as f64 / 2.0 / steps as f64;
    let half = || (0..=steps).map(|step| step as f64 * stride);
    let mut ring = round.corners(arc.a, left, half());
    ring.extend(round.corners(arc.b, -left, half()));
    ring
}

#[cfg(test)]
mod tests {
    use super::super::geojson;
    use super::*;

    fn place(longitude: f64, latitude: f64) -> Place {
        Place::new(longitude, latitude).unwrap()
    }

    #[test]
    fn circles_hold_their_radius() {
        let circle = around_place(place(10.0, 50.0), 1000.0, 1.0).unwrap();
        let flat = PI * 1e6;
        let area = circle.area().unwrap();
        assert!(area > flat && area < flat * 1.005, "{area}");
        assert!(circle.contains(place(10.0, 50.0)));
        for (radius, tolerance) in [(0.0, 1.0), (-5.0, 1.0), (f64::NAN, 1.0), (10.0, 0.0), (1e9, 10.0)] {
            assert!(around_place(place(0.0, 0.0), radius, tolerance).is_none());
        }
    }

    #[test]
    fn lines_and_polygons_grow() {
        let line = geojson::read(r#"{"type":"LineString","coordinates":[[0,0],[1,0],[1,1]]}"#).unwrap();
        let line = Lines::of(&line).unwrap();
        let grown = around_lines(&line, 1000.0, 10.0).unwrap();
        assert_eq!(grown.parts.len(), 1);
        let flat = line.length() * 2000.0 + PI * 1e6;
        let area = grown.area().unwrap();
        assert!((area / flat - 1.0).abs() < 0.01, "{area} {flat}");
        let square =
            geojson::read(r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}"#).unwrap();
        let square = Surface::of(&square).unwrap();
        let grown = around_surface(&square, 1000.0, 10.0).unwrap();
        let flat = square.area().unwrap() + square.perimeter().unwrap() * 1000.0 + PI * 1e6;
        let area = grown.area().unwrap();
        assert_eq!(grown.parts.len(), 1);
        assert!((area / flat - 1.0).abs() < 0.001, "{area} {flat}");
    }
}
