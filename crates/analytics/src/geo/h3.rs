//! Cells of the H3 grid, written as tokens.

use std::collections::{BTreeSet, VecDeque};
use std::str::FromStr;

use h3o::{CellIndex, LatLng, Resolution};

use super::buffer;
use super::place::Place;
use super::shape::{Path, Shape};
use super::surface::Surface;

/// Cells that a polygon may become.
pub const CELLS_MAX: usize = 61_680;
/// The resolution when nothing is said.
pub const RESOLUTION_DEFAULT: i64 = 6;
/// Largest distance of a ring.
pub const RING_MAX: i64 = 142;

fn resolution(value: i64) -> Option<Resolution> {
    Resolution::try_from(u8::try_from(value).ok()?).ok()
}

fn cell(token: &str) -> Option<CellIndex> {
    CellIndex::from_str(token).ok()
}

fn at(place: Place) -> Option<LatLng> {
    LatLng::new(place.latitude, place.longitude).ok()
}

fn place(at: LatLng) -> Place {
    Place { longitude: at.lng(), latitude: at.lat() }
}

/// The token of the cell that holds a place.
pub fn of(place: Place, at_resolution: i64) -> Option<String> {
    Some(at(place)?.to_cell(resolution(at_resolution)?).to_string())
}

/// The middle of a cell.
pub fn centre(token: &str) -> Option<Place> {
    Some(place(LatLng::from(cell(token)?)))
}

/// A cell as a polygon.
pub fn polygon(token: &str) -> Option<Shape> {
    let mut ring: Path = cell(token)?.boundary().iter().map(|corner| place(*corner)).collect();
    ring.push(*ring.first()?);
    Some(Shape::Polygon(vec![ring]))
}

/// How fine a cell is: 0 to 15.
pub fn level(token: &str) -> Option<i32> {
    Some(i32::from(u8::from(cell(token)?.resolution())))
}

/// The cell around a cell; one step coarser when no resolution is given.
pub fn parent(token: &str, coarser: Option<i64>) -> Option<String> {
    let cell = cell(token)?;
    let own = i64::from(u8::from(cell.resolution()));
    let wanted = coarser.unwrap_or(own - 1);
    // a cell is not its own parent
    if wanted >= own {
        return None;
    }
    Some(cell.parent(resolution(wanted)?)?.to_string())
}

/// Steps finer that the cells inside a cell can be.
const FINER_MAX: i64 = 5;

/// The cells inside a cell; one step finer when no resolution is given. None when there are too many.
pub fn children(token: &str, finer: Option<i64>) -> Option<Vec<String>> {
    let cell = cell(token)?;
    let own = i64::from(u8::from(cell.resolution()));
    let wanted = finer.unwrap_or(own + 1);
    let resolution = resolution(wanted).filter(|_| wanted > own && wanted <= own + FINER_MAX)?;
    if cell.children_count(resolution) > CELLS_MAX as u64 * 2 {
        return None;
    }
    Some(cell.children(resolution).map(|child| child.to_string()).collect())
}

/// The cells around a cell.
pub fn neighbours(token: &str) -> Option<Vec<String>> {
    let cell = cell(token)?;
    let disk: Vec<CellIndex> = cell.grid_disk(1);
    Some(disk.into_iter().filter(|near| *near != cell).map(|near| near.to_string()).collect())
}

/// The cell, the cells around it, those around them, and so on up to a distance.
pub fn rings(token: &str, distance: i64) -> Option<Vec<Vec<String>>> {
    let cell = cell(token)?;
    let distance = u32::try_from(distance).ok().filter(|_| distance <= RING_MAX)?;
    let mut rings = vec![Vec::new(); distance as usize + 1];
    let near: Vec<(CellIndex, u32)> = cell.grid_disk_distances(distance);
    for (near, at) in near {
        if let Some(ring) = rings.get_mut(at as usize) {
            ring.push(near.to_string());
        }
    }
    Some(rings)
}

/// Cells whose middles lie inside polygons, made larger by `radius` metres. Edges are straight on the map
/// here, as the grid's own tools have it. None when there are too many.
pub fn covering(shape: &Shape, at_resolution: i64, radius: f64) -> Option<Vec<String>> {
    let resolution = resolution(at_resolution)?;
    let surface = Surface::of(shape)?;
    if !(0.0..f64::INFINITY).contains(&radius) {
        return None;
    }
    let larger = if radius > 0.0 {
        buffer::around_surface(&surface, radius, (radius / 100.0).max(1e-3))?.shape()
    } else {
        shape.clone()
    };
    let polygons = match larger {
        Shape::Polygon(rings) => vec![rings],
        Shape::MultiPolygon(polygons) => polygons,
        _ => return None,
    };
    let mut found = BTreeSet::new();
    for rings in &polygons {
        fill(&unrolled(rings), resolution, &mut found)?;
    }
    Some(found.into_iter().map(|cell| cell.to_string()).collect())
}

/// Rings without jumps at the antimeridian: longitudes may pass 180.
fn unrolled(rings: &[Path]) -> Vec<Path> {
    let crosses = rings
        .iter()
        .any(|ring| ring.windows(2).any(|ends| (ends[0].longitude - ends[1].longitude).abs() > 180.0));
    let shifted = |place: &Place| {
        let longitude =
            if crosses && place.longitude < 0.0 { place.longitude + 360.0 } else { place.longitude };
        Place { longitude, ..*place }
    };
    rings.iter().map(|ring| ring.iter().map(shifted).collect()).collect()
}

/// Adds the cells with their middle inside: floods from the cells along the border.
fn fill(rings: &[Path], resolution: Resolution, found: &mut BTreeSet<CellIndex>) -> Option<()> {
    let mut seen = BTreeSet::new();
    let mut open = VecDeque::new();
    let step = resolution.edge_length_rads().to_degrees();
    for ends in rings.iter().flat_map(|ring| ring.windows(2)) {
        let (east, north) = (ends[1].longitude - ends[0].longitude, ends[1].latitude - ends[0].latitude);
        let steps = (east.hypot(north) / step).ceil().max(1.0);
        if steps > CELLS_MAX as f64 {
            return None;
        }
        for at_step in 0..=(steps as u32) {
            let part = f64::from(at_step) / steps;
            let place = Place {
                longitude: ends[0].longitude + east * part,
                latitude: ends[0].latitude + north * part,
            };
            let on_border = at(place)?.to_cell(resolution);
            for near in on_border.grid_disk::<Vec<CellIndex>>(1) {
                if seen.insert(near) {
                    open.push_back(near);
                }
            }
        }
        if seen.len() > CELLS_MAX * 8 {
            return None;
        }
    }
    while let Some(cell) = open.pop_front() {
        if !inside(rings, place(LatLng::from(cell))) {
            continue;
        }
        found.insert(cell);
        if found.len() > CELLS_MAX {
            return None;
        }
        for near in cell.grid_disk::<Vec<CellIndex>>(1) {
            if seen.insert(near) {
                open.push_back(near);
            }
        }
    }
    Some(())
}

fn inside(rings: &[Path], place: Place) -> bool {
    let within = |longitude: f64| {
        let mut inside = false;
        for ends in rings.iter().flat_map(|ring| ring.windows(2)) {
            let (a, b) = (ends[0], ends[1]);
            let between = (a.latitude > place.latitude) != (b.latitude > place.latitude);
            let east = |up: f64| (b.longitude - a.longitude) * up / (b.latitude - a.latitude) + a.longitude;
            if between && longitude < east(place.latitude - a.latitude) {
                inside = !inside;
            }
        }
        inside
    };
    within(place.longitude) || within(place.longitude + 360.0)
}

#[cfg(test)]
mod tests {
    use super::super::geojson;
    use super::*;

    #[test]
    fn up_down_and_around() {
        let place = Place::new(-74.016, 40.7115).unwrap();
        let cell = of(place, 6).unwrap();
        assert_eq!(cell, "862a1072fffffff");
        assert_eq!(level(&cell), Some(6));
        assert_eq!(parent(&cell, Some(1)).as_deref(), Some("812a3ffffffffff"));
        assert_eq!(parent(&cell, Some(100)), None);
        assert_eq!(children(&cell, None).unwrap().len(), 7);
        assert_eq!(neighbours(&cell).unwrap().len(), 6);
        let rings = rings(&cell, 2).unwrap();
        assert_eq!(rings.iter().map(Vec::len).collect::<Vec<_>>(), [1, 6, 12]);
        assert_eq!(super::rings(&cell, 143), None);
        assert_eq!(children(&cell, Some(15)), None, "forty million cells are too many");
    }

    #[test]
    fn tokens_that_are_none() {
        for token in ["", "abc", "1", "862a1072ffffff", "zzzz"] {
            assert_eq!(level(token), None, "{token}");
        }
        assert_eq!(parent("8001fffffffffff", None), None, "the coarsest cells have no parent");
    }

    #[test]
    fn polygons_become_cells() {
        let square = |half: f64| {
            let text = format!(
                r#"{{"type":"Polygon","coordinates":[[[-{half},-{half}],[{half},-{half}],[{half},{half}],[-{half},{half}],[-{half},-{half}]]]}}"#
            );
            geojson::read(&text).unwrap()
        };
        let cells = covering(&square(0.5), 5, 0.0).unwrap();
        let area = 111.2 * 111.2;
        assert!((cells.len() as f64 * 280.0 / area - 1.0).abs() < 0.6, "{}", cells.len());
        assert!(covering(&square(0.5), 5, 50_000.0).unwrap().len() > cells.len());
        assert_eq!(covering(&square(40.0), 9, 0.0), None);
    }
}
