//! Grid cells: geohash, S2 and H3.

use bartizan_analytics::geo::{geohash, geojson, h3, s2};

use super::{array, json, number, number_or, place, point, shape, text, token, tokens, whole_or};
use crate::functions::kernel::{Entry, strict};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("geo_point_to_geohash", |args, _| {
        token((|| geohash::of(place(args, 0)?, whole_or(args.get(2), geohash::LETTERS_DEFAULT)?))())
    }),
    strict("geo_geohash_to_central_point", |args, _| {
        point(text(&args[0]).and_then(|hash| geohash::centre(&hash)))
    }),
    strict("geo_geohash_to_polygon", |args, _| {
        shape(text(&args[0]).and_then(|hash| geohash::polygon(&hash)))
    }),
    strict("geo_geohash_neighbors", |args, _| {
        tokens(text(&args[0]).and_then(|hash| geohash::neighbours(&hash)))
    }),
    strict("geo_point_to_s2cell", |args, _| {
        token((|| s2::of(place(args, 0)?, whole_or(args.get(2), s2::LEVEL_DEFAULT)?))())
    }),
    strict("geo_s2cell_to_central_point", |args, _| point(text(&args[0]).and_then(|cell| s2::centre(&cell)))),
    strict("geo_s2cell_to_polygon", |args, _| shape(text(&args[0]).and_then(|cell| s2::polygon(&cell)))),
    strict("geo_s2cell_neighbors", |args, _| tokens(text(&args[0]).and_then(|cell| s2::neighbours(&cell)))),
    strict("geo_polygon_to_s2cells", |args, scratch| {
        let mut cover = || {
            let (level, radius) = (whole_or(args.get(1), s2::LEVEL_DEFAULT)?, number_or(args.get(2), 0.0)?);
            let surface = scratch.shapes.surface(&args[0])?;
            s2::covering_surface(&surface, level, radius)
        };
        tokens(cover())
    }),
    strict("geo_line_to_s2cells", |args, scratch| {
        let mut cover = || {
            let (level, radius) = (whole_or(args.get(1), s2::LEVEL_DEFAULT)?, number_or(args.get(2), 0.0)?);
            let lines = scratch.shapes.lines(&args[0])?;
            s2::covering_lines(&lines, level, radius)
        };
        tokens(cover())
    }),
    strict("geo_point_to_h3cell", |args, _| {
        token((|| h3::of(place(args, 0)?, whole_or(args.get(2), h3::RESOLUTION_DEFAULT)?))())
    }),
    strict("geo_h3cell_to_central_point", |args, _| point(text(&args[0]).and_then(|cell| h3::centre(&cell)))),
    strict("geo_h3cell_to_polygon", |args, _| shape(text(&args[0]).and_then(|cell| h3::polygon(&cell)))),
    strict("geo_h3cell_neighbors", |args, _| tokens(text(&args[0]).and_then(|cell| h3::neighbours(&cell)))),
    strict("geo_h3cell_level", |args, _| {
        text(&args[0]).and_then(|cell| h3::level(&cell)).map_or(Value::Null, Value::Int)
    }),
    strict("geo_h3cell_parent", |args, _| token((|| h3::parent(&text(&args[0])?, resolution(args)?))())),
    strict("geo_h3cell_children", |args, _| tokens((|| h3::children(&text(&args[0])?, resolution(args)?))())),
    strict("geo_h3cell_rings", |args, _| {
        let rings = || h3::rings(&text(&args[0])?, whole_or(args.get(1), 0)?);
        rings().map_or(Value::Null, |rings| {
            let rings: Vec<String> = rings.iter().map(|ring| array(ring)).collect();
            Value::dynamic(format!("[{}]", rings.join(",")))
        })
    }),
    strict("geo_polygon_to_h3cells", |args, _| {
        let cover = || {
            let resolution = whole_or(args.get(1), h3::RESOLUTION_DEFAULT)?;
            h3::covering(&geojson::read(json(&args[0])?)?, resolution, number_or(args.get(2), 0.0)?)
        };
        tokens(cover())
    }),
];

/// The resolution that the second argument asks for. The outer None is a number that is no resolution.
fn resolution(args: &[Value<'_>]) -> Option<Option<i64>> {
    match args.get(1) {
        None => Some(None),
        given => number(given).filter(|value| value.fract() == 0.0).map(|value| Some(value as i64)),
    }
}
