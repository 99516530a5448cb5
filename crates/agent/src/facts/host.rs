//! What the agent finds around itself: init system, rights, room, kernel types, other protection.

use std::path::Path;

use bartizan_wire::HostFacts;

use crate::files;
use crate::protection;

/// Reads everything. What cannot be read is left out; a fact is never guessed.
pub fn collect(state: &Path) -> HostFacts {
    HostFacts {
        init_system: init_system(Path::new("/")),
        root: Some(rustix::process::geteuid().is_root()),
        disk_free_bytes: disk_free(state),
        memory_available_bytes: super::hardware::memory("MemAvailable"),
        kernel_types: Some(Path::new("/sys/kernel/btf/vmlinux").exists()),
        protection: protection::installed(),
        other_sensors: protection::other_sensors(&protection::UnitFolders::default(), state),
        windows: None,
    }
}

/// Room for unprivileged users: what is reserved for root is not for spools.
fn disk_free(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// systemd has a folder of its own once it runs, and so have others; else the name of process 1 is the best there is.
fn init_system(root: &Path) -> String {
    let known = [("run/systemd/system", "systemd"), ("run/openrc", "openrc"), ("run/runit", "runit")];
    let running = known.iter().find(|(folder, _)| root.join(folder).is_dir());
    match running {
        Some((_, name)) => (*name).to_owned(),
        None => files::read_line(&root.join("proc/1/comm").to_string_lossy()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_init_system_is_known_by_its_folder_or_by_process_one() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(init_system(root.path()), "");
        std::fs::create_dir_all(root.path().join("proc/1")).unwrap();
        std::fs::write(root.path().join("proc/1/comm"), "tini\n").unwrap();
        assert_eq!(init_system(root.path()), "tini");
        std::fs::create_dir_all(root.path().join("run/systemd/system")).unwrap();
        assert_eq!(init_system(root.path()), "systemd");
    }

    #[test]
    fn this_machine_has_room_and_rights_or_not_but_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let facts = collect(folder.path());
        assert!(facts.root.is_some() && facts.kernel_types.is_some());
        assert!(facts.disk_free_bytes.is_some() && facts.memory_available_bytes > Some(0), "{facts:?}");
        assert_eq!(collect(Path::new("/nowhere/at/all")).disk_free_bytes, None);
    }
}
