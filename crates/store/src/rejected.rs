//! How many values did not fit their columns and how many fields had none, by table, until somebody has
//! written it down.

use std::collections::BTreeMap;

use bartizan_base::WorkspaceId;
use parking_lot::Mutex;

use crate::manifest::TableKey;

/// What was lost of the rows of one table. The rows themselves were kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub workspace: WorkspaceId,
    pub table: String,
    /// Values stored as null, because they could not be converted.
    pub cells: u64,
    /// Fields dropped, because the table has no such column.
    pub fields: u64,
}

/// Counts by table; as many as there are tables.
#[derive(Debug, Default)]
pub(crate) struct RejectedByTable(Mutex<BTreeMap<TableKey, (u64, u64)>>);

impl RejectedByTable {
    pub(crate) fn add(&self, key: &TableKey, cells: u64, fields: u64) {
        if cells + fields > 0 {
            let mut counts = self.0.lock();
            let count = counts.entry(key.clone()).or_default();
            *count = (count.0 + cells, count.1 + fields);
        }
    }

    pub(crate) fn take(&self) -> Vec<Rejected> {
        let counts = std::mem::take(&mut *self.0.lock());
        let rejected = |((workspace, table), (cells, fields)): (TableKey, (u64, u64))| Rejected {
            workspace,
            table: table.to_string(),
            cells,
            fields,
        };
        counts.into_iter().map(rejected).collect()
    }
}
