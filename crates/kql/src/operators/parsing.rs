//! Operators that take values apart: text into columns, arrays into rows.

use super::{Operator, Setting, setting};

const PARSE_SETTINGS: &[Setting] = &[
    setting(
        "kind",
        &["simple", "relaxed", "regex"],
        "how strictly the pattern is matched; `simple` when not said",
    ),
    setting(
        "flags",
        &[],
        "flags of a regex pattern: `U` ungreedy, `m` multi-line, `s` dot matches a line break, `i` ignore case",
    ),
];

const EXPANSION_SETTINGS: &[Setting] = &[
    setting("kind", &["bag", "array"], "whether a bag becomes one-key bags or pairs of key and value"),
    setting("bagexpansion", &["bag", "array"], "the same as `kind`"),
    setting("bag_expansion", &["bag", "array"], "the same as `kind`"),
    setting("with_itemindex", &[], "a new column with the element's place, counted from 0"),
];

pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(
        "parse",
        &["T | parse [kind=Kind [flags=Flags]] Text with [*] 'literal' Name[: Type] [*] …"],
        "takes columns out of text by a pattern; rows that do not match get null",
        "print t = 'user=ann age=41' | parse t with 'user=' user ' age=' age: long",
    )
    .settings(PARSE_SETTINGS),
    Operator::new(
        "parse-where",
        &["T | parse-where [kind=Kind [flags=Flags]] Text with [*] 'literal' Name[: Type] [*] …"],
        "like `parse`, but drops rows that do not match",
        "datatable(t: string)['n=1', 'none'] | parse-where t with 'n=' n: long",
    )
    .settings(PARSE_SETTINGS),
    Operator::new(
        "parse-kv",
        &[
            "T | parse-kv Text as (Key: Type, …) with (pair_delimiter = Text, kv_delimiter = Text [, quote = Text [, escape = Text]] [, greedy = true])",
            "T | parse-kv Text as (Key: Type, …) with (regex = Pattern)",
        ],
        "takes the values of named keys out of text",
        "print t = 'user=ann;age=41' | parse-kv t as (user: string, age: long) with (pair_delimiter = ';', kv_delimiter = '=')",
    ),
    Operator::new(
        "mv-expand",
        &["T | mv-expand [with_itemindex=Name] [Name =] Array [to typeof(Type)], … [limit Count]"],
        "makes one row per element of an array or bag; several are walked side by side",
        "print d = dynamic([1, 2, 3]) | mv-expand d to typeof(long)",
    )
    .alias(&["mvexpand"])
    .settings(EXPANSION_SETTINGS),
    Operator::new(
        "mv-apply",
        &["T | mv-apply [with_itemindex=Name] [Name =] Array [to typeof(Type)], … [limit Count] on (Operators)"],
        "runs operators over the elements of each row's array and joins what they give to the row",
        "print d = dynamic([4, 7, 5]) | mv-apply e = d to typeof(long) on (top 1 by e)",
    )
    .alias(&["mvapply"])
    .settings(EXPANSION_SETTINGS),
];
