//! Files that everybody may write in places where nobody but root should, and folders likewise without the
//! sticky bit. The walk stays on one file system, follows no links, and is bounded.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub(super) const ROOTS: [&str; 11] = [
    "/etc",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/boot",
    "/opt",
    "/root",
    "/var/spool/cron",
    "/var/lib/dpkg",
];
/// A full development machine has about a million files below these.
const ENTRIES_MAX: u64 = 2_000_000;
const LISTED_MAX: usize = 100;
const DEPTH_MAX: usize = 64;

/// What a walk found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorldWritable {
    /// The first of them: path and mode.
    pub files: Vec<(PathBuf, u32)>,
    pub count: u64,
    /// The walk stopped at its bound.
    pub incomplete: bool,
    entries: u64,
}

/// The topic `files.worldWritable`.
pub(super) fn evidence() -> Value {
    let found = walk(&ROOTS.map(PathBuf::from));
    let files: Vec<Value> =
        found.files.iter().map(|(path, mode)| json!({"path": path, "mode": format!("{mode:04o}")})).collect();
    json!({"count": found.count, "files": files, "incomplete": found.incomplete})
}

/// Walks `roots`.
pub fn walk(roots: &[PathBuf]) -> WorldWritable {
    let mut found = WorldWritable::default();
    for root in roots {
        // /bin is a link to /usr/bin today, and that is walked already.
        let Ok(metadata) = fs::symlink_metadata(root) else { continue };
        if metadata.is_dir() {
            visit(root, metadata.dev(), 0, &mut found);
        }
    }
    found
}

fn visit(folder: &Path, device: u64, depth: usize, found: &mut WorldWritable) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        found.entries += 1;
        if found.entries > ENTRIES_MAX {
            found.incomplete = true;
            return;
        }
        let Ok(metadata) = entry.metadata() else { continue };
        if exposed(&metadata) {
            found.count += 1;
            if found.files.len() < LISTED_MAX {
                found.files.push((entry.path(), metadata.mode() & 0o7777));
            }
        }
        if metadata.is_dir() && metadata.dev() == device && depth < DEPTH_MAX {
            visit(&entry.path(), device, depth + 1, found);
        }
    }
}

/// Whether everybody may write. A link's own mode means nothing; sockets and devices are made to be written.
pub(super) fn exposed(metadata: &fs::Metadata) -> bool {
    let (mode, kind) = (metadata.mode(), metadata.file_type());
    mode & 0o002 != 0 && (kind.is_file() || (kind.is_dir() && mode & 0o1000 == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn files_and_unsticky_folders_are_found_links_and_sticky_folders_are_not() {
        let root = tempfile::tempdir().unwrap();
        let make = |name: &str, mode: u32, folder: bool| {
            let path = root.path().join(name);
            if folder {
                fs::create_dir(&path).unwrap()
            } else {
                fs::write(&path, "").unwrap()
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        make("open.sh", 0o777, false);
        make("closed.sh", 0o755, false);
        make("tmp", 0o1777, true);
        make("drop", 0o777, true);
        make("drop/inner", 0o666, false);
        symlink("/", root.path().join("link")).unwrap();
        let found = walk(&[root.path().to_owned(), root.path().join("absent")]);
        let mut names: Vec<_> = found
            .files
            .iter()
            .map(|(path, _)| path.strip_prefix(root.path()).unwrap().to_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["drop", "drop/inner", "open.sh"]);
        assert_eq!((found.count, found.incomplete), (3, false));
    }
}
