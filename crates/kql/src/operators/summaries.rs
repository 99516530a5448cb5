//! Operators that make few rows of many.

use super::{Operator, setting};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(
        "summarize",
        &["T | summarize [Name =] Aggregate, … [by [Name =] Key, …]"],
        "makes one row per combination of keys, with aggregates over its rows; without keys always one row",
        "range n from 1 to 6 step 1 | summarize total = sum(n) by odd = n % 2",
    ),
    Operator::new(
        "count",
        &["T | count [as Name]"],
        "gives the number of rows, as one row",
        "range n from 1 to 6 step 1 | count",
    ),
    Operator::new(
        "make-series",
        &[
            "T | make-series [Name =] Aggregate [default = Value], … on Axis [from Start] [to End] step Step [by Key, …]",
            "T | make-series [Name =] Aggregate [default = Value], … on Axis in range(Start, Stop, Step) [by Key, …]",
        ],
        "makes one row per key with arrays: the bins of an axis, and an aggregate for each bin, empty ones too",
        "range n from 0 to 9 step 3 | make-series c = count() default = 0 on n from 0 to 10 step 2",
    )
    .settings(&[setting("kind", &["nonempty"], "without input rows, still one row when there are no keys")]),
    Operator::new(
        "top-nested",
        &["T | top-nested [Count] of Expression [with others = Value] by Aggregate [asc|desc], top-nested …"],
        "the leading values of one column, within each the leading values of the next, and so on",
        "range n from 1 to 9 step 1 | top-nested 2 of n % 3 by sum(n), top-nested 1 of n by max(n)",
    ),
    Operator::new(
        "top-hitters",
        &["T | top-hitters Count of Expression [by Weight]"],
        "the most frequent values, or those of most weight, counted approximately",
        "range n from 1 to 9 step 1 | extend rest = n % 2 | top-hitters 1 of rest",
    ),
    Operator::new(
        "facet",
        &["T | facet by Column, … [with (Operators)]"],
        "several results: the counted values of each column, and with operators one more result",
        "range n from 1 to 6 step 1 | extend odd = n % 2 | facet by odd",
    ),
    Operator::new(
        "reduce",
        &["T | reduce by Text [with threshold = Share, characters = Text]"],
        "groups similar texts and gives a pattern, a count and an example for each group",
        "datatable(t: string)['job 1 done', 'job 2 done', 'idle'] | reduce by t",
    )
    .settings(&[setting("kind", &["source"], "give each row its pattern")]),
];
