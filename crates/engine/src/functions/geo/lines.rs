//! Measures of lines, and lines made from lines.

use bartizan_analytics::geo::{Lines, buffer, clip, densify, geojson, shape::Shape, simplify};

use super::{TOLERANCE_M, flag, json, number, number_or, place, point, real, shape, truth};
use crate::functions::kernel::{Entry, strict};

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("geo_line_length", |args, scratch| {
        real(scratch.shapes.lines(&args[0]).map(|lines| lines.length()))
    }),
    strict("geo_line_centroid", |args, scratch| {
        point(scratch.shapes.lines(&args[0]).and_then(|lines| lines.centroid()))
    }),
    strict("geo_distance_point_to_line", |args, scratch| {
        real((|| Some(scratch.shapes.lines(&args[2])?.distance(place(args, 0)?)))())
    }),
    strict("geo_closest_point_on_line", |args, scratch| {
        point((|| scratch.shapes.lines(&args[2])?.closest(place(args, 0)?))())
    }),
    strict("geo_line_interpolate_point", |args, scratch| {
        point((|| scratch.shapes.lines(&args[0])?.interpolate(number(args.get(1))?))())
    }),
    strict("geo_line_locate_point", |args, scratch| {
        real((|| scratch.shapes.lines(&args[0])?.locate(place(args, 1)?, flag(args.get(3))))())
    }),
    strict("geo_line_buffer", |args, scratch| {
        let mut around = || {
            let tolerance = number_or(args.get(2), TOLERANCE_M)?;
            let lines = scratch.shapes.lines(&args[0])?;
            Some(buffer::around_lines(&lines, number(args.get(1))?, tolerance)?.shape())
        };
        shape(around())
    }),
    strict("geo_line_densify", |args, _| {
        let dense = || {
            let line = geojson::read(json(&args[0])?)?;
            Lines::of(&line)?;
            densify::densify(&line, number_or(args.get(1), TOLERANCE_M)?, flag(args.get(2)))
        };
        shape(dense())
    }),
    strict("geo_line_simplify", |args, scratch| {
        let mut thin = || {
            let lines = scratch.shapes.lines(&args[0])?;
            Some(simplify::lines(&lines, number_or(args.get(1), TOLERANCE_M)?)?.shape())
        };
        shape(thin())
    }),
    strict("geo_union_lines_array", |args, _| {
        let union = || {
            let all: Option<Vec<Lines>> =
                geojson::read_array(json(&args[0])?)?.iter().map(Lines::of).collect();
            let all = all.filter(|all| !all.is_empty())?;
            clip::union_lines(&all)
        };
        shape(union())
    }),
    strict("geo_intersects_2lines", |args, scratch| {
        let mut meet = || {
            let (a, b) = (scratch.shapes.lines(&args[0])?, scratch.shapes.lines(&args[1])?);
            Some(clip::lines_intersect(&a, &b))
        };
        truth(meet())
    }),
    strict("geo_intersection_2lines", |args, scratch| {
        let mut common = || -> Option<Shape> {
            let (a, b) = (scratch.shapes.lines(&args[0])?, scratch.shapes.lines(&args[1])?);
            clip::lines_in_common(&a, &b)
        };
        shape(common())
    }),
];
