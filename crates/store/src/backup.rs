//! Copying a store while it runs, and checking a copy.
//!
//! The order makes the copy whole. First the log: every row that is acknowledged by then is in it or in files.
//! Then the manifest, in one moment: rows that left the log meanwhile are in files that it names. Then those
//! files, which never change. A file that goes away before it is copied, because it was merged or expired, is
//! a reason to take the manifest again; what is copied already is not copied twice.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sqlx::{Row, SqlitePool};

use crate::disk::{Disk, LocalDisk};
use crate::error::StoreError;
use crate::wal;

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Relative to the backup's folder, with `/` between parts.
    pub path: String,
    pub size_bytes: u64,
    /// CRC-32C of the whole file.
    pub crc: u32,
}

/// Copies the log of the store in `dir` to the folder `to`, as it is now.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy_log(dir: &Path, to: &Path) -> Result<Vec<Copied>, StoreError> {
    let disk = LocalDisk;
    let mut copied = Vec::new();
    for (_, path) in wal::segments(&disk, &dir.join("wal"))? {
        let relative = relative(dir, &path);
        match copy(&disk, &path, &to.join(&relative)) {
            // Covered by files since: the manifest, which is copied later, names them.
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            result => copied.push(Copied { path: relative, ..result? }),
        }
    }
    Ok(copied)
}

/// Copies the files that a manifest names from the store in `dir` to the folder `to`. Returns `None` when one
/// of them is gone: the manifest has changed since it was copied. Files that are there already are kept.
///
/// # Errors
/// When a file cannot be read or written, or is not what was written once.
pub async fn copy_files(
    manifest: &SqlitePool,
    dir: &Path,
    to: &Path,
) -> Result<Option<Vec<Copied>>, StoreError> {
    let disk = LocalDisk;
    let mut copied = Vec::new();
    for row in
        sqlx::query("SELECT path, size_bytes, crc FROM store_files ORDER BY id").fetch_all(manifest).await?
    {
        let path: String = row.try_get(0)?;
        let size_bytes = row.try_get::<i64, _>(1)? as u64;
        let crc = row.try_get::<Option<i64>, _>(2)?.map(|crc| crc as u32);
        let target = to.join(&path);
        let result = match disk.checksum(&target) {
            Ok((size_bytes, crc)) => Ok(Copied { path: path.clone(), size_bytes, crc }),
            Err(_) => copy(&disk, &dir.join(&path), &target),
        };
        let found = match result {
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            result => result?,
        };
        if found.size_bytes != size_bytes || crc.is_some_and(|crc| crc != found.crc) {
            return Err(StoreError::BackupDamaged { path: dir.join(&path) });
        }
        copied.push(Copied { path, ..found });
    }
    Ok(Some(copied))
}

/// Compares the files of a backup in `dir` with what was copied.
///
/// # Errors
/// With the first file that is not the same.
pub fn verify(dir: &Path, files: &[Copied]) -> Result<(), StoreError> {
    for file in files {
        let path = dir.join(&file.path);
        let (size_bytes, crc) = LocalDisk.checksum(&path).map_err(StoreError::io("read", &path))?;
        if (size_bytes, crc) != (file.size_bytes, file.crc) {
            return Err(StoreError::BackupDamaged { path });
        }
    }
    Ok(())
}

/// Copies one file durably.
///
/// # Errors
/// When it cannot be read or written.
pub fn copy_file(from: &Path, to: &Path) -> Result<Copied, StoreError> {
    copy(&LocalDisk, from, to)
}

fn copy(disk: &LocalDisk, from: &Path, to: &Path) -> Result<Copied, StoreError> {
    let bytes = disk.read(from).map_err(StoreError::io("read", from))?;
    let dir = to.parent().unwrap_or(to);
    disk.create_dir_all(dir).map_err(StoreError::io("create", dir))?;
    let mut file = disk.create(to).map_err(StoreError::io("create", to))?;
    file.append(&bytes).and_then(|()| file.sync()).map_err(StoreError::io("write", to))?;
    Ok(Copied { path: String::new(), size_bytes: bytes.len() as u64, crc: crc32c::crc32c(&bytes) })
}

fn relative(dir: &Path, path: &Path) -> String {
    path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned()
}
