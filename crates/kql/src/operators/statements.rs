//! Statements: what may stand before the query, each ended by `;`.

use super::Operator;

pub(super) const STATEMENTS: &[Operator] = &[
    Operator::new(
        "let",
        &[
            "let Name = Expression;",
            "let Name = (Parameter: Type [= Value], T: (Column: Type, …)) { Body };",
            "let Name = view () { Query };",
        ],
        "gives a name to a value, a table or a function",
        "let limit = 2; let few = (T: (*)) { T | take limit }; few(range n from 1 to 9 step 1)",
    ),
    Operator::new(
        "set",
        &["set Option [= Value];"],
        "sets an option of the request; one that has no effect here is reported",
        "set notruncation; print 1",
    ),
    Operator::new(
        "declare query_parameters",
        &["declare query_parameters(Name: Type [= Value], …);"],
        "declares values that the caller may give; the default is taken otherwise",
        "declare query_parameters(n: long = 5); print n",
    ),
    Operator::new(
        "declare pattern",
        &[
            "declare pattern Name;",
            "declare pattern Name = (Argument: string, …) [[Path: string]] { ('value', …)[.['path']] = { Query }; … };",
        ],
        "declares queries that stand for calls with constant arguments, as `Name('value').path`",
        "declare pattern app = (id: string) { ('a') = { print 1 }; }; app('a')",
    ),
    Operator::new(
        "alias database",
        &["alias database Name = cluster('…').database('…');"],
        "names a database for `database('Name')`; those of other clusters are refused when they are read",
        "alias database other = cluster('x').database('y'); print 1",
    ),
    Operator::new(
        "restrict access to",
        &["restrict access to (Table, Function, Pre*, database('…').*, workspace('…').Table, …);"],
        "hides every table and function that is not listed from what follows; functions declared before keep their sight",
        "let seen = view () { print 1 }; restrict access to (seen); seen",
    ),
];
