//! One edge: the shortest arc between two places.

use super::vector::{Vector, side};

/// Places closer than this (radians; some micrometres) are one place. Cells and clipped shapes that share a
/// border compute it in several ways, and the last digits differ.
pub(super) const SAME_RAD: f64 = 1e-12;

/// An edge from `a` to `b`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arc {
    pub a: Vector,
    pub b: Vector,
}

impl Arc {
    pub fn length(self) -> f64 {
        self.a.angle(self.b)
    }

    /// The place at a fraction of the way.
    pub fn at(self, fraction: f64) -> Vector {
        self.at_angle(fraction * self.length())
    }

    /// The place that many radians from the start.
    pub fn at_angle(self, angle: f64) -> Vector {
        let onward = self.a.left_of(self.b).cross(self.a).unit();
        (self.a * angle.cos() + onward * angle.sin()).unit()
    }

    /// The place on the edge that is nearest to `place`.
    pub fn closest(self, place: Vector) -> Vector {
        let normal = self.a.left_of(self.b);
        if normal == Vector::ZERO {
            return self.a;
        }
        let after_start = normal.cross(self.a).dot(place) > 0.0;
        let before_end = self.b.cross(normal).dot(place) > 0.0;
        if after_start && before_end {
            let inside = (place - normal * place.dot(normal)).unit();
            if inside != Vector::ZERO {
                return inside;
            }
        }
        if (place - self.a).norm() <= (place - self.b).norm() { self.a } else { self.b }
    }

    /// Radians from `place` to the edge.
    pub fn distance(self, place: Vector) -> f64 {
        place.angle(self.closest(place))
    }

    /// Where two edges cross at a place inside both.
    pub fn crossing(self, other: Self) -> Option<Vector> {
        let (c, d) = (other.a, other.b);
        let (left_c, left_d) = (side(self.a, self.b, c), side(self.a, self.b, d));
        let (left_a, left_b) = (side(c, d, self.a), side(c, d, self.b));
        if left_c * left_d >= 0.0 || left_a * left_b >= 0.0 || (left_c > 0.0) == (left_a > 0.0) {
            return None;
        }
        let found = self.a.left_of(self.b).cross(c.left_of(d)).unit();
        // the planes meet at two opposite places
        let towards = self.a + self.b + c + d;
        Some(if found.dot(towards) < 0.0 { -found } else { found })
    }

    /// Smallest and largest coordinate of the edge along each axis; an arc bulges out of the box of its ends.
    pub(super) fn bounds(self) -> [(f64, f64); 3] {
        let gap = (self.b - self.a).norm();
        // the height of the arc over its chord, and a margin for what counts as the same place
        let bulge = 1.0 - (1.0 - gap * gap / 4.0).max(0.0).sqrt() + 2.0 * SAME_RAD;
        let axis = |a: f64, b: f64| (a.min(b) - bulge, a.max(b) + bulge);
        [axis(self.a.x, self.b.x), axis(self.a.y, self.b.y), axis(self.a.z, self.b.z)]
    }
}

/// Pairs of edges, by position, that may meet: their boxes overlap. `wanted` says which pairs matter.
/// None when there are more than `limit` pairs.
pub(super) fn near_pairs(
    arcs: &[Arc],
    limit: usize,
    wanted: impl Fn(usize, usize) -> bool,
) -> Option<Vec<(usize, usize)>> {
    let bounds: Vec<_> = arcs.iter().map(|arc| arc.bounds()).collect();
    let mut order: Vec<usize> = (0..arcs.len()).collect();
    order.sort_by(|a, b| bounds[*a][0].0.total_cmp(&bounds[*b][0].0));
    let mut pairs = Vec::new();
    for (at, &first) in order.iter().enumerate() {
        for &second in &order[at + 1..] {
            if bounds[second][0].0 > bounds[first][0].1 {
                break;
            }
            let overlap = (1..3).all(|axis| {
                bounds[first][axis].0 <= bounds[second][axis].1
                    && bounds[second][axis].0 <= bounds[first][axis].1
            });
            if overlap && wanted(first, second) {
                if pairs.len() >= limit {
                    return None;
                }
                pairs.push((first.min(second), first.max(second)));
            }
        }
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::super::place::Place;
    use super::*;

    fn at(longitude: f64, latitude: f64) -> Vector {
        Place::new(longitude, latitude).unwrap().vector()
    }

    #[test]
    fn equator_and_meridian_cross_at_zero() {
        let equator = Arc { a: at(-10.0, 0.0), b: at(10.0, 0.0) };
        let meridian = Arc { a: at(0.0, -10.0), b: at(0.0, 10.0) };
        let crossing = Place::of(equator.crossing(meridian).unwrap());
        assert!(crossing.longitude.abs() < 1e-12 && crossing.latitude.abs() < 1e-12);
        let far = Arc { a: at(20.0, -10.0), b: at(20.0, 10.0) };
        assert_eq!(equator.crossing(far), None);
        let opposite = Arc { a: at(180.0, -10.0), b: at(180.0, 10.0) };
        assert_eq!(equator.crossing(opposite), None);
    }

    #[test]
    fn closest_is_inside_or_an_end() {
        let equator = Arc { a: at(0.0, 0.0), b: at(10.0, 0.0) };
        assert!((equator.distance(at(5.0, 1.0)).to_degrees() - 1.0).abs() < 1e-9);
        assert_eq!(equator.closest(at(-5.0, 1.0)), at(0.0, 0.0));
        assert!((equator.distance(at(13.0, 0.0)).to_degrees() - 3.0).abs() < 1e-9);
    }

    #[test]
    fn fractions_of_the_way() {
        let equator = Arc { a: at(0.0, 0.0), b: at(10.0, 0.0) };
        assert!((Place::of(equator.at(0.25)).longitude - 2.5).abs() < 1e-12);
    }
}
