//! Opening a store: the manifest gives the files, the log gives the rows after them.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bartizan_base::counters;
use bartizan_schema::TableRegistry;

use crate::decode::{Layout, Stamp};
use crate::delta::Published;
use crate::error::StoreError;
use crate::integrity::{Damaged, Fault};
use crate::manifest::{Contents, Manifest, TableKey};
use crate::notice::Notice;
use crate::on_disk::TableFiles;
use crate::options::StoreOptions;
use crate::record::Record;
use crate::segment::{self, HEADER_LEN};
use crate::snapshot::FileEntry;
use crate::state::{SourceMark, State};
use crate::tables::Tables;
use crate::wal::{self, Closed, Wal};
use crate::{loading, manifest_files, on_disk};

const DAMAGED: &str = "bartizan_store_log_damaged_total";

/// What opening found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Batches read back from the log.
    pub replayed_batches: u64,
    /// Bytes cut off the log's end: a write that was never acknowledged.
    pub torn_bytes: u64,
    /// Copies of damaged or unreadable log entries. Their rows are not served.
    pub quarantined: Vec<PathBuf>,
    /// Files that no manifest entry names, removed.
    pub orphans_removed: u64,
    /// Files that the manifest names and the disk does not have.
    pub missing_files: Vec<PathBuf>,
    /// What operators should know of the above.
    pub(crate) notices: Vec<Notice>,
}

/// Brings back the state and starts a new log segment.
pub(crate) async fn open(
    options: &StoreOptions,
    registry: &TableRegistry,
) -> Result<(Manifest, State, Wal, Recovery), StoreError> {
    let manifest = Manifest::open(options.pool.clone()).await?;
    let mut contents = manifest.load().await?;
    if options.delta.is_some() {
        (contents.published, contents.left) = manifest.published(&options.dir).await?;
    }
    let files = manifest_files::load(&manifest, options).await?;
    let (options, registry) = (options.clone(), registry.clone());
    let opened = tokio::task::spawn_blocking(move || {
        let mut recovery = Recovery::default();
        let mut state = restore(&options, &registry, contents, files, &mut recovery)?;
        let wal = replay(&options, &mut state, &mut recovery)?;
        Ok::<_, StoreError>((state, wal, recovery))
    });
    let (state, wal, recovery) = opened.await.map_err(|error| StoreError::Worker(error.to_string()))??;
    Ok((manifest, state, wal, recovery))
}

/// The state as the manifest has it.
fn restore(
    options: &StoreOptions,
    registry: &TableRegistry,
    contents: Contents,
    files: TableFiles,
    recovery: &mut Recovery,
) -> Result<State, StoreError> {
    let data = options.dir.join("data");
    options.disk.create_dir_all(&data).map_err(StoreError::io("create", &data))?;
    let mut state = State { tables: Tables::new(registry), ..State::default() };
    for (workspace, table) in contents.tables {
        state.tables.put(workspace, table);
    }
    mark_published(&files, &contents.published);
    let all = contents.published.into_iter().map(|(key, published)| (key, Arc::new(published)));
    state.published.extend(all);
    let is_kept = |path: &Path| {
        contents.left.contains(path)
            || state.published.values().any(|published| published.files.contains_key(path))
    };
    let (found, lost) = on_disk::compare(options, files, is_kept, recovery)?;
    for of_table in found.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((key, _)) = of_table.first() else { continue };
        let Some(layout) = layout_of(&state, key) else { continue };
        let table = state.table(key.0, &layout);
        of_table.iter().for_each(|(_, entry)| table.files.push(Arc::clone(entry)));
    }
    for (key, entry) in lost {
        let Some(layout) = layout_of(&state, &key) else { continue };
        // The manifest keeps its entry: the file may come back from a backup.
        tracing::error!(path = %entry.path.display(), rows = entry.rows, "file of the manifest is missing");
        recovery.missing_files.push(entry.path.clone());
        let damaged = Damaged::new(&options.dir, &entry, &Fault::Lost, options.clock.now());
        recovery.notices.push(damaged.notice(&key, "lost before this start"));
        state.table(key.0, &layout).damaged.push(Arc::new(damaged));
    }
    state.retentions.extend(contents.retentions);
    for (key, damaged) in contents.damaged {
        if let Some(layout) = layout_of(&state, &key) {
            state.table(key.0, &layout).damaged.push(Arc::new(damaged));
        }
    }
    for (key, position) in contents.positions {
        state.seq = state.seq.max(position);
        state.positions.insert(key.clone(), position);
        if key == loading::numbers() {
            continue;
        }
        if let Some(layout) = layout_of(&state, &key) {
            state.table(key.0, &layout).position = position;
        }
    }
    for (key, source, seq) in contents.sources {
        if let Some(layout) = layout_of(&state, &key) {
            let mark = SourceMark { seq, in_manifest: seq };
            state.table(key.0, &layout).sources.insert(source, mark);
        }
    }
    Ok(state)
}

/// Tells files that readers of Delta tables may read them.
fn mark_published(files: &TableFiles, published: &[(TableKey, Published)]) {
    if published.is_empty() {
        return;
    }
    let by_path: HashMap<&OsStr, &FileEntry> =
        files.iter().map(|(_, file)| (file.path.as_os_str(), &**file)).collect();
    for path in published.iter().flat_map(|(_, published)| published.files.keys()) {
        if let Some(file) = by_path.get(path.as_os_str()) {
            file.is_published.store(true, std::sync::atomic::Ordering::Release);
        }
    }
}

fn layout_of(state: &State, key: &TableKey) -> Option<Arc<Layout>> {
    let layout = state.tables.find(key.0, &key.1).map(Arc::clone);
    if layout.is_none() {
        tracing::warn!(table = %key.1, "stored rows belong to a table that is not declared");
    }
    layout
}

/// Reads the log back, oldest segment first, and starts a new segment.
fn replay(options: &StoreOptions, state: &mut State, recovery: &mut Recovery) -> Result<Wal, StoreError> {
    let dir = options.dir.join("wal");
    options.disk.create_dir_all(&dir).map_err(StoreError::io("create", &dir))?;
    let segments = wal::segments(&*options.disk, &dir)?;
    // Every table's position as of the manifest: replay must not compare with what it moves itself.
    let positions = state.positions.clone();
    // Tables are flushed apart from one another, so the log may hold rows older than the newest in files.
    let seq_in_files = std::mem::take(&mut state.seq);
    let mut closed = Vec::new();
    let mut next_number = 1;
    let mut seq_in_log = 0;
    for (number, path) in segments {
        next_number = number + 1;
        let bytes = options.disk.read(&path).map_err(StoreError::io("read", &path))?;
        let scan = segment::scan(&bytes);
        if let Some(version) = scan.newer_version {
            return Err(StoreError::Version {
                what: path.display().to_string(),
                found: i64::from(version),
                supported: i64::from(segment::VERSION),
            });
        }
        let mut quarantine = Quarantine { options, segment: number, bytes: &bytes, recovery };
        for damaged in scan.damaged {
            quarantine.put(damaged, "checksum");
        }
        cut_tail(options, &path, scan.sound_len, &mut quarantine)?;
        let mut last_seq = 0;
        for (place, record) in scan.records {
            last_seq = last_seq.max(record.seq);
            if let Err(reason) = replay_record(state, &positions, record, quarantine.recovery) {
                quarantine.put(place, &reason);
            }
        }
        seq_in_log = seq_in_log.max(last_seq);
        closed.push(Closed { path, last_seq });
    }
    state.seq = seq_in_files.max(seq_in_log);
    let mut wal = Wal::start(Arc::clone(&options.disk), dir, options.segment_bytes, closed, next_number)?;
    wal.trim(state.covered_seq());
    Ok(wal)
}

/// Puts one record's rows back into their buffer, unless files have them.
fn replay_record(
    state: &mut State,
    positions: &HashMap<TableKey, u64>,
    record: Record,
    recovery: &mut Recovery,
) -> Result<(), String> {
    let Record { seq, received, to, body } = record;
    let Some(layout) = state.tables.find(to.workspace, &to.table).map(Arc::clone) else {
        // Rows of a table that was dropped since are no loss.
        let covered = positions.get(&(to.workspace, Arc::from(to.table.as_str())));
        return match covered {
            Some(position) if seq <= *position => Ok(()),
            _ => Err(format!("table `{}` is not declared", to.table)),
        };
    };
    let key: TableKey = (to.workspace, Arc::from(layout.table.name.as_str()));
    if seq <= positions.get(&key).copied().unwrap_or_default() || seq <= state.seq {
        return Ok(());
    }
    if let Some(batch) = to.batch
        && state.contents.get(&key).is_some_and(|table| table.has(batch))
    {
        return Ok(());
    }
    let decoded = layout.decode(&body, &Stamp::new(&to, received)).map_err(|error| error.to_string())?;
    recovery.replayed_batches += 1;
    state
        .publish(to.workspace, &layout, &decoded, seq, received, to.batch)
        .and_then(|()| {
            let table = state.table(to.workspace, &layout);
            table.active.tidy(&Arc::clone(&table.layout))
        })
        .map_err(|error| error.to_string())
}

/// Cuts a segment where its last sound frame ends.
fn cut_tail(
    options: &StoreOptions,
    path: &Path,
    sound_len: usize,
    quarantine: &mut Quarantine<'_>,
) -> Result<(), StoreError> {
    let tail = sound_len..quarantine.bytes.len();
    if tail.is_empty() || quarantine.bytes.len() < HEADER_LEN {
        return Ok(());
    }
    quarantine.recovery.torn_bytes += tail.len() as u64;
    if segment::is_whole_frame(quarantine.bytes, sound_len) {
        // A write that a crash tore and a last entry that was damaged later look alike: keep the bytes.
        quarantine.put(tail, "torn");
    }
    let mut file = options.disk.open_append(path).map_err(StoreError::io("open", path))?;
    file.truncate(sound_len as u64).and_then(|()| file.sync()).map_err(StoreError::io("cut", path))
}

/// Where damaged log entries go.
struct Quarantine<'a> {
    options: &'a StoreOptions,
    segment: u64,
    bytes: &'a [u8],
    recovery: &'a mut Recovery,
}

impl Quarantine<'_> {
    fn put(&mut self, place: Range<usize>, reason: &str) {
        let dir = self.options.dir.join("quarantine");
        let path = dir.join(format!("{:020}-{}.bin", self.segment, place.start));
        let len = place.len();
        tracing::error!(path = %path.display(), bytes = place.len(), reason, "damaged log entry set aside");
        counters::count(DAMAGED, if reason == "torn" { "torn" } else { "damaged" }, 1);
        let disk = &self.options.disk;
        let kept = disk
            .create_dir_all(&dir)
            .and_then(|()| disk.create(&path))
            .and_then(|mut file| file.append(&self.bytes[place]).and_then(|()| file.sync()));
        match kept {
            // An earlier open has kept the same bytes.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => tracing::error!(path = %path.display(), %error, "damaged log entry cannot be kept"),
            Ok(()) => {}
        }
        let detail = format!(
            "{} bytes of the write-ahead log are damaged ({reason}) and kept as `{}`. The rows of the batches in them \
             are not served.",
            len,
            path.display()
        );
        let at = self.options.clock.now();
        self.recovery.notices.push(Notice { at, workspace: None, key: "LogDamaged", detail });
        self.recovery.quarantined.push(path);
    }
}
