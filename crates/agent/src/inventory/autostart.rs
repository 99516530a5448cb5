//! Files that start programs by themselves: systemd units of the administrator and cron entries.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::files;

/// Watched folders. What packages ship below /usr/lib is included: malware is put there too.
pub(super) const FOLDERS: [&str; 13] = [
    "/etc/systemd/system",
    "/etc/systemd/user",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/system",
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
    "/var/spool/cron",
    "/var/spool/cron/crontabs",
    "/etc/init.d",
];
/// Single files, watched through their folder.
pub(super) const FILES: [&str; 3] = ["/etc/crontab", "/etc/anacrontab", "/etc/rc.local"];
const CONTENT_BYTES_MAX: u64 = 1 << 20;
const ENTRIES_MAX: usize = 4096;

/// One such file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) sha256: String,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) modified: Option<SystemTime>,
}

/// All entries now, by path.
pub(super) fn scan() -> BTreeMap<PathBuf, Entry> {
    scan_in(&FOLDERS.map(PathBuf::from), &FILES.map(PathBuf::from))
}

/// Entries of the given folders (not below) and files.
pub(super) fn scan_in(folders: &[PathBuf], files: &[PathBuf]) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut add = |path: PathBuf| {
        if found.len() < ENTRIES_MAX
            && let Some(entry) = entry(&path)
        {
            found.insert(path, entry);
        }
    };
    for folder in folders {
        // /lib is a link to /usr/lib on most machines; its files are listed once, under their real path.
        if fs::canonicalize(folder).is_ok_and(|real| real != *folder && folders.contains(&real)) {
            continue;
        }
        let Ok(entries) = fs::read_dir(folder) else { continue };
        entries.flatten().for_each(|entry| add(entry.path()));
    }
    files.iter().cloned().for_each(add);
    found
}

/// The file's state; `None` for folders, sockets and what is gone again.
fn entry(path: &Path) -> Option<Entry> {
    let metadata = fs::symlink_metadata(path).ok()?;
    // An enabled unit is a link; where it points is its content.
    let content = if metadata.is_symlink() {
        fs::read_link(path).ok()?.into_os_string().into_encoded_bytes()
    } else if metadata.is_file() {
        files::read_bounded(path, CONTENT_BYTES_MAX).ok()??
    } else {
        return None;
    };
    Some(Entry {
        sha256: files::hex(&Sha256::digest(&content)),
        size: metadata.len(),
        mode: metadata.mode() & 0o7777,
        modified: metadata.modified().ok(),
    })
}

/// The topic `autostart`: what the administrator (or an intruder) put there, without the packages' own units.
pub(super) fn evidence() -> Value {
    let entries: Vec<Value> = scan()
        .iter()
        .filter(|(path, _)| !path.starts_with("/usr/lib") && !path.starts_with("/lib"))
        .map(|(path, entry)| json!({"path": path, "kind": kind(path), "sha256": entry.sha256, "size": entry.size}))
        .collect();
    json!({"count": entries.len(), "entries": entries})
}

/// `systemd`, `cron` or `init`.
pub(super) fn kind(path: &Path) -> &'static str {
    let text = path.to_string_lossy();
    if text.contains("/systemd/") {
        "systemd"
    } else if text.contains("cron") {
        "cron"
    } else {
        "init"
    }
}
