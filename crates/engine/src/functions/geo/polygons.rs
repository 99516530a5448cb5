//! Measures of polygons, and shapes made from polygons.

use bartizan_analytics::geo::{Surface, buffer, clip, densify, geojson, overlay, simplify};

use super::{TOLERANCE_M, flag, json, number, number_or, place, point, real, shape, truth};
use crate::functions::kernel::{Entry, strict};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("geo_point_in_polygon", |args, scratch| {
        truth((|| Some(scratch.shapes.surface(&args[2])?.contains(place(args, 0)?)))())
    }),
    strict("geo_distance_point_to_polygon", |args, scratch| {
        real((|| Some(scratch.shapes.surface(&args[2])?.distance(place(args, 0)?)))())
    }),
    strict("geo_closest_point_on_polygon", |args, scratch| {
        point((|| scratch.shapes.surface(&args[2])?.closest(place(args, 0)?))())
    }),
    strict("geo_polygon_area", |args, scratch| {
        real(scratch.shapes.surface(&args[0]).and_then(|surface| surface.area()))
    }),
    strict("geo_polygon_perimeter", |args, scratch| {
        real(scratch.shapes.surface(&args[0]).and_then(|surface| surface.perimeter()))
    }),
    strict("geo_polygon_centroid", |args, scratch| {
        point(scratch.shapes.surface(&args[0]).and_then(|surface| surface.centroid()))
    }),
    strict("geo_polygon_buffer", |args, scratch| {
        let mut around = || {
            let tolerance = number_or(args.get(2), TOLERANCE_M)?;
            let surface = scratch.shapes.surface(&args[0])?;
            Some(buffer::around_surface(&surface, number(args.get(1))?, tolerance)?.shape())
        };
        shape(around())
    }),
    strict("geo_polygon_densify", |args, scratch| {
        let mut dense = || {
            scratch.shapes.surface(&args[0])?;
            let polygon = geojson::read(json(&args[0])?)?;
            densify::densify(&polygon, number_or(args.get(1), TOLERANCE_M)?, flag(args.get(2)))
        };
        shape(dense())
    }),
    strict("geo_polygon_simplify", |args, scratch| {
        let mut thin = || {
            let surface = scratch.shapes.surface(&args[0])?;
            let tolerance = number_or(args.get(1), TOLERANCE_M)?;
            Some(simplify::surfaces(std::slice::from_ref(&surface), tolerance)?.shape())
        };
        shape(thin())
    }),
    strict("geo_simplify_polygons_array", |args, _| {
        let thin = || {
            let surfaces = surfaces(&args[0])?;
            Some(simplify::surfaces(&surfaces, number_or(args.get(1), TOLERANCE_M)?)?.shape())
        };
        shape(thin())
    }),
    strict("geo_union_polygons_array", |args, _| {
        shape(surfaces(&args[0]).and_then(|all| overlay::union_all(&all)).map(|union| union.shape()))
    }),
    strict("geo_intersects_2polygons", |args, scratch| {
        let mut meet = || {
            let (a, b) = (scratch.shapes.surface(&args[0])?, scratch.shapes.surface(&args[1])?);
            Some(overlay::intersects(&a, &b))
        };
        truth(meet())
    }),
    strict("geo_intersection_2polygons", |args, scratch| {
        let mut common = || {
            let (a, b) = (scratch.shapes.surface(&args[0])?, scratch.shapes.surface(&args[1])?);
            overlay::intersection(&a, &b)
        };
        shape(common())
    }),
    strict("geo_intersects_line_with_polygon", |args, scratch| {
        let mut meet = || {
            let (line, polygon) = (scratch.shapes.lines(&args[0])?, scratch.shapes.surface(&args[1])?);
            Some(clip::line_meets_surface(&line, &polygon))
        };
        truth(meet())
    }),
    strict("geo_intersection_line_with_polygon", |args, scratch| {
        let mut common = || {
            let (line, polygon) = (scratch.shapes.lines(&args[0])?, scratch.shapes.surface(&args[1])?);
            clip::lines_inside(&line, &polygon)
        };
        shape(common())
    }),
];

/// All polygons of an array; none of them may be unsound.
fn surfaces(value: &Value<'_>) -> Option<Vec<Surface>> {
    let all: Option<Vec<Surface>> = geojson::read_array(json(value)?)?.iter().map(Surface::of).collect();
    all.filter(|all| !all.is_empty())
}
