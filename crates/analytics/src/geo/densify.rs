//! Planar edges as chains of edges on the sphere.
//!
//! In most files an edge is a straight line of longitude and latitude. Places are added until the chain of
//! great-circle edges stays within a tolerance of that line.

use super::arc::Arc;
use super::place::{EARTH_RADIUS_M, Place};
use super::shape::{Path, Shape};

/// Tolerances in metres that are accepted.
const TOLERANCE_M: std::ops::RangeInclusive<f64> = 0.1..=10_000.0;
/// Places that a densified shape may have.
const PLACES_MAX: usize = 10_485_760;

/// Where along an edge the two courses differ about as much as they ever do, and what part of the largest
/// difference is seen there: the difference has the form of a cubic in the course of an edge.
const PROBE: f64 = 0.312_156_910_822_482_8;
const SEEN: f64 = 0.838_299_925_698_885_1;

/// Adds places to lines or polygons. Without `keep_crossing`, an edge over the antimeridian goes the short
/// way. None when the tolerance is not accepted or too many places would be needed.
pub fn densify(shape: &Shape, tolerance: f64, keep_crossing: bool) -> Option<Shape> {
    if !TOLERANCE_M.contains(&tolerance) {
        return None;
    }
    let mut work = Work { tolerance: tolerance / EARTH_RADIUS_M * SEEN, keep_crossing, left: PLACES_MAX };
    Some(match shape {
        Shape::Line(path) => Shape::Line(work.path(path)?),
        Shape::MultiLine(paths) => Shape::MultiLine(work.paths(paths)?),
        Shape::Polygon(rings) => Shape::Polygon(work.paths(rings)?),
        Shape::MultiPolygon(polygons) => {
            Shape::MultiPolygon(polygons.iter().map(|rings| work.paths(rings)).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

struct Work {
    tolerance: f64,
    keep_crossing: bool,
    left: usize,
}

impl Work {
    fn paths(&mut self, paths: &[Path]) -> Option<Vec<Path>> {
        paths.iter().map(|path| self.path(path)).collect()
    }

    fn path(&mut self, path: &Path) -> Option<Path> {
        let mut out: Path = path.first().copied().into_iter().collect();
        for ends in path.windows(2) {
            self.edge(ends[0], ends[1], &mut out)?;
        }
        Some(out)
    }

    fn edge(&mut self, from: Place, to: Place, out: &mut Path) -> Option<()> {
        // unrolled: the end may lie beyond 180 degrees, seen from the start
        let mut end = to;
        if !self.keep_crossing {
            if end.longitude - from.longitude > 180.0 {
                end.longitude -= 360.0;
            } else if end.longitude - from.longitude < -180.0 {
                end.longitude += 360.0;
            }
        }
        // halves still to be looked at, the nearest to the start on top
        let mut open = vec![(from, end)];
        while let Some((a, b)) = open.pop() {
            self.left = self.left.checked_sub(1)?;
            if self.error(a, b) <= self.tolerance {
                out.push(wrapped(b));
                continue;
            }
            let middle = between(a, b, 0.5);
            open.extend([(middle, b), (a, middle)]);
        }
        // exactly as given
        if let Some(last) = out.last_mut() {
            *last = to;
        }
        Some(())
    }

    /// How far apart the planar and the spherical edge are, where it is most.
    fn error(&self, a: Place, b: Place) -> f64 {
        let arc = Arc { a: a.vector(), b: b.vector() };
        if arc.a.dot(arc.b) < -1e-14 {
            return f64::INFINITY;
        }
        let apart = |fraction: f64| arc.at(fraction).angle(between(a, b, fraction).vector());
        if arc.a == arc.b { 0.0 } else { apart(PROBE).max(apart(1.0 - PROBE)) }
    }
}

fn between(a: Place, b: Place, fraction: f64) -> Place {
    let mix = |a: f64, b: f64| a + (b - a) * fraction;
    Place { longitude: mix(a.longitude, b.longitude), latitude: mix(a.latitude, b.latitude) }
}

fn wrapped(place: Place) -> Place {
    let longitude = match place.longitude {
        east if east > 180.0 => east - 360.0,
        west if west < -180.0 => west + 360.0,
        inside => inside,
    };
    Place { longitude, ..place }
}

#[cfg(test)]
mod tests {
    use super::super::geojson;
    use super::*;

    fn check(coordinates: &str, tolerance: f64, wanted: Option<&str>) {
        let text = |coordinates: &str| format!(r#"{{"type":"LineString","coordinates":{coordinates}}}"#);
        let found = densify(&geojson::read(&text(coordinates)).unwrap(), tolerance, false);
        assert_eq!(found.map(|shape| geojson::write(&shape)), wanted.map(text));
    }

    #[test]
    fn meridians_are_straight_and_parallels_are_not() {
        check("[[0,0],[0,40]]", 10.0, Some("[[0,0],[0,40]]"));
        check("[[0,60],[1,60]]", 100.0, Some("[[0,60],[0.5,60],[1,60]]"));
        check("[[0,0],[1,1]]", 0.0, None);
        check("[[179.5,60],[-179.5,60]]", 100.0, Some("[[179.5,60],[180,60],[-179.5,60]]"));
    }
}
