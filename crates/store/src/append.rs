//! What goes into the store and what comes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use bartizan_base::{BatchId, ResourceId, TenantId, WorkspaceId};

/// Where a batch of rows goes, and what the server knows about its sender.
#[derive(Clone, Debug)]
pub struct AppendTarget {
    pub workspace: WorkspaceId,
    /// Stamped as `TenantId`.
    pub tenant: TenantId,
    pub table: String,
    /// Names the batch, so that a repeat is recognised. Numbers of one source must grow per table.
    pub batch: Option<BatchId>,
    /// Stamped as `_ResourceId`, and its subscription as `_SubscriptionId`.
    pub resource_id: Option<ResourceId>,
    /// String columns the server sets whatever the sender wrote, such as `Computer`.
    pub force: BTreeMap<String, String>,
}

impl AppendTarget {
    /// A target without batch id, resource or forced columns.
    pub fn new(workspace: WorkspaceId, tenant: TenantId, table: impl Into<String>) -> Self {
        Self {
            workspace,
            tenant,
            table: table.into(),
            batch: None,
            resource_id: None,
            force: BTreeMap::new(),
        }
    }
}

/// The answer to an append: the rows are on disk and visible to the next snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ack {
    /// Rows stored; 0 for a duplicate.
    pub rows: u64,
    /// The batch had been stored before, and nothing was added.
    pub duplicate: bool,
    /// Values that could not be converted to their column's type and became null.
    pub rejected_cells: u64,
    /// Fields that the table has no column for and that were dropped.
    pub unknown_fields: u64,
    /// The commit sequence number of the rows.
    pub seq: u64,
    /// The sum of the stored rows' `_BilledSize`; 0 in tables that are free.
    pub billed_bytes: f64,
}

/// Told to subscribers after rows became visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    pub workspace: WorkspaceId,
    pub table: Arc<str>,
    pub rows: u64,
    pub seq: u64,
}
