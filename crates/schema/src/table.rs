//! One table's declaration.

use serde::{Deserialize, Serialize};

use crate::types::KqlType;

/// A column: its name (case-sensitive), type, and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: KqlType,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

impl Column {
    /// A column without a description.
    pub fn new(name: impl Into<String>, ty: KqlType) -> Self {
        Self { name: name.into(), ty, description: String::new() }
    }
}

/// Who declared a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TableKind {
    /// Shipped in `content/tables`.
    #[default]
    Standard,
    /// Made by a user; the name ends in `_CL`.
    Custom,
}

/// A table: its columns in order, and how long rows are kept.
///
/// Every table has `TimeGenerated`, and the store adds the hidden standard columns
/// ([`Table::STANDARD_COLUMNS`]) that a declaration does not list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default)]
    pub kind: TableKind,
    /// Solution groups shown in the portal's table list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Days that rows stay queryable.
    #[serde(default = "retention_days_default")]
    pub retention_days: u32,
    pub columns: Vec<Column>,
}

fn retention_days_default() -> u32 {
    90
}

impl Table {
    /// Columns that every table of a workspace has, after its own: the server fills them, never the sender.
    pub const STANDARD_COLUMNS: &'static [(&'static str, KqlType)] = &[
        ("TenantId", KqlType::String),
        ("Type", KqlType::String),
        ("_ResourceId", KqlType::String),
        ("_SubscriptionId", KqlType::String),
        ("_BilledSize", KqlType::Real),
        ("_IsBillable", KqlType::String),
        ("_TimeReceived", KqlType::DateTime),
    ];

    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Adds `TimeGenerated` and the standard columns where they are missing.
    pub fn with_standard_columns(mut self) -> Self {
        if self.column("TimeGenerated").is_none() {
            self.columns.insert(0, Column::new("TimeGenerated", KqlType::DateTime));
        }
        for (name, ty) in Self::STANDARD_COLUMNS {
            if self.column(name).is_none() {
                self.columns.push(Column::new(*name, *ty));
            }
        }
        self
    }
}
