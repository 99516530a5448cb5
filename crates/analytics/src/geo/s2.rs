//! Cells of the S2 grid, written as tokens.

use s2::cell::Cell;
use s2::cellid::CellID;
use s2::latlng::LatLng;

use super::arc::Arc;
use super::clip::arcs_meet;
use super::line::Lines;
use super::place::{EARTH_RADIUS_M, Place};
use super::shape::{Shape, path};
use super::surface::{Part, Surface};
use super::vector::Vector;

/// Cells that a covering may have.
pub const CELLS_MAX: usize = 65_536;
/// The level when nothing is said.
pub const LEVEL_DEFAULT: i64 = 11;
/// The finest level.
pub const LEVEL_MAX: i64 = 30;

fn level(level: i64) -> Option<u64> {
    u64::try_from(level).ok().filter(|_| level <= LEVEL_MAX)
}

/// The token of the cell that holds a place.
pub fn of(place: Place, at: i64) -> Option<String> {
    let leaf = CellID::from(LatLng::from_degrees(place.latitude, place.longitude));
    Some(leaf.parent(level(at)?).to_token())
}

fn cell(token: &str) -> Option<CellID> {
    let hex = !token.is_empty() && token.len() <= 16 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = u64::from_str_radix(token, 16).ok().filter(|_| hex)?;
    let id = CellID(value << (4 * (16 - token.len())));
    // the lowest bit of a cell is at an even place
    let sound = id.0 != 0 && id.0 >> 61 < 6 && id.0.trailing_zeros().is_multiple_of(2);
    sound.then_some(id)
}

/// The middle of a cell.
pub fn centre(token: &str) -> Option<Place> {
    let middle = Cell::from(&cell(token)?).center();
    Some(Place::of(vector(&middle)))
}

/// A cell as a polygon.
pub fn polygon(token: &str) -> Option<Shape> {
    let corners = corners(cell(token)?);
    let mut ring = path(&corners);
    ring.push(ring[0]);
    Some(Shape::Polygon(vec![ring]))
}

/// The cells of the same level around a cell.
pub fn neighbours(token: &str) -> Option<Vec<String>> {
    let id = cell(token)?;
    let mut found: Vec<String> = Vec::new();
    for near in id.all_neighbors(id.level()) {
        let token = near.to_token();
        if near != id && !found.contains(&token) {
            found.push(token);
        }
    }
    Some(found)
}

fn vector(point: &s2::point::Point) -> Vector {
    Vector { x: point.0.x, y: point.0.y, z: point.0.z }.unit()
}

fn corners(id: CellID) -> Vec<Vector> {
    Cell::from(&id).vertices().iter().map(vector).collect()
}

/// What a covering is of.
trait Target {
    fn contains(&self, place: Vector) -> bool;
    fn arcs(&self) -> &[Arc];
    /// A place of each part, in case a part lies inside one cell.
    fn places(&self) -> Vec<Vector>;
}

struct Flat {
    surface: Option<Surface>,
    arcs: Vec<Arc>,
    places: Vec<Vector>,
}

impl Target for Flat {
    fn contains(&self, place: Vector) -> bool {
        self.surface.iter().flat_map(|surface| &surface.parts).any(|part| part.contains(place))
    }

    fn arcs(&self) -> &[Arc] {
        &self.arcs
    }

    fn places(&self) -> Vec<Vector> {
        self.places.clone()
    }
}

/// Cells of one level that cover polygons, and what is within `radius` metres of them. None when there are
/// too many.
pub fn covering_surface(surface: &Surface, at: i64, radius: f64) -> Option<Vec<String>> {
    let places = surface.parts.iter().filter_map(|part| part.rings.first()?.first().copied()).collect();
    let flat = Flat { arcs: surface.arcs().collect(), surface: Some(surface.clone()), places };
    covering(&flat, level(at)?, radius)
}

/// Cells of one level that cover lines, and what is within `radius` metres of them. None when there are too
/// many.
pub fn covering_lines(lines: &Lines, at: i64, radius: f64) -> Option<Vec<String>> {
    let places = lines.chains.iter().filter_map(|chain| chain.first().copied()).collect();
    let flat = Flat { arcs: lines.arcs().collect(), surface: None, places };
    covering(&flat, level(at)?, radius)
}

fn covering(target: &impl Target, level: u64, radius: f64) -> Option<Vec<String>> {
    if !(0.0..=EARTH_RADIUS_M).contains(&radius) {
        return None;
    }
    let reach = radius / EARTH_RADIUS_M;
    let all: Vec<usize> = (0..target.arcs().len()).collect();
    // depth first, in the order of the grid; each cell keeps only the edges that may meet it
    let mut open: Vec<(CellID, Vec<usize>)> =
        (0..6).rev().map(|face| (CellID::from_face(face), all.clone())).collect();
    let mut found = Vec::new();
    while let Some((id, near)) = open.pop() {
        let Some(near) = meets(target, id, &near, reach) else { continue };
        if id.level() == level {
            found.push(id.to_token());
        } else if near.is_empty() {
            // wholly inside: all cells below it are wanted
            let below = 1_u64.checked_shl(2 * (level - id.level()) as u32).unwrap_or(u64::MAX);
            if below > (CELLS_MAX - found.len()) as u64 {
                return None;
            }
            found.extend(id.child_iter_at_level(level).map(|child| child.to_token()));
        } else {
            open.extend(id.children().into_iter().rev().map(|child| (child, near.clone())));
        }
        if found.len() + open.len() > CELLS_MAX + 4 * 31 {
            return None;
        }
    }
    (found.len() <= CELLS_MAX).then_some(found)
}

/// Whether a cell meets the target, and if so the edges that are not far from it.
fn meets(target: &impl Target, id: CellID, near: &[usize], reach: f64) -> Option<Vec<usize>> {
    let corners = corners(id);
    let middle = vector(&Cell::from(&id).center());
    let cap = corners.iter().map(|corner| middle.angle(*corner)).fold(0.0, f64::max) + reach;
    let arcs = target.arcs();
    let close: Vec<usize> =
        near.iter().copied().filter(|at| arcs[*at].distance(middle) <= cap + 1e-15).collect();
    if close.is_empty() {
        return target.contains(middle).then_some(close);
    }
    let outline = Part::of_rings(vec![corners.clone()]);
    let holds = |place: Vector| outline.contains(place);
    let within = |arc: &Arc| {
        let sides = || outline.arcs();
        holds(arc.a)
            || sides().any(|side| arcs_meet(side, *arc))
            || reach > 0.0
                && (sides().any(|side| side.distance(arc.a) <= reach || side.distance(arc.b) <= reach)
                    || corners.iter().any(|corner| arc.distance(*corner) <= reach))
    };
    let meets = target.contains(corners[0])
        || close.iter().any(|at| within(&arcs[*at]))
        || target.places().into_iter().any(holds);
    meets.then_some(close)
}

#[cfg(test)]
mod tests {
    use super::super::geojson;
    use super::*;

    #[test]
    fn cells_of_places() {
        let place = Place::new(-80.195_829, 25.802_215).unwrap();
        assert_eq!(of(place, 8).as_deref(), Some("88d9b"));
        assert_eq!(of(place, 31), None);
        let near = centre("88d9b").unwrap();
        assert!((near.longitude + 80.2).abs() < 0.5 && (near.latitude - 25.8).abs() < 0.5);
        assert_eq!(neighbours("88d9b").unwrap().len(), 8);
    }

    #[test]
    fn tokens_that_are_none() {
        for token in ["", "a", "zz", "0", "88d9b88d9b88d9b88", "ffffffffffffffff", "+1"] {
            assert_eq!(centre(token), None, "{token}");
        }
    }

    #[test]
    fn coverings() {
        let triangle = r#"{"type":"Polygon","coordinates":[[[0,0],[0,50],[100,50],[0,0]]]}"#;
        let triangle = Surface::of(&geojson::read(triangle).unwrap()).unwrap();
        assert_eq!(covering_surface(&triangle, 5, 0.0).unwrap().len(), 286);
        assert_eq!(covering_surface(&triangle, 30, 0.0), None);
        let small = r#"{"type":"Polygon","coordinates":[[[1,1],[1.00001,1],[1,1.00001],[1,1]]]}"#;
        let small = Surface::of(&geojson::read(small).unwrap()).unwrap();
        assert_eq!(covering_surface(&small, 4, 0.0).unwrap().len(), 1);
        assert!(covering_surface(&small, 4, 1_000_000.0).unwrap().len() > 3);
        let line = r#"{"type":"LineString","coordinates":[[0,0],[1,1]]}"#;
        let line = Lines::of(&geojson::read(line).unwrap()).unwrap();
        assert!(covering_lines(&line, 8, 0.0).unwrap().len() >= 4);
    }
}
