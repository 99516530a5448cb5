//! Indexes that were read already, up to a number of bytes: rules ask the same files every few minutes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use super::{Directory, Filters};

/// What is kept at most. A column's filters of a million rows take about a megabyte.
const BYTES_MAX: usize = 64 << 20;
/// A directory's share, about.
const DIRECTORY_BYTES: usize = 4 << 10;

/// One for the process, as all its stores share its memory. No two files ever have one name.
static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Kept {
    entries: HashMap<(PathBuf, String), Entry>,
    bytes: usize,
    /// Counts uses.
    now: u64,
}

struct Entry {
    part: Part,
    bytes: usize,
    used: u64,
}

#[derive(Clone)]
enum Part {
    Directory(Arc<Directory>),
    Filters(Arc<Filters>),
}

impl Kept {
    fn get(&mut self, key: &(PathBuf, String)) -> Option<Part> {
        self.now += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.now;
        Some(entry.part.clone())
    }

    fn put(&mut self, key: (PathBuf, String), part: Part, bytes: usize) {
        self.now += 1;
        let entry = Entry { part, bytes, used: self.now };
        let before = self.entries.insert(key, entry).map_or(0, |before| before.bytes);
        self.bytes += bytes;
        self.bytes -= before;
        if self.bytes <= BYTES_MAX {
            return;
        }
        // Down to three quarters, the longest unused first, so that this is rare.
        let mut by_use: Vec<_> = self.entries.iter().map(|(key, entry)| (entry.used, key.clone())).collect();
        by_use.sort_unstable();
        for (_, key) in by_use {
            if self.bytes <= BYTES_MAX / 4 * 3 {
                break;
            }
            self.bytes -= self.entries.remove(&key).map_or(0, |entry| entry.bytes);
        }
    }
}

/// The directory of a file's index, from memory or `read`.
pub(super) fn directory(path: &Path, read: impl FnOnce() -> Option<Directory>) -> Option<Arc<Directory>> {
    // No column has an empty name.
    let key = (path.to_owned(), String::new());
    if let Some(Part::Directory(found)) = KEPT.lock().get(&key) {
        return Some(found);
    }
    let directory = Arc::new(read()?);
    KEPT.lock().put(key, Part::Directory(Arc::clone(&directory)), DIRECTORY_BYTES);
    Some(directory)
}

/// The filters of a file's column, from memory or `read`.
pub(super) fn filters(
    path: &Path,
    column: &str,
    read: impl FnOnce() -> Option<Arc<Filters>>,
) -> Option<Arc<Filters>> {
    let key = (path.to_owned(), column.to_owned());
    if let Some(Part::Filters(found)) = KEPT.lock().get(&key) {
        return Some(found);
    }
    let filters = read()?;
    KEPT.lock().put(key, Part::Filters(Arc::clone(&filters)), filters.size_bytes() + DIRECTORY_BYTES);
    Some(filters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_stays() {
        let mut kept = Kept::default();
        let key = |n: usize| (PathBuf::from(format!("/{n}")), "Text".to_owned());
        let part = || Part::Filters(Arc::new(Filters { words: Vec::new(), bits: Vec::new() }));
        for n in 0..64 {
            kept.put(key(n), part(), 1 << 20);
            assert!(kept.get(&key(0)).is_some());
        }
        assert_eq!((kept.entries.len(), kept.bytes), (64, BYTES_MAX));
        kept.put(key(64), part(), 1 << 20);
        assert!(kept.bytes <= BYTES_MAX / 4 * 3);
        assert!(kept.get(&key(0)).is_some() && kept.get(&key(64)).is_some() && kept.get(&key(1)).is_none());
        kept.put(key(64), part(), 1 << 10);
        assert_eq!(kept.bytes, kept.entries.values().map(|entry| entry.bytes).sum::<usize>());
    }
}
