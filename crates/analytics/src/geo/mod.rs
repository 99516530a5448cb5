//! Points, lines, polygons and grid cells on the sphere.
//!
//! [`geojson`] and [`wkt`] read shapes as they are written; [`Lines`] and [`Surface`] are shapes checked to be
//! sound; everything else measures, combines or changes those. What is not sound gives None, never a panic, and
//! what would grow too large does too.

mod arc;
pub mod buffer;
pub mod clip;
pub mod densify;
pub mod geohash;
pub mod geojson;
pub mod h3;
mod line;
mod net;
pub mod overlay;
pub mod place;
pub mod s2;
pub mod shape;
pub mod simplify;
mod surface;
mod vector;
pub mod wkt;

pub use line::Lines;
pub use place::Place;
pub use shape::Shape;
pub use surface::Surface;
