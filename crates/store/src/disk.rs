//! The file system as the store uses it: a handful of operations behind a trait, so that tests can
//! crash, tear and fill the disk at any step.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes read at a time for a checksum.
const CHECKSUM_CHUNK: usize = 1 << 20;

/// File operations of the store. Paths are absolute and lie below the store's folder.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Creates a folder and its parents, durably.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Creates an empty file; fails when it exists.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for appending at its end.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// The whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The length and the CRC-32C of a file.
    fn checksum(&self, path: &Path) -> io::Result<(u64, u32)> {
        let bytes = self.read(path)?;
        Ok((bytes.len() as u64, crc32c::crc32c(&bytes)))
    }
    /// `len` bytes from `offset` on; fails when the file is shorter.
    fn read_range(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let bytes = self.read(path)?;
        let from = usize::try_from(offset).ok();
        let found = from.and_then(|from| bytes.get(from..from.checked_add(len)?));
        Ok(found.ok_or(io::ErrorKind::UnexpectedEof)?.to_vec())
    }
    /// Gives a file another name, replacing what has it, and makes that durable.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// All files below a folder, in path order. Empty when the folder is absent.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// The files and the folders right in a folder, each in path order. Empty when the folder is absent.
    fn entries(&self, dir: &Path) -> io::Result<Entries> {
        let mut entries = Entries::default();
        for path in self.list(dir)? {
            let inside = path.strip_prefix(dir).ok().and_then(|inside| inside.components().next());
            let inside = inside.map_or_else(|| path.clone(), |first| dir.join(first));
            if inside == path {
                entries.files.push(path);
            } else if entries.folders.last() != Some(&inside) {
                entries.folders.push(inside);
            }
        }
        Ok(entries)
    }
    /// Deletes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the entries of a folder (created and removed files) durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Bytes an unprivileged writer can still use in the file system of `dir`.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// What lies right in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    pub files: Vec<PathBuf>,
    pub folders: Vec<PathBuf>,
}

/// An open file that is only ever appended to.
pub trait DiskFile: Send + fmt::Debug {
    /// Appends all of `bytes`. After an error an unknown part of them may be in the file.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything appended durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file at `len` bytes.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.create_dir_all(parent)?;
        }
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        path.parent().map_or(Ok(()), |parent| self.sync_dir(parent))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).create_new(true).open(path)?))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn checksum(&self, path: &Path) -> io::Result<(u64, u32)> {
        let mut file = File::open(path)?;
        let mut chunk = vec![0; CHECKSUM_CHUNK];
        let (mut len, mut crc) = (0, 0);
        loop {
            let read = match file.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read == 0 {
                return Ok((len, crc));
            }
            len += read as u64;
            crc = crc32c::crc32c_append(crc, &chunk[..read]);
        }
    }

    fn read_range(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        File::open(path)?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        for dir in [to.parent(), from.parent()].into_iter().flatten() {
            self.sync_dir(dir)?;
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = self.entries(&folder)?;
            files.extend(entries.files);
            folders.extend(entries.folders);
        }
        files.sort();
        Ok(files)
    }

    fn entries(&self, dir: &Path) -> io::Result<Entries> {
        let mut entries = Entries::default();
        let found = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(entries),
            found => found?,
        };
        for entry in found {
            let entry = entry?;
            let kind = if entry.file_type()?.is_dir() { &mut entries.folders } else { &mut entries.files };
            kind.push(entry.path());
        }
        entries.files.sort();
        entries.folders.sort();
        Ok(entries)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

impl DiskFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}
