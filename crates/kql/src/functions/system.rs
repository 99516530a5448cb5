//! The service itself and stored extents.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("current_cluster_endpoint", &["(): string"], "", ""),
    Function::new("current_database", &["(): string"], "", ""),
    Function::new("current_principal", &["(): string"], "", ""),
    Function::new("current_principal_details", &["(): dynamic"], "", ""),
    Function::new("current_principal_is_member_of", &["(group...: any): bool"], "", ""),
    Function::new("extent_id", &["(): guid"], "", "").alias(&["extentid"]),
    Function::new("extent_tags", &["(): dynamic"], "", ""),
    Function::new("current_node_id", &["(): string"], "", ""),
    Function::new("row_id", &["(): string"], "", ""),
    Function::new("cursor_after", &["(cursor: string): bool"], "", ""),
    Function::new("cursor_before_or_at", &["(cursor: string): bool"], "", ""),
    Function::new("cursor_current", &["(): string"], "", "").alias(&["current_cursor"]),
    Function::new("rowstore_ordinal_range", &["(): dynamic"], "", ""),
    Function::new("estimate_data_size", &["(column...: any): long", "(column: any): long"], "", ""),
    Function::new("new_guid", &["(): guid"], "", ""),
];
