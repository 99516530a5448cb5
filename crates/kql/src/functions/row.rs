//! Functions over rows in order; their input must be serialised.

use super::{Function, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "row_number",
        &["(starting_index?: long, restart?: bool): long"],
        "counts rows, from 1 unless told otherwise",
        "range x from 1 to 3 step 1 | serialize n = row_number()",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "row_cumsum",
        &["(term: number, restart?: bool): same"],
        "the running sum of a column; null adds nothing",
        "range x from 1 to 3 step 1 | serialize s = row_cumsum(x)",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "row_rank_dense",
        &["(term: any, restart?: bool): long"],
        "the rank of a value, equal ones sharing it, without gaps; null is a value too",
        "range x from 1 to 3 step 1 | serialize r = row_rank_dense(x)",
    )
    .alias(&["row_rank"])
    .nulls(Nulls::Handled),
    Function::new(
        "row_rank_min",
        &["(term: any, restart?: bool): long"],
        "the rank of a value, equal ones sharing the lowest; null is a value too",
        "range x from 1 to 3 step 1 | serialize r = row_rank_min(x)",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "row_window_session",
        &[
            "(expr: datetime, max_distance_from_first: timespan, max_distance_between_neighbors: timespan, restart?: bool): same",
        ],
        "the start of the session a row belongs to",
        "range t from datetime(2024-01-01) to datetime(2024-01-02) step 12h | serialize s = row_window_session(t, 1d, 1h)",
    ),
    Function::new(
        "prev",
        &["(column: any, offset?: long, default_value?: any): same"],
        "a value of an earlier row",
        "range x from 1 to 3 step 1 | serialize p = prev(x)",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "next",
        &["(column: any, offset?: long, default_value?: any): same"],
        "a value of a later row",
        "range x from 1 to 3 step 1 | serialize n = next(x)",
    )
    .nulls(Nulls::Handled),
];
