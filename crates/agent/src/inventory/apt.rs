//! Which newer versions apt knows of, from its own lists on disk, without asking the network.
//!
//! A list's name carries its archive and suite: `host_debian-security_dists_bookworm-security_main_…_Packages`.
//! An update counts as a security update when any newer version comes from a suite ending in `-security`.
//! Lists may be compressed; apt's own helper unpacks them, so every compression apt has is understood.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Serialize;

use super::deb_version::compare;
use super::dpkg::{Package, Paragraph, paragraphs};

pub(super) const LISTS: &str = "/var/lib/apt/lists";
const HELPER: &str = "/usr/lib/apt/apt-helper";
/// Debian's main list is 50 MB unpacked.
const LIST_BYTES_MAX: u64 = 256 << 20;
const PARAGRAPH_BYTES_MAX: usize = 1 << 20;
const ERROR_BYTES_MAX: u64 = 4 << 10;

/// One package with a newer version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    pub name: String,
    pub architecture: String,
    pub installed: String,
    pub available: String,
    pub security: bool,
}

/// The answer, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Updates {
    Known(Vec<Update>),
    Unknown(String),
}

/// Compares what is installed with the lists in `folder`.
///
/// # Errors
/// When the folder is there and cannot be read.
pub fn pending_updates(installed: &[Package], folder: &Path) -> io::Result<Updates> {
    let mut by_name: BTreeMap<&str, Vec<Candidate<'_>>> = BTreeMap::new();
    for package in installed {
        by_name.entry(&package.name).or_default().push(Candidate::new(package));
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Updates::Unknown("this machine has no apt package lists".to_owned()));
        }
        Err(error) => return Err(error),
    };
    let mut lists = 0;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((suite_part, _)) = name.split_once("_Packages") else { continue };
        let security = is_security(suite_part);
        let read = read_list(&entry.path(), &name, &mut |paragraph| {
            let (Some(package), Some(version)) = (paragraph.get("Package"), paragraph.get("Version")) else {
                return;
            };
            let architecture = paragraph.get("Architecture").unwrap_or_default();
            let candidates = by_name.get_mut(package).into_iter().flatten();
            candidates
                .filter(|candidate| candidate.package.architecture == architecture)
                .for_each(|candidate| candidate.offer(version, security));
        });
        if let Err(error) = read {
            return Ok(Updates::Unknown(format!("the list `{name}` cannot be read: {error}")));
        }
        lists += 1;
    }
    if lists == 0 {
        return Ok(Updates::Unknown(
            "the apt package lists are empty; `apt-get update` was never run".to_owned(),
        ));
    }
    Ok(Updates::Known(by_name.into_values().flatten().filter_map(Candidate::update).collect()))
}

struct Candidate<'a> {
    package: &'a Package,
    best: Option<String>,
    security: bool,
}

impl<'a> Candidate<'a> {
    fn new(package: &'a Package) -> Self {
        Self { package, best: None, security: false }
    }

    fn offer(&mut self, version: &str, security: bool) {
        if compare(version, &self.package.version) != Ordering::Greater {
            return;
        }
        self.security |= security;
        if self.best.as_deref().is_none_or(|best| compare(version, best) == Ordering::Greater) {
            self.best = Some(version.to_owned());
        }
    }

    fn update(self) -> Option<Update> {
        Some(Update {
            name: self.package.name.clone(),
            architecture: self.package.architecture.clone(),
            installed: self.package.version.clone(),
            available: self.best?,
            security: self.security,
        })
    }
}

fn is_security(list_name: &str) -> bool {
    let suite = list_name.split("_dists_").nth(1).and_then(|rest| rest.split('_').next()).unwrap_or_default();
    // `bookworm-security`, `jammy-security`; older Debian releases have `buster_updates` below a
    // `debian-security` archive.
    suite.ends_with("-security") || list_name.contains("_debian-security_dists_")
}

/// Shows `visit` every paragraph of a list, one at a time: whole lists would be most of the agent's memory.
fn read_list(path: &Path, name: &str, visit: &mut dyn FnMut(&Paragraph<'_>)) -> io::Result<()> {
    if name.ends_with("_Packages") {
        return each_paragraph(File::open(path)?, visit);
    }
    let mut helper = Command::new(HELPER)
        .arg("cat-file")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // A few lines at most, which its pipe holds until the end.
    let (output, errors) = (helper.stdout.take(), helper.stderr.take());
    let read = output.map_or(Ok(()), |output| each_paragraph(output, visit));
    let status = helper.wait()?;
    if !status.success() {
        let mut message = String::new();
        if let Some(errors) = errors {
            errors.take(ERROR_BYTES_MAX).read_to_string(&mut message)?;
        }
        return Err(io::Error::other(message.trim().to_owned()));
    }
    read
}

fn each_paragraph(list: impl Read, visit: &mut dyn FnMut(&Paragraph<'_>)) -> io::Result<()> {
    let mut list = BufReader::with_capacity(64 << 10, list.take(LIST_BYTES_MAX));
    let mut block = Vec::new();
    loop {
        let start = block.len();
        let count = list.read_until(b'\n', &mut block)?;
        let ends = count == 0 || block[start..] == *b"\n";
        if ends || block.len() > PARAGRAPH_BYTES_MAX {
            if let Some(paragraph) = paragraphs(&String::from_utf8_lossy(&block)).next() {
                visit(&paragraph);
            }
            block.clear();
        }
        if count == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: "amd64".to_owned(),
            ..Package::default()
        }
    }

    fn list(folder: &Path, name: &str, packages: &[(&str, &str)]) {
        let text: String = packages
            .iter()
            .map(|(name, version)| format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n\n"))
            .collect();
        fs::write(folder.join(name), text).unwrap();
    }

    #[test]
    fn newer_versions_are_found_and_security_suites_recognised() {
        let folder = tempfile::tempdir().unwrap();
        list(
            folder.path(),
            "deb.example.org_debian_dists_bookworm_main_binary-amd64_Packages",
            &[("curl", "7.88.1-10+deb12u5"), ("vim", "2:9.1-1"), ("same", "1.0-1"), ("older", "0.9")],
        );
        list(
            folder.path(),
            "deb.example.org_debian-security_dists_bookworm-security_main_binary-amd64_Packages",
            &[("curl", "7.88.1-10+deb12u8")],
        );
        fs::write(folder.path().join("lock"), "").unwrap();
        let installed = [
            package("curl", "7.88.1-10+deb12u4"),
            package("vim", "2:9.0-1"),
            package("same", "1.0-1"),
            package("older", "1.0"),
        ];
        let Updates::Known(updates) = pending_updates(&installed, folder.path()).unwrap() else {
            panic!("known")
        };
        let shown: Vec<_> = updates
            .iter()
            .map(|update| (update.name.as_str(), update.available.as_str(), update.security))
            .collect();
        assert_eq!(shown, [("curl", "7.88.1-10+deb12u8", true), ("vim", "2:9.1-1", false)]);
    }

    #[test]
    fn paragraphs_are_read_one_at_a_time_to_the_last_one_without_a_line_end() {
        let text = "Package: a\nDescription: x\n more\n\n\nÿ\n\nPackage: b";
        let mut names = Vec::new();
        each_paragraph(text.as_bytes(), &mut |paragraph| {
            names.extend(paragraph.get("Package").map(str::to_owned))
        })
        .unwrap();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn missing_empty_and_broken_lists_are_unknown_not_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("none"), folder.path().to_owned()] {
            assert!(matches!(pending_updates(&[], &path), Ok(Updates::Unknown(_))), "{}", path.display());
        }
        fs::write(folder.path().join("x_dists_a_main_Packages.lz4"), "not compressed").unwrap();
        assert!(matches!(pending_updates(&[], folder.path()), Ok(Updates::Unknown(_))));
    }
}
