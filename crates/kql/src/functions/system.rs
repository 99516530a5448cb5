//! The service itself and how it stores data.

use super::{Function, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "current_cluster_endpoint",
        &["(): string"],
        "the host name this service is reached by",
        "print current_cluster_endpoint()",
    ),
    Function::new(
        "current_database",
        &["(): string"],
        "the id of the workspace that the query runs in",
        "print current_database()",
    ),
    Function::new(
        "current_principal",
        &["(): string"],
        "who runs the query; empty for the service itself",
        "print current_principal()",
    ),
    Function::new(
        "current_principal_details",
        &["(): dynamic"],
        "facts about who runs the query as a bag",
        "print current_principal_details()",
    ),
    Function::new(
        "current_principal_is_member_of",
        &["(group...: any): bool"],
        "whether who runs the query belongs to one of some groups; false where no directory is connected",
        r#"print current_principal_is_member_of("aadgroup=x")"#,
    ),
    Function::new(
        "column_names_of",
        &["(table: table): dynamic"],
        "the names of a table's columns as an array",
        "print column_names_of(print a = 1, b = 2)",
    ),
    Function::new(
        "extent_id",
        &["(): guid"],
        "the storage segment of a row; refused, because segments are merged behind the scenes",
        "print extent_id()",
    )
    .alias(&["extentid"]),
    Function::new(
        "extent_tags",
        &["(): dynamic"],
        "the tags of a row's storage segment; refused, because segments carry none",
        "print extent_tags()",
    ),
    Function::new(
        "current_node_id",
        &["(): string"],
        "the machine that reads a row; refused, because one process answers",
        "print current_node_id()",
    ),
    Function::new(
        "row_id",
        &["(): string"],
        "the position of a row in its storage; refused, because merging moves rows",
        "print row_id()",
    ),
    Function::new(
        "cursor_after",
        &["(cursor: string): bool"],
        "whether a row came after a database cursor; refused: compare ingestion_time()",
        r#"print cursor_after("a")"#,
    ),
    Function::new(
        "cursor_before_or_at",
        &["(cursor: string): bool"],
        "whether a row came up to a database cursor; refused: compare ingestion_time()",
        r#"print cursor_before_or_at("a")"#,
    ),
    Function::new(
        "cursor_current",
        &["(): string"],
        "the present database cursor; refused: compare ingestion_time()",
        "print cursor_current()",
    )
    .alias(&["current_cursor"]),
    Function::new(
        "rowstore_ordinal_range",
        &["(): dynamic"],
        "the place of a row in the row store; refused, because there is none",
        "print rowstore_ordinal_range()",
    ),
    Function::new(
        "estimate_data_size",
        &["(column...: any): long"],
        "about how many bytes values take uncompressed",
        "print estimate_data_size(1)",
    )
    .nulls(Nulls::Handled),
    Function::new("new_guid", &["(): guid"], "a random guid", "print isnotnull(new_guid())"),
];
