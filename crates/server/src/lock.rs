//! One server per data folder: two would both believe the log store theirs.

use std::fs::{File, OpenOptions};
use std::path::Path;

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};

/// Held while the server runs; the kernel lets go of it however the process ends.
#[derive(Debug)]
pub(crate) struct DataLock(#[expect(dead_code, reason = "kept open for its lock")] File);

impl DataLock {
    /// Locks `dir`.
    pub(crate) fn take(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(|| format!("cannot open `{}`", path.display()))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("another server is using the data folder `{}`", dir.display());
        }
        Ok(Self(file))
    }
}
