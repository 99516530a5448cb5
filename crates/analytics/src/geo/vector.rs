//! Places as unit vectors from the Earth's centre: on a sphere an edge is then a plane through the centre,
//! and neither the poles nor the antimeridian need care.

use std::ops::{Add, Mul, Neg, Sub};

/// A vector in space. Places have length one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vector {
    pub x: f64,
    pub y: f64,
    pub z: f64,
}

impl Vector {
    pub const ZERO: Self = Self { x: 0.0, y: 0.0, z: 0.0 };

    pub fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub fn cross(self, other: Self) -> Self {
        Self {
            x: self.y * other.z - self.z * other.y,
            y: self.z * other.x - self.x * other.z,
            z: self.x * other.y - self.y * other.x,
        }
    }

    pub fn norm(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The same direction with length one; zero stays zero.
    pub fn unit(self) -> Self {
        let norm = self.norm();
        if norm > 0.0 { self * (1.0 / norm) } else { self }
    }

    /// The angle between two vectors, in radians, exact for tiny and for flat angles alike.
    pub fn angle(self, other: Self) -> f64 {
        self.cross(other).norm().atan2(self.dot(other))
    }

    /// The unit normal of the plane through an edge, on its left side. Sum and difference are used because
    /// the plain product of two close vectors loses half of its digits.
    pub fn left_of(self, to: Self) -> Self {
        (self + to).cross(to - self).unit()
    }

    /// A unit vector at a right angle to this one.
    pub fn orthogonal(self) -> Self {
        let axis =
            if self.x.abs() < 0.6 { Self { x: 1.0, ..Self::ZERO } } else { Self { y: 1.0, ..Self::ZERO } };
        self.cross(axis).unit()
    }
}

/// Six times the volume of the tetrahedron with the centre: positive when `c` is left of the edge from `a` to
/// `b`.
pub(super) fn side(a: Vector, b: Vector, c: Vector) -> f64 {
    (b - a).cross(c - a).dot(a)
}

impl Add for Vector {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y, z: self.z + other.z }
    }
}

impl Sub for Vector {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y, z: self.z - other.z }
    }
}

impl Mul<f64> for Vector {
    type Output = Self;

    fn mul(self, by: f64) -> Self {
        Self { x: self.x * by, y: self.y * by, z: self.z * by }
    }
}

impl Neg for Vector {
    type Output = Self;

    fn neg(self) -> Self {
        self * -1.0
    }
}
