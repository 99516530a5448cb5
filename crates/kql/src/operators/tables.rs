//! Operators over several tables.

use super::{Operator, setting};

/// The kinds of join, with their other spellings.
const JOIN_KINDS: &[&str] = &[
    "innerunique",
    "inner",
    "leftouter",
    "rightouter",
    "fullouter",
    "leftsemi",
    "rightsemi",
    "leftanti",
    "rightanti",
    "anti",
    "leftantisemi",
    "rightantisemi",
    "semi",
];

pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(
        "join",
        &["T | join [kind=Kind] (U) on Column, …", "T | join [kind=Kind] (U) on $left.A == $right.B, …"],
        "puts rows of two tables side by side where their keys are equal; a null key equals nothing",
        "range a from 1 to 3 step 1 | join kind=leftouter (range b from 2 to 4 step 1) on $left.a == $right.b",
    )
    .settings(&[setting("kind", JOIN_KINDS, "which rows without a partner are kept; `innerunique` when not said")]),
    Operator::new(
        "lookup",
        &["T | lookup [kind=Kind] (Dimension) on Column, …"],
        "adds the columns of a small table to the rows of a large one, by key",
        "range a from 1 to 3 step 1 | lookup (datatable(a: long, name: string)[1, 'one', 2, 'two']) on a",
    )
    .settings(&[setting("kind", &["leftouter", "inner"], "whether rows without a match are kept; they are when not said")]),
    Operator::new(
        "union",
        &["union T, U, …", "T | union U, …", "union Pattern*"],
        "puts rows of several tables one after the other; columns are matched by name and type",
        "union (print a = 1), (print a = 2, b = 'x')",
    )
    .settings(&[
        setting("kind", &["outer", "inner"], "all columns, or only those every table has"),
        setting("withsource", &[], "a new column with the name of the table a row is from"),
        setting("with_source", &[], "the same as `withsource`"),
        setting("isfuzzy", &["true", "false"], "leave out tables that do not exist"),
        setting("best_effort", &["true", "false"], "leave out tables that cannot be read"),
    ])
    .source(),
    Operator::new(
        "search",
        &["search [in (T, …)] Predicate", "T | search Predicate"],
        "rows in which any column has a text; a term may be bound to a column with `Column: 'text'`",
        "datatable(a: string, b: string)['red fox', 'x', 'hen', 'y'] | search 'fox'",
    )
    .settings(&[setting(
        "kind",
        &["default", "case_insensitive", "case_sensitive"],
        "whether the case of texts matters; it does not when not said",
    )])
    .source(),
    Operator::new(
        "find",
        &[
            "find [in (T, …)] [where] Predicate [project-smart]",
            "find [in (T, …)] [where] Predicate project Column[: Type], … [, pack(*)]",
        ],
        "rows of several tables for which a condition holds, with the table's name and a choice of columns",
        "find withsource=from in ((print a = 1), (print a = 2)) where a > 1 project a",
    )
    .settings(&[
        setting("withsource", &[], "the name of the column that tells the table; `source_` when not said"),
        setting("with_source", &[], "the same as `withsource`"),
        setting("datascope", &["all", "hotcache"], "accepted without effect"),
    ])
    .source(),
];
