//! Shapes as GeoJSON and WKT describe them: lists of places, not yet checked to be sound.

use super::place::Place;
use super::vector::Vector;

/// Places of a line, or of a closed ring (the first again at the end).
pub type Path = Vec<Place>;

/// A GeoJSON geometry.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Point(Place),
    MultiPoint(Path),
    Line(Path),
    MultiLine(Vec<Path>),
    /// The shell, then holes.
    Polygon(Vec<Path>),
    MultiPolygon(Vec<Vec<Path>>),
    Collection(Vec<Shape>),
}

impl Shape {
    pub fn point(vector: Vector) -> Self {
        Self::Point(Place::of(vector))
    }

    /// One line, several, or none as an empty collection.
    pub fn lines(mut lines: Vec<Path>) -> Self {
        match lines.len() {
            0 => Self::Collection(Vec::new()),
            1 => Self::Line(lines.remove(0)),
            _ => Self::MultiLine(lines),
        }
    }

    /// One polygon, several, or none as an empty collection.
    pub fn polygons(mut polygons: Vec<Vec<Path>>) -> Self {
        match polygons.len() {
            0 => Self::Collection(Vec::new()),
            1 => Self::Polygon(polygons.remove(0)),
            _ => Self::MultiPolygon(polygons),
        }
    }

    /// Parts of several dimensions as one shape: the part itself when there is one.
    pub fn collected(mut parts: Vec<Shape>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::Collection(parts) }
    }
}

/// Places of a chain of vectors.
pub(super) fn path(vectors: &[Vector]) -> Path {
    vectors.iter().map(|vector| Place::of(*vector)).collect()
}

/// A chain of places as vectors.
pub(super) fn vectors(path: &[Place]) -> Vec<Vector> {
    path.iter().map(|place| place.vector()).collect()
}
