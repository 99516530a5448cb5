//! Notices at once when a file or folder near the top of the system paths becomes writable by everybody, or
//! no longer is, so that the full walk need not come round first. Deeper folders are left to that walk: every
//! watched folder costs kernel memory.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use super::world_writable::exposed;

/// Levels of folders below a root.
const DEPTH_MAX: usize = 3;
const FOLDERS_MAX: usize = 4096;

/// The watched folders.
pub struct PermissionWatch {
    queue: OwnedFd,
    /// Path and level of each watch.
    folders: HashMap<i32, (PathBuf, usize)>,
}

impl PermissionWatch {
    /// Watches `roots` and the folders below, the upper ones first. Folders that cannot be watched are left out.
    ///
    /// # Errors
    /// When the kernel gives no queue.
    pub fn start(roots: &[PathBuf]) -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let mut watch = Self { queue, folders: HashMap::new() };
        watch.add(roots.iter().map(|root| (root.clone(), 0)).collect());
        Ok(watch)
    }

    fn add(&mut self, mut waiting: VecDeque<(PathBuf, usize)>) {
        let flags = WatchFlags::ATTRIB
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::ONLYDIR
            | WatchFlags::DONT_FOLLOW;
        while let Some((folder, level)) = waiting.pop_front() {
            if self.folders.len() >= FOLDERS_MAX {
                return;
            }
            let Ok(id) = inotify::add_watch(&self.queue, &folder, flags) else { continue };
            if level < DEPTH_MAX {
                let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
                let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
                waiting.extend(folders.map(|entry| (entry.path(), level + 1)));
            }
            self.folders.insert(id, (folder, level));
        }
    }

    /// Whether anything happened since the last call that makes `known`, the paths found writable, wrong.
    pub fn contradicts(&mut self, known: &BTreeSet<PathBuf>) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut contradicts = false;
        let mut appeared = VecDeque::new();
        let mut gone = Vec::new();
        let mut events = Reader::new(&self.queue, &mut buffer);
        loop {
            let event = match events.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                // Nothing more is waiting.
                Err(_) => break,
            };
            contradicts |= event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            if event.events().contains(ReadFlags::IGNORED) {
                gone.push(event.wd());
                continue;
            }
            let Some((folder, level)) = self.folders.get(&event.wd()) else { continue };
            let Some(name) = event.file_name() else { continue };
            let path = folder.join(OsStr::from_bytes(name.to_bytes()));
            contradicts |= is_exposed(&path) != known.contains(&path);
            let is_new_folder = event.events().contains(ReadFlags::ISDIR)
                && event.events().intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
            if is_new_folder && *level < DEPTH_MAX {
                appeared.push_back((path, level + 1));
            }
        }
        for id in gone {
            self.folders.remove(&id);
        }
        self.add(appeared);
        contradicts
    }
}

fn is_exposed(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| exposed(&metadata))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_changes_that_make_the_known_paths_wrong_count() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("bin");
        fs::create_dir(&inner).unwrap();
        let mut watch =
            PermissionWatch::start(&[root.path().to_owned(), root.path().join("absent")]).unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let tool = inner.join("tool");
        let (nothing, found) = (BTreeSet::new(), BTreeSet::from([tool.clone()]));

        assert!(!watch.contradicts(&nothing));
        fs::write(&tool, "").unwrap();
        mode(&tool, 0o755);
        assert!(!watch.contradicts(&nothing), "an ordinary file");
        mode(&tool, 0o757);
        assert!(watch.contradicts(&nothing), "now everybody may write");
        mode(&tool, 0o757);
        assert!(!watch.contradicts(&found), "known");
        fs::remove_file(&tool).unwrap();
        assert!(watch.contradicts(&found), "known and gone");

        let new = root.path().join("new");
        fs::create_dir(&new).unwrap();
        assert!(!watch.contradicts(&nothing));
        fs::write(new.join("file"), "").unwrap();
        mode(&new.join("file"), 0o666);
        assert!(watch.contradicts(&nothing), "in a folder that came later");
    }
}
