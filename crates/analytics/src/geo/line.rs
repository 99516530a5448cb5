//! Lines: chains of edges on the sphere.

use super::arc::Arc;
use super::place::{EARTH_RADIUS_M, Place, distance, same_or_opposite};
use super::shape::{Shape, path, vectors};
use super::vector::Vector;

/// One or several sound lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    pub(super) chains: Vec<Vec<Vector>>,
}

impl Lines {
    /// The lines of a shape. None when it is no line, or has one with fewer than two places or with an edge of
    /// no certain course.
    pub fn of(shape: &Shape) -> Option<Self> {
        let paths = match shape {
            Shape::Line(path) => std::slice::from_ref(path),
            Shape::MultiLine(paths) => paths,
            _ => return None,
        };
        let chains: Vec<Vec<Vector>> = paths.iter().map(|path| vectors(path)).collect();
        let sound = |chain: &Vec<Vector>| {
            chain.len() >= 2 && chain.windows(2).all(|ends| !same_or_opposite(ends[0], ends[1]))
        };
        (!chains.is_empty() && chains.iter().all(sound)).then_some(Self { chains })
    }

    /// The lines as a shape.
    pub fn shape(&self) -> Shape {
        Shape::lines(self.chains.iter().map(|chain| path(chain)).collect())
    }

    /// Edges in order.
    pub fn arcs(&self) -> impl Iterator<Item = Arc> {
        self.chains.iter().flat_map(|chain| chain.windows(2).map(|ends| Arc { a: ends[0], b: ends[1] }))
    }

    /// Metres along all lines.
    pub fn length(&self) -> f64 {
        EARTH_RADIUS_M * self.arcs().map(Arc::length).sum::<f64>()
    }

    /// Metres from a place.
    pub fn distance(&self, place: Place) -> f64 {
        let place = place.vector();
        EARTH_RADIUS_M * self.arcs().map(|arc| arc.distance(place)).fold(f64::INFINITY, f64::min)
    }

    /// The nearest place on the lines.
    pub fn closest(&self, place: Place) -> Option<Place> {
        let place = place.vector();
        closest(self.arcs(), place).map(Place::of)
    }

    /// The centre of mass, brought to the surface.
    pub fn centroid(&self) -> Option<Place> {
        let weighted = self.arcs().map(|arc| {
            // the integral of the position along an arc points at its middle and is as long as its chord
            (arc.a + arc.b).unit() * (arc.b - arc.a).norm()
        });
        let sum = weighted.fold(Vector::ZERO, |sum, part| sum + part);
        (sum.norm() > 0.0).then(|| Place::of(sum))
    }

    /// The place at a fraction of one line's length.
    pub fn interpolate(&self, fraction: f64) -> Option<Place> {
        let [chain] = self.chains.as_slice() else { return None };
        if !(0.0..=1.0).contains(&fraction) {
            return None;
        }
        let mut left = fraction * self.arcs().map(Arc::length).sum::<f64>();
        for arc in self.arcs() {
            let length = arc.length();
            if left <= length {
                return Some(Place::of(arc.at_angle(left)));
            }
            left -= length;
        }
        chain.last().map(|end| Place::of(*end))
    }

    /// What fraction of one line's length lies before the place on it that is nearest to `place`.
    pub fn locate(&self, place: Place, spheroid: bool) -> Option<f64> {
        if self.chains.len() != 1 {
            return None;
        }
        let place = place.vector();
        let measure = |a: Vector, b: Vector| distance(Place::of(a), Place::of(b), spheroid);
        let (mut length, mut before, mut nearest) = (0.0, 0.0, f64::INFINITY);
        for arc in self.arcs() {
            let found = arc.closest(place);
            let gap = place.angle(found);
            if gap < nearest {
                nearest = gap;
                before = length + measure(arc.a, found);
            }
            length += measure(arc.a, arc.b);
        }
        Some((before / length).clamp(0.0, 1.0))
    }
}

/// The place on the edges that is nearest to `place`; the first of equally near ones.
pub(super) fn closest(arcs: impl Iterator<Item = Arc>, place: Vector) -> Option<Vector> {
    let mut best: Option<(f64, Vector)> = None;
    for arc in arcs {
        let found = arc.closest(place);
        let gap = (found - place).norm();
        if best.is_none_or(|(least, _)| gap < least) {
            best = Some((gap, found));
        }
    }
    best.map(|(_, found)| found)
}

#[cfg(test)]
mod tests {
    use super::super::geojson;
    use super::*;

    fn lines(coordinates: &str) -> Option<Lines> {
        Lines::of(&geojson::read(&format!(r#"{{"type":"LineString","coordinates":{coordinates}}}"#))?)
    }

    #[test]
    fn measures_along_the_equator() {
        let line = lines("[[0,0],[2,0],[4,0]]").unwrap();
        assert!((line.length() - 4.0_f64.to_radians() * EARTH_RADIUS_M).abs() < 1e-6);
        assert!((line.centroid().unwrap().longitude - 2.0).abs() < 1e-9);
        assert!((line.interpolate(0.75).unwrap().longitude - 3.0).abs() < 1e-9);
        let nearby = Place::new(3.0, 0.1).unwrap();
        assert!((line.locate(nearby, false).unwrap() - 0.75).abs() < 1e-9);
        assert!((line.locate(nearby, true).unwrap() - 0.75).abs() < 1e-5);
        assert!((line.distance(nearby) - 0.1_f64.to_radians() * EARTH_RADIUS_M).abs() < 1e-6);
        assert_eq!(line.interpolate(1.5), None);
    }

    #[test]
    fn lines_that_are_none() {
        for coordinates in ["[]", "[[1,1]]", "[[1,1],[1,1]]", "[[0,0],[180,0]]", "[[1,1],[200,1]]"] {
            assert_eq!(lines(coordinates), None, "{coordinates}");
        }
    }
}
