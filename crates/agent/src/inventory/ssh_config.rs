//! The SSH server's effective settings.
//!
//! `sshd -T` is asked first: it is the server's own answer. Where it cannot run (no host keys yet, broken
//! settings), the files are read by its rules: the first value of a keyword counts, `Include` is read in
//! place, and lines below a `Match` are not global. Values that appear below `Match` are listed apart.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::files;

pub(super) const CONFIG: &str = "/etc/ssh/sshd_config";
const PROGRAM: &str = "/usr/sbin/sshd";
/// As sshd itself: includes nest at most this deep.
const INCLUDE_DEPTH_MAX: usize = 16;
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Keywords reported: wire name, keyword, sshd's default.
const REPORTED: &[(&str, &str, &str)] = &[
    ("permitRootLogin", "permitrootlogin", "prohibit-password"),
    ("passwordAuthentication", "passwordauthentication", "yes"),
    ("kbdInteractiveAuthentication", "kbdinteractiveauthentication", "yes"),
    ("pubkeyAuthentication", "pubkeyauthentication", "yes"),
    ("permitEmptyPasswords", "permitemptypasswords", "no"),
    ("usePam", "usepam", "no"),
    ("x11Forwarding", "x11forwarding", "no"),
    ("maxAuthTries", "maxauthtries", "6"),
    ("port", "port", "22"),
];

/// Settings as the files give them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshConfig {
    /// Lower-case keyword → first value.
    pub values: BTreeMap<String, String>,
    /// Reported keywords that some `Match` block sets, with their values there.
    pub in_match: BTreeMap<String, BTreeSet<String>>,
}

/// The topic `ssh.config`.
pub(super) fn evidence() -> Value {
    let installed = Path::new(PROGRAM).exists() || Path::new("/usr/bin/sshd").exists();
    if !installed {
        return json!({"installed": false, "running": false});
    }
    let from_files = read(Path::new(CONFIG));
    let (values, source) = match ask_sshd() {
        Some(values) => (values, "sshd -T"),
        None => (from_files.values.clone(), "files"),
    };
    let mut out = json!({"installed": true, "running": running(), "source": source});
    for (name, keyword, default) in REPORTED {
        let value = values.get(*keyword).map_or(*default, String::as_str);
        out[*name] = json!(normal(keyword, value));
    }
    let in_match: BTreeMap<&str, &BTreeSet<String>> = REPORTED
        .iter()
        .filter_map(|(name, keyword, _)| Some((*name, from_files.in_match.get(*keyword)?)))
        .collect();
    out["matchBlocks"] = json!(in_match);
    out
}

/// Reads a configuration file with its includes. Files that cannot be read count as empty, as a missing include does for sshd.
pub fn read(path: &Path) -> SshConfig {
    let mut config = SshConfig::default();
    let mut in_match = false;
    read_into(&mut config, path, &mut in_match, 0);
    config
}

fn read_into(config: &mut SshConfig, path: &Path, in_match: &mut bool, depth: usize) {
    if depth > INCLUDE_DEPTH_MAX {
        return;
    }
    let bytes = files::read_bounded(path, FILE_BYTES_MAX).ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (keyword, value) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
        let keyword = match keyword.to_ascii_lowercase() {
            // The old name of the same setting.
            old if old == "challengeresponseauthentication" => "kbdinteractiveauthentication".to_owned(),
            keyword => keyword,
        };
        let value = value.trim_start_matches([' ', '\t', '=']).trim_end().trim_matches('"');
        match keyword.as_str() {
            "match" => *in_match = !value.eq_ignore_ascii_case("all"),
            "include" => {
                for pattern in value.split_whitespace() {
                    for included in included(path, pattern) {
                        // A `Match` inside an included file ends with that file.
                        let mut inner = *in_match;
                        read_into(config, &included, &mut inner, depth + 1);
                    }
                }
            }
            _ if *in_match => {
                config.in_match.entry(keyword).or_default().insert(value.to_owned());
            }
            _ => {
                config.values.entry(keyword).or_insert_with(|| value.to_owned());
            }
        }
    }
}

/// The files of an include pattern in order of their names, as glob(3) gives them.
fn included(from: &Path, pattern: &str) -> Vec<PathBuf> {
    let folder = from.parent().unwrap_or(Path::new("/"));
    let pattern = folder.join(pattern.trim_matches('"'));
    let Some((parent, name)) = pattern.parent().zip(pattern.file_name().and_then(|name| name.to_str()))
    else {
        return Vec::new();
    };
    let Some((before, after)) = name.split_once('*') else { return vec![pattern] };
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    let fits = |name: &str| {
        !name.starts_with('.')
            && name.len() >= before.len() + after.len()
            && name.starts_with(before)
            && name.ends_with(after)
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(fits))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn ask_sshd() -> Option<BTreeMap<String, String>> {
    let output = Command::new(PROGRAM).arg("-T").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut values = BTreeMap::new();
    for line in text.lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        values.entry(keyword.to_ascii_lowercase()).or_insert_with(|| value.to_owned());
    }
    Some(values)
}

/// One spelling per meaning: sshd accepts several.
fn normal(keyword: &str, value: &str) -> String {
    let value = value.to_ascii_lowercase();
    match (keyword, value.as_str()) {
        ("permitrootlogin", "without-password") => "prohibit-password".to_owned(),
        (_, "true") => "yes".to_owned(),
        (_, "false") => "no".to_owned(),
        _ => value,
    }
}

fn running() -> bool {
    crate::protection::process_names().contains("sshd")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_counts_includes_are_read_in_place_and_match_is_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("d")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("d/10-a.conf", "PasswordAuthentication no\nMatch User deploy\n  PermitRootLogin yes\n");
        write("d/20-b.conf", "PasswordAuthentication yes\nX11Forwarding=yes\n");
        write(
            "sshd_config",
            "# comment\nInclude d/*.conf\nPermitRootLogin \"no\"\nPermitRootLogin yes\nPort\t2222\n\
             ChallengeResponseAuthentication no\nMatch Address 192.0.2.0/24\nPasswordAuthentication yes\n\
             Match all\nUsePAM yes\n",
        );
        let config = read(&folder.path().join("sshd_config"));
        let value = |name: &str| config.values.get(name).map(String::as_str);
        assert_eq!(value("passwordauthentication"), Some("no"));
        assert_eq!(value("permitrootlogin"), Some("no"));
        assert_eq!(value("x11forwarding"), Some("yes"));
        assert_eq!(value("port"), Some("2222"));
        assert_eq!(value("kbdinteractiveauthentication"), Some("no"));
        assert_eq!(value("usepam"), Some("yes"));
        assert_eq!(config.in_match["permitrootlogin"], BTreeSet::from(["yes".to_owned()]));
        assert_eq!(config.in_match["passwordauthentication"], BTreeSet::from(["yes".to_owned()]));
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sshd_config");
        std::fs::write(&path, "Include sshd_config\nPort 1\n\u{0}\n=\nMatch\n").unwrap();
        assert_eq!(read(&path).values.get("port").map(String::as_str), Some("1"));
        assert_eq!(read(&folder.path().join("absent")), SshConfig::default());
    }
}
