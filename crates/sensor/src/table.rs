//! The processes of this machine, for naming parents: bounded, and honest about what it threw away.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::event::{Hashes, Process, ProcessKey};

/// Ended processes kept, because their children may still be reported: a shell that ended before its
/// background job. Beyond this the ones that ended first go.
const ENDED_SHARE: usize = 8;

struct Entry {
    process: Arc<Process>,
    ended: bool,
    /// Looked up since the last pass of the eviction hand.
    used: bool,
}

/// Invariants: `entries.len() <= max`; `latest` points only at entries; every entry is in `order`, which
/// may also hold keys that are gone.
pub(crate) struct ProcessTable {
    entries: HashMap<ProcessKey, Entry>,
    /// The newest process of each number.
    latest: HashMap<u32, ProcessKey>,
    order: VecDeque<ProcessKey>,
    ended: VecDeque<ProcessKey>,
    max: usize,
    evicted: u64,
}

impl ProcessTable {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            latest: HashMap::new(),
            order: VecDeque::new(),
            ended: VecDeque::new(),
            max: max.max(16),
            evicted: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Living processes forgotten because the table was full. Ended ones are not counted: they have to go.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(crate) fn get(&mut self, key: ProcessKey) -> Option<Arc<Process>> {
        let entry = self.entries.get_mut(&key)?;
        entry.used = true;
        Some(Arc::clone(&entry.process))
    }

    /// The newest process with this number, for sources that do not know start times.
    pub(crate) fn latest(&mut self, pid: u32) -> Option<Arc<Process>> {
        let key = *self.latest.get(&pid)?;
        self.get(key)
    }

    /// Whether the process is known to have ended.
    pub(crate) fn has_ended(&self, key: ProcessKey) -> bool {
        self.entries.get(&key).is_some_and(|entry| entry.ended)
    }

    /// Adds a process or replaces what is known of it.
    pub(crate) fn insert(&mut self, process: Arc<Process>) {
        let key = process.key;
        self.latest.insert(key.pid, key);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.process = process;
            entry.used = true;
            return;
        }
        while self.entries.len() >= self.max {
            self.evict_one();
        }
        self.entries.insert(key, Entry { process, ended: false, used: false });
        self.order.push_back(key);
        self.forget_stale_order();
    }

    /// Remembers that a process ended; it stays for a while to be found as a parent.
    pub(crate) fn end(&mut self, key: ProcessKey) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if entry.ended {
            return;
        }
        entry.ended = true;
        self.ended.push_back(key);
        while self.ended.len() > self.max / ENDED_SHARE {
            self.remove_first_ended();
        }
    }

    /// Adds the hashes to what is known of a process, if it still runs the same file.
    pub(crate) fn learn_hashes(&mut self, key: ProcessKey, inode: u64, hashes: &Arc<Hashes>) {
        if let Some(entry) = self.entries.get_mut(&key)
            && entry.process.image.inode == inode
            && entry.process.image.hashes.is_none()
        {
            Arc::make_mut(&mut entry.process).image.hashes = Some(Arc::clone(hashes));
        }
    }

    fn evict_one(&mut self) {
        if self.remove_first_ended() {
            return;
        }
        // Second chance: an entry used since the hand last passed goes to the back once.
        while let Some(key) = self.order.pop_front() {
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            if std::mem::take(&mut entry.used) {
                self.order.push_back(key);
                continue;
            }
            self.remove(key);
            self.evicted += 1;
            return;
        }
        debug_assert!(self.entries.is_empty(), "every entry is in `order`");
        self.entries.clear();
    }

    fn remove_first_ended(&mut self) -> bool {
        let Some(key) = self.ended.pop_front() else { return false };
        self.remove(key);
        true
    }

    fn remove(&mut self, key: ProcessKey) {
        self.entries.remove(&key);
        if self.latest.get(&key.pid) == Some(&key) {
            self.latest.remove(&key.pid);
        }
    }

    /// Keys of ended processes stay in `order` until the hand passes; on a busy host with a table that
    /// never fills, it would not pass.
    fn forget_stale_order(&mut self) {
        if self.order.len() > 2 * self.entries.len() + 64 {
            let entries = &self.entries;
            self.order.retain(|key| entries.contains_key(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Image;

    fn process(pid: u32, start: u64) -> Arc<Process> {
        let key = ProcessKey { pid, start };
        Arc::new(Process { image: Image { inode: 1, ..Image::default() }, ..Process::unknown(key) })
    }

    #[test]
    fn never_holds_more_than_its_bound() {
        let mut table = ProcessTable::new(64);
        for n in 0..10_000 {
            table.insert(process(n % 100, u64::from(n)));
            if n % 3 == 0 {
                table.end(ProcessKey { pid: n % 100, start: u64::from(n) });
            }
            assert!(table.len() <= 64);
            assert!(table.order.len() <= 2 * 64 + 65 && table.latest.len() <= 64 && table.ended.len() <= 8);
        }
        assert!(table.evicted() > 0);
    }

    #[test]
    fn ended_go_first_and_used_stay_longer() {
        let mut table = ProcessTable::new(16);
        for pid in 0..16 {
            table.insert(process(pid, 1));
        }
        table.end(ProcessKey { pid: 5, start: 1 });
        table.insert(process(100, 1));
        assert!(table.latest(5).is_none());
        assert_eq!(table.evicted(), 0);
        assert!(table.latest(0).is_some(), "marks it as used");
        table.insert(process(101, 1));
        assert!(table.latest(0).is_some() && table.latest(1).is_none());
        assert_eq!(table.evicted(), 1);
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let mut table = ProcessTable::new(16);
        table.insert(process(7, 1));
        table.end(ProcessKey { pid: 7, start: 1 });
        table.insert(process(7, 2));
        assert_eq!(table.latest(7).unwrap().key.start, 2);
        assert!(table.has_ended(ProcessKey { pid: 7, start: 1 }));
        assert!(!table.has_ended(ProcessKey { pid: 7, start: 2 }));
    }

    #[test]
    fn hashes_belong_to_the_file() {
        let mut table = ProcessTable::new(16);
        table.insert(process(7, 1));
        let hashes = Arc::new(Hashes { md5: String::new(), sha1: String::new(), sha256: String::new() });
        table.learn_hashes(ProcessKey { pid: 7, start: 1 }, 2, &hashes);
        assert!(table.latest(7).unwrap().image.hashes.is_none());
        table.learn_hashes(ProcessKey { pid: 7, start: 1 }, 1, &hashes);
        assert!(table.latest(7).unwrap().image.hashes.is_some());
    }
}
