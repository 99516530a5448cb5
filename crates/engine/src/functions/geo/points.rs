//! Measures between places.

use bartizan_analytics::geo::{buffer, place as measure, wkt};

use super::{TOLERANCE_M, flag, number, number_or, place, real, shape, text, truth};
use crate::functions::kernel::{Entry, strict};

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("geo_distance_2points", |args, _| {
        let metres = || Some(measure::distance(place(args, 0)?, place(args, 2)?, flag(args.get(4))));
        real(metres())
    }),
    strict("geo_azimuth", |args, _| real((|| measure::azimuth(place(args, 0)?, place(args, 2)?))())),
    strict("geo_angle", |args, _| {
        real((|| measure::angle(place(args, 0)?, place(args, 2)?, place(args, 4)?))())
    }),
    strict("geo_point_in_circle", |args, _| {
        truth((|| measure::in_circle(place(args, 0)?, place(args, 2)?, number(args.get(4))?))())
    }),
    strict("geo_point_buffer", |args, _| {
        let around = || {
            let tolerance = number_or(args.get(3), TOLERANCE_M)?;
            buffer::around_place(place(args, 0)?, number(args.get(2))?, tolerance)
        };
        shape(around().map(|surface| surface.shape()))
    }),
    strict("geo_from_wkt", |args, _| shape(text(&args[0]).and_then(|text| wkt::read(&text)))),
];
