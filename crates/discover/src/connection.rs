//! A connection's file: where to ask, as whom, how much. Its writer is the server's operator; who may only use the API
//! names the file and so chooses from what the operator laid out. No address, program, path or credential can be
//! brought in from outside.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::aws::AwsConnection;
use crate::inventory::InventoryConnection;
use crate::kubernetes::KubernetesConnection;
use crate::libvirt::LibvirtConnection;
use crate::sweep::NetworkConnection;
use crate::vmware::VmwareConnection;

/// A certificate bundle may be in the folder too; a connection is a few lines.
const FILE_BYTES_MAX: u64 = 64 << 10;
const NAME_LENGTH_MAX: usize = 64;
const EXTENSION: &str = ".yaml";

/// One source of machines, as its file says.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The file's name without its ending.
    pub name: String,
    pub source: Source,
}

/// What kind of source it is: the key `kind` of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    Aws(AwsConnection),
    Inventory(InventoryConnection),
    Kubernetes(KubernetesConnection),
    Libvirt(LibvirtConnection),
    Network(NetworkConnection),
    Vmware(VmwareConnection),
}

/// Why a connection cannot be used.
#[derive(Debug, Error)]
pub enum ConnectionError {
    #[error(
        "`{0}` is no name for a connection: 1 to 64 letters, digits, `-`, `_` and `.`, not beginning with `.`"
    )]
    Name(String),
    #[error("there is no connection `{name}`; the server's operator makes the file `{name}.yaml` in `{}`", dir.display())]
    Missing { name: String, dir: PathBuf },
    #[error("the connection's file `{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the connection's file `{}` may be read by everybody on the server; take that away with `chmod o-rwx`", path.display())]
    Open { path: PathBuf },
    #[error("the connection's file `{}` is larger than {} KiB", path.display(), FILE_BYTES_MAX >> 10)]
    TooLarge { path: PathBuf },
    /// `what` names a key or place and never a value: values may be secrets.
    #[error("the connection's file `{}` makes no sense: {what}", path.display())]
    Wrong { path: PathBuf, what: String },
}

impl Source {
    /// The word after `kind:`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Aws(_) => "aws",
            Self::Inventory(_) => "inventory",
            Self::Kubernetes(_) => "kubernetes",
            Self::Libvirt(_) => "libvirt",
            Self::Network(_) => "network",
            Self::Vmware(_) => "vmware",
        }
    }

    /// Who is asked, for people; no credential is in it.
    pub fn endpoint(&self) -> String {
        match self {
            Self::Aws(aws) => {
                aws.endpoint.clone().unwrap_or_else(|| format!("ec2 in {}", aws.regions.join(", ")))
            }
            Self::Inventory(inventory) => inventory.path.display().to_string(),
            Self::Kubernetes(kubernetes) => kubernetes.endpoint.clone(),
            Self::Libvirt(libvirt) => libvirt.uri.clone(),
            Self::Network(network) => {
                network.networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            Self::Vmware(vmware) => vmware.endpoint.clone(),
        }
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Aws(aws) => aws.check(),
            Self::Kubernetes(kubernetes) => kubernetes.check(),
            Self::Libvirt(libvirt) => libvirt.check(),
            Self::Network(network) => network.check(),
            Self::Vmware(vmware) => vmware.check(),
            Self::Inventory(inventory) => inventory.check(),
        }
    }
}

impl Connection {
    /// Reads `{dir}/{name}.yaml`.
    ///
    /// # Errors
    /// When the name is not plain, or the file is missing, open to everybody, or not a connection's.
    pub fn load(dir: &Path, name: &str) -> Result<Self, ConnectionError> {
        if !is_plain(name) {
            return Err(ConnectionError::Name(name.chars().take(80).collect()));
        }
        let path = dir.join(format!("{name}{EXTENSION}"));
        let mut file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ConnectionError::Missing { name: name.to_owned(), dir: dir.to_owned() });
            }
            Err(source) => return Err(ConnectionError::Unreadable { path, source }),
        };
        let unreadable = |source| ConnectionError::Unreadable { path: path.clone(), source };
        let about = file.metadata().map_err(unreadable)?;
        if about.mode() & 0o007 != 0 {
            return Err(ConnectionError::Open { path });
        }
        if about.len() > FILE_BYTES_MAX {
            return Err(ConnectionError::TooLarge { path });
        }
        let mut text = String::new();
        file.by_ref().take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
        let source = parse(&text).map_err(|what| ConnectionError::Wrong { path, what })?;
        Ok(Self { name: name.to_owned(), source })
    }

    /// Names of all connections in `dir`, in order; none when the folder cannot be read.
    pub fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names
            .filter_map(|name| name.strip_suffix(EXTENSION).map(str::to_owned))
            .filter(|name| is_plain(name))
            .collect();
        names.sort();
        names
    }
}

/// Reads the text of a connection's file.
pub(crate) fn parse(text: &str) -> Result<Source, String> {
    let source: Source = serde_norway::from_str(text).map_err(|error| without_values(&error.to_string()))?;
    source.check()?;
    Ok(source)
}

fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= NAME_LENGTH_MAX && !name.starts_with('.') && name.chars().all(plain)
}

/// A parser's message without the text it quotes from the file, unless that is a key's name: what stands at the wrong
/// place may be a password.
fn without_values(message: &str) -> String {
    const NAMES: [&str; 4] = ["unknown field `", "missing field `", "unknown variant `", "duplicate field `"];
    if NAMES.iter().any(|start| message.contains(start)) && !message.contains("invalid ") {
        return message.to_owned();
    }
    let place = message.rfind(" at line ").map_or("", |at| &message[at..]);
    let expected = message.find(", expected ").map(|at| &message[at + 2..]);
    let expected = expected.map_or("", |text| text.strip_suffix(place).unwrap_or(text));
    match expected {
        "" => format!("it cannot be read as YAML of keys and values{place}"),
        expected => format!("a value is of the wrong sort, {expected}{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn write(dir: &Path, name: &str, text: &str, mode: u32) {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn files_are_read_and_named() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "hosts.yaml", "kind: inventory\npath: /etc/ansible/hosts\n", 0o640);
        write(dir.path(), "lab.yaml", "kind: libvirt\nuri: test:///default\n", 0o600);
        write(dir.path(), "ca.pem", "", 0o600);
        write(dir.path(), ".hidden.yaml", "", 0o600);
        assert_eq!(Connection::names(dir.path()), ["hosts", "lab"]);
        let lab = Connection::load(dir.path(), "lab").unwrap();
        assert_eq!((lab.source.kind(), lab.source.endpoint().as_str()), ("libvirt", "test:///default"));
    }

    #[test]
    fn what_is_wrong_is_named_and_values_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let error = |name: &str| {
            let error = Connection::load(dir.path(), name).unwrap_err();
            crate::error::chain(&error)
        };
        for name in ["", "..", ".x", "a/b", "../x", "a\\b", "a b", &"x".repeat(65)] {
            assert!(error(name).contains("is no name for a connection"), "{name}");
        }
        assert!(error("gone").contains("makes the file `gone.yaml`"));
        write(dir.path(), "open.yaml", "kind: libvirt\nuri: test:///default\n", 0o644);
        assert!(error("open").contains("chmod o-rwx"));
        write(dir.path(), "large.yaml", &" ".repeat(70_000), 0o600);
        assert!(error("large").contains("larger than 64 KiB"));
        for (text, wanted) in [
            ("kind: gcp\n", "unknown variant `gcp`"),
            ("kind: libvirt\n", "missing field `uri`"),
            ("kind: libvirt\nuri: test:///default\nurl: x\n", "unknown field `url`"),
            ("kind: vmware\nendpoint: https://v/\nuser: u\npassword: {hunter2: 1}\n", "wrong sort"),
            ("hunter2", "wrong sort"),
            ("kind: libvirt\nuri: [hunter2", "cannot be read"),
            ("kind: aws\nregions: []\naccess_key_id: A\nsecret_access_key: hunter2\n", "`regions`"),
            ("kind: network\nnetworks: [8.8.8.0/24]\n", "beyond_private"),
        ] {
            write(dir.path(), "wrong.yaml", text, 0o600);
            let error = error("wrong");
            assert!(error.contains(wanted) && !error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn secrets_print_as_stars() {
        let text = "kind: vmware\nendpoint: https://v.example.org/\nuser: u\npassword: hunter2\n";
        let shown = format!("{:?}", parse(text).unwrap());
        assert!(shown.contains("***") && !shown.contains("hunter2"));
    }
}
