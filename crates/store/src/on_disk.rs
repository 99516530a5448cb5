//! What the manifest names against what the data folder has, one folder at a time: neither the names of a million
//! files nor their places are held twice.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use crate::delta;
use crate::error::StoreError;
use crate::manifest::TableKey;
use crate::options::StoreOptions;
use crate::recovery::Recovery;
use crate::snapshot::FileEntry;

/// Files of tables.
pub(crate) type TableFiles = Vec<(TableKey, Arc<FileEntry>)>;

/// Splits the manifest's files into those that are there and those that are not, each in the manifest's order, and
/// removes files that it does not name and `is_kept` does not know.
pub(crate) fn compare(
    options: &StoreOptions,
    files: TableFiles,
    is_kept: impl Fn(&Path) -> bool,
    recovery: &mut Recovery,
) -> Result<(TableFiles, TableFiles), StoreError> {
    // A path as text is a quarter of the work to hash that its parts are.
    let mut named: HashMap<OsString, TableFiles> = HashMap::new();
    for (key, file) in files {
        let folder = file.path.parent().unwrap_or(Path::new("")).as_os_str();
        match named.get_mut(folder) {
            Some(files) => files.push((key, file)),
            None => drop(named.insert(folder.to_owned(), vec![(key, file)])),
        }
    }
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    let mut folders = vec![options.dir.join("data")];
    while let Some(folder) = folders.pop() {
        let entries = options.disk.entries(&folder).map_err(StoreError::io("list", &folder))?;
        folders.extend(entries.folders);
        let mut there: HashSet<&OsStr> = entries.files.iter().map(|path| path.as_os_str()).collect();
        for (key, file) in named.remove(folder.as_os_str()).into_iter().flatten() {
            let side = if there.remove(file.path.as_os_str()) { &mut found } else { &mut lost };
            side.push((key, file));
        }
        for path in there.into_iter().map(Path::new).filter(|path| !is_kept(path)) {
            // Logs of published tables are their own, but for drafts that a crash left.
            let is_log = path.parent().is_some_and(|dir| dir.ends_with(delta::LOG_FOLDER));
            if is_log && path.extension().is_none_or(|extension| extension != "tmp") {
                continue;
            }
            options.disk.remove(path).map_err(StoreError::io("remove", path))?;
            recovery.orphans_removed += 1;
        }
    }
    lost.extend(named.into_values().flatten());
    found.sort_by_key(|(_, file)| file.id);
    lost.sort_by_key(|(_, file)| file.id);
    Ok((found, lost))
}
