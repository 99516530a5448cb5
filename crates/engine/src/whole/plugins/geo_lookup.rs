//! `geo_polygon_lookup` and `geo_line_lookup`: each distinct place with the rows of the lookup table whose
//! shape holds it or is near.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use bartizan_analytics::geo::{Lines, Place, Surface, geojson};
use bartizan_kql::bound::Literal;
use datafusion::error::DataFusionError;

use super::super::{Rows, Task};
use super::ROWS_PER_CHECK;
use crate::error::QueryError;
use crate::functions::convert::to_real;
use crate::value::{Reader, Value};

/// Rows of pairs that are accounted for at a time.
const PAIR_BYTES: usize = 2 * size_of::<u32>();
/// What a shape takes besides the text it is read from, about: a vector and its projection for each place.
const BYTES_PER_TEXT_BYTE: usize = 4;
/// Pairs of a place and a shape between looks at the interrupt.
const PAIRS_PER_CHECK: usize = 1024;

/// What a place is held against.
enum Shape {
    Polygon(Surface),
    Line(Lines),
}

impl Shape {
    /// Whether a place is inside, or at most `radius` metres away.
    fn holds(&self, place: Place, radius: Option<f64>) -> bool {
        match (self, radius) {
            (Self::Polygon(surface), None) => surface.contains(place),
            (Self::Polygon(surface), Some(radius)) => surface.distance(place) <= radius,
            (Self::Line(lines), radius) => lines.distance(place) <= radius.unwrap_or(0.0),
        }
    }
}

pub(super) fn run(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let (places, table) = (&inputs[0], &inputs[1]);
    let radius = match task.constant(3)? {
        Literal::Real(radius) => Some(radius),
        Literal::Long(radius) => Some(radius as f64),
        Literal::Int(radius) => Some(f64::from(radius)),
        _ => None,
    };
    let shapes = shapes(table, &task.column(table, 2)?, task)?;
    let (longitudes, latitudes) = (task.column(places, 0)?, task.column(places, 1)?);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut looked = 0;
    for row in 0..places.len() {
        let place = to_real(&longitudes.get(row))
            .zip(to_real(&latitudes.get(row)))
            .and_then(|(longitude, latitude)| Place::new(longitude, latitude));
        let Some(place) = place else { continue };
        for (at, shape) in &shapes {
            looked += 1;
            if looked % PAIRS_PER_CHECK == 0 {
                task.interrupt().check()?;
            }
            if shape.holds(place, radius) {
                if left.len() % ROWS_PER_CHECK == 0 {
                    task.hold(ROWS_PER_CHECK * PAIR_BYTES)?;
                }
                left.push(row as u32);
                right.push(*at);
            }
        }
    }
    let (left, right) = (UInt32Array::from(left), UInt32Array::from(right));
    let picked = places.batch.columns().iter().map(|column| take(column, &left, None));
    let found = table.batch.columns().iter().map(|column| take(column, &right, None));
    Ok(picked.chain(found).collect::<Result<_, _>>().map_err(DataFusionError::from)?)
}

/// The shapes of the lookup table that are sound, and their rows.
fn shapes(table: &Rows, keys: &Reader, task: &Task<'_>) -> Result<Vec<(u32, Shape)>, QueryError> {
    let polygons = task.call().plugin == "geo_polygon_lookup";
    let mut shapes = Vec::new();
    for row in 0..table.len() {
        let (Value::Dynamic(text) | Value::String(text)) = keys.get(row) else { continue };
        task.interrupt().check()?;
        task.hold(text.len() * BYTES_PER_TEXT_BYTE)?;
        let Some(read) = geojson::read(&text) else { continue };
        let shape =
            if polygons { Surface::of(&read).map(Shape::Polygon) } else { Lines::of(&read).map(Shape::Line) };
        shapes.extend(shape.map(|shape| (row as u32, shape)));
    }
    Ok(shapes)
}
