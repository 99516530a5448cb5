//! What ingestion had to convert, leave out or drop, told in the `Operation` table.
//!
//! Counts are gathered and written as one row for each rule, table and kind, soon after the first and then
//! about once a minute, so that a sender of bad rows makes few rows here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bartizan_store::AppendTarget;
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

/// Rule or door, table, what.
type Key = (String, String, &'static str);

/// The findings since the last write.
#[derive(Debug, Default)]
pub(crate) struct IngestionNotes {
    counts: Mutex<BTreeMap<Key, u64>>,
    first: Notify,
}

impl IngestionNotes {
    /// Adds `count` findings; none are no finding.
    pub(crate) fn add(&self, source: &str, table: &str, what: &'static str, count: u64) {
        if count == 0 {
            return;
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
    let target = AppendTarget::new(app.home.customer, app.home.tenant, "Operation");
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
}
