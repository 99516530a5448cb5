//! Name and version of the operating system, host name, kernel, time zone.

use std::path::Path;

use bartizan_base::{Ticks, Timespan, time::TICKS_PER_SECOND};
use bartizan_wire::MachineFacts;

use crate::files;

/// The fields of os-release that we use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OsRelease {
    pub id: String,
    pub pretty_name: String,
    pub version_id: String,
    pub version_codename: String,
}

impl OsRelease {
    /// Reads the machine's os-release file.
    pub fn read() -> Self {
        let text = ["/etc/os-release", "/usr/lib/os-release"]
            .iter()
            .find_map(|path| files::read_bounded(Path::new(path), 64 << 10).ok().flatten())
            .unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&text))
    }

    /// Reads shell-like `KEY=value` lines; a value may be in single or double quotes.
    pub fn parse(text: &str) -> Self {
        let mut out = Self::default();
        for line in text.lines() {
            let Some((key, value)) = line.trim().split_once('=') else { continue };
            let value = value.trim_matches(['"', '\'']).replace("\\\"", "\"");
            match key {
                "ID" => out.id = value,
                "PRETTY_NAME" => out.pretty_name = value,
                "VERSION_ID" => out.version_id = value,
                "VERSION_CODENAME" => out.version_codename = value,
                _ => {}
            }
        }
        out
    }
}

pub(super) fn fill(facts: &mut MachineFacts) {
    let uname = rustix::system::uname();
    facts.host_name = uname.nodename().to_string_lossy().into_owned();
    facts.kernel = uname.release().to_string_lossy().into_owned();
    facts.architecture = uname.machine().to_string_lossy().into_owned();
    facts.fqdn = fqdn(&facts.host_name);
    let release = OsRelease::read();
    facts.os_name = release.pretty_name;
    facts.os_sku = release.id;
    facts.os_version = release.version_id;
    facts.time_zone = time_zone();
    facts.boot_time = boot_time();
}

/// The name in /etc/hosts that starts with the host name and has a domain, else the host name and the
/// kernel's domain name. No resolver is asked: facts must not wait for a network.
fn fqdn(host_name: &str) -> String {
    if host_name.contains('.') {
        return host_name.to_owned();
    }
    let prefix = format!("{host_name}.");
    let hosts = files::read_bounded(Path::new("/etc/hosts"), 1 << 20).ok().flatten().unwrap_or_default();
    let hosts = String::from_utf8_lossy(&hosts);
    let listed = hosts
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .find_map(|line| line.split_whitespace().skip(1).find(|name| name.starts_with(&prefix)));
    if let Some(name) = listed {
        return name.to_owned();
    }
    match files::read_line("/proc/sys/kernel/domainname") {
        domain if domain.is_empty() || domain == "(none)" => host_name.to_owned(),
        domain => format!("{host_name}.{domain}"),
    }
}

fn time_zone() -> String {
    let link = std::fs::read_link("/etc/localtime").unwrap_or_default();
    match link.to_string_lossy().split_once("zoneinfo/") {
        Some((_, zone)) => zone.to_owned(),
        None => match files::read_line("/etc/timezone") {
            zone if zone.is_empty() => "UTC".to_owned(),
            zone => zone,
        },
    }
}

fn boot_time() -> Option<Ticks> {
    let stat = files::read_bounded(Path::new("/proc/stat"), 4 << 20).ok()??;
    let stat = String::from_utf8_lossy(&stat);
    let seconds: i64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(Ticks::from_unix_millis(0).saturating_add(Timespan(seconds.checked_mul(TICKS_PER_SECOND)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_values_lose_their_quotes_and_garbage_is_skipped() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID='12'\nID=debian\n\0garbage\n=x\nNOVALUE";
        let release = OsRelease::parse(text);
        assert_eq!(release.pretty_name, "Debian GNU/Linux 12 (bookworm)");
        assert_eq!((release.id.as_str(), release.version_id.as_str()), ("debian", "12"));
    }
}
