//! Hashes of executed files, computed on a thread of their own so that reading events never waits for a disk.
//!
//! A file is known by inode, size and modification time as the kernel saw them at the execution. What is
//! opened later must still show the same, else it is another file and no hash is given: a wrong hash is
//! worse than none.

use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

use crate::event::{Hashes, Image, ProcessKey};
use crate::procfs;
use crate::waker;

/// Files remembered. An entry is about 300 bytes, so the cache stays near one megabyte.
const CACHE_FILES_MAX: usize = 4096;

/// Requests waiting for the worker; a request is small, and beyond this the events would be late anyway.
const REQUESTS_MAX: usize = 1024;

/// A file at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileKey {
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified_ns: i64,
}

impl FileKey {
    /// `None` when the source could not tell enough to recognise the file again.
    pub(crate) fn of(image: &Image) -> Option<Self> {
        let (size_bytes, modified_ns) = (image.size_bytes?, image.modified_ns?);
        (image.inode != 0).then_some(Self {
            device: image.device,
            inode: image.inode,
            size_bytes,
            modified_ns,
        })
    }

    /// The device is left out: on overlay and btrfs `stat` gives another one than the kernel uses inside.
    fn is(self, facts: &Metadata) -> bool {
        let mut now = Image::default();
        procfs::describe(&mut now, facts);
        facts.is_file()
            && now.inode == self.inode
            && now.size_bytes == Some(self.size_bytes)
            && now.modified_ns == Some(self.modified_ns)
    }
}

/// A file to hash, for one pending event.
pub(crate) struct Request {
    pub(crate) ticket: u64,
    pub(crate) process: ProcessKey,
    pub(crate) parent_pid: Option<u32>,
    pub(crate) file: FileKey,
    pub(crate) path: String,
}

pub(crate) struct Reply {
    pub(crate) ticket: u64,
    pub(crate) process: ProcessKey,
    pub(crate) inode: u64,
    pub(crate) hashes: Option<Arc<Hashes>>,
}

/// The worker as the sensor thread sees it. Dropping it ends the worker after the request in hand.
pub(crate) struct Hasher {
    requests: Option<SyncSender<Request>>,
    replies: Receiver<Reply>,
    cache: Arc<Mutex<Cache>>,
    worker: Option<JoinHandle<()>>,
}

impl Hasher {
    /// Starts the worker; it writes to `wake` after each reply.
    pub(crate) fn start(wake: UnixStream) -> io::Result<Self> {
        let (requests, inbox) = sync_channel(REQUESTS_MAX);
        let (outbox, replies) = channel();
        let cache = Arc::new(Mutex::new(Cache::default()));
        let shared = Arc::clone(&cache);
        let worker = std::thread::Builder::new()
            .name("sensor-hash".to_owned())
            .spawn(move || work(&inbox, &outbox, &shared, &wake))?;
        Ok(Self { requests: Some(requests), replies, cache, worker: Some(worker) })
    }

    pub(crate) fn cached(&self, file: FileKey) -> Option<Arc<Hashes>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(file)
    }

    /// Asks for a hash; answers whether there was room.
    #[must_use]
    pub(crate) fn ask(&self, request: Request) -> bool {
        self.requests.as_ref().is_some_and(|requests| requests.try_send(request).is_ok())
    }

    pub(crate) fn replies(&self) -> impl Iterator<Item = Reply> {
        self.replies.try_iter()
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(worker) = self.worker.take()
            && worker.join().is_err()
        {
            tracing::warn!("the hash worker ended with a panic");
        }
    }
}

fn work(inbox: &Receiver<Request>, outbox: &Sender<Reply>, cache: &Mutex<Cache>, wake: &UnixStream) {
    while let Ok(request) = inbox.recv() {
        let known = cache.lock().unwrap_or_else(PoisonError::into_inner).get(request.file);
        let hashes = known.or_else(|| {
            let hashes = Arc::new(hash_file(open(&request)?, request.file)?);
            cache.lock().unwrap_or_else(PoisonError::into_inner).put(request.file, Arc::clone(&hashes));
            Some(hashes)
        });
        let reply =
            Reply { ticket: request.ticket, process: request.process, inode: request.file.inode, hashes };
        if outbox.send(reply).is_err() {
            return;
        }
        waker::wake(wake);
    }
}

/// The process's own link first: it also leads to files without a name. Then the path, in the process's
/// or its parent's root, because both may live in a container.
fn open(request: &Request) -> Option<File> {
    let pid = request.process.pid;
    let mut candidates = vec![PathBuf::from(format!("/proc/{pid}/exe"))];
    if request.path.starts_with('/') {
        candidates.push(format!("/proc/{pid}/root{}", request.path).into());
        if let Some(parent) = request.parent_pid {
            candidates.push(format!("/proc/{parent}/root{}", request.path).into());
        }
        candidates.push(request.path.clone().into());
    }
    candidates.iter().find_map(|path| {
        // Without O_NONBLOCK a named pipe put in the file's place would hold the worker for ever.
        let file =
            OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).ok()?;
        request.file.is(&file.metadata().ok()?).then_some(file)
    })
}

fn hash_file(mut file: File, key: FileKey) -> Option<Hashes> {
    let (mut md5, mut sha1, mut sha256) = (Md5::new(), Sha1::new(), Sha256::new());
    let mut buffer = vec![0; 64 << 10];
    let mut left = key.size_bytes;
    while left > 0 {
        let count = file.read(&mut buffer).ok()?;
        if count == 0 {
            return None;
        }
        let bytes = &buffer[..count];
        md5.update(bytes);
        sha1.update(bytes);
        sha256.update(bytes);
        left = left.saturating_sub(count as u64);
    }
    key.is(&file.metadata().ok()?).then(|| Hashes {
        md5: hex(&md5.finalize()),
        sha1: hex(&sha1.finalize()),
        sha256: hex(&sha256.finalize()),
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Two generations: what is used moves to the young one, and when that is half the bound the old one goes.
#[derive(Default)]
struct Cache {
    young: HashMap<FileKey, Arc<Hashes>>,
    old: HashMap<FileKey, Arc<Hashes>>,
}

impl Cache {
    fn get(&mut self, key: FileKey) -> Option<Arc<Hashes>> {
        if let Some(hashes) = self.young.get(&key) {
            return Some(Arc::clone(hashes));
        }
        let hashes = self.old.remove(&key)?;
        self.put(key, Arc::clone(&hashes));
        Some(hashes)
    }

    fn put(&mut self, key: FileKey, hashes: Arc<Hashes>) {
        if self.young.len() >= CACHE_FILES_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, hashes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(inode: u64) -> FileKey {
        FileKey { device: 1, inode, size_bytes: 1, modified_ns: 1 }
    }

    #[test]
    fn known_hashes_of_a_file() {
        let path = std::env::temp_dir().join(format!("sensor-hash-{}", std::process::id()));
        std::fs::write(&path, "abc").unwrap();
        let mut image = Image::default();
        procfs::describe(&mut image, &std::fs::metadata(&path).unwrap());
        let key = FileKey::of(&image).unwrap();
        let hashes = hash_file(File::open(&path).unwrap(), key).unwrap();
        assert_eq!(hashes.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(hashes.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hashes.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        std::fs::write(&path, "abcd").unwrap();
        assert_eq!(hash_file(File::open(&path).unwrap(), key), None, "the file changed meanwhile");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_used() {
        let mut cache = Cache::default();
        let hashes = Arc::new(Hashes { md5: String::new(), sha1: String::new(), sha256: String::new() });
        cache.put(key(0), Arc::clone(&hashes));
        for inode in 1..20_000 {
            cache.put(key(inode), Arc::clone(&hashes));
            assert!(cache.get(key(0)).is_some());
            assert!(cache.young.len() + cache.old.len() <= CACHE_FILES_MAX);
        }
        assert!(cache.get(key(1)).is_none());
    }
}
