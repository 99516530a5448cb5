//! Ranges of internet addresses, and which of many hold an address.
//!
//! Ranges are kept by the length of their prefix, so that an address is looked up once per length in use,
//! of which there are at most 129 and seldom ten, however many ranges there are.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

/// The addresses that count. IPv4 addresses have their place among IPv6 addresses (`::ffff:0:0/96`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Only IPv4.
    V4,
    /// Both; IPv4 addresses stand for their mapped form.
    V6,
}

/// Bits of an IPv6 address before a mapped IPv4 address.
const MAPPED_BITS: u8 = 96;

/// An address with the length of its network prefix, 128 for a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: u128,
    prefix: u8,
}

impl Network {
    /// Reads `address` or `address/length`.
    pub fn parse(text: &str, family: Family) -> Option<Self> {
        let text = text.trim();
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let (address, shift, bits) = match family {
            Family::V4 => (address.parse::<Ipv4Addr>().ok()?.to_ipv6_mapped(), MAPPED_BITS, 32),
            Family::V6 => match address.parse::<IpAddr>().ok()? {
                IpAddr::V4(address) => (address.to_ipv6_mapped(), MAPPED_BITS, 32),
                IpAddr::V6(address) => (address, 0, 128),
            },
        };
        let length = length.unwrap_or(bits);
        (length <= bits).then(|| Self { address: u128::from(address), prefix: shift + length })
    }

    fn masked(self, prefix: u8) -> u128 {
        let host_bits = 128 - u32::from(prefix.min(128));
        self.address & u128::MAX.checked_shl(host_bits).unwrap_or(0)
    }
}

/// Rows by the range they stand for.
#[derive(Debug, Default)]
pub struct PrefixIndex {
    by_length: BTreeMap<u8, HashMap<u128, Vec<u32>>>,
}

impl PrefixIndex {
    /// Adds a row.
    pub fn insert(&mut self, network: Network, row: u32) {
        let networks = self.by_length.entry(network.prefix).or_default();
        networks.entry(network.masked(network.prefix)).or_default().push(row);
    }

    /// Appends the rows whose range agrees with `network` as far as the shorter prefix of the two reaches.
    pub fn matches(&self, network: Network, into: &mut Vec<u32>) {
        for (length, networks) in self.by_length.range(..=network.prefix) {
            into.extend(networks.get(&network.masked(*length)).into_iter().flatten());
        }
        // only a range that is looked up itself is wider than some
        let from = (std::ops::Bound::Excluded(network.prefix), std::ops::Bound::Unbounded);
        for (_, networks) in self.by_length.range(from) {
            for (address, rows) in networks {
                let narrower = Network { address: *address, prefix: network.prefix };
                if narrower.masked(network.prefix) == network.masked(network.prefix) {
                    into.extend(rows);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(ranges: &[&str], address: &str, family: Family) -> Vec<u32> {
        let mut index = PrefixIndex::default();
        for (row, range) in ranges.iter().enumerate() {
            index.insert(Network::parse(range, family).unwrap(), row as u32);
        }
        let mut found = Vec::new();
        index.matches(Network::parse(address, family).unwrap(), &mut found);
        found.sort_unstable();
        found
    }

    #[test]
    fn addresses_are_found_in_every_range_that_holds_them() {
        let ranges = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "192.168.0.0/24", "0.0.0.0/0"];
        assert_eq!(matches(&ranges, "10.1.2.3", Family::V4), [0, 1, 2, 4]);
        assert_eq!(matches(&ranges, "10.2.0.0", Family::V4), [0, 4]);
        assert_eq!(matches(&ranges, "10.1.0.0/16", Family::V4), [0, 1, 2, 4]);
        assert_eq!(matches(&ranges, "8.8.8.8", Family::V4), [4]);
    }

    #[test]
    fn families_meet_in_the_mapped_form() {
        let ranges = ["fe80::/10", "::ffff:10.0.0.0/104", "2001:db8::1"];
        assert_eq!(matches(&ranges, "fe80::17", Family::V6), [0]);
        assert_eq!(matches(&ranges, "10.9.9.9", Family::V6), [1]);
        assert_eq!(matches(&ranges, "2001:db8::1", Family::V6), [2]);
    }

    #[test]
    fn what_is_no_address_is_no_network() {
        for text in ["", "10.0.0", "10.0.0.0/33", "fe80::/129", "10.0.0.0/-1", "a.b.c.d"] {
            assert_eq!(Network::parse(text, Family::V6), None, "{text}");
        }
        assert_eq!(Network::parse("fe80::1", Family::V4), None);
    }
}
