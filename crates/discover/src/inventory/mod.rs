//! Inventory files: Ansible's in its INI and YAML forms, and OpenSSH's client configuration.
//!
//! Of a host's variables only those are read that say where and what it is, and those that the connection names for
//! tags: others are often passwords.

mod groups;
mod ini;
mod range;
mod ssh;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::DiscoverError;
use crate::machine::{Found, FoundMachine, address, os_type};

/// An inventory of 20,000 hosts with a dozen variables each.
const FILE_BYTES_MAX: u64 = 16 << 20;
const TAGS_MAX: usize = 20;

/// A file of hosts on the server's disk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InventoryConnection {
    pub path: PathBuf,
    /// By default it follows from the file's name and content.
    #[serde(default)]
    pub format: Option<InventoryFormat>,
    /// Variables that become tags. Variables often hold passwords: name those that do not.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// How an inventory file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum InventoryFormat {
    /// Ansible's `[group]` and `host key=value`.
    #[serde(rename = "ini")]
    Ini,
    /// Ansible's `all: {hosts: …, children: …}`.
    #[serde(rename = "yaml")]
    Yaml,
    /// `Host` and `HostName` of OpenSSH's client.
    #[serde(rename = "ssh_config")]
    SshConfig,
}

impl InventoryConnection {
    pub(crate) fn check(&self) -> Result<(), String> {
        if !self.path.is_absolute() {
            return Err("`path` is not an absolute path".to_owned());
        }
        if self.tags.len() > TAGS_MAX {
            return Err(format!("`tags` names at most {TAGS_MAX} variables"));
        }
        if let Some(wrong) = self.tags.iter().find(|name| is_secret(name)) {
            return Err(format!(
                "`tags` has `{wrong}`, which looks like a credential and may not become a tag"
            ));
        }
        Ok(())
    }
}

/// Variables whose values nobody wants in a tag.
fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 7] = ["pass", "secret", "token", "private", "credential", "apikey", "api_key"];
    let lower = name.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

pub(crate) async fn discover(inventory: &InventoryConnection) -> Result<Found, DiscoverError> {
    let error = |what: String, way_out: &str| DiscoverError {
        connector: "inventory",
        endpoint: inventory.path.display().to_string(),
        what,
        way_out: way_out.to_owned(),
    };
    let about = tokio::fs::metadata(&inventory.path).await;
    let readable = "let the server's user read the file, or name another with `path`";
    let about = about.map_err(|failure| error(format!("cannot be read ({failure})"), readable))?;
    if !about.is_file() {
        return Err(error(
            "is no file".to_owned(),
            "name one file; a folder's files are one connection each",
        ));
    }
    if about.len() > FILE_BYTES_MAX {
        return Err(error(
            format!("is larger than {} MiB", FILE_BYTES_MAX >> 20),
            "divide it among several connections",
        ));
    }
    let bytes = tokio::fs::read(&inventory.path).await;
    let bytes = bytes.map_err(|failure| error(format!("cannot be read ({failure})"), readable))?;
    let text =
        String::from_utf8(bytes).map_err(|_| error("is not UTF-8 text".to_owned(), "save it as UTF-8"))?;
    let machines = read(&text, &inventory.path, inventory)
        .map_err(|what| error(what, "correct the file; the next run reads it again"))?;
    Ok(Found { machines, shortfalls: Vec::new() })
}

/// The machines of a file.
pub(crate) fn read(
    text: &str,
    path: &Path,
    inventory: &InventoryConnection,
) -> Result<Vec<FoundMachine>, String> {
    if text.starts_with("#!") {
        return Err(
            "is a program, and programs are not run; save what it prints, in Ansible's YAML".to_owned()
        );
    }
    let format = inventory.format.unwrap_or_else(|| guess(text, path));
    let groups = match format {
        InventoryFormat::Ini => ini::read(text)?,
        InventoryFormat::Yaml => yaml::read(text)?,
        InventoryFormat::SshConfig => ssh::read(text)?,
    };
    let hosts = groups.resolve(&inventory.tags)?;
    Ok(hosts.into_iter().filter_map(|host| machine(&host, inventory)).collect())
}

fn guess(text: &str, path: &Path) -> InventoryFormat {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let first = first.unwrap_or_default();
    let keyword = first.split([' ', '\t', '=']).next().unwrap_or_default();
    if matches!(extension, "yaml" | "yml")
        || first == "---"
        || ((first.ends_with(':') || first.contains(": ")) && !first.starts_with('['))
    {
        InventoryFormat::Yaml
    } else if path.file_name().is_some_and(|name| name == "ssh_config" || name == "config")
        || (keyword.eq_ignore_ascii_case("host") && first.contains([' ', '\t']))
    {
        InventoryFormat::SshConfig
    } else {
        InventoryFormat::Ini
    }
}

/// A host with its groups and the variables that are read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
    pub(crate) variables: BTreeMap<String, String>,
}

/// Variables that say where and what a host is.
const PLACE: [&str; 5] =
    ["ansible_host", "ansible_ssh_host", "ansible_connection", "ansible_os_family", "ansible_distribution"];

fn machine(host: &Host, inventory: &InventoryConnection) -> Option<FoundMachine> {
    let variable = |name: &str| host.variables.get(name).map(String::as_str).unwrap_or_default();
    let connection = variable("ansible_connection");
    // The control machine itself, under whatever name.
    if connection == "local" {
        return None;
    }
    let reached =
        [variable("ansible_host"), variable("ansible_ssh_host")].into_iter().find(|text| !text.is_empty());
    let reached = reached.unwrap_or(&host.name);
    let mut machine = FoundMachine {
        native_id: host.name.clone(),
        name: host.name.clone(),
        addresses: address(reached).into_iter().collect(),
        known_by_name: true,
        ..FoundMachine::default()
    };
    if machine.addresses.is_empty() {
        machine.host_names.push(reached.to_owned());
    }
    let distribution = variable("ansible_distribution");
    machine.os =
        if distribution.is_empty() { variable("ansible_os_family") } else { distribution }.to_owned();
    let windows = matches!(connection, "winrm" | "psrp") || os_type(&machine.os) == "windows";
    machine.os_type = if windows { "windows" } else { os_type(&machine.os) }.to_owned();
    // An address that several names lead to tells nothing of who answers there; a host without a name is its address.
    machine.known_by_address = address(&host.name).is_some();
    for name in &inventory.tags {
        if let Some(value) = host.variables.get(name) {
            machine.tags.insert(name.clone(), value.clone());
        }
    }
    if !host.groups.is_empty() {
        machine.tags.insert("groups".to_owned(), host.groups.join(","));
    }
    Some(machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(tags: &[&str]) -> InventoryConnection {
        let tags = tags.iter().map(|name| (*name).to_owned()).collect();
        InventoryConnection { path: PathBuf::from("/etc/ansible/hosts"), format: None, tags }
    }

    /// Name, address or host name, operating system's family, tags.
    fn shown(text: &str, tags: &[&str]) -> Vec<String> {
        let machines = read(text, Path::new("/etc/ansible/hosts"), &inventory(tags)).unwrap();
        let line = |machine: &FoundMachine| {
            let at = machine
                .addresses
                .first()
                .map(ToString::to_string)
                .or_else(|| machine.host_names.first().cloned());
            let tags: Vec<String> =
                machine.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {} {} {}", machine.name, at.unwrap_or_default(), machine.os_type, tags.join(" "))
                .trim_end()
                .to_owned()
        };
        machines.iter().map(line).collect()
    }

    const INI: &str = r#"
; a comment
gate.example.org
[web]
web[01:03].example.org env=prod   # and a comment
extra ansible_host=10.0.0.9 note='a # b' ansible_password="hunter2"
10.0.0.77:2222
[db]
db-[a:b] ansible_host=10.0.1.1
[windows]
win1 ansible_host=10.0.2.1
[windows:vars]
ansible_connection=winrm
ansible_winrm_password=hunter2
[all:vars]
env=unknown
note=nothing
[prod:children]
web
db
[prod:vars]
note=for production
[here]
self ansible_connection=local
"#;

    #[test]
    fn ini() {
        assert_eq!(
            shown(INI, &["env", "note"]),
            [
                "10.0.0.77 10.0.0.77  env=unknown groups=prod,web note=for production",
                "db-a 10.0.1.1  env=unknown groups=db,prod note=for production",
                "db-b 10.0.1.1  env=unknown groups=db,prod note=for production",
                "extra 10.0.0.9  env=unknown groups=prod,web note=a # b",
                "gate.example.org gate.example.org  env=unknown note=nothing",
                "web01.example.org web01.example.org  env=prod groups=prod,web note=for production",
                "web02.example.org web02.example.org  env=prod groups=prod,web note=for production",
                "web03.example.org web03.example.org  env=prod groups=prod,web note=for production",
                "win1 10.0.2.1 windows env=unknown groups=windows note=nothing",
            ]
        );
    }

    const YAML: &str = r"
all:
  vars: {env: unknown}
  hosts:
    gate.example.org:
  children:
    web:
      hosts:
        web[1:2].example.org: {env: prod}
        extra: {ansible_host: 10.0.0.9, ansible_password: !vault hunter2, rank: 7}
    prod:
      vars: {ansible_distribution: Debian}
      children:
        web:
";

    #[test]
    fn yaml() {
        assert_eq!(
            shown(YAML, &["env", "rank"]),
            [
                "extra 10.0.0.9 linux env=unknown groups=prod,web rank=7",
                "gate.example.org gate.example.org  env=unknown",
                "web1.example.org web1.example.org linux env=prod groups=prod,web",
                "web2.example.org web2.example.org linux env=prod groups=prod,web",
            ]
        );
    }

    #[test]
    fn ssh_config() {
        let text = "Host *\n  User root\nHost jump bastion\n\tHostName 10.0.0.5\nHost=db.example.org\nHost web-* !web-1\n  HostName %h.example.org\nMatch host x\n  HostName 10.9.9.9\n";
        assert_eq!(shown(text, &[]), ["bastion 10.0.0.5", "db.example.org db.example.org", "jump 10.0.0.5"]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, wanted) in [
            ("#!/usr/bin/env python3\n", "is a program"),
            ("[web\n", "line 1: `[web`"),
            ("[web:things]\nx\n", "line 1: `web:things`"),
            ("web[1:]\n", "line 1: the range"),
            ("web[9:1]\n", "line 1: the range"),
            ("web[1:99999999999]\n", "line 1: the range"),
            ("a[1:200][1:200]\n", "more than 20000"),
            ("web note='x\n", "line 1: a quote"),
            ("[a:children]\nb\n[b:children]\na\n[a]\nx\n", "children of each other"),
            ("---\n- a\n- b\n", "groups"),
            ("all: {hosts: [a, b]}\n", "`hosts` of the group `all`"),
            ("all: {children: {a: {children: {b: {children: {a: }}}}}}\n", "children of each other"),
            ("all:\n  hosts: {\n", "YAML"),
        ] {
            let error = read(text, Path::new("/x/hosts"), &inventory(&[])).unwrap_err();
            assert!(error.contains(wanted), "{text:?}: {error}");
        }
        assert!(inventory(&["db_password"]).check().unwrap_err().contains("credential"));
    }
}
