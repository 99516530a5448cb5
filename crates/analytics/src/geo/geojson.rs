//! GeoJSON geometries (RFC 7946) as text, in and out.

use serde_json::Value;

use super::place::Place;
use super::shape::{Path, Shape};

/// Collections inside collections that are read; deeper ones are refused.
const DEPTH_MAX: usize = 16;

/// Reads a geometry. None when it is not GeoJSON or has coordinates that do not exist.
pub fn read(text: &str) -> Option<Shape> {
    shape(&serde_json::from_str(text).ok()?, 0)
}

/// Reads an array of geometries.
pub fn read_array(text: &str) -> Option<Vec<Shape>> {
    let Value::Array(items) = serde_json::from_str(text).ok()? else { return None };
    items.iter().map(|item| shape(item, 0)).collect()
}

fn shape(value: &Value, depth: usize) -> Option<Shape> {
    let at = || value.get("coordinates");
    Some(match value.get("type")?.as_str()? {
        "Point" => Shape::Point(place(at()?)?),
        "MultiPoint" => Shape::MultiPoint(path(at()?)?),
        "LineString" => Shape::Line(path(at()?)?),
        "MultiLineString" => Shape::MultiLine(list(at()?, path)?),
        "Polygon" => Shape::Polygon(list(at()?, path)?),
        "MultiPolygon" => Shape::MultiPolygon(list(at()?, |polygon| list(polygon, path))?),
        "GeometryCollection" if depth < DEPTH_MAX => {
            Shape::Collection(list(value.get("geometries")?, |inner| shape(inner, depth + 1))?)
        }
        _ => return None,
    })
}

fn list<T>(value: &Value, each: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(each).collect()
}

fn path(value: &Value) -> Option<Path> {
    list(value, place)
}

/// A third coordinate, the height, is allowed and passed over.
fn place(value: &Value) -> Option<Place> {
    let numbers = value.as_array()?;
    if numbers.len() < 2 {
        return None;
    }
    Place::new(numbers[0].as_f64()?, numbers[1].as_f64()?)
}

/// Writes a geometry.
pub fn write(shape: &Shape) -> String {
    let mut out = String::new();
    push_shape(shape, &mut out);
    out
}

fn push_shape(shape: &Shape, out: &mut String) {
    let (kind, member) = match shape {
        Shape::Point(_) => ("Point", "coordinates"),
        Shape::MultiPoint(_) => ("MultiPoint", "coordinates"),
        Shape::Line(_) => ("LineString", "coordinates"),
        Shape::MultiLine(_) => ("MultiLineString", "coordinates"),
        Shape::Polygon(_) => ("Polygon", "coordinates"),
        Shape::MultiPolygon(_) => ("MultiPolygon", "coordinates"),
        Shape::Collection(_) => ("GeometryCollection", "geometries"),
    };
    out.push_str(&format!("{{\"type\":\"{kind}\",\"{member}\":"));
    match shape {
        Shape::Point(place) => push_place(place, out),
        Shape::MultiPoint(path) | Shape::Line(path) => push_path(path, out),
        Shape::MultiLine(paths) | Shape::Polygon(paths) => push_list(paths, out, push_path),
        Shape::MultiPolygon(polygons) => push_list(polygons, out, |paths, out| {
            push_list(paths, out, push_path);
        }),
        Shape::Collection(shapes) => push_list(shapes, out, push_shape),
    }
    out.push('}');
}

fn push_list<T>(items: &[T], out: &mut String, each: impl Fn(&T, &mut String)) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(']');
}

fn push_path(path: &Path, out: &mut String) {
    push_list(path, out, push_place);
}

fn push_place(place: &Place, out: &mut String) {
    // the shortest form that reads back the same; whole numbers have no fraction
    out.push_str(&format!("[{},{}]", positive_zero(place.longitude), positive_zero(place.latitude)));
}

fn positive_zero(number: f64) -> f64 {
    if number == 0.0 { 0.0 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written() {
        for text in [
            r#"{"type":"Point","coordinates":[1,2.5]}"#,
            r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#,
            r#"{"type":"MultiPolygon","coordinates":[[[[0,0],[2,0],[2,2],[0,0]]]]}"#,
            r#"{"type":"GeometryCollection","geometries":[{"type":"MultiPoint","coordinates":[[-0.5,0]]}]}"#,
        ] {
            assert_eq!(write(&read(text).unwrap()), text);
        }
    }

    #[test]
    fn what_is_no_geometry() {
        for text in [
            "",
            "7",
            "{}",
            r#"{"type":"Point"}"#,
            r#"{"type":"Point","coordinates":[500,0]}"#,
            r#"{"type":"Point","coordinates":["a","b"]}"#,
            r#"{"type":"Circle","coordinates":[0,0]}"#,
            r#"{"type":"Polygon","coordinates":[1]}"#,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
