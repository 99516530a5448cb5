//! Fitting lines and polynomials.

use bartizan_analytics::series::fit::{self, Line, TwoLines};

use super::array::{Part, from_bag, from_parts, long_argument, reals};
use crate::functions::kernel::{Entry, seeing_nulls, strict};
use crate::value::Value;

pub(in crate::functions) const FUNCTIONS: &[Entry] = &[
    strict("series_fit_line", |args, _| {
        one(args).map_or(Value::Null, |(line, fitted)| {
            from_parts(&[
                Part::Real(line.r_square),
                Part::Real(line.slope),
                Part::Real(line.variance),
                Part::Real(line.residual_variance),
                Part::Real(line.intercept),
                Part::Series(&fitted),
            ])
        })
    }),
    strict("series_fit_line_dynamic", |args, _| {
        one(args).map_or(Value::Null, |(line, fitted)| {
            let mut bag = side(&line);
            bag.push(("line_fit", Part::Series(&fitted)));
            from_bag(bag)
        })
    }),
    strict("series_fit_2lines", |args, _| {
        two(args).map_or(Value::Null, |(lines, fitted)| {
            let mut parts = vec![
                Part::Real(lines.r_square),
                Part::Long(lines.split),
                Part::Real(lines.variance),
                Part::Real(lines.residual_variance),
                Part::Series(&fitted),
            ];
            for line in [&lines.right, &lines.left] {
                parts.extend(
                    [line.r_square, line.slope, line.intercept, line.variance, line.residual_variance]
                        .map(Part::Real),
                );
            }
            from_parts(&parts)
        })
    }),
    strict("series_fit_2lines_dynamic", |args, _| {
        two(args).map_or(Value::Null, |(lines, fitted)| {
            from_bag(vec![
                ("rsquare", Part::Real(lines.r_square)),
                ("split_idx", Part::Long(lines.split)),
                ("variance", Part::Real(lines.variance)),
                ("rvariance", Part::Real(lines.residual_variance)),
                ("line_fit", Part::Series(&fitted)),
                ("right", Part::Bag(side(&lines.right))),
                ("left", Part::Bag(side(&lines.left))),
            ])
        })
    }),
    seeing_nulls("series_fit_poly", |args, _| polynomial(args).unwrap_or(Value::Null)),
];

fn one(args: &[Value<'_>]) -> Option<(Line, Vec<f64>)> {
    let values = reals(&args[0])?;
    let line = fit::line(&values)?;
    let fitted = line.over(values.len());
    Some((line, fitted))
}

fn two(args: &[Value<'_>]) -> Option<(TwoLines, Vec<f64>)> {
    let values = reals(&args[0])?;
    let lines = fit::two_lines(&values)?;
    let fitted = lines.over(values.len());
    Some((lines, fitted))
}

fn side(line: &Line) -> Vec<(&'static str, Part<'static>)> {
    vec![
        ("rsquare", Part::Real(line.r_square)),
        ("slope", Part::Real(line.slope)),
        ("variance", Part::Real(line.variance)),
        ("rvariance", Part::Real(line.residual_variance)),
        ("interception", Part::Real(line.intercept)),
    ]
}

fn polynomial<'a>(args: &[Value<'_>]) -> Option<Value<'a>> {
    let y = reals(&args[0])?;
    let x = match args.get(1) {
        None | Some(Value::Null) => None,
        Some(given) => Some(reals(given)?),
    };
    let degree = usize::try_from(long_argument(args, 2).unwrap_or(1)).ok()?;
    let found = fit::polynomial(&y, x.as_deref(), degree)?;
    Some(from_parts(&[
        Part::Real(found.r_square),
        Part::Series(&found.coefficients),
        Part::Real(found.variance),
        Part::Real(found.residual_variance),
        Part::Series(&found.fitted),
    ]))
}
