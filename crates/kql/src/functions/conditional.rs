//! Choice, and questions about null and emptiness.

use super::{Function, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "iff",
        &["(condition: bool, then: any, else: any): common"],
        "the second argument where the first is true, else the third",
        r#"print iff(1 < 2, "yes", "no")"#,
    )
    .alias(&["iif"])
    .nulls(Nulls::Handled),
    Function::new(
        "case",
        &["(condition...: any, then...: any, else: any): common"],
        "the value behind the first condition that is true, else the last",
        r#"print case(1 > 2, "a", 2 > 1, "b", "c")"#,
    )
    .nulls(Nulls::Handled),
    Function::new(
        "assert",
        &["(predicate: bool, message: string): bool"],
        "fails the query when a constant condition is false",
        r#"print assert(true, "never")"#,
    ),
    Function::new("not", &["(expression: bool): bool"], "the opposite; null stays null", "print not(false)")
        .nulls(Nulls::Handled),
    Function::new(
        "isnotnull",
        &["(expression: any): bool"],
        "whether a value is not null; a string never is",
        "print isnotnull(long(null))",
    )
    .alias(&["notnull"])
    .nulls(Nulls::Handled),
    Function::new(
        "isnull",
        &["(expression: any): bool"],
        "whether a value is null; a string never is",
        "print isnull(long(null))",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "iscolumnexists",
        &["(column_name: string): bool"],
        "whether a column exists",
        r#"print iscolumnexists("a")"#,
    ),
    Function::new(
        "isascii",
        &["(value: any): bool"],
        "whether a text holds ASCII only",
        r#"print isascii("abc")"#,
    ),
    Function::new(
        "isutf8",
        &["(value: any): bool"],
        "whether a text is valid UTF-8",
        r#"print isutf8("abc")"#,
    ),
    Function::new(
        "isnotempty",
        &["(value: any): bool"],
        "whether a value is neither null nor an empty text",
        r#"print isnotempty("a")"#,
    )
    .alias(&["notempty"])
    .nulls(Nulls::Handled),
    Function::new(
        "isempty",
        &["(value: any): bool"],
        "whether a value is null or an empty text",
        r#"print isempty("")"#,
    )
    .nulls(Nulls::Handled),
    Function::new(
        "column_ifexists",
        &["(column_name: string, default_value: any): second"],
        "a column if it exists, else a value",
        r#"print column_ifexists("a", "none")"#,
    )
    .alias(&["columnifexists"])
    .nulls(Nulls::Handled),
    Function::new(
        "around",
        &["(value: any, center: any, delta: any): bool"],
        "whether a value lies within a distance of another",
        "print around(10, 8, 2)",
    ),
    Function::new(
        "coalesce",
        &["(values...: any): common"],
        "the first value that is not null; of strings, not empty",
        "print coalesce(long(null), 2)",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "max_of",
        &["(values...: any): common"],
        "the largest argument; null is left out",
        "print max_of(1, 3, 2)",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "min_of",
        &["(values...: any): common"],
        "the smallest argument; null is left out",
        "print min_of(1, 3, 2)",
    )
    .nulls(Nulls::Handled),
];
