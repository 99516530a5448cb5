//! What ingestion had to convert, leave out or drop, told in the `Operation` table.
//!
//! Counts are gathered and written as one row for each rule, table and kind, soon after the first and then
//! about once a minute, so that a sender of bad rows makes few rows here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use crate::app::App;

/// Kinds of findings kept between two writes; more are added up under the table `(others)`.
const KINDS_MAX: usize = 500;
/// The first finding after a quiet time is written this soon.
const FIRST_AFTER: Duration = Duration::from_secs(1);
/// At most one row of a kind in this time.
const EVERY: Duration = Duration::from_secs(60);

/// What a door tells of values that became null. The store counts them too, and `upkeep` tells of those that
/// came by no door.
pub(crate) const MISFITS: &str = "values that did not fit their column, now null";
/// The same of fields that the table has no column for.
pub(crate) const NO_COLUMN: &str = "fields without a column, left out";

/// Rule or door, table, what.
type Key = (String, String, &'static str);

/// The findings since the last write.
#[derive(Debug, Default)]
pub(crate) struct IngestionNotes {
    counts: Mutex<BTreeMap<Key, u64>>,
    first: Notify,
    /// Values and fields of each table that doors told of since `upkeep` asked.
    told: Mutex<BTreeMap<String, Told>>,
}

/// What doors told of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) cells: u64,
    pub(crate) fields: u64,
}

impl IngestionNotes {
    /// What doors told of each table since this was last asked.
    pub(crate) fn take_told(&self) -> BTreeMap<String, Told> {
        std::mem::take(&mut *self.told.lock())
    }

    /// Adds `count` findings; none are no finding.
    pub(crate) fn add(&self, source: &str, table: &str, what: &'static str, count: u64) {
        if count == 0 {
            return;
        }
        if what == MISFITS || what == NO_COLUMN {
            let mut told = self.told.lock();
            let told = told.entry(table.to_owned()).or_default();
            if what == MISFITS { told.cells += count } else { told.fields += count }
        }
        let mut counts = self.counts.lock();
        let key = (source.to_owned(), table.to_owned(), what);
        let key = if counts.len() < KINDS_MAX || counts.contains_key(&key) {
            key
        } else {
            ("(others)".to_owned(), "(others)".to_owned(), what)
        };
        *counts.entry(key).or_default() += count;
        self.first.notify_one();
    }

    fn rows(&self, now: bartizan_base::Ticks) -> Vec<Map<String, Value>> {
        let counts = std::mem::take(&mut *self.counts.lock());
        counts
            .into_iter()
            .map(|((source, table, what), count)| {
                let members = [
                    ("TimeGenerated", json!(now)),
                    ("OperationCategory", json!("Ingestion")),
                    ("OperationStatus", json!("Warning")),
                    ("OperationKey", json!(format!("{source}/{table}"))),
                    ("Solution", json!("LogManagement")),
                    ("SourceSystem", json!("Bartizan")),
                    ("Detail", json!(format!("{count} {what}: table {table}, from {source}"))),
                ];
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            })
            .collect()
    }
}

/// Writes findings until the server stops; what is left then is written last.
pub(crate) async fn write_notes(app: Arc<App>) {
    loop {
        tokio::select! {
            () = app.ingestion_notes.first.notified() => {}
            () = app.stop.cancelled() => break,
        }
        pause(&app, FIRST_AFTER).await;
        write(&app).await;
        pause(&app, EVERY).await;
    }
    write(&app).await;
}

async fn pause(app: &App, time: Duration) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = app.stop.cancelled() => {}
    }
}

async fn write(app: &App) {
    let rows = app.ingestion_notes.rows(app.clock.now());
    if rows.is_empty() {
        return;
    }
    let target = app.home.target("Operation");
    if let Err(error) = app.store.append_rows(target, rows).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot write to Operation");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_added_up_and_bounded() {
        let notes = IngestionNotes::default();
        notes.add("r", "T", "values", 2);
        notes.add("r", "T", "values", 3);
        notes.add("r", "T", "values", 0);
        let rows = notes.rows(bartizan_base::Ticks(0));
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["Detail"], "5 values: table T, from r");
        for n in 0..KINDS_MAX * 2 {
            notes.add(&n.to_string(), "T", "values", 1);
        }
        assert_eq!(notes.rows(bartizan_base::Ticks(0)).len(), KINDS_MAX + 1);
    }

    #[test]
    fn what_doors_told_of_a_table_is_known_once() {
        let notes = IngestionNotes::default();
        notes.add("rule", "Syslog", MISFITS, 3);
        notes.add("other rule", "Syslog", MISFITS, 2);
        notes.add("rule", "Syslog", NO_COLUMN, 7);
        notes.add("rule", "Syslog", "rows dropped by the transformation", 100);
        notes.add("rule", "Heartbeat", NO_COLUMN, 0);
        let told = notes.take_told();
        assert_eq!(told, BTreeMap::from([("Syslog".to_owned(), Told { cells: 5, fields: 7 })]));
        assert!(notes.take_told().is_empty());
        assert_eq!(notes.rows(bartizan_base::Ticks(0)).len(), 4, "each rule and kind has its row");
    }
}
