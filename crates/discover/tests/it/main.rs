//! Every connector against the real thing or the stand-in that others use; what cannot be had here is a double written
//! from the documented API, and says so.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "what a test skipped is part of its answer")]

mod double;
mod ec2;
mod kubernetes;
mod libvirt;
mod program;
mod sweep;
mod vmware;

use std::path::Path;

use bartizan_base::Ticks;
use bartizan_discover::{Connection, DiscoverError, Found, FoundMachine, Run, discover};

/// Writes a connection's file, reads it and asks.
async fn ask(yaml: &str) -> Result<Found, DiscoverError> {
    let dir = tempfile::tempdir().unwrap();
    discover(&connection(dir.path(), yaml), &run()).await
}

fn connection(dir: &Path, yaml: &str) -> Connection {
    use std::os::unix::fs::PermissionsExt as _;
    let path = dir.join("tried.yaml");
    std::fs::write(&path, yaml).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    Connection::load(dir, "tried").unwrap()
}

fn run() -> Run {
    Run { now: Ticks::from_system_time(std::time::SystemTime::now()), regions: Vec::new() }
}

fn by_name<'a>(found: &'a Found, name: &str) -> &'a FoundMachine {
    let names: Vec<&str> = found.machines.iter().map(|machine| machine.name.as_str()).collect();
    found
        .machines
        .iter()
        .find(|machine| machine.name == name)
        .unwrap_or_else(|| panic!("no `{name}` in {names:?}"))
}
