//! Choice, and questions about null and emptiness.

use super::{Function, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("iff", &["(condition: bool, then: any, else: any): common"], "", "")
        .alias(&["iif"])
        .nulls(Nulls::Handled),
    Function::new("case", &["(condition...: any, then...: any, else: any): common"], "", "")
        .nulls(Nulls::Handled),
    Function::new("assert", &["(predicate: bool, message: string): bool"], "", ""),
    Function::new("not", &["(expression: bool): bool"], "", "").nulls(Nulls::Handled),
    Function::new("isnotnull", &["(expression: any): bool"], "", "")
        .alias(&["notnull"])
        .nulls(Nulls::Handled),
    Function::new("isnull", &["(expression: any): bool"], "", "").nulls(Nulls::Handled),
    Function::new("iscolumnexists", &["(column_name: string): bool"], "", ""),
    Function::new("isascii", &["(value: any): bool"], "", ""),
    Function::new("isutf8", &["(value: any): bool"], "", ""),
    Function::new("isnotempty", &["(value: any): bool"], "", "").alias(&["notempty"]).nulls(Nulls::Handled),
    Function::new("isempty", &["(value: any): bool"], "", "").nulls(Nulls::Handled),
    Function::new("column_ifexists", &["(column_name: string, default_value: any): second"], "", "")
        .alias(&["columnifexists"])
        .nulls(Nulls::Handled),
    Function::new("around", &["(value: any, center: any, delta: any): bool"], "", ""),
    Function::new("coalesce", &["(values...: any): common"], "", "").nulls(Nulls::Handled),
    Function::new("max_of", &["(values...: any): common"], "", "").nulls(Nulls::Handled),
    Function::new("min_of", &["(values...: any): common"], "", "").nulls(Nulls::Handled),
];
