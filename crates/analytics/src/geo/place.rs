//! Longitude and latitude, and measures between two places.

use geographiclib_rs::{Geodesic, InverseGeodesic};

use super::vector::Vector;

/// Radius of the sphere that stands for the Earth.
pub const EARTH_RADIUS_M: f64 = 6_371_010.0;

/// Longitude and latitude in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub longitude: f64,
    pub latitude: f64,
}

impl Place {
    /// A place, when both numbers are degrees that exist.
    pub fn new(longitude: f64, latitude: f64) -> Option<Self> {
        let exists = (-180.0..=180.0).contains(&longitude) && (-90.0..=90.0).contains(&latitude);
        exists.then_some(Self { longitude, latitude })
    }

    pub fn vector(self) -> Vector {
        let (lng, lat) = (self.longitude.to_radians(), self.latitude.to_radians());
        Vector { x: lat.cos() * lng.cos(), y: lat.cos() * lng.sin(), z: lat.sin() }
    }

    pub fn of(vector: Vector) -> Self {
        let latitude = vector.z.atan2(vector.x.hypot(vector.y)).to_degrees();
        Self { longitude: vector.y.atan2(vector.x).to_degrees(), latitude }
    }
}

/// Metres along the sphere, or along the WGS84 ellipsoid.
pub fn distance(a: Place, b: Place, spheroid: bool) -> f64 {
    if spheroid { ellipsoid_distance(a, b) } else { EARTH_RADIUS_M * a.vector().angle(b.vector()) }
}

fn ellipsoid_distance(a: Place, b: Place) -> f64 {
    Geodesic::wgs84().inverse(a.latitude, a.longitude, b.latitude, b.longitude)
}

/// Whether the surface distance between two places is at most `radius` metres.
pub fn in_circle(place: Place, centre: Place, radius: f64) -> Option<bool> {
    (radius > 0.0 && radius.is_finite()).then(|| distance(place, centre, false) <= radius)
}

/// The clockwise angle in radians at `a` from true north to `b`. None when the places are equal or opposite.
pub fn azimuth(a: Place, b: Place) -> Option<f64> {
    heading(a.vector(), b.vector())
}

/// The clockwise angle in radians at `b`, from the edge towards `a` to the edge towards `c`.
pub fn angle(a: Place, b: Place, c: Place) -> Option<f64> {
    let (a, b, c) = (a.vector(), b.vector(), c.vector());
    let turn = heading(b, c)? - heading(b, a)?;
    let turn = turn.rem_euclid(std::f64::consts::TAU);
    Some(if turn >= std::f64::consts::TAU { 0.0 } else { turn })
}

fn heading(from: Vector, to: Vector) -> Option<f64> {
    if same_or_opposite(from, to) {
        return None;
    }
    let east = Vector { x: -from.y, y: from.x, z: 0.0 };
    // at a pole every direction is south or north; east is then taken along the 90th meridian
    let east = if east.norm() < 1e-15 { Vector { x: 0.0, y: 1.0, z: 0.0 } } else { east.unit() };
    let north = from.cross(east);
    let turn = to.dot(east).atan2(to.dot(north));
    Some(turn.rem_euclid(std::f64::consts::TAU))
}

/// Whether two places have no single shortest edge between them.
pub(super) fn same_or_opposite(a: Vector, b: Vector) -> bool {
    a == b || a.cross(b).norm() < 1e-15
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(longitude: f64, latitude: f64) -> Place {
        Place::new(longitude, latitude).unwrap()
    }

    #[test]
    fn one_degree_along_the_equator() {
        let metres = distance(place(0.0, 0.0), place(1.0, 0.0), false);
        assert!((metres - EARTH_RADIUS_M.to_radians()).abs() < 1e-6);
        let metres = distance(place(0.0, 0.0), place(1.0, 0.0), true);
        assert!((metres - 111_319.490_793).abs() < 1e-5, "{metres}");
    }

    #[test]
    fn azimuths_of_the_four_winds() {
        let turn = |b: Place| azimuth(place(0.0, 0.0), b).unwrap().to_degrees();
        assert!((turn(place(0.0, 1.0)) - 0.0).abs() < 1e-9);
        assert!((turn(place(1.0, 0.0)) - 90.0).abs() < 1e-9);
        assert!((turn(place(0.0, -1.0)) - 180.0).abs() < 1e-9);
        assert!((turn(place(-1.0, 0.0)) - 270.0).abs() < 1e-9);
        assert_eq!(azimuth(place(5.0, 5.0), place(5.0, 5.0)), None);
        assert_eq!(azimuth(place(0.0, 0.0), place(180.0, 0.0)), None);
    }

    #[test]
    fn degrees_that_do_not_exist() {
        assert_eq!(Place::new(180.5, 0.0), None);
        assert_eq!(Place::new(0.0, -91.0), None);
        assert_eq!(Place::new(f64::NAN, 0.0), None);
    }

    #[test]
    fn vectors_and_back() {
        for (lng, lat) in [(0.0, 0.0), (-73.98, 40.75), (180.0, 10.0), (12.0, -89.5)] {
            let back = Place::of(place(lng, lat).vector());
            assert!((back.longitude - lng).abs() < 1e-12 && (back.latitude - lat).abs() < 1e-12);
        }
    }
}
