//! Operators that choose, add, name and order columns.

use super::{Operator, setting};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(
        "extend",
        &["T | extend [Name =] Expression, …"],
        "adds columns, or gives an existing column a new value in its place",
        "print n = 2 | extend twice = n * 2",
    ),
    Operator::new(
        "project",
        &["T | project [Name =] Expression, …"],
        "gives exactly the listed columns, in that order",
        "print a = 1, b = 2 | project b, sum = a + b",
    ),
    Operator::new(
        "project-away",
        &["T | project-away NameOrPattern, …"],
        "drops the listed columns; `*` in a name stands for any text",
        "print a1 = 1, a2 = 2, b = 3 | project-away a*",
    ),
    Operator::new(
        "project-keep",
        &["T | project-keep NameOrPattern, …"],
        "keeps only the listed columns, in the order they had",
        "print a1 = 1, b = 3, a2 = 2 | project-keep a*",
    ),
    Operator::new(
        "project-rename",
        &["T | project-rename New = Old, …"],
        "renames columns in their places",
        "print a = 1, b = 2 | project-rename c = a",
    ),
    Operator::new(
        "project-reorder",
        &["T | project-reorder NameOrPattern [asc|desc|granny-asc|granny-desc], …"],
        "moves the listed columns to the front and leaves the others behind them",
        "print a = 1, b = 2, c = 3 | project-reorder c, *",
    ),
    Operator::new(
        "project-by-names",
        &["T | project-by-names NameOrPatternOrConstant, …"],
        "gives the columns named by constants, which may be arrays of names",
        "print a = 1, b = 2 | project-by-names 'b', 'a'",
    ),
    Operator::new(
        "getschema",
        &["T | getschema"],
        "gives a row for each column: its name, place and type",
        "print a = 1, b = 'x' | getschema",
    )
    .settings(&[setting("kind", &["csl"], "the form of the answer")]),
    Operator::new(
        "assert-schema",
        &["T | assert-schema (Name: Type, …)"],
        "passes rows on and refuses the query when the columns are not the listed ones",
        "print a = 1 | assert-schema (a: long)",
    ),
];
