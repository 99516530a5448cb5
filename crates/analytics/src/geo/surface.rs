//! Polygons: parts of the sphere with edges on great circles.
//!
//! A ring divides the sphere in two; it means the smaller side, whichever way its places run. Inside, every
//! ring is turned so that the surface is on the left of its edges: shells run anticlockwise, holes clockwise.

use std::f64::consts::{PI, TAU};

use super::arc::{Arc, near_pairs};
use super::line::closest;
use super::overlay;
use super::place::{EARTH_RADIUS_M, Place, same_or_opposite};
use super::shape::{Path, Shape, path, vectors};
use super::vector::{Vector, side};

/// Pairs of near edges that a polygon may have; one with more is refused as too tangled.
const PAIRS_MAX: usize = 4_000_000;

/// A ring without the closing repetition, the surface on its left.
pub(super) type Ring = Vec<Vector>;

/// One or several sound polygons. Several mean their union.
#[derive(Clone, Debug)]
pub struct Surface {
    pub(super) parts: Vec<Part>,
}

/// A shell and its holes.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub rings: Vec<Ring>,
    view: View,
}

/// How to tell whether a place is inside.
#[derive(Clone, Debug)]
enum View {
    /// All rings fit in a hemisphere and are seen from its middle, where edges are straight lines.
    Plane { middle: Vector, right: Vector, up: Vector, cos_reach: f64, rings: Vec<Vec<(f64, f64)>> },
    /// A place known to be inside, from which crossings are counted.
    Sphere { inside: Vector },
}

impl Surface {
    /// The polygons of a shape. None when it is no polygon or one that is not sound.
    pub fn of(shape: &Shape) -> Option<Self> {
        let polygons = match shape {
            Shape::Polygon(rings) => std::slice::from_ref(rings),
            Shape::MultiPolygon(polygons) => polygons,
            _ => return None,
        };
        let parts = polygons.iter().map(|rings| part(rings)).collect::<Option<Vec<_>>>()?;
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// The surface as a shape.
    pub fn shape(&self) -> Shape {
        Shape::polygons(self.parts.iter().map(Part::paths).collect())
    }

    /// Whether a place is inside.
    pub fn contains(&self, place: Place) -> bool {
        let place = place.vector();
        self.parts.iter().any(|part| part.contains(place))
    }

    /// Edges, the surface on their left.
    pub fn arcs(&self) -> impl Iterator<Item = Arc> {
        self.parts.iter().flat_map(Part::arcs)
    }

    /// The same surface as parts that do not overlap.
    fn dissolved(&self) -> Option<Self> {
        if self.parts.len() == 1 {
            return Some(self.clone());
        }
        overlay::union(&self.parts)
    }

    /// Square metres.
    pub fn area(&self) -> Option<f64> {
        let steradians: f64 = self.dissolved()?.parts.iter().map(Part::area).sum();
        Some(steradians * EARTH_RADIUS_M * EARTH_RADIUS_M)
    }

    /// Metres around shells and holes.
    pub fn perimeter(&self) -> Option<f64> {
        Some(EARTH_RADIUS_M * self.dissolved()?.arcs().map(Arc::length).sum::<f64>())
    }

    /// The centre of mass, brought to the surface of the Earth.
    pub fn centroid(&self) -> Option<Place> {
        let surface = self.dissolved()?;
        let rings = surface.parts.iter().flat_map(|part| &part.rings);
        let sum = rings.fold(Vector::ZERO, |sum, ring| sum + moment(ring));
        (sum.norm() > 0.0).then(|| Place::of(sum))
    }

    /// Metres from a place; zero inside.
    pub fn distance(&self, place: Place) -> f64 {
        if self.contains(place) {
            return 0.0;
        }
        let place = place.vector();
        EARTH_RADIUS_M * self.arcs().map(|arc| arc.distance(place)).fold(f64::INFINITY, f64::min)
    }

    /// The nearest place of the surface: a place inside is its own.
    pub fn closest(&self, place: Place) -> Option<Place> {
        if self.contains(place) {
            return Some(place);
        }
        closest(self.arcs(), place.vector()).map(Place::of)
    }
}

impl Part {
    /// A part of rings that already have the surface on their left.
    pub(super) fn of_rings(rings: Vec<Ring>) -> Self {
        let view = View::of(&rings);
        Self { rings, view }
    }

    pub(super) fn arcs(&self) -> impl Iterator<Item = Arc> {
        self.rings.iter().flat_map(|ring| ring_arcs(ring))
    }

    pub(super) fn contains(&self, place: Vector) -> bool {
        match &self.view {
            View::Plane { middle, right, up, cos_reach, rings } => {
                let depth = place.dot(*middle);
                if depth < *cos_reach {
                    return false;
                }
                let seen = (place.dot(*right) / depth, place.dot(*up) / depth);
                rings.iter().filter(|ring| crosses_odd(ring, seen)).count() % 2 == 1
            }
            View::Sphere { inside } => {
                let sight = Arc { a: place, b: *inside };
                self.arcs().filter(|arc| arc.crossing(sight).is_some()).count() % 2 == 0
            }
        }
    }

    fn paths(&self) -> Vec<Path> {
        let closed = |ring: &Ring| {
            let mut places = path(ring);
            places.extend(places.first().copied());
            places
        };
        self.rings.iter().map(closed).collect()
    }

    fn area(&self) -> f64 {
        let signed: f64 = self.rings.iter().map(|ring| signed_area(ring)).sum();
        if signed < 0.0 { signed + 4.0 * PI } else { signed }
    }
}

pub(super) fn ring_arcs(ring: &[Vector]) -> impl Iterator<Item = Arc> {
    (0..ring.len()).map(|at| Arc { a: ring[at], b: ring[(at + 1) % ring.len()] })
}

/// A shell and holes as GeoJSON gives them, checked and turned.
fn part(paths: &[Path]) -> Option<Part> {
    let mut rings = Vec::with_capacity(paths.len());
    for (at, path) in paths.iter().enumerate() {
        let mut ring = open_ring(path)?;
        if (signed_area(&ring) < 0.0) == (at == 0) {
            ring.reverse();
            // the first place stays the first
            ring.rotate_right(1);
        }
        rings.push(ring);
    }
    let sound = !rings.is_empty() && !tangled(&rings);
    sound.then(|| Part::of_rings(rings))
}

/// The distinct places of a closed ring.
fn open_ring(path: &Path) -> Option<Ring> {
    if path.len() < 4 || path.first() != path.last() {
        return None;
    }
    let ring = vectors(&path[..path.len() - 1]);
    let mut sorted: Vec<Vector> = ring.clone();
    sorted.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)).then(a.z.total_cmp(&b.z)));
    let distinct = sorted.windows(2).all(|pair| pair[0] != pair[1]);
    let edges = ring_arcs(&ring).all(|arc| !same_or_opposite(arc.a, arc.b));
    (distinct && edges).then_some(ring)
}

/// Whether edges cross, or there are too many to look at.
fn tangled(rings: &[Ring]) -> bool {
    let arcs: Vec<Arc> = rings.iter().flat_map(|ring| ring_arcs(ring)).collect();
    let apart = |a: usize, b: usize| arcs[a].b != arcs[b].a && arcs[b].b != arcs[a].a;
    match near_pairs(&arcs, PAIRS_MAX, apart) {
        Some(pairs) => pairs.into_iter().any(|(a, b)| arcs[a].crossing(arcs[b]).is_some()),
        None => true,
    }
}

impl View {
    fn of(rings: &[Ring]) -> Self {
        let shell = rings.first().map_or(&[][..], Vec::as_slice);
        let middle = shell.iter().fold(Vector::ZERO, |sum, place| sum + *place).unit();
        let lowest = shell.iter().map(|place| place.dot(middle)).fold(1.0, f64::min);
        // a shell below the horizon of its middle, or the outer side of one, is not seen whole
        if lowest < 0.05 || signed_area(shell) < 0.0 {
            let first = Arc { a: shell[0], b: shell[1 % shell.len()] };
            let inside = (first.at(0.5) + first.a.left_of(first.b) * 1e-9).unit();
            return Self::Sphere { inside };
        }
        let right = middle.orthogonal();
        let up = middle.cross(right);
        let seen = |place: &Vector| {
            let depth = place.dot(middle);
            (place.dot(right) / depth, place.dot(up) / depth)
        };
        let rings = rings.iter().map(|ring| ring.iter().map(seen).collect()).collect();
        Self::Plane { middle, right, up, cos_reach: lowest - 1e-12, rings }
    }
}

/// Whether a ray from a place in the plane crosses a ring an odd number of times.
fn crosses_odd(ring: &[(f64, f64)], (x, y): (f64, f64)) -> bool {
    let mut inside = false;
    let mut last = ring.len() - 1;
    for (at, &(to_x, to_y)) in ring.iter().enumerate() {
        let (from_x, from_y) = ring[last];
        last = at;
        if (from_y > y) != (to_y > y) && x < (to_x - from_x) * (y - from_y) / (to_y - from_y) + from_x {
            inside = !inside;
        }
    }
    inside
}

/// Area in steradians of the smaller side: positive when that side is on the left.
pub(super) fn signed_area(ring: &[Vector]) -> f64 {
    let Some((first, rest)) = ring.split_first() else { return 0.0 };
    let sum: f64 = rest.windows(2).map(|pair| triangle(*first, pair[0], pair[1])).sum();
    // a fan may wind around the sphere: what it gives is the area up to whole spheres
    if sum.abs() <= TAU { sum } else { sum - 2.0 * TAU * (sum / (2.0 * TAU)).round() }
}

/// Signed area of a triangle of directions (van Oosterom and Strackee).
fn triangle(a: Vector, b: Vector, c: Vector) -> f64 {
    2.0 * side(a, b, c).atan2(1.0 + a.dot(b) + b.dot(c) + c.dot(a))
}

/// The integral of the position over the surface of a ring: area times centre of mass.
fn moment(ring: &[Vector]) -> Vector {
    let Some((first, rest)) = ring.split_first() else { return Vector::ZERO };
    rest.windows(2).fold(Vector::ZERO, |sum, pair| sum + triangle_moment(*first, pair[0], pair[1]))
}

/// The same of a triangle. For each corner, position dot moment is half the volume spanned times the angle
/// of the far side over its sine; three such equations are solved, differences first so that small triangles
/// keep their digits.
fn triangle_moment(a: Vector, b: Vector, c: Vector) -> Vector {
    let stretch = |from: Vector, to: Vector| {
        let angle = from.angle(to);
        if angle == 0.0 { 1.0 } else { angle / angle.sin() }
    };
    let (of_a, of_b, of_c) = (stretch(b, c), stretch(c, a), stretch(a, b));
    let x = Vector { x: a.x, y: b.x - a.x, z: c.x - a.x };
    let y = Vector { x: a.y, y: b.y - a.y, z: c.y - a.y };
    let z = Vector { x: a.z, y: b.z - a.z, z: c.z - a.z };
    let wanted = Vector { x: of_a, y: of_b - of_a, z: of_c - of_a };
    Vector { x: y.cross(z).dot(wanted), y: z.cross(x).dot(wanted), z: x.cross(y).dot(wanted) } * 0.5
}

#[cfg(test)]
mod tests {
    use super::super::geojson;
    use super::*;

    fn polygon(coordinates: &str) -> Option<Surface> {
        Surface::of(&geojson::read(&format!(r#"{{"type":"Polygon","coordinates":{coordinates}}}"#))?)
    }

    fn place(longitude: f64, latitude: f64) -> Place {
        Place::new(longitude, latitude).unwrap()
    }

    #[test]
    fn an_eighth_of_the_sphere() {
        let octant = polygon("[[[0,0],[90,0],[0,90],[0,0]]]").unwrap();
        let eighth = PI / 2.0 * EARTH_RADIUS_M * EARTH_RADIUS_M;
        assert!((octant.area().unwrap() / eighth - 1.0).abs() < 1e-12);
        let around = 1.5 * PI * EARTH_RADIUS_M;
        assert!((octant.perimeter().unwrap() / around - 1.0).abs() < 1e-12);
        let centre = octant.centroid().unwrap();
        assert!((centre.longitude - 45.0).abs() < 1e-9);
        assert!((centre.latitude - (1.0 / 2.0_f64.sqrt()).atan().to_degrees()).abs() < 1e-9);
    }

    #[test]
    fn direction_does_not_matter() {
        let clockwise = polygon("[[[0,0],[0,1],[1,1],[1,0],[0,0]]]").unwrap();
        assert!(clockwise.contains(place(0.5, 0.5)) && !clockwise.contains(place(2.0, 0.5)));
        assert!(!clockwise.contains(place(-179.5, -0.5)), "the other side of the Earth is not inside");
    }

    #[test]
    fn holes_are_outside() {
        let ring = polygon("[[[0,0],[9,0],[9,9],[0,9],[0,0]],[[3,3],[6,3],[6,6],[3,6],[3,3]]]").unwrap();
        assert!(ring.contains(place(1.0, 1.0)) && !ring.contains(place(4.0, 4.0)));
        assert!(ring.distance(place(4.0, 4.0)) > 0.0);
        assert_eq!(ring.distance(place(1.0, 1.0)), 0.0);
    }

    #[test]
    fn across_the_antimeridian_and_around_a_pole() {
        let across = polygon("[[[170,-10],[-170,-10],[-170,10],[170,10],[170,-10]]]").unwrap();
        assert!(across.contains(place(180.0, 0.0)) && !across.contains(place(0.0, 0.0)));
        let cap = polygon("[[[0,60],[120,60],[-120,60],[0,60]]]").unwrap();
        assert!(cap.contains(place(77.0, 89.0)) && !cap.contains(place(77.0, -89.0)));
    }

    #[test]
    fn nearly_half_of_the_sphere() {
        let north = polygon("[[[0,0.5],[90,0.5],[180,0.5],[-90,0.5],[0,0.5]]]").unwrap();
        assert!(north.contains(place(45.0, 80.0)) && north.contains(place(13.0, 30.0)));
        assert!(!north.contains(place(45.0, -1.0)) && !north.contains(place(13.0, -80.0)));
    }

    #[test]
    fn polygons_that_are_none() {
        for coordinates in [
            "[]",
            "[[]]",
            "[[[0,0],[1,1]]]",
            "[[[0,0],[1,0],[1,1],[0,1]]]",
            "[[[0,0],[10,10],[10,10],[0,0]]]",
            "[[[0,0],[2,2],[2,0],[0,2],[0,0]]]",
            "[[[0,0],[180,0],[90,10],[0,0]]]",
        ] {
            assert!(polygon(coordinates).is_none(), "{coordinates}");
        }
    }

    #[test]
    fn overlapping_parts_count_once() {
        let twice = geojson::read(
            r#"{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,1],[0,0]]],[[[0,0],[1,0],[1,1],[0,1],[0,0]]]]}"#,
        );
        let once = polygon("[[[0,0],[1,0],[1,1],[0,1],[0,0]]]").unwrap();
        let twice = Surface::of(&twice.unwrap()).unwrap();
        assert!((twice.area().unwrap() / once.area().unwrap() - 1.0).abs() < 1e-9);
    }
}
