//! Text.

use super::{Function, Naming, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("strcat", &["(arg...: any): string"], "", "").nulls(Nulls::Handled),
    Function::new("strcat_delim", &["(delimiter: any, arg...: any): string"], "", "").nulls(Nulls::Handled),
    Function::new("strcmp", &["(s1: any, s2: any): long"], "", ""),
    Function::new("strrep", &["(value: any, multiplier: long, delimiter?: any): string"], "", ""),
    Function::new("strlen", &["(string: any): long"], "", "").named(Naming::Prefix("strlen")),
    Function::new("string_size", &["(string: any): long"], "", "").named(Naming::Prefix("string_size")),
    Function::new("toupper", &["(value: any): string"], "", ""),
    Function::new("tolower", &["(value: any): string"], "", ""),
    Function::new("unicode_codepoints_from_string", &["(value: any): dynamic"], "", "").alias(&["to_utf8"]),
    Function::new("substring", &["(string: any, start: integer, length?: integer): string"], "", ""),
    Function::new("regex_quote", &["(string: any): string"], "", ""),
    Function::new(
        "indexof",
        &["(string: any, match: any, start?: integer, length?: integer, occurrence?: integer): long"],
        "",
        "",
    ),
    Function::new(
        "indexof_regex",
        &["(string: any, match: any, start?: integer, length?: integer, occurrence?: integer): long"],
        "",
        "",
    ),
    Function::new("has_any_index", &["(source: any, values: dynamic): long"], "", ""),
    Function::new("reverse", &["(value: any): string"], "", ""),
    Function::new("split", &["(source: any, delimiter: string, requested_index?: integer): dynamic"], "", "")
        .named(Naming::FirstArgument),
    Function::new("replace", &["(regex: string, rewrite: string, source: string): string"], "", ""),
    Function::new(
        "replace_regex",
        &["(source: string, lookup_regex: string, rewrite_pattern: string): string"],
        "",
        "",
    ),
    Function::new("replace_string", &["(text: string, lookup: string, rewrite: string): string"], "", ""),
    Function::new(
        "replace_strings",
        &["(text: string, lookups: dynamic, rewrites: dynamic): string"],
        "",
        "",
    ),
    Function::new("trim_start", &["(regex: string, source: string): string"], "", ""),
    Function::new("trim_end", &["(regex: string, source: string): string"], "", ""),
    Function::new("trim", &["(regex: string, text: string): string"], "", ""),
    Function::new("countof", &["(source: string, search: string, kind?: string): long"], "", ""),
    Function::new(
        "translate",
        &["(search_list: string, replacement_list: string, source: string): string"],
        "",
        "",
    ),
    Function::new("unicode_codepoints_to_string", &["(value...: any): string"], "", "")
        .alias(&["make_string"]),
    Function::new("format_bytes", &["(size: number, precision?: number, format?: string): string"], "", "")
        .named(Naming::FirstArgument),
];
