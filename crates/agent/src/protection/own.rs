//! Other installations of our own sensor, found by their units: one set up by a script, or by direct onboarding.
//!
//! A unit counts when it starts `bartizan-agent` on another state folder and one of its processes runs now. Agents
//! in the foreground are somebody's business: two of them on one machine are how a test or a migration looks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::files;

/// Unit files read; a server has a few hundred.
const UNITS_MAX: usize = 4096;
const UNIT_BYTES_MAX: u64 = 64 << 10;
/// The state folder of an agent that is told no other.
const DEFAULT_STATE: &str = "/var/lib/bartizan-agent";

/// Where units lie, and where processes tell which unit they belong to.
#[derive(Clone, Debug)]
pub struct UnitFolders {
    pub units: Vec<PathBuf>,
    pub processes: PathBuf,
}

impl Default for UnitFolders {
    fn default() -> Self {
        let units =
            ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
        Self { units: units.map(PathBuf::from).to_vec(), processes: PathBuf::from("/proc") }
    }
}

/// Units that run our sensor from another state folder than `state`, as `unit (state folder)`.
pub fn other_sensors(folders: &UnitFolders, state: &Path) -> Vec<String> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for folder in &folders.units {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries.flatten().take(UNITS_MAX) {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !name.ends_with(".service") || found.iter().any(|(unit, _)| *unit == name) {
                continue;
            }
            let Ok(Some(text)) = files::read_bounded(&entry.path(), UNIT_BYTES_MAX) else { continue };
            let other = state_of(&String::from_utf8_lossy(&text)).filter(|other| !same(other, state));
            found.extend(other.map(|other| (name, other)));
        }
    }
    if found.is_empty() {
        return Vec::new();
    }
    let running = running_units(&folders.processes);
    found.retain(|(unit, _)| running.contains(unit));
    found.into_iter().map(|(unit, other)| format!("{unit} ({})", other.display())).collect()
}

/// The state folder of the agent that a unit starts; `None` when it starts something else.
fn state_of(unit: &str) -> Option<PathBuf> {
    let values = |key: &str| {
        let key = format!("{key}=");
        unit.lines().filter_map(move |line| line.trim().strip_prefix(key.as_str()).map(str::to_owned))
    };
    let start = values("ExecStart").next()?;
    // systemd's prefixes before the program, such as `-` and `+`.
    let mut words = start.trim_start_matches(['-', '@', '+', '!', ':']).split_whitespace();
    let program = words.next()?;
    if Path::new(program).file_name()? != "bartizan-agent" {
        return None;
    }
    let words: Vec<&str> = words.collect();
    if words.first() != Some(&"run") {
        return None;
    }
    let option = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--state") {
        Some("") => words.get(at + 1).map(|word| (*word).to_owned()),
        Some(rest) => rest.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    let variable = || {
        values("Environment").find_map(|value| {
            value
                .trim_matches('"')
                .strip_prefix("BARTIZAN_STATE=")
                .map(|state| state.trim_matches('"').to_owned())
        })
    };
    Some(PathBuf::from(option.or_else(variable).unwrap_or_else(|| DEFAULT_STATE.to_owned())))
}

fn same(left: &Path, right: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(left) == real(right)
}

/// The services that processes belong to, by the last part of their control group's path.
fn running_units(processes: &Path) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(processes) else { return BTreeSet::new() };
    let groups = entries.flatten().filter_map(|entry| {
        let number = entry.file_name().to_str()?.bytes().all(|byte| byte.is_ascii_digit());
        number.then(|| files::read_line(&entry.path().join("cgroup").to_string_lossy()))
    });
    let units = groups.flat_map(|text| {
        let parts = text.split(['\n', '/']).filter(|part| part.ends_with(".service"));
        parts.map(str::to_owned).collect::<Vec<_>>()
    });
    units.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_running_unit_with_another_state_folder_is_another_sensor() {
        let folder = tempfile::tempdir().unwrap();
        let (units, processes) = (folder.path().join("units"), folder.path().join("proc"));
        fs::create_dir_all(&units).unwrap();
        for (name, text) in [
            ("bartizan-agent.service", "[Service]\nExecStart=/usr/local/bin/bartizan-agent run\n"),
            ("edr.service", "[Service]\nExecStart=-/opt/edr/bartizan-agent run --state /opt/edr/state\n"),
            (
                "byenv.service",
                "[Service]\nEnvironment=\"BARTIZAN_STATE=/opt/env\"\nExecStart=/x/bartizan-agent run\n",
            ),
            ("stopped.service", "[Service]\nExecStart=/opt/bartizan-agent run --state=/opt/stopped\n"),
            ("status.service", "[Service]\nExecStart=/opt/bartizan-agent status --state=/opt/odd\n"),
            ("ssh.service", "[Service]\nExecStart=/usr/sbin/sshd -D\n"),
            ("torn.service", "ExecStart="),
        ] {
            fs::write(units.join(name), text).unwrap();
        }
        for (pid, unit) in [
            (1, "init.scope"),
            (2, "bartizan-agent.service"),
            (3, "edr.service"),
            (4, "byenv.service"),
            (5, "status.service"),
        ] {
            let process = processes.join(pid.to_string());
            fs::create_dir_all(&process).unwrap();
            fs::write(process.join("cgroup"), format!("0::/system.slice/{unit}\n")).unwrap();
        }
        let folders = UnitFolders { units: vec![units, folder.path().join("absent")], processes };
        let mut found = other_sensors(&folders, Path::new(DEFAULT_STATE));
        found.sort();
        assert_eq!(found, ["byenv.service (/opt/env)", "edr.service (/opt/edr/state)"]);
        let mut found = other_sensors(&folders, Path::new("/opt/edr/state"));
        found.sort();
        assert_eq!(found, ["bartizan-agent.service (/var/lib/bartizan-agent)", "byenv.service (/opt/env)"]);
    }
}
