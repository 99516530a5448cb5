//! Time series: arrays of numbers, mostly made by `make-series`.

use super::{Function, Naming, Nulls};

/// Two series element by element; a plain number stands for a series of it.
const PAIRWISE: &[&str] = &[
    "(series1: dynamic, series2: dynamic): dynamic",
    "(series1: dynamic, series2: number): dynamic",
    "(series1: number, series2: dynamic): dynamic",
];
const EACH: &[&str] = &["(series: dynamic): dynamic"];
const FOLDED: &[&str] = &["(series: dynamic): real"];
const STATS: &[&str] = &["(series: dynamic, ignore_nonfinite?: bool): dynamic"];
const TRANSFORM: &[&str] = &["(series: dynamic, series_imaginary?: dynamic): dynamic"];

/// A function that looks at missing elements and null arguments itself.
const fn filling(
    name: &'static str,
    signatures: &'static [&'static str],
    summary: &'static str,
    example: &'static str,
) -> Function {
    Function::new(name, signatures, summary, example).named(Naming::FirstArgument).nulls(Nulls::Handled)
}

pub(super) const FUNCTIONS: &[Function] = &[
    filling(
        "series_fir",
        &["(series: dynamic, filter: dynamic, normalize?: bool, center?: bool): dynamic"],
        "weighted sums of each point and those before it (or around it): moving averages, differences",
        "print series_fir(dynamic([0, 6, 0, 0]), dynamic([1, 1, 1]))",
    ),
    filling(
        "series_iir",
        &["(series: dynamic, numerators: dynamic, denominators: dynamic): dynamic"],
        "a recursive filter, which feeds its own results back: running sums, exponential smoothing",
        "print series_iir(dynamic([1, 2, 3]), dynamic([1]), dynamic([1, -1]))",
    ),
    Function::new(
        "series_stats",
        STATS,
        "smallest and largest value with their places, mean, deviation and variance, a column each; null when a value is missing, unless those are to be ignored",
        "print series_stats(dynamic([1, 2, 3]))",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "series_stats_dynamic",
        STATS,
        "the measures of `series_stats`, and sum and length, in one bag",
        "print series_stats_dynamic(dynamic([1, 2, 3]))",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "series_fft",
        TRANSFORM,
        "the frequencies in a series (discrete Fourier transform), real and imaginary parts a column each",
        "print series_fft(dynamic([0, 1, 0, -1]))",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "series_ifft",
        TRANSFORM,
        "the series that has these frequencies: undoes `series_fft`",
        "print series_ifft(dynamic([4, 0, 0, 0]), dynamic([0, 0, 0, 0]))",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "series_fit_line",
        EACH,
        "the straight line nearest to a series: how much it explains, slope, variances, value before the first point, and the line's points, a column each",
        "print series_fit_line(dynamic([1, 2, 4]))",
    ),
    Function::new(
        "series_fit_line_dynamic",
        EACH,
        "the measures of `series_fit_line` in one bag",
        "print series_fit_line_dynamic(dynamic([1, 2, 4])).slope",
    ),
    Function::new(
        "series_fit_2lines",
        &["(array: dynamic): dynamic"],
        "the two lines nearest to a series, left and right of the split that suits best, a column for each measure",
        "print series_fit_2lines(dynamic([1, 2, 3, 9, 8, 7]))",
    ),
    Function::new(
        "series_fit_2lines_dynamic",
        EACH,
        "the measures of `series_fit_2lines` in one bag, with `left` and `right` inside",
        "print series_fit_2lines_dynamic(dynamic([1, 2, 3, 9, 8, 7])).split_idx",
    ),
    Function::new(
        "series_fit_poly",
        &["(y_series: dynamic, x_series?: dynamic, degree?: int): dynamic"],
        "the polynomial nearest to points: how much it explains, coefficients from the highest power down, variances, and its values, a column each",
        "print series_fit_poly(dynamic([1, 4, 9, 16]), dynamic([1, 2, 3, 4]), 2)",
    )
    .nulls(Nulls::Handled),
    filling(
        "series_outliers",
        &[
            "(series: dynamic, kind?: string, ignore_val?: number): same",
            "(series: dynamic, kind: string, ignore_val: real, min_percentile: real, max_percentile?: real, test_points?: integer): same",
        ],
        "how far each point lies outside the bulk of the series, by Tukey's fences: beyond 1.5 or -1.5 is unusual, beyond 3 or -3 very much so",
        "print series_outliers(dynamic([1, 2, 3, 2, 1, 40]))",
    ),
    Function::new(
        "series_periods_detect",
        &["(series: dynamic, min_period: number, max_period: number, num_periods: long): dynamic"],
        "the lengths after which a series repeats itself best, and how well, from 0 to 1, a column each; padded with zeros",
        "print series_periods_detect(dynamic([1, 5, 2, 8, 1, 5, 2, 8, 1, 5, 2, 8]), 4, 6, 1)",
    ),
    Function::new(
        "series_periods_validate",
        &["(series: dynamic, period...: number): dynamic"],
        "how well a series repeats itself after each of the given lengths, from 0 to 1",
        "print series_periods_validate(dynamic([1, 5, 2, 8, 1, 5, 2, 8, 1, 5, 2, 8]), 4, 5)",
    ),
    filling(
        "series_fill_backward",
        &["(series: dynamic, missing_value_placeholder?: number): same"],
        "puts the next known value in place of missing ones",
        "print series_fill_backward(dynamic([null, 2, null, 4]))",
    ),
    filling(
        "series_fill_forward",
        &["(series: dynamic, missing_value_placeholder?: number): same"],
        "puts the last known value in place of missing ones",
        "print series_fill_forward(dynamic([null, 2, null, 4]))",
    ),
    filling(
        "series_fill_const",
        &["(series: dynamic, constant_value?: number, missing_value_placeholder?: number): same"],
        "puts one value in place of missing ones",
        "print series_fill_const(dynamic([null, 2, null, 4]), -1)",
    ),
    filling(
        "series_fill_linear",
        &[
            "(series: dynamic, missing_value_placeholder?: number, fill_edges?: bool, constant_value?: number): same",
        ],
        "puts missing values on the line between their neighbours, and those at the ends at the nearest known value",
        "print series_fill_linear(dynamic([null, 2, null, 4]))",
    ),
    Function::new(
        "series_add",
        PAIRWISE,
        "sums, element by element; missing where either is",
        "print series_add(dynamic([1, 2]), dynamic([10, 20]))",
    ),
    Function::new(
        "series_subtract",
        PAIRWISE,
        "differences, element by element; missing where either is",
        "print series_subtract(dynamic([1, 2]), dynamic([10, 20]))",
    ),
    Function::new(
        "series_multiply",
        PAIRWISE,
        "products, element by element; missing where either is",
        "print series_multiply(dynamic([1, 2]), 10)",
    ),
    Function::new(
        "series_divide",
        PAIRWISE,
        "quotients as reals, element by element; missing where either is",
        "print series_divide(dynamic([1, 2]), dynamic([4, 4]))",
    ),
    Function::new(
        "series_pow",
        PAIRWISE,
        "the first raised to the second, element by element",
        "print series_pow(dynamic([1, 2, 3]), 2)",
    ),
    Function::new(
        "series_greater",
        PAIRWISE,
        "whether the first is greater, element by element",
        "print series_greater(dynamic([1, 2, 3]), 2)",
    ),
    Function::new(
        "series_greater_equals",
        PAIRWISE,
        "whether the first is greater or equal, element by element",
        "print series_greater_equals(dynamic([1, 2, 3]), 2)",
    ),
    Function::new(
        "series_less",
        PAIRWISE,
        "whether the first is less, element by element",
        "print series_less(dynamic([1, 2, 3]), 2)",
    ),
    Function::new(
        "series_less_equals",
        PAIRWISE,
        "whether the first is less or equal, element by element",
        "print series_less_equals(dynamic([1, 2, 3]), 2)",
    ),
    Function::new(
        "series_equals",
        PAIRWISE,
        "whether both are equal, element by element",
        "print series_equals(dynamic([1, 2, 3]), dynamic([1, 0, 3]))",
    ),
    Function::new(
        "series_not_equals",
        PAIRWISE,
        "whether both differ, element by element",
        "print series_not_equals(dynamic([1, 2, 3]), dynamic([1, 0, 3]))",
    ),
    Function::new("series_exp", EACH, "e raised to each element", "print series_exp(dynamic([0, 1]))"),
    Function::new(
        "series_sign",
        EACH,
        "-1, 0 or 1 for each element: its sign",
        "print series_sign(dynamic([-3, 0, 5]))",
    ),
    Function::new(
        "series_abs",
        &["(series: dynamic): same"],
        "the size of each element without its sign",
        "print series_abs(dynamic([-3, 0, 5]))",
    ),
    Function::new("series_sin", EACH, "the sine of each element", "print series_sin(dynamic([0, 1]))"),
    Function::new("series_asin", EACH, "the arc sine of each element", "print series_asin(dynamic([0, 1]))"),
    Function::new("series_cos", EACH, "the cosine of each element", "print series_cos(dynamic([0, 1]))"),
    Function::new("series_acos", EACH, "the arc cosine of each element", "print series_acos(dynamic([0, 1]))"),
    Function::new("series_tan", EACH, "the tangent of each element", "print series_tan(dynamic([0, 1]))"),
    Function::new("series_atan", EACH, "the arc tangent of each element", "print series_atan(dynamic([0, 1]))"),
    Function::new(
        "series_magnitude",
        FOLDED,
        "the Euclidean length of a series: the root of the sum of squares",
        "print series_magnitude(dynamic([3, 4]))",
    ),
    Function::new(
        "series_sum",
        FOLDED,
        "the sum of a series; null when an element is not a number",
        "print series_sum(dynamic([1, 2, 3]))",
    )
    .alias(&["array_sum"]),
    Function::new(
        "series_product",
        FOLDED,
        "the product of all elements; null when one is not a number",
        "print series_product(dynamic([1, 2, 3]))",
    ),
    Function::new(
        "series_log",
        EACH,
        "the natural logarithm of each element",
        "print series_log(dynamic([1, 10]))",
    ),
    Function::new(
        "series_floor",
        EACH,
        "the whole number at or below each element",
        "print series_floor(dynamic([1.5, -1.5]))",
    ),
    Function::new(
        "series_ceiling",
        &["(series: dynamic): same"],
        "the whole number at or above each element",
        "print series_ceiling(dynamic([1.5, -1.5]))",
    ),
    Function::new(
        "series_seasonal",
        &[
            "(series: dynamic): dynamic",
            "(series: dynamic, period: integer): dynamic",
            "(series: dynamic, period: integer, test_points: integer): dynamic",
        ],
        "the repeating part of a series: the median of each phase of its period, which is given or found",
        "print series_seasonal(dynamic([1, 5, 2, 8, 1, 5, 2, 8, 1, 5, 2, 8]), 4)",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "series_decompose",
        &[
            "(series: dynamic, period?: integer, trend?: string, test_points?: integer, seasonality_threshold?: number): dynamic",
        ],
        "takes a series apart into baseline, seasonal, trend and residual, a column each",
        "print series_decompose(dynamic([1, 5, 2, 8, 1, 5, 2, 8, 1, 5, 2, 8]), 4)",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "series_decompose_forecast",
        &[
            "(series: dynamic, test_points: integer, period?: integer, trend?: string, seasonality_threshold?: number): dynamic",
        ],
        "predicts the last points of a series from those before: baseline, seasonal, trend and residual, a column each",
        "print series_decompose_forecast(dynamic([1, 5, 2, 8, 1, 5, 2, 8, 1, 5, 2, 8, 0, 0]), 2, 4)",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "series_decompose_anomalies",
        &[
            "(series: dynamic, threshold?: number, period?: integer, trend?: string, test_points?: integer, method?: string, seasonality_threshold?: number): dynamic",
        ],
        "flags (1, -1 or 0), scores and baseline of the unusual points of a series, a column each",
        "print series_decompose_anomalies(dynamic([1, 2, 1, 2, 9, 1, 2, 1]))",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "series_pearson_correlation",
        &["(series1: dynamic, series2: dynamic): real"],
        "how far two series rise and fall together, from -1 to 1",
        "print series_pearson_correlation(dynamic([1, 2, 3]), dynamic([2, 4, 7]))",
    ),
    Function::new(
        "series_dot_product",
        &[
            "(series1: dynamic, series2: dynamic): real",
            "(series1: dynamic, series2: number): real",
            "(series1: number, series2: dynamic): real",
        ],
        "the sum of the products of two series' elements",
        "print series_dot_product(dynamic([1, 2]), dynamic([3, 4]))",
    ),
    Function::new(
        "series_cosine_similarity",
        &[
            "(series1: dynamic, series2: dynamic, series1_magnitude?: real, series2_magnitude?: real): real",
        ],
        "the cosine of the angle between two series, from -1 to 1; magnitudes known already need not be computed again",
        "print series_cosine_similarity(dynamic([1, 2]), dynamic([2, 4]))",
    ),
];
