//! Text.

use super::{Function, Naming, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "strcat",
        &["(arg...: any): string"],
        "joins its arguments into one text; null counts as empty",
        r#"print strcat("a", 1, true)"#,
    )
    .nulls(Nulls::Handled),
    Function::new(
        "strcat_delim",
        &["(delimiter: any, arg...: any): string"],
        "joins its arguments with a delimiter between them",
        r#"print strcat_delim("-", "a", "b")"#,
    )
    .nulls(Nulls::Handled),
    Function::new(
        "strcmp",
        &["(s1: any, s2: any): long"],
        "-1, 0 or 1 as the first text sorts before, with or after the second",
        r#"print strcmp("a", "b")"#,
    ),
    Function::new(
        "strrep",
        &["(value: any, multiplier: long, delimiter?: any): string"],
        "repeats a text",
        r#"print strrep("ab", 3, "-")"#,
    ),
    Function::new(
        "strlen",
        &["(string: any): long"],
        "counts the characters of a text",
        r#"print strlen("café")"#,
    )
    .named(Naming::Prefix("strlen")),
    Function::new(
        "string_size",
        &["(string: any): long"],
        "counts the bytes of a text in UTF-8",
        r#"print string_size("café")"#,
    )
    .named(Naming::Prefix("string_size")),
    Function::new(
        "toupper",
        &["(value: any): string"],
        "makes letters upper case",
        r#"print toupper("abc")"#,
    ),
    Function::new(
        "tolower",
        &["(value: any): string"],
        "makes letters lower case",
        r#"print tolower("ABC")"#,
    ),
    Function::new(
        "unicode_codepoints_from_string",
        &["(value: any): dynamic"],
        "the code points of a text as an array",
        r#"print unicode_codepoints_from_string("ab")"#,
    )
    .alias(&["to_utf8"]),
    Function::new(
        "substring",
        &["(string: any, start: integer, length?: integer): string"],
        "part of a text from a position counted from 0; never fails",
        r#"print substring("abcdef", 1, 3)"#,
    ),
    Function::new(
        "regex_quote",
        &["(string: any): string"],
        "escapes what has a meaning in regular expressions",
        r#"print regex_quote("a.b")"#,
    ),
    Function::new(
        "indexof",
        &["(string: any, match: any, start?: integer, length?: integer, occurrence?: integer): long"],
        "position of a text inside another, -1 when absent",
        r#"print indexof("abcabc", "c")"#,
    ),
    Function::new(
        "indexof_regex",
        &["(string: any, match: any, start?: integer, length?: integer, occurrence?: integer): long"],
        "position of a match of a regular expression, -1 when absent",
        r#"print indexof_regex("abc12", @"\d")"#,
    ),
    Function::new(
        "has_any_index",
        &["(source: any, values: dynamic): long"],
        "position in the array of the first word that the text has, -1 when none",
        r#"print has_any_index("a quick fox", dynamic(["fox", "dog"]))"#,
    ),
    Function::new("reverse", &["(value: any): string"], "turns a text around", r#"print reverse("abc")"#),
    Function::new(
        "split",
        &["(source: any, delimiter: string, requested_index?: integer): dynamic"],
        "cuts a text at a delimiter; with an index, an array of that one part",
        r#"print split("a,b,c", ",")"#,
    )
    .named(Naming::FirstArgument),
    Function::new(
        "replace",
        &["(regex: string, rewrite: string, source: string): string"],
        "the older order of arguments of `replace_regex`",
        r##"print replace(@"\d", "#", "a1b2")"##,
    ),
    Function::new(
        "replace_regex",
        &["(source: string, lookup_regex: string, rewrite_pattern: string): string"],
        r#"replaces every match of a regular expression; \1 is the first group"#,
        r##"print replace_regex("a1b2", @"\d", "#")"##,
    ),
    Function::new(
        "replace_string",
        &["(text: string, lookup: string, rewrite: string): string"],
        "replaces every occurrence of a text",
        r#"print replace_string("a.b.c", ".", "-")"#,
    ),
    Function::new(
        "replace_strings",
        &["(text: string, lookups: dynamic, rewrites: dynamic): string"],
        "replaces several texts, each with its own replacement",
        r#"print replace_strings("a b", dynamic(["a", "b"]), dynamic(["x", "y"]))"#,
    ),
    Function::new(
        "trim_start",
        &["(regex: string, source: string): string"],
        "removes a match of a regular expression at the start",
        r#"print trim_start("-", "--abc--")"#,
    ),
    Function::new(
        "trim_end",
        &["(regex: string, source: string): string"],
        "removes a match of a regular expression at the end",
        r#"print trim_end("-", "--abc--")"#,
    ),
    Function::new(
        "trim",
        &["(regex: string, text: string): string"],
        "removes matches of a regular expression at both ends",
        r#"print trim("-", "--abc--")"#,
    ),
    Function::new(
        "countof",
        &["(source: string, search: string, kind?: string): long"],
        "counts occurrences of a text (overlapping) or a regular expression",
        r#"print countof("aaaa", "aa")"#,
    ),
    Function::new(
        "translate",
        &["(search_list: string, replacement_list: string, source: string): string"],
        "replaces characters one by one",
        r#"print translate("abc", "xyz", "cab")"#,
    ),
    Function::new(
        "unicode_codepoints_to_string",
        &["(value...: any): string"],
        "the text of some code points",
        "print unicode_codepoints_to_string(75, 113, 108)",
    )
    .alias(&["make_string"]),
    Function::new(
        "format_bytes",
        &["(size: number, precision?: number, format?: string): string"],
        "a count of bytes with a unit",
        "print format_bytes(1048576)",
    )
    .named(Naming::FirstArgument),
];
