//! A series from a series: filling gaps, filters, transforms.

use std::borrow::Cow;

use bartizan_analytics::series::{fill, filter, fourier};

use super::array::{
    Number, Part, bool_argument, from_numbers, from_parts, from_reals, from_texts, number, numbers,
    real_argument, reals, texts,
};
use crate::functions::dynamic::{Json, to_json};
use crate::functions::kernel::{Entry, seeing_nulls, strict};
use crate::value::Value;

pub(in crate::functions) const FUNCTIONS: &[Entry] = &[
    seeing_nulls("series_fill_forward", |args, _| carried(args, |known| fill::forward(known))),
    seeing_nulls("series_fill_backward", |args, _| carried(args, |known| fill::backward(known))),
    seeing_nulls("series_fill_const", |args, _| constant(args).unwrap_or(Value::Null)),
    seeing_nulls("series_fill_linear", |args, _| linear(args).unwrap_or(Value::Null)),
    seeing_nulls("series_fir", |args, _| {
        let filtered = || {
            let (values, weights) = (reals(&args[0])?, reals(args.get(1)?)?);
            let signed = weights.iter().any(|weight| *weight < 0.0);
            let normalize = bool_argument(args, 2).unwrap_or(!signed);
            filter::fir(&values, &weights, normalize, bool_argument(args, 3).unwrap_or(false))
        };
        filtered().map_or(Value::Null, |values| from_reals(&values))
    }),
    strict("series_iir", |args, _| {
        let filtered = || filter::iir(&reals(&args[0])?, &reals(args.get(1)?)?, &reals(args.get(2)?)?);
        filtered().map_or(Value::Null, |values| from_reals(&values))
    }),
    seeing_nulls("series_fft", |args, _| transformed(args, fourier::forward).unwrap_or(Value::Null)),
    seeing_nulls("series_ifft", |args, _| transformed(args, fourier::inverse).unwrap_or(Value::Null)),
];

/// Real and imaginary parts in, the same out.
type Transform = fn(&[f64], &[f64]) -> (Vec<f64>, Vec<f64>);

fn transformed<'a>(args: &[Value<'_>], with: Transform) -> Option<Value<'a>> {
    let real = reals(&args[0])?;
    let imaginary = match args.get(1) {
        None | Some(Value::Null) => Vec::new(),
        Some(given) => reals(given)?,
    };
    let (real, imaginary) = with(&real, &imaginary);
    Some(from_parts(&[Part::Series(&real), Part::Series(&imaginary)]))
}

/// Whether an element is missing: null, or the number that stands for missing ones.
fn is_missing(text: &str, placeholder: Option<f64>) -> bool {
    match (Json::of(text), placeholder) {
        (Json::Null, _) => true,
        (Json::Long(value), Some(placeholder)) => value as f64 == placeholder,
        (Json::Real(value), Some(placeholder)) => value == placeholder,
        (Json::Text(text), Some(placeholder)) => text == "NaN" && placeholder.is_nan(),
        _ => false,
    }
}

type Carry = for<'t> fn(&[Option<Cow<'t, str>>]) -> Vec<Option<Cow<'t, str>>>;

/// Elements are carried as they are written, whatever they are.
fn carried<'a>(args: &[Value<'_>], with: Carry) -> Value<'a> {
    let Some(texts) = texts(&args[0]) else { return Value::Null };
    let placeholder = real_argument(args, 1);
    let known: Vec<Option<Cow<'_, str>>> =
        texts.iter().map(|text| (!is_missing(text, placeholder)).then(|| text.clone())).collect();
    let filled = with(&known);
    from_texts(filled.into_iter().zip(texts).map(|(filled, before)| filled.unwrap_or(before)))
}

fn constant<'a>(args: &[Value<'_>]) -> Option<Value<'a>> {
    let texts = texts(&args[0])?;
    let constant = args.get(1).filter(|constant| !constant.is_null()).map_or("0".to_owned(), to_json);
    let placeholder = real_argument(args, 2);
    let filled =
        texts.iter().map(|text| if is_missing(text, placeholder) { &constant } else { text.as_ref() });
    Some(from_texts(filled))
}

/// Whole numbers stay whole: what lies between them is cut off.
fn linear<'a>(args: &[Value<'_>]) -> Option<Value<'a>> {
    let placeholder = real_argument(args, 1);
    let missing = |number: &Number| placeholder.is_some_and(|placeholder| number.real() == placeholder);
    let known: Vec<Option<Number>> = numbers(&args[0])?
        .into_iter()
        .map(|number| number.filter(|number| !missing(number) && !number.real().is_nan()))
        .collect();
    let edges = bool_argument(args, 2).unwrap_or(true);
    let otherwise = args.get(3).and_then(number).map_or(0.0, Number::real);
    let whole = known.iter().flatten().all(|number| matches!(number, Number::Long(_)));
    let whole = whole && known.iter().any(Option::is_some);
    let values: Vec<f64> = known.iter().map(|number| number.map_or(f64::NAN, Number::real)).collect();
    let filled = fill::linear(&values, edges, otherwise);
    Some(from_numbers(filled.into_iter().zip(known).map(|(filled, known)| match known {
        Some(known) => Some(known),
        None if filled.is_nan() => placeholder.map(Number::Real),
        None if whole => Some(Number::Long(filled as i64)),
        None => Some(Number::Real(filled)),
    })))
}
