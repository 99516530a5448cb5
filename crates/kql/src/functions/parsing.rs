//! Taking structured values out of text.

use super::{Function, Naming};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "parse_command_line",
        &["(command: any, parser: string): dynamic"],
        "the arguments of a Windows command line as an array",
        r#"print parse_command_line("echo hello", "windows")"#,
    ),
    Function::new(
        "extract",
        &[
            "(regex: string, capture_group: long, source: string): string",
            "(regex: string, capture_group: long, source: string, type_literal: type): typed",
        ],
        "one group of the first match of a regular expression, empty when there is none",
        r#"print extract(@"(\d+)", 1, "id=42")"#,
    ),
    Function::new(
        "extract_all",
        &[
            "(regex: string, source: string): dynamic",
            "(regex: string, capture_groups: dynamic, source: string): dynamic",
        ],
        "every match of a regular expression as an array",
        r#"print extract_all(@"(\d+)", "1 and 2")"#,
    )
    .alias(&["extractall"]),
    Function::new(
        "extract_json",
        &[
            "(json_path: string, json_text: string): string",
            "(json_path: string, json_text: string, type: type): typed",
        ],
        "the value at a path inside JSON text",
        r#"print extract_json("$.a", '{"a": 1}')"#,
    )
    .alias(&["extractjson"]),
    Function::new(
        "parse_csv",
        &["(csv_text: any): dynamic"],
        "the fields of one line of comma-separated values",
        r#"print parse_csv('a,"b,c"')"#,
    )
    .named(Naming::FirstArgument),
    Function::new(
        "parse_xml",
        &["(xml_text: any): dynamic"],
        "reads XML into a bag; attributes begin with @",
        r#"print parse_xml("<a><b>1</b></a>").a.b"#,
    )
    .named(Naming::FirstArgument),
    Function::new(
        "parse_url",
        &["(url: string): dynamic"],
        "the parts of an address as a bag",
        r#"print parse_url("https://host:80/p?q=1").Host"#,
    )
    .alias(&["parseurl"]),
    Function::new(
        "parse_urlquery",
        &["(query: string): dynamic"],
        "the parameters of an address's query as a bag",
        r#"print parse_urlquery("a=1&b=2")"#,
    )
    .alias(&["parseurlquery"]),
    Function::new(
        "parse_path",
        &["(path: string): dynamic"],
        "the parts of a file path as a bag",
        r#"print parse_path(@"C:\a\b.txt").Filename"#,
    ),
    Function::new(
        "parse_user_agent",
        &["(user_agent: string, look_for?: any): dynamic"],
        "browser, system and device of a user agent text",
        r#"print parse_user_agent("curl/8.0", "browser")"#,
    ),
    Function::new(
        "parse_version",
        &["(version: string): decimal"],
        "a dotted version as a number that sorts",
        r#"print parse_version("1.10.2")"#,
    ),
];
