//! The service itself and stored extents.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "current_cluster_endpoint",
        &["(): string"],
        "the host name of this service",
        "print current_cluster_endpoint()",
    ),
    Function::new(
        "current_database",
        &["(): string"],
        "the name of this workspace's database",
        "print current_database()",
    ),
    Function::new("current_principal", &["(): string"], "who runs the query", "print current_principal()"),
    Function::new(
        "current_principal_details",
        &["(): dynamic"],
        "facts about who runs the query",
        "print current_principal_details()",
    ),
    Function::new(
        "current_principal_is_member_of",
        &["(group...: any): bool"],
        "whether who runs the query is in a group",
        r#"print current_principal_is_member_of("aadgroup=x")"#,
    ),
    Function::new("extent_id", &["(): guid"], "extent id", "print extent_id()").alias(&["extentid"]),
    Function::new("extent_tags", &["(): dynamic"], "extent tags", "print extent_tags()"),
    Function::new("current_node_id", &["(): string"], "current node id", "print current_node_id()"),
    Function::new("row_id", &["(): string"], "row id", "print row_id()"),
    Function::new("cursor_after", &["(cursor: string): bool"], "cursor after", r#"print cursor_after("a")"#),
    Function::new(
        "cursor_before_or_at",
        &["(cursor: string): bool"],
        "cursor before or at",
        r#"print cursor_before_or_at("a")"#,
    ),
    Function::new("cursor_current", &["(): string"], "cursor current", "print cursor_current()")
        .alias(&["current_cursor"]),
    Function::new(
        "rowstore_ordinal_range",
        &["(): dynamic"],
        "rowstore ordinal range",
        "print rowstore_ordinal_range()",
    ),
    Function::new(
        "estimate_data_size",
        &["(column...: any): long", "(column: any): long"],
        "estimate data size",
        "print estimate_data_size(1)",
    ),
    Function::new("new_guid", &["(): guid"], "a random guid", "print isnotnull(new_guid())"),
];
