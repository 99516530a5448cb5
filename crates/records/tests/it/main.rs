//! The record store on a real file.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up stops there")]

mod activity;
mod operations;
mod resources;
mod secrets;

use std::sync::Arc;

use bartizan_base::{ManualClock, ResourceId, Ticks};
use bartizan_records::{Actor, Condition, Records, Write};
use serde_json::Value;

pub(crate) struct Fixture {
    pub(crate) records: Records,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Ticks::parse("2026-01-02T03:04:05Z").unwrap()));
    let records = Records::open(&dir.path().join("control.db"), clock.clone()).await.unwrap();
    Fixture { records, clock, dir }
}

pub(crate) fn id(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

pub(crate) fn write(text: &str, body: Value) -> Write {
    Write { id: id(text), body, condition: Condition::None, actor: Actor::system("test"), audit: true }
}
