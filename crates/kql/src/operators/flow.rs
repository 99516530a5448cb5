//! Operators that name, split, repeat and hand on whole tables, and those that look at rows in their order.

use super::{Operator, setting};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(
        "as",
        &["T | as Name"],
        "gives the rows so far a name that what follows may use",
        "range n from 1 to 3 step 1 | as numbers | extend total = toscalar(numbers | count)",
    ),
    Operator::new(
        "invoke",
        &["T | invoke Function(Argument, …)"],
        "calls a function with the rows so far as its first argument",
        "let twice = (T: (n: long)) { T | extend n = n * 2 }; range n from 1 to 3 step 1 | invoke twice()",
    ),
    Operator::new(
        "partition",
        &["T | partition by Column (Operators)", "T | partition hint.strategy=legacy by Column { Query }"],
        "runs operators over the rows of each value of a column and puts the results together",
        "range n from 1 to 6 step 1 | extend odd = n % 2 | partition by odd (top 1 by n)",
    ),
    Operator::new(
        "fork",
        &["T | fork [Name =] (Operators) [Name =] (Operators) …"],
        "several results, each from its own operators over the same rows",
        "range n from 1 to 3 step 1 | fork (where n > 1) total = (count)",
    ),
    Operator::new(
        "scan",
        &[
            "T | scan [with_match_id = Name] [declare (Name: Type [= Value], …)] with (step Name [optional] [output = all|last|none] : Condition [=> Column = Value, …]; …)",
        ],
        "walks ordered rows and follows sequences of steps, each with a condition and values to remember",
        "range n from 1 to 3 step 1 | serialize | scan declare (total: long = 0) with (step s: true => total = n + s.total;)",
    )
    .settings(&[
        setting("with_match_id", &[], "a new column that numbers the sequences"),
        setting("with_step_name", &[], "a new column with the name of the step"),
    ]),
    Operator::new(
        "consume",
        &["T | consume"],
        "reads all rows and gives none",
        "range n from 1 to 3 step 1 | consume",
    )
    .settings(&[setting("decodeblocks", &["true", "false"], "accepted without effect")]),
    Operator::new(
        "render",
        &["T | render Chart [with (Property = Value, …)]"],
        "tells the client how to draw the result; the rows stay as they are",
        "range n from 1 to 3 step 1 | render table",
    ),
    Operator::new(
        "execute-and-cache",
        &["T | execute-and-cache"],
        "asks the service to keep the result for the next query",
        "range n from 1 to 3 step 1 | execute-and-cache",
    )
    .alias(&["execute_and_cache"]),
];
