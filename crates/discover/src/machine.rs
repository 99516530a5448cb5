//! What every connector gives.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::error::shown;

/// Machines of one connection. A source with more is told in the shortfalls; divide it among several connections.
pub const MACHINES_MAX: usize = 20_000;
/// Addresses and cards of one machine.
const ADDRESSES_MAX: usize = 32;
/// Azure's limit of tags.
const TAGS_MAX: usize = 50;
/// Azure's limits of a tag's name and value.
const TAG_NAME_MAX: usize = 512;
const TAG_VALUE_MAX: usize = 256;
const TEXT_MAX: usize = 256;
const SHORTFALLS_MAX: usize = 20;

/// A machine that a source told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundMachine {
    /// What the source calls it for ever: unique within the source, and the same in the next run.
    pub native_id: String,
    /// What people call it.
    pub name: String,
    /// Names in the network, as far as the source knows them.
    pub host_names: Vec<String>,
    /// Identities that the machine can see of itself: the UUID in its firmware, its cloud's instance id, its
    /// `/etc/machine-id`.
    pub hardware_ids: Vec<String>,
    /// `aa:bb:cc:dd:ee:ff`, in lower case.
    pub macs: Vec<String>,
    pub addresses: Vec<IpAddr>,
    /// The operating system in the source's words; empty when it does not know.
    pub os: String,
    /// `linux`, `windows` or empty.
    pub os_type: String,
    pub power: Power,
    pub tags: BTreeMap<String, String>,
    /// A cloud's region, else empty.
    pub region: String,
    /// Cluster, zone or group of hosts that it runs in, else empty.
    pub cluster: String,
    /// The host that it runs on, else empty.
    pub host: String,
    /// That its name alone tells it apart, as in an inventory file.
    pub known_by_name: bool,
    /// That its address alone tells it apart, as in a swept network.
    pub known_by_address: bool,
}

/// Whether a machine runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Power {
    Running,
    Stopped,
    Suspended,
    #[default]
    Unknown,
}

impl Power {
    /// The word in resources.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Stopped => "Stopped",
            Self::Suspended => "Suspended",
            Self::Unknown => "Unknown",
        }
    }
}

/// What one run learnt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub machines: Vec<FoundMachine>,
    /// What is missing from `machines`, in words. While there is any, a machine that was not seen may still exist.
    pub shortfalls: Vec<String>,
}

impl Found {
    /// Whether machines that are not in here are gone.
    pub fn is_complete(&self) -> bool {
        self.shortfalls.is_empty()
    }

    /// Keeps every bound of this module.
    pub(crate) fn bounded(mut self) -> Self {
        if self.machines.len() > MACHINES_MAX {
            let left = self.machines.len() - MACHINES_MAX;
            self.machines.truncate(MACHINES_MAX);
            self.shortfalls.push(format!(
                "{left} machines are left out: a connection lists {MACHINES_MAX} at most; divide the source among several"
            ));
        }
        if self.shortfalls.len() > SHORTFALLS_MAX {
            let left = self.shortfalls.len() - SHORTFALLS_MAX;
            self.shortfalls.truncate(SHORTFALLS_MAX);
            self.shortfalls.push(format!("and {left} more"));
        }
        self.shortfalls.iter_mut().for_each(|text| *text = shown(text));
        self.machines.iter_mut().for_each(FoundMachine::bound);
        self
    }
}

impl FoundMachine {
    fn bound(&mut self) {
        for text in [
            &mut self.native_id,
            &mut self.name,
            &mut self.os,
            &mut self.region,
            &mut self.cluster,
            &mut self.host,
        ] {
            cut(text, TEXT_MAX);
        }
        for list in [&mut self.host_names, &mut self.hardware_ids, &mut self.macs] {
            list.retain(|text| !text.is_empty() && text.len() <= TEXT_MAX);
            unique(list);
        }
        unique(&mut self.addresses);
        let tags = std::mem::take(&mut self.tags).into_iter().take(TAGS_MAX);
        self.tags = tags
            .map(|(mut name, mut value)| {
                cut(&mut name, TAG_NAME_MAX);
                cut(&mut value, TAG_VALUE_MAX);
                (name, value)
            })
            .collect();
    }
}

/// Each once, in the order they came, and not too many.
fn unique<T: PartialEq>(list: &mut Vec<T>) {
    let mut kept: Vec<T> = Vec::with_capacity(list.len().min(ADDRESSES_MAX));
    for item in list.drain(..) {
        if kept.len() < ADDRESSES_MAX && !kept.contains(&item) {
            kept.push(item);
        }
    }
    *list = kept;
}

/// Cuts to `max` bytes at the most, between characters.
fn cut(text: &mut String, max: usize) {
    if text.len() > max {
        let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
}

/// An address that tells a machine from others: no loopback, link-local, multicast or unspecified one.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.trim().parse().ok()?;
    let own = match address {
        IpAddr::V4(v4) => !v4.is_link_local() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_unicast_link_local(),
    };
    (own && !address.is_loopback() && !address.is_multicast() && !address.is_unspecified()).then_some(address)
}

/// A card's address as `aa:bb:cc:dd:ee:ff`, from any of the usual spellings.
pub(crate) fn mac(text: &str) -> Option<String> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    let only = text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '-' | '.'));
    if !only || digits.len() != 12 || digits.iter().all(|digit| *digit == '0') {
        return None;
    }
    let pairs: Vec<String> = digits.chunks(2).map(|pair| pair.iter().collect::<String>()).collect();
    Some(pairs.join(":").to_ascii_lowercase())
}

/// `windows` or `linux`, when the words of a source tell.
pub(crate) fn os_type(os: &str) -> &'static str {
    const LINUX: [&str; 15] = [
        "linux",
        "ubuntu",
        "debian",
        "centos",
        "red hat",
        "rhel",
        "fedora",
        "suse",
        "rocky",
        "alma",
        "flatcar",
        "coreos",
        "bottlerocket",
        "talos",
        "photon",
    ];
    let os = os.to_ascii_lowercase();
    if os.contains("windows") {
        "windows"
    } else if LINUX.iter().any(|word| os.contains(word)) {
        "linux"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_and_addresses() {
        for text in ["00:50:56:AB:cd:01", "00-50-56-ab-cd-01", "0050.56ab.cd01", "005056abcd01"] {
            assert_eq!(mac(text).as_deref(), Some("00:50:56:ab:cd:01"), "{text}");
        }
        for text in ["", "00:00:00:00:00:00", "00:50:56:ab:cd", "00:50:56:ab:cd:01:02", "00 50 56 ab cd 01"] {
            assert_eq!(mac(text), None, "{text}");
        }
        assert_eq!(address(" 10.0.0.7 "), Some("10.0.0.7".parse().unwrap()));
        for text in ["", "127.0.0.1", "169.254.1.1", "fe80::1", "::1", "0.0.0.0", "224.0.0.1", "web01"] {
            assert_eq!(address(text), None, "{text}");
        }
        assert_eq!(os_type("Microsoft Windows Server 2022 (64-bit)"), "windows");
        assert_eq!(os_type("Ubuntu 24.04.1 LTS"), "linux");
        assert_eq!(os_type("FreeBSD 14"), "");
    }

    #[test]
    fn bounds_hold_and_are_told() {
        let many = FoundMachine {
            name: "é".repeat(400),
            macs: (0..100).map(|n| format!("00:00:00:00:01:{n:02x}")).collect(),
            addresses: vec!["10.0.0.1".parse().unwrap(); 3],
            tags: (0..90).map(|n| (format!("t{n}"), "v".repeat(2_000))).collect(),
            ..FoundMachine::default()
        };
        let mut machines = vec![FoundMachine::default(); MACHINES_MAX + 3];
        machines[0] = many;
        let found = Found { machines, shortfalls: vec!["x".to_owned(); 40] }.bounded();
        assert_eq!(found.machines.len(), MACHINES_MAX);
        assert_eq!(found.shortfalls.len(), SHORTFALLS_MAX + 1);
        let first = &found.machines[0];
        assert_eq!(
            (first.name.len(), first.macs.len(), first.addresses.len(), first.tags.len()),
            (256, 32, 1, 50)
        );
        assert!(first.tags.values().all(|value| value.len() == TAG_VALUE_MAX));

        let found =
            Found { machines: vec![FoundMachine::default(); MACHINES_MAX + 3], shortfalls: vec![] }.bounded();
        assert!(!found.is_complete() && found.shortfalls[0].contains("3 machines are left out"));
    }
}
