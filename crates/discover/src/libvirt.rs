//! Domains of a libvirt host, through `virsh`: it speaks every transport that libvirt has (local socket, TLS, SSH) and is
//! there wherever libvirt is used. Always read-only, never through a shell.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use roxmltree::Node;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use uuid::Uuid;

use crate::error::{DiscoverError, shown};
use crate::machine::{Found, FoundMachine, MACHINES_MAX, Power, address, mac, os_type};
use crate::xml::{self, children, text};

/// One call of virsh, over SSH too.
const CALL_TIMEOUT: Duration = Duration::from_secs(90);
/// What one call may print: some 50 descriptions of at most 200 KB.
const OUTPUT_MAX: u64 = 16 << 20;
/// Descriptions of one call.
const BATCH: usize = 50;

/// A libvirt host.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibvirtConnection {
    /// `qemu:///system`, `qemu+ssh://reader@host/system?no_tty=1`, `qemu+tls://host/system` …
    pub uri: String,
    /// The program, when it is not on the path.
    #[serde(default = "virsh")]
    pub program: PathBuf,
}

fn virsh() -> PathBuf {
    PathBuf::from("virsh")
}

impl LibvirtConnection {
    pub(crate) fn check(&self) -> Result<(), String> {
        if !self.uri.contains(":///") && !self.uri.contains("://") {
            return Err("`uri` is no libvirt address such as qemu:///system".to_owned());
        }
        if self.uri.split_once("://").is_some_and(|(_, rest)| {
            rest.split(['/', '?'])
                .next()
                .unwrap_or_default()
                .split_once('@')
                .is_some_and(|(user, _)| user.contains(':'))
        }) {
            return Err("`uri` has a password in it; use a key (SSH) or a certificate (TLS)".to_owned());
        }
        Ok(())
    }
}

pub(crate) async fn discover(libvirt: &LibvirtConnection) -> Result<Found, DiscoverError> {
    let host = libvirt_host(&libvirt.uri);
    let mut states: Vec<(String, Power)> = Vec::new();
    for (option, power) in [
        ("--state-running", Power::Running),
        ("--state-paused", Power::Suspended),
        ("--state-shutoff", Power::Stopped),
        ("--state-other", Power::Unknown),
    ] {
        let listed = run(libvirt, &["list", "--all", "--uuid", option]).await?.0;
        let ids = listed.lines().map(str::trim).filter(|line| Uuid::parse_str(line).is_ok());
        states.extend(ids.map(|id| (id.to_ascii_lowercase(), power)));
    }
    // One that changed its state between two lists is in both.
    states.sort_by(|one, other| one.0.cmp(&other.0));
    states.dedup_by(|one, other| one.0 == other.0);
    states.truncate(MACHINES_MAX + 1);

    let leases = leases(libvirt).await;
    let mut found = Found::default();
    for batch in states.chunks(BATCH) {
        // Several commands in one argument; the ids are nothing but hexadecimal digits and dashes.
        let commands: Vec<String> = batch.iter().map(|(id, _)| format!("dumpxml {id}")).collect();
        let printed = run_some(libvirt, &[&commands.join("; ")]).await?;
        for (id, power) in batch {
            match domains(&printed)
                .find(|domain| domain.contains(id.as_str()))
                .map(|domain| machine(domain, *power))
            {
                Some(Ok(mut machine)) => {
                    let own = leases.iter().filter(|(card, _)| machine.macs.contains(card));
                    machine.addresses = own.map(|(_, address)| *address).collect();
                    machine.host.clone_from(&host);
                    found.machines.push(machine);
                }
                Some(Err(what)) => {
                    found.shortfalls.push(format!("domain {id}: its description cannot be read ({what})"))
                }
                // Deleted since it was listed.
                None => {}
            }
        }
    }
    Ok(found)
}

/// The host part of a libvirt address, empty for this machine.
fn libvirt_host(uri: &str) -> String {
    let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.split_once(':').map_or(host, |(host, _)| host).to_owned()
}

/// The descriptions in the output of several `dumpxml`.
fn domains(printed: &str) -> impl Iterator<Item = &str> {
    printed.split_inclusive("</domain>").filter_map(|part| part.find("<domain").map(|at| &part[at..]))
}

/// A domain's description as a machine.
pub(crate) fn machine(domain: &str, power: Power) -> Result<FoundMachine, String> {
    let document = xml::parse(domain)?;
    let root = document.root_element();
    if root.tag_name().name() != "domain" {
        return Err(format!("it is a `{}`", shown(root.tag_name().name())));
    }
    let uuid = text(root, &["uuid"]).to_ascii_lowercase();
    if Uuid::parse_str(&uuid).is_err() {
        return Err("it has no uuid".to_owned());
    }
    let cards = xml::child(root, "devices").into_iter().flat_map(|devices| children(devices, "interface"));
    let macs =
        cards.filter_map(|card| xml::child(card, "mac").and_then(|card| mac(card.attribute("address")?)));
    let os = xml::child(root, "metadata").map(os).unwrap_or_default();
    let title = text(root, &["title"]);
    let tags = [("title", title)].into_iter().filter(|(_, value)| !value.is_empty());
    Ok(FoundMachine {
        native_id: uuid.clone(),
        name: text(root, &["name"]).to_owned(),
        hardware_ids: vec![uuid],
        macs: macs.collect(),
        os_type: os_type(&os).to_owned(),
        os,
        power,
        tags: tags.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>(),
        ..FoundMachine::default()
    })
}

/// `http://debian.org/debian/12`, libosinfo's name for a system, as `debian 12`.
fn os(metadata: Node<'_, '_>) -> String {
    let id = xml::below(metadata, "os").and_then(|os| os.attribute("id")).unwrap_or_default();
    let path = id.split_once("://").map_or("", |(_, rest)| rest);
    path.split('/').skip(1).collect::<Vec<_>>().join(" ")
}

/// Addresses that libvirt's own networks gave out, by card. Bridged machines have none; nothing is missing then.
async fn leases(libvirt: &LibvirtConnection) -> Vec<(String, IpAddr)> {
    let Ok((networks, _)) = run(libvirt, &["net-list", "--name"]).await else { return Vec::new() };
    let mut out = Vec::new();
    for network in
        networks.lines().map(str::trim).filter(|name| !name.is_empty() && !name.starts_with('-')).take(100)
    {
        let Ok((table, _)) = run(libvirt, &["net-dhcp-leases", "--network", network]).await else { continue };
        out.extend(table.lines().filter_map(lease));
    }
    out
}

/// A line of the table: expiry date and time, card, protocol, address with prefix, name, client id.
fn lease(line: &str) -> Option<(String, IpAddr)> {
    let mut words = line.split_whitespace().skip(2);
    let card = mac(words.next()?)?;
    let address = address(words.nth(1)?.split('/').next()?)?;
    Some((card, address))
}

/// A call that has to succeed.
async fn run(libvirt: &LibvirtConnection, arguments: &[&str]) -> Result<(String, String), DiscoverError> {
    let (done, out, said) = call(libvirt, arguments).await?;
    if done {
        return Ok((out, said));
    }
    let lower = said.to_ascii_lowercase();
    let way_out = if lower.contains("permission denied") || lower.contains("authentication") {
        "let the server's user read libvirt: the group `libvirt`, a key for SSH, or a polkit rule"
    } else {
        "check `uri`: `virsh -r -c URI list --all` as the server's user must work"
    };
    Err(error(libvirt, format!("virsh says: {}", shown(&said)), way_out))
}

/// A call of several commands, of which one or the other may fail: a domain may be deleted in between.
async fn run_some(libvirt: &LibvirtConnection, arguments: &[&str]) -> Result<String, DiscoverError> {
    call(libvirt, arguments).await.map(|(_, out, _)| out)
}

async fn call(
    libvirt: &LibvirtConnection,
    arguments: &[&str],
) -> Result<(bool, String, String), DiscoverError> {
    let mut command = Command::new(&libvirt.program);
    command.args(["--readonly", "--quiet", "--connect", &libvirt.uri]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // Nothing of the server's own settings; SSH needs HOME, and messages are to be in English.
    let kept = ["PATH", "HOME", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"];
    let kept: Vec<_> =
        kept.iter().filter_map(|name| Some((OsStr::new(*name), std::env::var_os(name)?))).collect();
    command.env_clear().envs(kept).env("LC_ALL", "C");
    let mut child = command.spawn().map_err(|failure| {
        let what = format!("cannot start `{}` ({failure})", libvirt.program.display());
        error(libvirt, what, "install it (Debian: libvirt-clients) or name it with `program`")
    })?;
    let (out, said) = (child.stdout.take(), child.stderr.take());
    let all = async { tokio::join!(text_of(out), text_of(said), child.wait()) };
    let (out, said, status) = tokio::time::timeout(CALL_TIMEOUT, all).await.map_err(|_| {
        let what = format!("virsh did not end in {} seconds", CALL_TIMEOUT.as_secs());
        error(libvirt, what, "check that the host answers; SSH must not ask for anything (`?no_tty=1`)")
    })?;
    let done = status.is_ok_and(|status| status.success());
    Ok((done, out, said))
}

async fn text_of(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // A pipe that breaks ends the text; the program's status says whether that matters.
        drop((&mut pipe).take(OUTPUT_MAX).read_to_end(&mut bytes).await);
        // The rest is read and dropped, so that the program can end.
        drop(tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn error(libvirt: &LibvirtConnection, what: String, way_out: &str) -> DiscoverError {
    DiscoverError { connector: "libvirt", endpoint: libvirt.uri.clone(), what, way_out: way_out.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions() {
        let printed = "\
<domain type='kvm' id='3'>
  <name>db1</name>
  <uuid>0D2B9E42-0C6C-4B44-9E0A-0E9C7F6E9A11</uuid>
  <title>Orders</title>
  <metadata><libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>
    <libosinfo:os id='http://debian.org/debian/12'/></libosinfo:libosinfo></metadata>
  <devices><interface type='bridge'><mac address='52:54:00:AA:bb:01'/></interface></devices>
</domain>

<domain type='kvm'><name>empty</name><uuid>7e5c2c62-5dd0-4d6f-8f0d-000000000002</uuid></domain>
";
        let all: Vec<&str> = domains(printed).collect();
        assert_eq!(all.len(), 2);
        let db = machine(all[0], Power::Running).unwrap();
        assert_eq!((db.name.as_str(), db.os.as_str(), db.os_type.as_str()), ("db1", "debian 12", "linux"));
        assert_eq!(db.macs, ["52:54:00:aa:bb:01"]);
        assert_eq!(db.native_id, "0d2b9e42-0c6c-4b44-9e0a-0e9c7f6e9a11");
        assert_eq!(db.tags["title"], "Orders");
        assert_eq!(machine(all[1], Power::Stopped).unwrap().macs, Vec::<String>::new());
        assert!(machine("<domain><name>x</name></domain>", Power::Stopped).is_err());
        assert!(machine("<network/>", Power::Stopped).is_err());
    }

    #[test]
    fn leases_and_hosts() {
        let line = " 2026-01-02 03:04:05   52:54:00:aa:bb:01   ipv4       192.168.122.45/24   db1        ff:56:50:4d";
        assert_eq!(lease(line), Some(("52:54:00:aa:bb:01".to_owned(), "192.168.122.45".parse().unwrap())));
        assert_eq!(lease("-----------------"), None);
        assert_eq!(libvirt_host("qemu+ssh://reader@kvm1.example.org:22/system"), "kvm1.example.org");
        assert_eq!(libvirt_host("qemu:///system"), "");
    }
}
