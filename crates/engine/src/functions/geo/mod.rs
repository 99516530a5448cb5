//! Places, lines and polygons on the globe. The geometry is `bartizan_analytics::geo`'s; here arguments are
//! read and results written.

mod cells;
mod lines;
mod points;
mod polygons;
mod recent;

use bartizan_analytics::geo::{Lines, Place, Shape, Surface, geojson};

pub(crate) use recent::Shapes;

use super::convert::to_real;
use super::dynamic;
use super::kernel::Entry;
use crate::value::Value;

/// The families of this module.
pub(super) const FAMILIES: &[&[Entry]] =
    &[points::FUNCTIONS, lines::FUNCTIONS, polygons::FUNCTIONS, cells::FUNCTIONS];

/// Tolerance in metres when a query gives none.
const TOLERANCE_M: f64 = 10.0;

/// A number, also one inside a dynamic.
fn number(value: Option<&Value<'_>>) -> Option<f64> {
    to_real(&dynamic::unwrap_ref(value?))
}

/// A number, or `default` when the argument was left out.
fn number_or(value: Option<&Value<'_>>, default: f64) -> Option<f64> {
    if value.is_none() { Some(default) } else { number(value) }
}

/// A whole number, or `default` when the argument was left out. A fraction counts as no number.
fn whole_or(value: Option<&Value<'_>>, default: i64) -> Option<i64> {
    let value = number_or(value, default as f64)?;
    (value.fract() == 0.0 && value.abs() < 1e9).then_some(value as i64)
}

/// Whether an optional flag is set.
fn flag(value: Option<&Value<'_>>) -> bool {
    matches!(value.map(dynamic::unwrap_ref), Some(Value::Bool(true)))
}

/// The place whose longitude and latitude start at an argument.
fn place(args: &[Value<'_>], at: usize) -> Option<Place> {
    Place::new(number(args.get(at))?, number(args.get(at + 1))?)
}

/// The JSON text of an argument.
fn json<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    match value {
        Value::Dynamic(text) | Value::String(text) => Some(text),
        _ => None,
    }
}

fn surface(value: &Value<'_>) -> Option<Surface> {
    Surface::of(&geojson::read(json(value)?)?)
}

fn lines(value: &Value<'_>) -> Option<Lines> {
    Lines::of(&geojson::read(json(value)?)?)
}

fn text<'a>(value: &Value<'a>) -> Option<std::borrow::Cow<'a, str>> {
    match dynamic::unwrap_ref(value) {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn real<'a>(value: Option<f64>) -> Value<'a> {
    value.filter(|value| value.is_finite()).map_or(Value::Null, Value::Real)
}

fn truth<'a>(value: Option<bool>) -> Value<'a> {
    value.map_or(Value::Null, Value::Bool)
}

fn shape<'a>(value: Option<Shape>) -> Value<'a> {
    value.map_or(Value::Null, |shape| Value::dynamic(geojson::write(&shape)))
}

fn point<'a>(value: Option<Place>) -> Value<'a> {
    shape(value.map(Shape::Point))
}

fn token<'a>(value: Option<String>) -> Value<'a> {
    value.map_or(Value::Null, Value::string)
}

/// An array of tokens, which hold nothing that JSON would escape.
fn tokens<'a>(value: Option<Vec<String>>) -> Value<'a> {
    value.map_or(Value::Null, |tokens| Value::dynamic(array(&tokens)))
}

fn array(tokens: &[String]) -> String {
    let quoted: Vec<String> = tokens.iter().map(|token| format!("\"{token}\"")).collect();
    format!("[{}]", quoted.join(","))
}
