//! Tables as others see them: the same files, published as Delta Lake tables.
//!
//! One committer, at most one commit a table and interval, each of which says which files came and went
//! since the last one. The manifest stays the truth; Delta is the shop window. A file that left the table
//! is deleted only when readers of an older version have had time to finish, unless its rows were purged.
//! The table's folder is `data/<workspace>/<table>`, so any engine that reads Delta reads the logs where they lie.
//!
//! A commit is written under another name and moved into place, so a reader never sees half of one. A crash
//! after that and before the manifest knows is noticed at the next commit, whose version is then taken: what
//! is there is read and taken over.

mod actions;
mod checkpoint;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bartizan_base::{Ticks, Timespan, counters};
use uuid::Uuid;

pub(crate) use actions::{Add, Published};

use crate::decode::Layout;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::files::Files;
use crate::manifest::TableKey;
use crate::shared::Shared;
use crate::snapshot::FileEntry;
use actions::Commit;

const COMMITS: &str = "bartizan_store_delta_commits_total";
/// The folder of a Delta table's log.
pub(crate) const LOG_FOLDER: &str = "_delta_log";

/// How tables are published as Delta Lake tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaOptions {
    /// A table gets at most one commit in this time.
    pub interval: Duration,
    /// How long a file stays on disk after it left the published table.
    pub grace: Duration,
    /// Commits between checkpoints.
    pub checkpoint_commits: u64,
}

impl Default for DeltaOptions {
    /// A commit a minute, an hour for readers to finish, a checkpoint every 20 commits.
    fn default() -> Self {
        Self { interval: Duration::from_secs(60), grace: Duration::from_secs(3600), checkpoint_commits: 20 }
    }
}

/// What a commit has to say about one table.
struct Change {
    key: TableKey,
    layout: Arc<Layout>,
    files: Files,
}

/// Publishes what changed in every table, and deletes files whose grace is over.
pub(crate) async fn publish(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let Some(options) = shared.options.delta.clone() else { return Ok(()) };
    let mut result = Ok(());
    for change in changed(shared) {
        if let Err(error) = commit(shared, &options, change).await {
            result = result.and(Err(error));
        }
    }
    let now = shared.options.clock.now();
    result.and(vacuum(shared, now - Timespan::from_duration(options.grace)).await)
}

/// The tables whose files are not what was published last.
fn changed(shared: &Shared) -> Vec<Change> {
    // Only one publishes at a time, and nothing else changes what is published of a table that is there: comparing a
    // million files may happen without the lock, which senders wait for.
    let tables: Vec<Change> = shared
        .state
        .lock()
        .contents
        .iter()
        .map(|(key, table)| Change {
            key: key.clone(),
            layout: Arc::clone(&table.layout),
            files: table.files.clone(),
        })
        .collect();
    tables.into_iter().filter(|table| !is_published(shared, table)).collect()
}

/// Whether a table's files are those that were published last.
fn is_published(shared: &Shared, Change { key, layout, files }: &Change) -> bool {
    let Some(published) = shared.state.lock().published.get(key).map(Arc::clone) else {
        return files.is_empty();
    };
    let is_listed = |file: &Arc<FileEntry>| published.files.contains_key(&file.path);
    published.columns == actions::columns(layout)
        && published.files.len() == files.len()
        && files.iter().all(is_listed)
}

async fn commit(shared: &Arc<Shared>, options: &DeltaOptions, change: Change) -> Result<(), StoreError> {
    let Change { key, layout, files } = change;
    let now = shared.options.clock.now();
    let before = shared.state.lock().published.get(&key).map(Arc::clone).unwrap_or_default();
    // From here on a file that leaves the table is deleted by `vacuum` and not with its last reader.
    files.iter().for_each(|file| file.is_published.store(true, Ordering::Release));
    let current: BTreeMap<PathBuf, Add> =
        files.iter().map(|file| (file.path.clone(), Add::of(file))).collect();
    let (disk, folder) = (Arc::clone(&shared.options.disk), folder(&shared.options.dir, &key));
    let (table_key, options) = (key.clone(), options.clone());
    let stored: std::collections::BTreeSet<PathBuf> = before.files.keys().cloned().collect();
    let written = tokio::task::spawn_blocking(move || {
        let writer = Writer { disk: &*disk, folder: &folder, key: &table_key, layout: &layout, now };
        writer.write(Published::clone(&before), current, options.checkpoint_commits)
    });
    let (after, removed) = written.await.map_err(|error| StoreError::Worker(error.to_string()))??;
    let added: Vec<(&PathBuf, &Add)> =
        after.files.iter().filter(|(path, _)| !stored.contains(*path)).collect();
    shared.manifest.put_published(&shared.options.dir, &key, &after, &added, &removed, now).await?;
    counters::count(COMMITS, "", 1);
    shared.state.lock().published.insert(key, Arc::new(after));
    Ok(())
}

/// The folder of a table.
fn folder(dir: &Path, key: &TableKey) -> PathBuf {
    dir.join("data").join(key.0.to_string()).join(key.1.as_ref())
}

/// Where the log of a table is.
pub(crate) fn log_folder(dir: &Path, key: &TableKey) -> PathBuf {
    folder(dir, key).join(LOG_FOLDER)
}

/// Writes the log of one table.
struct Writer<'a> {
    disk: &'a dyn Disk,
    folder: &'a Path,
    key: &'a TableKey,
    layout: &'a Layout,
    now: Ticks,
}

impl Writer<'_> {
    /// Writes one commit. Returns what is published then, and the files that are not any more.
    fn write(
        &self,
        mut before: Published,
        current: BTreeMap<PathBuf, Add>,
        checkpoint_commits: u64,
    ) -> Result<(Published, Vec<PathBuf>), StoreError> {
        let log = self.folder.join(LOG_FOLDER);
        self.disk.create_dir_all(&log).map_err(StoreError::io("create", &log))?;
        // Commits that a crash kept from the manifest.
        let mut version = before.version.map_or(0, |version| version + 1);
        let known = self.disk.list(&log).map_err(StoreError::io("list", &log))?;
        while known.contains(&log.join(actions::commit_name(version))) {
            let path = log.join(actions::commit_name(version));
            let bytes = self.disk.read(&path).map_err(StoreError::io("read", &path))?;
            before.take_over(self.folder, version, &bytes);
            version += 1;
        }
        let removed: HashMap<PathBuf, Add> =
            before.files.iter().filter(|(path, _)| !current.contains_key(*path)).map(own).collect();
        let added: Vec<(&PathBuf, &Add)> =
            current.iter().filter(|(path, _)| !before.files.contains_key(*path)).collect();
        let columns = actions::columns(self.layout);
        let commit = Commit {
            folder: self.folder,
            key: self.key,
            layout: self.layout,
            now: self.now,
            // A table's first commit says what it is, and so does one that adds columns.
            declares: before.version.is_none() || before.columns != columns,
            is_first: before.version.is_none(),
        };
        let text = commit.json(&added, &removed);
        let path = log.join(actions::commit_name(version));
        self.put(&log, &path, text.as_bytes())?;
        let after = Published { version: Some(version), columns, files: current };
        if (version + 1).is_multiple_of(checkpoint_commits.max(1)) {
            self.checkpoint(&log, version, &commit, &after, &known)?;
        }
        Ok((after, removed.into_keys().collect()))
    }

    /// Writes everything that is published into one file, so that readers need no older commit, and removes
    /// commits older than the checkpoint before.
    fn checkpoint(
        &self,
        log: &Path,
        version: u64,
        commit: &Commit<'_>,
        after: &Published,
        known: &[PathBuf],
    ) -> Result<(), StoreError> {
        let path = log.join(format!("{version:020}.checkpoint.parquet"));
        let (bytes, actions) = checkpoint::encode(commit, after).map_err(StoreError::parquet(&path))?;
        self.put(log, &path, &bytes)?;
        let last = format!(r#"{{"version":{version},"size":{actions}}}"#);
        self.put(log, &log.join("_last_checkpoint"), last.as_bytes())?;
        let number = |path: &PathBuf| path.file_name()?.to_str()?.get(..20)?.parse::<u64>().ok();
        let is_checkpoint = |path: &&PathBuf| path.to_string_lossy().ends_with(".checkpoint.parquet");
        let Some(previous) = known.iter().filter(is_checkpoint).filter_map(number).max() else {
            return Ok(());
        };
        for old in known.iter().filter(|path| number(path).is_some_and(|number| number < previous)) {
            self.disk.remove(old).map_err(StoreError::io("remove", old))?;
        }
        Ok(())
    }

    /// Writes a file so that readers see all of it or none.
    fn put(&self, log: &Path, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let draft = log.join(format!(".{}.tmp", Uuid::now_v7().simple()));
        let written = self
            .disk
            .create(&draft)
            .and_then(|mut file| file.append(bytes).and_then(|()| file.sync()))
            .and_then(|()| self.disk.rename(&draft, path));
        written.map_err(|error| {
            // Else every try on a bad day would leave one; the next start removes what stays.
            if let Err(error) = self.disk.remove(&draft) {
                tracing::debug!(path = %draft.display(), %error, "draft of a commit stays");
            }
            StoreError::io("write", path)(error)
        })
    }
}

fn own((path, add): (&PathBuf, &Add)) -> (PathBuf, Add) {
    (path.clone(), add.clone())
}

/// Deletes files that left the published tables before a time.
async fn vacuum(shared: &Arc<Shared>, before: Ticks) -> Result<(), StoreError> {
    let gone = shared.manifest.unpublished(before).await?;
    for path in gone {
        let file = shared.options.dir.join(&path);
        match shared.options.disk.remove(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove", file)(error));
            }
            _ => shared.manifest.forget_unpublished(&path).await?,
        }
    }
    Ok(())
}

/// Publishes a table whose rows were purged and deletes the files they were in, grace or not.
pub(crate) async fn publish_purged(shared: &Arc<Shared>, paths: &[PathBuf]) -> Result<(), StoreError> {
    if shared.options.delta.is_none() || paths.is_empty() {
        return Ok(());
    }
    publish(shared).await?;
    for path in paths {
        let relative = path.strip_prefix(&shared.options.dir).unwrap_or(path).to_string_lossy().into_owned();
        match shared.options.disk.remove(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove", path)(error));
            }
            _ => shared.manifest.forget_unpublished(&relative).await?,
        }
    }
    Ok(())
}
