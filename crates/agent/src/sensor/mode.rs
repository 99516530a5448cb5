//! Passive or active: whether the sensor only tells, or also acts.
//!
//! On Linux it is passive unless somebody asks for more, and it stays passive beside another vendor's antivirus that
//! runs, because two that act fight over the same files. Acting means one thing today: a process whose image is on
//! the list of blocked hashes is ended. In passive mode the same process is told as one that would have been ended.

use std::collections::BTreeSet;

use bartizan_sensor::{Action, ProcessEvent};
use bartizan_wire::ProtectionProduct;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Deserialize;
use serde_json::json;

use crate::extension::{Row, Unsupported};
use crate::files;

/// Hashes on the list of blocked ones.
const BLOCKED_MAX: usize = 10_000;

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum WantedMode {
    /// The default of the system: passive on Linux.
    #[default]
    Auto,
    Passive,
    /// Active, but passive beside another antivirus that runs.
    Active,
    /// Active whatever else runs.
    ActiveBesideOthers,
}

/// The mode in force, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    pub(super) active: bool,
    pub(super) reason: String,
}

impl Mode {
    pub(super) fn name(&self) -> &'static str {
        if self.active { "active" } else { "passive" }
    }

    /// Decides by what was asked for and what else runs here.
    pub(super) fn decide(wanted: WantedMode, products: &[ProtectionProduct]) -> Self {
        let running = products.iter().filter(|product| product.antivirus && product.running);
        let others: Vec<&str> = running.map(|product| product.name.as_str()).collect();
        let others = others.join(", ");
        let (active, reason) = match wanted {
            WantedMode::Passive => (false, "set so".to_owned()),
            WantedMode::Auto if others.is_empty() => (false, "the default on Linux".to_owned()),
            WantedMode::Auto | WantedMode::Active if !others.is_empty() => {
                (false, format!("{others} runs here"))
            }
            WantedMode::Auto | WantedMode::Active => (true, "set so".to_owned()),
            WantedMode::ActiveBesideOthers if others.is_empty() => (true, "set so".to_owned()),
            WantedMode::ActiveBesideOthers => (true, format!("set so, although {others} runs here")),
        };
        Self { active, reason }
    }
}

/// The blocked images.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocklist(BTreeSet<String>);

impl Blocklist {
    /// Reads SHA-256 hashes.
    ///
    /// # Errors
    /// [`Unsupported`] with the first that is none, or when there are too many.
    pub(super) fn parse(hashes: &[String]) -> Result<Self, Unsupported> {
        if hashes.len() > BLOCKED_MAX {
            let text =
                format!("`blockedSha256` has {} hashes; at most {BLOCKED_MAX} are taken", hashes.len());
            return Err(Unsupported(text));
        }
        let read = |hash: &String| {
            let hash = hash.trim().to_ascii_lowercase();
            let good = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            if good {
                Ok(hash)
            } else {
                Err(Unsupported(format!("`blockedSha256` has `{hash:.80}`, which is no SHA-256")))
            }
        };
        hashes.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an event is the start of a blocked image.
    pub(super) fn has(&self, event: &ProcessEvent) -> bool {
        let hashes = event.process.image.hashes.as_ref();
        event.action == Action::Created && hashes.is_some_and(|hashes| self.0.contains(&hashes.sha256))
    }
}

/// Ends a blocked process, or in passive mode only tells. `row` is the row of its start; the answer is another one
/// that tells what was done.
pub(super) fn enforce(event: &ProcessEvent, active: bool, mut row: Row) -> Row {
    let (action, outcome) = match active {
        false => ("IndicatorAudited", "not ended: the sensor is passive".to_owned()),
        true => match end(event.process.key.pid, event.process.key.start) {
            Ok(()) => ("IndicatorBlocked", "ended".to_owned()),
            Err(problem) => ("IndicatorBlockFailed", problem),
        },
    };
    row.insert("ActionType".to_owned(), action.into());
    row.insert("AdditionalFields".to_owned(), json!({"list": "blockedSha256", "outcome": outcome}));
    row
}

/// Kills exactly the process that started then: the number alone may be somebody else's by now.
fn end(pid: u32, start: u64) -> Result<(), String> {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("its number is no process number")?;
    let handle = pidfd_open(number, PidfdFlags::empty()).map_err(|error| format!("it is gone ({error})"))?;
    // Read after the handle was made: what is read is then about the process behind it.
    if started(pid) != Some(start) {
        return Err("it ended by itself".to_owned());
    }
    pidfd_send_signal(handle, Signal::KILL).map_err(|error| format!("it cannot be ended: {error}"))
}

/// Field 22 of /proc/PID/stat: the start since boot in hundredths of a second. The name in field 2 may hold anything.
fn started(pid: u32) -> Option<u64> {
    let stat = files::read_line(&format!("/proc/{pid}/stat"));
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(name: &str, antivirus: bool, running: bool) -> ProtectionProduct {
        ProtectionProduct { name: name.to_owned(), antivirus, installed: true, running, ..Default::default() }
    }

    #[test]
    fn the_sensor_is_passive_by_default_and_beside_a_running_antivirus() {
        let clam = [product("ClamAV", true, true)];
        let harmless = [product("ClamAV", true, false), product("Wazuh", false, true)];
        for (wanted, products, expected, word) in [
            (WantedMode::Auto, &[][..], "passive", "default"),
            (WantedMode::Auto, &clam[..], "passive", "ClamAV"),
            (WantedMode::Passive, &[], "passive", "set so"),
            (WantedMode::Active, &harmless, "active", "set so"),
            (WantedMode::Active, &clam, "passive", "ClamAV runs"),
            (WantedMode::ActiveBesideOthers, &clam, "active", "although ClamAV"),
        ] {
            let mode = Mode::decide(wanted, products);
            assert_eq!(mode.name(), expected, "{wanted:?} {products:?}");
            assert!(mode.reason.contains(word), "{wanted:?}: {}", mode.reason);
        }
    }

    #[test]
    fn a_list_of_hashes_is_checked() {
        assert!(Blocklist::parse(&["AB".repeat(32)]).unwrap().0.contains(&"ab".repeat(32)));
        for wrong in [vec!["abc".to_owned()], vec!["zz".repeat(32)], vec!["ab".repeat(32); BLOCKED_MAX + 1]] {
            let error = Blocklist::parse(&wrong).unwrap_err().to_string();
            assert!(error.contains("blockedSha256"), "{error}");
        }
    }

    #[test]
    fn only_the_very_process_is_ended() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let start = started(child.id()).unwrap();
        assert_eq!(
            end(child.id(), start + 1),
            Err("it ended by itself".to_owned()),
            "another start, another process"
        );
        assert!(child.try_wait().unwrap().is_none());
        end(child.id(), start).unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(end(child.id(), start).is_err());
    }
}
