//! Operators that choose and order rows.

use super::Operator;

pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(
        "where",
        &["T | where Predicate"],
        "keeps the rows for which a condition is true; null counts as not true",
        "range n from 1 to 5 step 1 | where n % 2 == 1",
    )
    .alias(&["filter"]),
    Operator::new(
        "take",
        &["T | take Count"],
        "keeps any so many rows; without a sort before it, nothing says which",
        "range n from 1 to 100 step 1 | take 3",
    )
    .alias(&["limit"]),
    Operator::new(
        "top",
        &["T | top Count by Column [asc|desc] [nulls first|nulls last], …"],
        "sorts and keeps the first rows; descending unless said otherwise",
        "range n from 1 to 9 step 1 | top 2 by n",
    ),
    Operator::new(
        "sort",
        &["T | sort by Column [asc|desc] [nulls first|nulls last], …"],
        "orders the rows; descending unless said otherwise, with nulls at the small end",
        "range n from 1 to 3 step 1 | sort by n desc",
    )
    .alias(&["order"]),
    Operator::new(
        "sample",
        &["T | sample Count"],
        "keeps so many rows chosen at random",
        "range n from 1 to 100 step 1 | sample 5 | count",
    ),
    Operator::new(
        "sample-distinct",
        &["T | sample-distinct Count of Column"],
        "gives so many different values of one column, chosen without an order",
        "range n from 1 to 9 step 1 | extend rest = n % 3 | sample-distinct 3 of rest | count",
    ),
    Operator::new(
        "serialize",
        &["T | serialize [Name = Expression, …]"],
        "says that the order of the rows matters from here on, and may add columns that depend on it",
        "range n from 1 to 3 step 1 | serialize place = row_number()",
    ),
    Operator::new(
        "distinct",
        &["T | distinct Column, …", "T | distinct *"],
        "keeps one row of each combination of the listed columns",
        "range n from 1 to 6 step 1 | extend odd = n % 2 | distinct odd",
    ),
];
