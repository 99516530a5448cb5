//! Taking structured values out of text.

use super::{Function, Naming};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("parse_command_line", &["(command: any, parser: string): dynamic"], "", ""),
    Function::new(
        "extract",
        &[
            "(regex: string, capture_group: long, source: string): string",
            "(regex: string, capture_group: long, source: string, type_literal: type): typed",
        ],
        "",
        "",
    ),
    Function::new(
        "extract_all",
        &[
            "(regex: string, source: string): dynamic",
            "(regex: string, capture_groups: dynamic, source: string): dynamic",
        ],
        "",
        "",
    )
    .alias(&["extractall"]),
    Function::new(
        "extract_json",
        &[
            "(json_path: string, json_text: string): string",
            "(json_path: string, json_text: string, type: type): typed",
        ],
        "",
        "",
    )
    .alias(&["extractjson"]),
    Function::new("parse_csv", &["(csv_text: any): dynamic"], "", "").named(Naming::FirstArgument),
    Function::new("parse_xml", &["(xml_text: any): dynamic"], "", "").named(Naming::FirstArgument),
    Function::new("parse_url", &["(url: string): dynamic"], "", "").alias(&["parseurl"]),
    Function::new("parse_urlquery", &["(query: string): dynamic"], "", "").alias(&["parseurlquery"]),
    Function::new("parse_path", &["(path: string): dynamic"], "", ""),
    Function::new("parse_user_agent", &["(user_agent: string, look_for?: any): dynamic"], "", ""),
    Function::new("parse_version", &["(version: string): decimal"], "", ""),
];
