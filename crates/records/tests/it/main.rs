//! The record store on a real file, and, when `BARTIZAN_TEST_POSTGRES` names a server, the same tests on it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up stops there")]
#![expect(clippy::print_stdout, reason = "what a test skipped is part of its answer")]

mod activity;
mod agents;
mod bulk;
mod families;
mod leases;
mod operations;
mod policy_events;
mod postgres;
mod resources;
mod secrets;
mod state;
mod together;
mod upgrade;

use std::sync::Arc;

use bartizan_base::{ManualClock, ResourceId, Ticks};
use bartizan_records::{Actor, Condition, PostgresUrl, Records, Write};
use serde_json::Value;

pub(crate) struct Fixture {
    pub(crate) records: Records,
    pub(crate) clock: Arc<ManualClock>,
    dir: tempfile::TempDir,
    url: Option<PostgresUrl>,
}

impl Fixture {
    async fn open(&self, name: &str) -> Records {
        let path = self.dir.path().join(name);
        match &self.url {
            Some(url) => Records::open_postgres(&path, url, self.clock.clone()).await.unwrap(),
            None => Records::open(&path, self.clock.clone()).await.unwrap(),
        }
    }

    /// The same records, as another process opens them.
    pub(crate) async fn other(&self) -> Records {
        self.open("control.db").await
    }
}

pub(crate) async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Ticks::parse("2026-01-02T03:04:05Z").unwrap()));
    let records = Records::open(&dir.path().join("unused.db"), clock.clone()).await.unwrap();
    let mut fixture = Fixture { records, clock, dir, url: postgres().await };
    let other = fixture.other().await;
    // Closed, not dropped: SQLite removes its journal while closing, under whoever lists the folder.
    std::mem::replace(&mut fixture.records, other).close().await;
    fixture
}

/// A database of this test's own on the PostgreSQL that the tests were given.
pub(crate) async fn postgres() -> Option<PostgresUrl> {
    let server = std::env::var("BARTIZAN_TEST_POSTGRES").ok()?;
    Some(PostgresUrl::parse(&server).unwrap().new_database().await.unwrap())
}

pub(crate) fn id(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

pub(crate) fn write(text: &str, body: Value) -> Write {
    Write { id: id(text), body, condition: Condition::None, actor: Actor::system("test"), audit: true }
}
