//! The way in for the fuzz target in `fuzz/`: the decoder of uploaded bodies, for any input.

use std::sync::LazyLock;

use bartizan_base::{TenantId, Ticks, WorkspaceId};
use bartizan_schema::TableRegistry;
use uuid::Uuid;

use crate::append::AppendTarget;
use crate::decode::{Layout, Stamp};

/// Has columns of every type that senders use.
const TABLE: &str = "DeviceProcessEvents";

static LAYOUT: LazyLock<Layout> = LazyLock::new(|| {
    let registry = TableRegistry::shipped().expect("the shipped tables are read by tests");
    Layout::new(registry.get(TABLE).cloned().expect("a shipped table"))
});

static STAMP: LazyLock<Stamp> = LazyLock::new(|| {
    let target = AppendTarget::new(WorkspaceId(Uuid::nil()), TenantId(Uuid::nil()), TABLE);
    Stamp::new(&target, Ticks(0))
});

/// The body of an upload: a batch of equally long columns, or a refusal.
pub fn decode(body: &[u8]) {
    drop(LAYOUT.decode(body, &STAMP));
}
