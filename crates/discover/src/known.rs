//! Which of the machines with an agent a found one is.
//!
//! A wrong match would hide a machine that nobody protects, so a sign counts only while it points to a single known
//! machine, and weak signs count in pairs.

use std::collections::HashMap;
use std::net::IpAddr;

use uuid::Uuid;

use crate::machine::FoundMachine;

/// What a machine with an agent says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownMachine {
    /// What the caller calls it.
    pub id: String,
    /// The UUID in its firmware, the asset tag, `/etc/machine-id`; empty ones are ignored.
    pub hardware_ids: Vec<String>,
    pub macs: Vec<String>,
    pub addresses: Vec<IpAddr>,
    /// Its name and its full name.
    pub names: Vec<String>,
}

/// All machines with an agent, found by what they say of themselves.
#[derive(Debug, Default)]
pub struct KnownMachines {
    all: Vec<KnownMachine>,
    by_hardware: HashMap<String, Owner>,
    by_mac: HashMap<String, Owner>,
    by_address: HashMap<IpAddr, Owner>,
    by_name: HashMap<String, Owner>,
}

/// Whose sign it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    One(usize),
    /// Several machines have it: clones, or a firmware that nobody gave an identity.
    Many,
}

/// UUIDs that makers leave in firmware of which they think nothing.
const EMPTY_UUIDS: [&str; 3] = [
    "00000000000000000000000000000000",
    "ffffffffffffffffffffffffffffffff",
    "03000200040005000006000700080009",
];

impl KnownMachines {
    /// Makes the indexes.
    pub fn new(all: Vec<KnownMachine>) -> Self {
        let mut known = Self::default();
        for (at, machine) in all.iter().enumerate() {
            for id in machine.hardware_ids.iter().flat_map(|id| spellings(id)) {
                own(&mut known.by_hardware, id, at);
            }
            for mac in &machine.macs {
                own(&mut known.by_mac, mac.to_ascii_lowercase(), at);
            }
            for address in &machine.addresses {
                own(&mut known.by_address, *address, at);
            }
            for name in machine.names.iter().filter_map(|name| plain(name)) {
                own(&mut known.by_name, name, at);
            }
        }
        known.all = all;
        known
    }

    /// The `id` of the machine with an agent that `found` is.
    pub fn find(&self, found: &FoundMachine) -> Option<&str> {
        let hardware = found.hardware_ids.iter().flat_map(|id| spellings(id));
        if let Some(at) = only(hardware.filter_map(|id| self.by_hardware.get(&id))) {
            return Some(&self.all[at].id);
        }
        let mac = only(found.macs.iter().filter_map(|mac| self.by_mac.get(mac)));
        let address = only(found.addresses.iter().filter_map(|address| self.by_address.get(address)));
        let said = found.host_names.iter().chain([&found.name]);
        let name = only(said.filter_map(|name| self.named(&plain(name)?)));
        let at = match (mac, address, name) {
            (Some(mac), Some(other), _) | (Some(mac), _, Some(other)) if mac == other => Some(mac),
            (_, Some(address), Some(name)) if address == name => Some(address),
            _ if found.known_by_name => name,
            _ if found.known_by_address => address,
            _ => None,
        };
        at.map(|at| self.all[at].id.as_str())
    }

    /// The machine of a name. `web.a.example` is also `web`, unless that `web` says that it is `web.b.example`.
    fn named(&self, name: &str) -> Option<&Owner> {
        let whole = self.by_name.get(name);
        let short = || {
            let (short, _) = name.split_once('.').filter(|_| name.parse::<IpAddr>().is_err())?;
            let owner = self.by_name.get(short)?;
            match owner {
                Owner::One(at) if self.all[*at].names.iter().any(|name| name.contains('.')) => None,
                owner => Some(owner),
            }
        };
        whole.or_else(short)
    }
}

fn own<K: std::hash::Hash + Eq>(map: &mut HashMap<K, Owner>, key: K, at: usize) {
    let owner = map.entry(key).or_insert(Owner::One(at));
    if *owner != Owner::One(at) {
        *owner = Owner::Many;
    }
}

/// The machine that all signs point to, if there are any and they agree.
fn only<'a>(owners: impl Iterator<Item = &'a Owner>) -> Option<usize> {
    let mut all = owners;
    let first = *all.next()?;
    match first {
        Owner::One(at) if all.all(|owner| *owner == first) => Some(at),
        _ => None,
    }
}

/// An identity as it is compared. Of a UUID the first three parts come in either order of bytes: firmware before
/// SMBIOS 2.6 and some hypervisors show them swapped.
fn spellings(id: &str) -> Vec<String> {
    let id = id.trim().to_ascii_lowercase();
    let Ok(uuid) = Uuid::parse_str(&id) else {
        return if id.is_empty() || PLACEHOLDERS.contains(&id.as_str()) { Vec::new() } else { vec![id] };
    };
    let plain = uuid.simple().to_string();
    if EMPTY_UUIDS.contains(&plain.as_str()) {
        return Vec::new();
    }
    let swapped = Uuid::from_bytes(uuid.to_bytes_le()).simple().to_string();
    vec![plain, swapped]
}

/// What firmware says when it has nothing to say.
const PLACEHOLDERS: [&str; 8] = [
    "none",
    "n/a",
    "not specified",
    "not present",
    "no asset tag",
    "unknown",
    "default string",
    "to be filled by o.e.m.",
];

/// A name as it is compared; none for what every machine calls itself.
fn plain(name: &str) -> Option<String> {
    let name = name.trim().trim_end_matches('.').to_ascii_lowercase();
    let every = name.is_empty() || name.split('.').next() == Some("localhost");
    (!every).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents() -> KnownMachines {
        let machine = |id: &str, hardware: &[&str], mac: &str, address: &str, name: &str| KnownMachine {
            id: id.to_owned(),
            hardware_ids: hardware.iter().map(|id| (*id).to_owned()).collect(),
            macs: vec![mac.to_owned()],
            addresses: vec![address.parse().unwrap()],
            names: vec![name.to_owned(), name.split('.').next().unwrap().to_owned()],
        };
        let clone = "11111111-2222-3333-4444-555555555555";
        KnownMachines::new(vec![
            machine(
                "web",
                &["44454C4C-3500-104B-8052-B4C04F564231"],
                "52:54:00:00:00:01",
                "10.0.0.1",
                "web.example.org",
            ),
            machine(
                "db",
                &["i-0123456789abcdef0", "Not Specified"],
                "52:54:00:00:00:02",
                "10.0.0.2",
                "db.example.org",
            ),
            machine("one", &[clone, "none"], "02:42:ac:11:00:02", "10.0.0.3", "one"),
            machine("two", &[clone, "Not Specified"], "02:42:ac:11:00:02", "10.0.0.4", "two"),
            machine(
                "old",
                &["00000000-0000-0000-0000-000000000000"],
                "52:54:00:00:00:05",
                "10.0.0.5",
                "mail.a.example",
            ),
            machine("new", &[], "52:54:00:00:00:06", "10.0.0.6", "mail.b.example"),
        ])
    }

    fn found(hardware: &str, mac: &str, address: &str, name: &str) -> FoundMachine {
        FoundMachine {
            name: name.to_owned(),
            hardware_ids: vec![hardware.to_owned()],
            macs: vec![mac.to_owned()],
            addresses: address.parse().into_iter().collect(),
            ..FoundMachine::default()
        }
    }

    #[test]
    fn signs_and_what_they_are_worth() {
        let agents = agents();
        for (hardware, mac, address, name, wanted, why) in [
            ("44454c4c-3500-104b-8052-b4c04f564231", "", "", "", Some("web"), "the firmware's UUID"),
            (
                "4c4c4544-0035-4b10-8052-b4c04f564231",
                "",
                "",
                "",
                Some("web"),
                "the same in the other order of bytes",
            ),
            ("i-0123456789abcdef0", "", "", "other", Some("db"), "the instance id, whatever its name"),
            ("11111111-2222-3333-4444-555555555555", "", "", "", None, "a cloned identity tells nothing"),
            (
                "11111111-2222-3333-4444-555555555555",
                "",
                "10.0.0.4",
                "two",
                Some("two"),
                "weak signs help then",
            ),
            ("00000000-0000-0000-0000-000000000000", "", "", "", None, "no identity"),
            ("not specified", "", "", "", None, "no identity either"),
            ("", "52:54:00:00:00:01", "", "", None, "a card alone"),
            ("", "52:54:00:00:00:01", "10.0.0.1", "", Some("web"), "a card and an address"),
            ("", "52:54:00:00:00:01", "", "WEB", Some("web"), "a card and a name"),
            ("", "52:54:00:00:00:01", "10.0.0.2", "", None, "a card and another's address"),
            ("", "02:42:ac:11:00:02", "", "one", None, "a card that two machines have is none"),
            ("", "", "10.0.0.2", "db.example.org.", Some("db"), "an address and a name"),
            ("", "", "10.0.0.2", "web", None, "an address and another's name"),
            ("", "", "", "web", None, "a name alone"),
            ("", "", "10.0.0.1", "", None, "an address alone"),
            ("", "", "10.0.0.5", "mail", None, "a short name that two machines have"),
            ("", "", "10.0.0.5", "mail.a.example", Some("old"), "a whole name that one machine has"),
            ("", "", "10.0.0.1", "web.other.example", None, "the same short name in another domain"),
            ("", "", "10.0.0.3", "one.example.org", Some("one"), "a machine that does not know its domain"),
            ("", "", "10.0.0.1", "localhost", None, "what every machine calls itself"),
        ] {
            assert_eq!(agents.find(&found(hardware, mac, address, name)), wanted, "{why}");
        }
    }

    #[test]
    fn sources_that_know_nothing_else() {
        let agents = agents();
        let host = FoundMachine {
            name: "web.example.org".to_owned(),
            known_by_name: true,
            ..FoundMachine::default()
        };
        assert_eq!(agents.find(&host), Some("web"));
        let twice = FoundMachine { name: "mail".to_owned(), known_by_name: true, ..FoundMachine::default() };
        assert_eq!(agents.find(&twice), None);
        let swept = FoundMachine { known_by_address: true, ..found("", "", "10.0.0.2", "10.0.0.2") };
        assert_eq!(agents.find(&swept), Some("db"));
    }
}
