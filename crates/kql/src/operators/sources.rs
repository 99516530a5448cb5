//! What makes rows out of nothing, and plugins.

use super::{Operator, setting};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(
        "print",
        &["print [Name =] Expression, …"],
        "one row of expressions",
        "print answer = 6 * 7",
    )
    .source(),
    Operator::new(
        "range",
        &["range Name from Start to Stop step Step"],
        "one column of evenly spaced values, with `Stop` when it is hit",
        "range n from 1 to 9 step 4",
    )
    .source(),
    Operator::new(
        "evaluate",
        &["T | evaluate Plugin(Argument, …) [: (Name: Type, …)]"],
        "runs a plugin over the rows; the columns may be declared behind a colon",
        "print d = dynamic({'a': 1}) | evaluate bag_unpack(d) : (a: long)",
    )
    .source(),
    Operator::new(
        "macro-expand",
        &["macro-expand [kind=Kind] EntityGroup as Name (Query)"],
        "runs a query for each database of a group and puts the results together",
        "macro-expand entity_group [database('x')] as X (print 1)",
    )
    .settings(&[setting("kind", &["outer", "inner"], "all columns, or only those every result has")])
    .source(),
];
