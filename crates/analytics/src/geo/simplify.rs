//! Fewer places for nearly the same shape (Douglas and Peucker).

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use super::arc::Arc;
use super::line::Lines;
use super::overlay;
use super::place::EARTH_RADIUS_M;
use super::surface::{Part, Ring, Surface};
use super::vector::Vector;

/// Largest tolerance in metres.
const TOLERANCE_M_MAX: f64 = 7_800_000.0;

fn angle(tolerance: f64) -> Option<f64> {
    (0.0..=TOLERANCE_M_MAX).contains(&tolerance).then_some(tolerance / EARTH_RADIUS_M)
}

/// Lines with places left out that lie within `tolerance` metres of the line without them. None when nothing
/// is left.
pub fn lines(lines: &Lines, tolerance: f64) -> Option<Lines> {
    let tolerance = angle(tolerance)?;
    let chains = lines.chains.iter().map(|chain| thinned(chain, tolerance)).filter(|chain| {
        let longest = chain.iter().map(|place| place.angle(chain[0])).fold(0.0, f64::max);
        longest > tolerance
    });
    let chains: Vec<_> = chains.collect();
    (!chains.is_empty()).then_some(Lines { chains })
}

/// Polygons, the same way. Borders that several polygons share stay shared. None when nothing is left.
pub fn surfaces<S: Borrow<Surface>>(surfaces: &[S], tolerance: f64) -> Option<Surface> {
    let tolerance = angle(tolerance)?;
    let parts: Vec<&Part> = surfaces.iter().flat_map(|surface| &surface.borrow().parts).collect();
    let fixed = junctions(parts.iter().flat_map(|part| &part.rings));
    let mut kept: Vec<Part> = Vec::new();
    for part in parts {
        let rings: Vec<Option<Ring>> =
            part.rings.iter().map(|ring| thinned_ring(ring, &fixed, tolerance)).collect();
        // without its shell a polygon is gone, without a hole it is not
        if rings.first().is_some_and(Option::is_some) {
            kept.push(Part::of_rings(rings.into_iter().flatten().collect()));
        }
    }
    match kept.len() {
        0 => None,
        1 => Some(Surface { parts: kept }),
        _ => overlay::union(&kept),
    }
}

type Key = [u64; 3];

fn key(place: Vector) -> Key {
    [place.x.to_bits(), place.y.to_bits(), place.z.to_bits()]
}

/// Places whose neighbours differ from ring to ring: where shared borders begin and end.
fn junctions<'a>(rings: impl Iterator<Item = &'a Ring>) -> BTreeSet<Key> {
    let mut neighbours: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for ring in rings {
        for at in 0..ring.len() {
            let next = (at + 1) % ring.len();
            neighbours.entry(key(ring[at])).or_default().insert(key(ring[next]));
            neighbours.entry(key(ring[next])).or_default().insert(key(ring[at]));
        }
    }
    neighbours.into_iter().filter(|(_, around)| around.len() > 2).map(|(place, _)| place).collect()
}

fn thinned_ring(ring: &Ring, fixed: &BTreeSet<Key>, tolerance: f64) -> Option<Ring> {
    let mut stops: Vec<usize> = (0..ring.len()).filter(|at| fixed.contains(&key(ring[*at]))).collect();
    if stops.len() < 2 {
        // the same two places whichever ring the border is seen from: the least, and the farthest from it
        let least = stops.first().copied().or_else(|| {
            (0..ring.len())
                .min_by(|a, b| ring[*a].x.total_cmp(&ring[*b].x).then(ring[*a].y.total_cmp(&ring[*b].y)))
        })?;
        let farthest = (0..ring.len())
            .max_by(|a, b| ring[*a].angle(ring[least]).total_cmp(&ring[*b].angle(ring[least])))?;
        stops = vec![least.min(farthest), least.max(farthest)];
        stops.dedup();
    }
    let mut thin = Vec::new();
    for (at, &from) in stops.iter().enumerate() {
        let to = stops[(at + 1) % stops.len()];
        let count = (to + ring.len() - from - 1) % ring.len() + 1;
        let chain: Vec<Vector> = (0..=count).map(|step| ring[(from + step) % ring.len()]).collect();
        let chain = thinned(&chain, tolerance);
        thin.extend_from_slice(&chain[..chain.len() - 1]);
    }
    // the first place stays first where it is kept
    if let Some(first) = thin.iter().position(|place| *place == ring[0]) {
        thin.rotate_left(first);
    }
    let wide = thin.iter().map(|place| place.angle(thin[0])).fold(0.0, f64::max) > tolerance;
    (thin.len() >= 3 && wide).then_some(thin)
}

/// Both ends, and between them what is farther than `tolerance` from the edge that would replace it.
fn thinned(chain: &[Vector], tolerance: f64) -> Vec<Vector> {
    let mut kept = vec![false; chain.len()];
    let mut open = vec![(0, chain.len() - 1)];
    while let Some((from, to)) = open.pop() {
        kept[from] = true;
        kept[to] = true;
        let arc = Arc { a: chain[from], b: chain[to] };
        let far = (from + 1..to)
            .map(|at| (at, arc.distance(chain[at])))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|(_, distance)| *distance > tolerance);
        if let Some((at, _)) = far {
            open.extend([(from, at), (at, to)]);
        }
    }
    chain.iter().zip(kept).filter(|(_, kept)| *kept).map(|(place, _)| *place).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{geojson, shape::Shape};
    use super::*;

    fn line(text: &str, tolerance: f64) -> Option<usize> {
        let shape = geojson::read(&format!(r#"{{"type":"LineString","coordinates":{text}}}"#)).unwrap();
        lines(&Lines::of(&shape).unwrap(), tolerance).map(|lines| lines.chains[0].len())
    }

    #[test]
    fn nearly_straight_lines_lose_their_middle() {
        assert_eq!(line("[[0,0],[1,0.00001],[2,0]]", 10.0), Some(2));
        assert_eq!(line("[[0,0],[1,0.1],[2,0]]", 10.0), Some(3));
        assert_eq!(line("[[0,0],[0.1,0]]", 100_000.0), None);
        assert_eq!(line("[[0,0],[1,0]]", -1.0), None);
    }

    #[test]
    fn neighbours_stay_neighbours() {
        let polygon = |text: &str| {
            let shape = geojson::read(&format!(r#"{{"type":"Polygon","coordinates":[{text}]}}"#)).unwrap();
            Surface::of(&shape).unwrap()
        };
        let west = polygon("[[0,0],[1,0],[1.00001,0.5],[1,1],[0,1],[0,0]]");
        let east = polygon("[[1,0],[2,0],[2,1],[1,1],[1.00001,0.5],[1,0]]");
        let both = surfaces(&[west, east], 10.0).unwrap();
        let Shape::Polygon(rings) = both.shape() else { panic!("no gap is left between neighbours") };
        assert_eq!(rings.len(), 1);
    }
}
