//! Any body gives a batch of equally long columns, or is refused, and never a panic.
#![no_main]

use std::sync::LazyLock;

use bartizan_base::{TenantId, Ticks, WorkspaceId};
use bartizan_schema::TableRegistry;
use bartizan_store::AppendTarget;
use bartizan_store::decode::{Layout, Stamp};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

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

fuzz_target!(|body: &[u8]| {
    drop(LAYOUT.decode(body, &STAMP));
});
