//! Paths into dynamic columns that queries use again and again, kept as hidden columns of files.
//!
//! Queries tell which paths they read ([`rewrite`]). One that was read often enough is promoted: files written from
//! then on have its values beside the table's own columns, worked out by the kernel that queries use ([`path`]), and
//! queries read them instead of the JSON. A file that lacks such a column, and rows in memory, are asked for the
//! path itself ([`crate::provider`]), so an answer never depends on what was promoted when. The columns are in no
//! table's declaration, hence in no schema, no published table and no export.

pub(crate) mod path;
pub(crate) mod rewrite;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::FieldRef;
use bartizan_base::{Ticks, WorkspaceId, counters};
use bartizan_store::{ExtraColumns, Files};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

pub(crate) use path::HotPath;

/// Queries that must have read a path before it is promoted: a rule's runs of less than an hour.
const USES_TO_PROMOTE: u32 = 8;
/// Promoted paths of one table. Each costs a pass over its column when files are written, and their space.
const TABLE_PATHS_MAX: usize = 8;
/// Tables with promoted paths.
const TABLES_MAX: usize = 64;
/// Paths that are counted before they are promoted; above it, those that are rare are forgotten.
const COUNTED_MAX: usize = 1024;
/// A promoted path that was not read for this long makes room for another one: a week.
const UNUSED_TICKS: i64 = 7 * 24 * 3600 * 10_000_000;
/// Values longer than this on average are not kept: they would be a second copy of most of the JSON.
const VALUE_BYTES_MAX: usize = 1024;
/// How many of the newest files tell whether a path's column pays.
const FILES_ASKED: usize = 256;

const PATHS: &str = "bartizan_engine_hot_paths_total";

type Place = (WorkspaceId, String);

/// What is known about paths. The engine and the store that it reads share one.
#[derive(Debug, Default)]
pub struct HotPaths {
    inner: Mutex<Inner>,
    /// Told when what is promoted changes.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    counted: HashMap<(Place, HotPath), u32>,
    promoted: BTreeMap<Place, Vec<Promoted>>,
}

#[derive(Clone, Debug)]
struct Promoted {
    path: HotPath,
    /// Files with a greater number were written since.
    since_file: i64,
    used: Ticks,
}

/// The promoted paths of one table, for one query.
#[derive(Clone, Debug)]
pub(crate) struct TablePaths {
    pub place: Place,
    /// Those that most rows of the newest files have.
    pub usable: Vec<HotPath>,
    /// The greatest number of a file.
    newest_file: i64,
}

impl HotPaths {
    /// What [`HotPaths::saved`] gave. What does not fit is left out: a path that is not known is learned again.
    pub fn restored(saved: &Value) -> Self {
        let hot = Self::default();
        let entries = saved.as_array().into_iter().flatten().filter_map(|entry| {
            let place: Place =
                (entry["workspace"].as_str()?.parse().ok()?, entry["table"].as_str()?.to_owned());
            let path = HotPath::parse(entry["path"].as_str()?)?;
            let (since_file, used) = (entry["sinceFile"].as_i64()?, Ticks(entry["used"].as_i64()?));
            Some((place, Promoted { path, since_file, used }))
        });
        {
            let mut inner = hot.inner.lock();
            for (place, promoted) in entries {
                if inner.promoted.len() < TABLES_MAX || inner.promoted.contains_key(&place) {
                    let paths = inner.promoted.entry(place).or_default();
                    if paths.len() < TABLE_PATHS_MAX {
                        paths.push(promoted);
                    }
                }
            }
        }
        hot
    }

    /// What is promoted, to be kept over a restart.
    pub fn saved(&self) -> Value {
        let inner = self.inner.lock();
        let entries = inner.promoted.iter().flat_map(|((workspace, table), paths)| {
            paths.iter().map(move |promoted| {
                json!({
                    "workspace": workspace.to_string(), "table": table, "path": promoted.path.name(),
                    "sinceFile": promoted.since_file, "used": promoted.used.0,
                })
            })
        });
        Value::Array(entries.collect())
    }

    /// Returns when what is promoted has changed since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many paths of a table are promoted.
    pub fn promoted(&self, workspace: WorkspaceId, table: &str) -> usize {
        let inner = self.inner.lock();
        inner.promoted.get(&(workspace, table.to_owned())).map_or(0, Vec::len)
    }

    /// What a query over `files` may use.
    pub(crate) fn of(&self, workspace: WorkspaceId, table: &str, files: &Files) -> TablePaths {
        let place = (workspace, table.to_owned());
        let newest: Vec<_> = files.newest().take(FILES_ASKED).collect();
        let newest_file = newest.iter().map(|file| file.id()).max().unwrap_or_default();
        let all: u64 = newest.iter().map(|file| file.rows).sum();
        let inner = self.inner.lock();
        let promoted = inner.promoted.get(&place).into_iter().flatten();
        // Where a file lacks the column, the path is worked out for rows that a filter would have dropped first.
        let pays = |promoted: &&Promoted| {
            let with = newest.iter().filter(|file| file.id() > promoted.since_file);
            with.map(|file| file.rows).sum::<u64>() * 2 >= all
        };
        let usable = promoted.filter(pays).map(|promoted| promoted.path.clone()).collect();
        TablePaths { place, usable, newest_file }
    }

    /// Counts that a query reads a path, and promotes it when that happened often enough.
    pub(crate) fn note(&self, table: &TablePaths, path: HotPath, now: Ticks) {
        let mut inner = self.inner.lock();
        if let Some(paths) = inner.promoted.get_mut(&table.place)
            && let Some(known) = paths.iter_mut().find(|known| known.path == path)
        {
            known.used = known.used.max(now);
            return;
        }
        if inner.counted.len() >= COUNTED_MAX {
            inner.counted.retain(|_, count| {
                *count /= 2;
                *count > 0
            });
        }
        if inner.counted.len() >= COUNTED_MAX {
            counters::count(PATHS, "not_counted", 1);
            return;
        }
        let count = inner.counted.entry((table.place.clone(), path.clone())).or_default();
        *count += 1;
        if *count < USES_TO_PROMOTE {
            return;
        }
        inner.counted.remove(&(table.place.clone(), path.clone()));
        if inner.promote(table, path, now) {
            drop(inner);
            counters::count(PATHS, "promoted", 1);
            self.changed.notify_one();
        }
    }
}

impl Inner {
    /// Whether there is room for the path.
    fn promote(&mut self, table: &TablePaths, path: HotPath, now: Ticks) -> bool {
        if self.promoted.len() >= TABLES_MAX && !self.promoted.contains_key(&table.place) {
            return false;
        }
        let paths = self.promoted.entry(table.place.clone()).or_default();
        if paths.len() >= TABLE_PATHS_MAX {
            let oldest = paths.iter().enumerate().min_by_key(|(_, known)| known.used);
            match oldest {
                Some((at, known)) if now.0.saturating_sub(known.used.0) > UNUSED_TICKS => {
                    paths.remove(at);
                }
                _ => return false,
            }
        }
        paths.push(Promoted { path, since_file: table.newest_file, used: now });
        true
    }
}

impl ExtraColumns for HotPaths {
    fn of(&self, workspace: WorkspaceId, table: &str, batch: &RecordBatch) -> Vec<(FieldRef, ArrayRef)> {
        let place = (workspace, table.to_owned());
        let paths: Vec<HotPath> = {
            let inner = self.inner.lock();
            inner.promoted.get(&place).into_iter().flatten().map(|promoted| promoted.path.clone()).collect()
        };
        let mut columns = Vec::with_capacity(paths.len());
        for path in paths {
            // A column that no row has a value for is not in the batch, and its paths need none.
            if !path.fits(batch.schema_ref()) {
                continue;
            }
            match path.values(batch) {
                Ok(values) if values.get_array_memory_size() <= VALUE_BYTES_MAX * batch.num_rows() + 4096 => {
                    columns.push((Arc::new(path.field()), values));
                }
                Ok(_) => counters::count(PATHS, "too_long", 1),
                Err(error) => {
                    counters::count(PATHS, "failed", 1);
                    tracing::warn!(table, path = path.name(), %error, "cannot work out a promoted path");
                }
            }
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use path::tests::path;

    fn table(name: &str) -> TablePaths {
        TablePaths {
            place: (WorkspaceId(uuid::Uuid::nil()), name.to_owned()),
            usable: Vec::new(),
            newest_file: 7,
        }
    }

    #[test]
    fn paths_are_promoted_within_bounds_and_make_room_when_unused() {
        let hot = HotPaths::default();
        let (t, week) = (table("T"), Ticks(UNUSED_TICKS));
        for n in 0..TABLE_PATHS_MAX + 1 {
            for _ in 0..USES_TO_PROMOTE {
                hot.note(&t, path(&format!("p{n}")), Ticks(n as i64));
            }
        }
        assert_eq!(hot.promoted(t.place.0, "T"), TABLE_PATHS_MAX);
        let used = |hot: &HotPaths, name: &str| {
            hot.saved().as_array().unwrap().iter().any(|entry| entry["path"] == json!(path(name).name()))
        };
        assert!(used(&hot, "p0") && !used(&hot, "p8"));
        hot.note(&t, path("p0"), week);
        for _ in 0..USES_TO_PROMOTE {
            hot.note(&t, path("p8"), Ticks(week.0 + 2));
        }
        assert!(used(&hot, "p0") && used(&hot, "p8") && !used(&hot, "p1"), "p1 was read longest ago");
        let again = HotPaths::restored(&hot.saved());
        assert_eq!(again.saved(), hot.saved());
        assert_eq!(HotPaths::restored(&json!([{"path": "x"}, 1])).saved(), json!([]));
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let hot = HotPaths::default();
        for n in 0..10 * COUNTED_MAX {
            hot.note(&table("T"), path(&format!("p{n}")), Ticks(0));
        }
        assert!(hot.inner.lock().counted.len() <= COUNTED_MAX);
        for n in 0..2 * TABLES_MAX {
            for _ in 0..USES_TO_PROMOTE {
                hot.note(&table(&format!("T{n}")), path("p"), Ticks(0));
            }
        }
        assert_eq!(hot.inner.lock().promoted.len(), TABLES_MAX);
    }
}
