//! Functions whose result is several columns, as `series_stats` gives seven.
//!
//! The bound call gives them as one array, of which each column takes an element; the engine computes
//! equal calls once.

use bartizan_schema::KqlType;

use crate::bound::{PathSegment, Scalar, ScalarKind};

use super::scalar::converted;

type Columns = &'static [(&'static str, KqlType)];

const DECOMPOSED: Columns = &[
    ("baseline", KqlType::Dynamic),
    ("seasonal", KqlType::Dynamic),
    ("trend", KqlType::Dynamic),
    ("residual", KqlType::Dynamic),
];
const TRANSFORMED: Columns = &[("real", KqlType::Dynamic), ("imag", KqlType::Dynamic)];
const PERIODS: Columns = &[("periods", KqlType::Dynamic), ("scores", KqlType::Dynamic)];

/// The suffix of each column's name, and its type.
const SEVERAL_COLUMNS: &[(&str, Columns)] = &[
    (
        "series_stats",
        &[
            ("min", KqlType::Real),
            ("min_idx", KqlType::Long),
            ("max", KqlType::Real),
            ("max_idx", KqlType::Long),
            ("avg", KqlType::Real),
            ("stdev", KqlType::Real),
            ("variance", KqlType::Real),
        ],
    ),
    (
        "series_fit_line",
        &[
            ("rsquare", KqlType::Real),
            ("slope", KqlType::Real),
            ("variance", KqlType::Real),
            ("rvariance", KqlType::Real),
            ("interception", KqlType::Real),
            ("line_fit", KqlType::Dynamic),
        ],
    ),
    (
        "series_fit_2lines",
        &[
            ("rsquare", KqlType::Real),
            ("split_idx", KqlType::Long),
            ("variance", KqlType::Real),
            ("rvariance", KqlType::Real),
            ("line_fit", KqlType::Dynamic),
            ("right_rsquare", KqlType::Real),
            ("right_slope", KqlType::Real),
            ("right_interception", KqlType::Real),
            ("right_variance", KqlType::Real),
            ("right_rvariance", KqlType::Real),
            ("left_rsquare", KqlType::Real),
            ("left_slope", KqlType::Real),
            ("left_interception", KqlType::Real),
            ("left_variance", KqlType::Real),
            ("left_rvariance", KqlType::Real),
        ],
    ),
    (
        "series_fit_poly",
        &[
            ("rsquare", KqlType::Real),
            ("coefficients", KqlType::Dynamic),
            ("variance", KqlType::Real),
            ("rvariance", KqlType::Real),
            ("poly_fit", KqlType::Dynamic),
        ],
    ),
    ("series_fft", TRANSFORMED),
    ("series_ifft", TRANSFORMED),
    (
        "series_decompose_anomalies",
        &[("ad_flag", KqlType::Dynamic), ("ad_score", KqlType::Dynamic), ("baseline", KqlType::Dynamic)],
    ),
    ("series_decompose", DECOMPOSED),
    ("series_decompose_forecast", DECOMPOSED),
    ("series_periods_detect", PERIODS),
    ("series_periods_validate", PERIODS),
];

/// The columns a function's result spreads over, if it does.
pub(super) fn several_columns(function: &str) -> Option<Columns> {
    SEVERAL_COLUMNS.iter().find(|(name, _)| *name == function).map(|(_, columns)| *columns)
}

/// One of the columns of a function with several.
pub(super) fn column_of_several(call: Scalar, at: usize, ty: KqlType) -> Scalar {
    let span = call.span;
    let segments = vec![PathSegment::Index(at as i64)];
    let value = Scalar { kind: call.kind, ty: KqlType::Dynamic, span };
    converted(
        Scalar { kind: ScalarKind::Path { value: Box::new(value), segments }, ty: KqlType::Dynamic, span },
        ty,
    )
}
