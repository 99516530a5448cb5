//! A table's files by time slice, so that a snapshot of a million is made in no time and a query for one hour looks
//! at a day's only.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::snapshot::FileEntry;

/// Files of one table. Copies share what neither has changed.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// By the first day of the slice, in days since 0001-01-01.
    slices: BTreeMap<i64, Slice>,
    len: usize,
    /// The size of those that are not sorted yet.
    raw_bytes: u64,
}

#[derive(Clone, Debug)]
struct Slice {
    /// In the order they were added; never empty.
    files: Arc<Vec<Arc<FileEntry>>>,
    times: Bounds,
    /// Of the times that ages count from.
    newest: Bounds,
}

/// Inclusive bounds, in ticks.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    min: i64,
    max: i64,
}

impl Bounds {
    const NONE: Self = Self { min: i64::MAX, max: i64::MIN };

    fn widened(self, min: i64, max: i64) -> Self {
        Self { min: self.min.min(min), max: self.max.max(max) }
    }
}

impl Slice {
    fn of(files: Vec<Arc<FileEntry>>) -> Self {
        let times = files.iter().fold(Bounds::NONE, |all, file| all.widened(file.time_min, file.time_max));
        let newest = files.iter().fold(Bounds::NONE, |all, file| all.widened(file.newest(), file.newest()));
        Self { files: Arc::new(files), times, newest }
    }
}

impl Files {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The size of those that are not sorted yet.
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// All files, slice by slice.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<FileEntry>> {
        self.slices.values().flat_map(|slice| slice.files.iter())
    }

    /// All files, those of the newest slice first.
    pub fn newest(&self) -> impl Iterator<Item = &Arc<FileEntry>> {
        self.slices.values().rev().flat_map(|slice| slice.files.iter().rev())
    }

    /// The files that may have rows of times between two, both included, in ticks.
    pub fn between(&self, from: i64, to: i64) -> impl Iterator<Item = &Arc<FileEntry>> {
        let overlaps = move |min: i64, max: i64| min <= to && max >= from;
        self.slices
            .values()
            .filter(move |slice| overlaps(slice.times.min, slice.times.max))
            .flat_map(|slice| slice.files.iter())
            .filter(move |file| overlaps(file.time_min, file.time_max))
    }

    /// Those that are not older than a time.
    pub(crate) fn visible_from(&self, time: i64) -> Self {
        let mut visible = Self::default();
        for (day, slice) in &self.slices {
            let slice = if slice.newest.min >= time {
                slice.clone()
            } else {
                let files: Vec<_> =
                    slice.files.iter().filter(|file| file.newest() >= time).cloned().collect();
                if files.is_empty() {
                    continue;
                }
                Slice::of(files)
            };
            visible.len += slice.files.len();
            visible.raw_bytes += slice.files.iter().map(|file| file.raw_bytes()).sum::<u64>();
            visible.slices.insert(*day, slice);
        }
        visible
    }

    pub(crate) fn push(&mut self, file: Arc<FileEntry>) {
        self.len += 1;
        self.raw_bytes += file.raw_bytes();
        let empty = || Slice { files: Arc::default(), times: Bounds::NONE, newest: Bounds::NONE };
        let slice = self.slices.entry(file.day).or_insert_with(empty);
        slice.times = slice.times.widened(file.time_min, file.time_max);
        slice.newest = slice.newest.widened(file.newest(), file.newest());
        Arc::make_mut(&mut slice.files).push(file);
    }

    /// Keeps the files that `keep` says yes to.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Arc<FileEntry>) -> bool) {
        self.slices.retain(|_, slice| {
            // Most slices stay as they are.
            let Some(first) = slice.files.iter().position(|file| !keep(file)) else { return true };
            let mut kept = slice.files[..first].to_vec();
            kept.extend(slice.files[first + 1..].iter().filter(|file| keep(file)).cloned());
            self.len -= slice.files.len() - kept.len();
            let raw_bytes = |files: &[Arc<FileEntry>]| files.iter().map(|file| file.raw_bytes()).sum::<u64>();
            self.raw_bytes -= raw_bytes(&slice.files) - raw_bytes(&kept);
            *slice = Slice::of(kept);
            !slice.files.is_empty()
        });
    }
}

impl<'a> IntoIterator for &'a Files {
    type Item = &'a Arc<FileEntry>;
    type IntoIter = Box<dyn Iterator<Item = &'a Arc<FileEntry>> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, LocalDisk};
    use crate::manifest::FileRow;
    use crate::state::file_entry;

    fn file(id: i64, day: i64, times: (i64, i64), received: i64) -> Arc<FileEntry> {
        let row = FileRow {
            id,
            path: format!("{id}"),
            day,
            size_bytes: 1,
            rows: 1,
            time_min: times.0,
            time_max: times.1,
            seq_min: 1,
            seq_max: 1,
            sorted_by: Arc::default(),
            received,
            crc: None,
            index: None,
        };
        let disk: Arc<dyn Disk> = Arc::new(LocalDisk);
        file_entry(std::path::Path::new("/nowhere"), row, &disk)
    }

    fn ids<'a>(files: impl Iterator<Item = &'a Arc<FileEntry>>) -> Vec<i64> {
        files.map(|file| file.id).collect()
    }

    #[test]
    fn only_what_overlaps_or_is_young_enough() {
        let mut files = Files::default();
        // The last is of a slice that spans more than its day.
        for (id, day, times, received) in
            [(1, 10, (100, 109), 0), (2, 10, (105, 105), 500), (3, 11, (110, 119), 0), (4, 2, (20, 300), 0)]
        {
            files.push(file(id, day, times, received));
        }
        assert_eq!((files.len(), ids(files.iter())), (4, vec![4, 1, 2, 3]));
        assert_eq!(ids(files.between(106, 110)), [4, 1, 3]);
        assert_eq!(ids(files.newest()), [3, 2, 1, 4]);
        assert_eq!(ids(files.between(301, i64::MAX)), [0; 0]);
        let visible = files.visible_from(115);
        assert_eq!((visible.len(), ids(visible.iter())), (3, vec![4, 2, 3]), "2 arrived late");
        assert_eq!(ids(visible.between(i64::MIN, 19)), [0; 0]);
        assert!(files.visible_from(501).is_empty());
    }

    #[test]
    fn copies_do_not_see_changes() {
        let mut files = Files::default();
        files.push(file(1, 1, (0, 1), 0));
        files.push(file(2, 1, (5, 9), 0));
        let before = files.clone();
        files.retain(|file| file.id != 2);
        files.push(file(3, 2, (20, 21), 0));
        assert_eq!((ids(before.iter()), before.len()), (vec![1, 2], 2));
        assert_eq!((ids(files.iter()), files.len()), (vec![1, 3], 2));
        assert_eq!(ids(files.between(2, 19)), [0; 0], "bounds follow what is left");
        files.retain(|_| false);
        assert!(files.is_empty() && files.slices.is_empty());
    }
}
