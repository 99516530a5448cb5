//! Functions over rows in order; their input must be serialised.

use super::{Function, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("row_number", &["(starting_index?: long, restart?: bool): long"], "", "")
        .nulls(Nulls::Handled),
    Function::new("row_cumsum", &["(term: number, restart?: bool): same"], "", ""),
    Function::new("row_rank_dense", &["(term: any, restart?: bool): long"], "", "").alias(&["row_rank"]),
    Function::new("row_rank_min", &["(term: any, restart?: bool): long"], "", ""),
    Function::new(
        "row_window_session",
        &[
            "(expr: datetime, max_distance_from_first: timespan, max_distance_between_neighbors: timespan, restart?: bool): same",
        ],
        "",
        "",
    ),
    Function::new("prev", &["(column: any, offset?: long, default_value?: any): same"], "", "")
        .nulls(Nulls::Handled),
    Function::new("next", &["(column: any, offset?: long, default_value?: any): same"], "", "")
        .nulls(Nulls::Handled),
];
