//! Internet addresses. What is no address gives null.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value as Tree;

use super::convert::{text, to_long};
use super::dynamic::{elements, from_tree};
use super::kernel::{Entry, strict};
use crate::addresses::country_of;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("geo_info_from_ip_address", |args, _| {
        match text(args[0].clone()).trim().parse().map(country_of) {
            // Only the country is known: no part of it, no town, and no place on the globe.
            Ok(Some(country)) => {
                from_tree(&serde_json::json!({"country": country.name, "state": "", "city": ""}))
            }
            Ok(None) | Err(_) => Value::Null,
        }
    }),
    strict("parse_ipv4", |args, _| match v4(&text(args[0].clone())) {
        Some(net) => Value::Long(i64::from(net.masked(net.prefix))),
        None => Value::Null,
    }),
    strict("parse_ipv4_mask", |args, _| match (v4(&text(args[0].clone())), to_long(&args[1])) {
        (Some(net), Some(prefix @ 0..=32)) => {
            Value::Long(i64::from(net.masked(net.prefix.min(prefix as u32))))
        }
        _ => Value::Null,
    }),
    strict("parse_ipv6", |args, _| match v6(&text(args[0].clone())) {
        Some(net) => Value::string(long_form(net.masked(net.prefix))),
        None => Value::Null,
    }),
    strict("parse_ipv6_mask", |args, _| match (v6(&text(args[0].clone())), to_long(&args[1])) {
        (Some(net), Some(prefix @ 0..=128)) => {
            Value::string(long_form(net.masked(net.prefix.min(prefix as u32))))
        }
        _ => Value::Null,
    }),
    strict("ipv4_compare", |args, _| compare4(args).map_or(Value::Null, |order| Value::Long(order as i64))),
    strict("ipv4_is_match", |args, _| {
        compare4(args).map_or(Value::Null, |order| Value::Bool(order == std::cmp::Ordering::Equal))
    }),
    strict("ipv6_compare", |args, _| compare6(args).map_or(Value::Null, |order| Value::Long(order as i64))),
    strict("ipv6_is_match", |args, _| {
        compare6(args).map_or(Value::Null, |order| Value::Bool(order == std::cmp::Ordering::Equal))
    }),
    strict("ipv4_is_private", |args, _| match v4(&text(args[0].clone())) {
        Some(net) => Value::Bool(net.is_private()),
        None => Value::Null,
    }),
    strict("ipv4_is_in_range", |args, _| {
        in_range4(&text(args[0].clone()), &text(args[1].clone())).map_or(Value::Null, Value::Bool)
    }),
    strict("ipv4_is_in_any_range", |args, _| any_range(args, in_range4)),
    strict("ipv6_is_in_range", |args, _| {
        in_range6(&text(args[0].clone()), &text(args[1].clone())).map_or(Value::Null, Value::Bool)
    }),
    strict("ipv6_is_in_any_range", |args, _| any_range(args, in_range6)),
    strict("ipv4_netmask_suffix", |args, _| match v4(&text(args[0].clone())) {
        Some(net) => Value::Long(i64::from(net.prefix)),
        None => Value::Null,
    }),
    strict("format_ipv4", |args, _| format_ipv4(args, false)),
    strict("format_ipv4_mask", |args, _| format_ipv4(args, true)),
    strict("has_ipv4", |args, _| {
        Value::Bool(has_address(&text(args[0].clone()), &text(args[1].clone()), false))
    }),
    strict("has_any_ipv4", |args, _| any_address(args, false)),
    strict("has_ipv4_prefix", |args, _| {
        Value::Bool(has_address(&text(args[0].clone()), &text(args[1].clone()), true))
    }),
    strict("has_any_ipv4_prefix", |args, _| any_address(args, true)),
    strict("ipv4_range_to_cidr_list", |args, _| {
        match (v4(&text(args[0].clone())), v4(&text(args[1].clone()))) {
            (Some(first), Some(last)) => {
                let networks = covering(first.address, last.address);
                from_tree(&Tree::Array(networks.into_iter().map(Tree::from).collect()))
            }
            _ => Value::Null,
        }
    }),
];

/// The fewest networks that hold just the addresses of a range; at most 62 of them.
fn covering(first: u32, last: u32) -> Vec<String> {
    let mut networks = Vec::new();
    let (mut at, last) = (u64::from(first), u64::from(last));
    while at <= last {
        // As large as the alignment of its first address and what is left allow.
        let aligned = at.trailing_zeros().min(32);
        let left = (last - at + 1).ilog2();
        let bits = aligned.min(left);
        networks.push(format!("{}/{}", Ipv4Addr::from(at as u32), 32 - bits));
        at += 1_u64 << bits;
    }
    networks
}

/// An address and the length of its network prefix.
#[derive(Clone, Copy, Debug)]
struct Net4 {
    address: u32,
    prefix: u32,
}

impl Net4 {
    fn masked(self, prefix: u32) -> u32 {
        self.address & u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0)
    }

    /// Whether the whole network lies in one of the private ones.
    fn is_private(self) -> bool {
        const PRIVATE: &[(u32, u32)] = &[(0x0a00_0000, 8), (0xac10_0000, 12), (0xc0a8_0000, 16)];
        PRIVATE.iter().any(|(network, prefix)| self.prefix >= *prefix && self.masked(*prefix) == *network)
    }
}

fn v4(text: &str) -> Option<Net4> {
    let text = text.trim();
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, prefix.parse().ok().filter(|prefix| *prefix <= 32)?),
        None => (text, 32),
    };
    let address: Ipv4Addr = address.parse().ok()?;
    Some(Net4 { address: u32::from(address), prefix })
}

#[derive(Clone, Copy, Debug)]
struct Net6 {
    address: u128,
    prefix: u32,
}

impl Net6 {
    fn masked(self, prefix: u32) -> u128 {
        self.address & u128::MAX.checked_shl(128 - prefix.min(128)).unwrap_or(0)
    }
}

/// IPv4 addresses stand for their mapped form.
fn v6(text: &str) -> Option<Net6> {
    let text = text.trim();
    let (address, prefix) =
        text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().ok()?;
    let (address, shift) = match address {
        IpAddr::V4(address) => (address.to_ipv6_mapped(), 96),
        IpAddr::V6(address) => (address, 0),
    };
    let prefix = match prefix {
        Some(prefix) => prefix.parse::<u32>().ok()?.checked_add(shift).filter(|prefix| *prefix <= 128)?,
        None => 128,
    };
    Some(Net6 { address: u128::from(address), prefix })
}

fn long_form(address: u128) -> String {
    let groups = Ipv6Addr::from(address).segments().map(|group| format!("{group:04x}"));
    groups.join(":")
}

/// Compared under the shortest of the prefixes.
fn compare4(args: &[Value<'_>]) -> Option<std::cmp::Ordering> {
    let (a, b) = (v4(&text(args[0].clone()))?, v4(&text(args[1].clone()))?);
    let extra = args.get(2).map_or(Some(32), to_long)?;
    let prefix = a.prefix.min(b.prefix).min(u32::try_from(extra).ok()?);
    Some(a.masked(prefix).cmp(&b.masked(prefix)))
}

fn compare6(args: &[Value<'_>]) -> Option<std::cmp::Ordering> {
    let (a, b) = (v6(&text(args[0].clone()))?, v6(&text(args[1].clone()))?);
    let extra = args.get(2).map_or(Some(128), to_long)?;
    let prefix = a.prefix.min(b.prefix).min(u32::try_from(extra).ok()?);
    Some(a.masked(prefix).cmp(&b.masked(prefix)))
}

fn in_range4(address: &str, range: &str) -> Option<bool> {
    let (address, range) = (v4(address)?, v4(range)?);
    Some(address.masked(range.prefix) == range.masked(range.prefix))
}

fn in_range6(address: &str, range: &str) -> Option<bool> {
    let (address, range) = (v6(address)?, v6(range)?);
    Some(address.masked(range.prefix) == range.masked(range.prefix))
}

/// Texts given one by one or as an array.
fn texts(args: &[Value<'_>]) -> Vec<String> {
    let mut all = Vec::new();
    for arg in args {
        match arg {
            Value::Dynamic(json) if json.starts_with('[') => {
                let found = elements(json).unwrap_or_default();
                all.extend(found.iter().filter_map(|element| element.as_str().map(str::to_owned)));
            }
            arg => all.push(text(arg.clone()).into_owned()),
        }
    }
    all
}

fn any_range<'a>(args: &[Value<'a>], test: fn(&str, &str) -> Option<bool>) -> Value<'a> {
    let Some((address, ranges)) = args.split_first() else { return Value::Null };
    let address = text(address.clone());
    let answers: Vec<bool> = texts(ranges).iter().filter_map(|range| test(&address, range)).collect();
    if answers.is_empty() { Value::Null } else { Value::Bool(answers.contains(&true)) }
}

fn format_ipv4<'a>(args: &[Value<'a>], with_mask: bool) -> Value<'a> {
    let prefix = match args.get(1) {
        Some(prefix) => match to_long(prefix) {
            Some(prefix @ 0..=32) => Some(prefix as u32),
            _ => return Value::string(""),
        },
        None => None,
    };
    let net = match &args[0] {
        Value::String(text) => v4(text),
        value => to_long(value)
            .and_then(|number| u32::try_from(number).ok())
            .map(|address| Net4 { address, prefix: 32 }),
    };
    let Some(net) = net else { return Value::string("") };
    let prefix = prefix.map_or(net.prefix, |prefix| prefix.min(net.prefix));
    let address = Ipv4Addr::from(net.masked(prefix));
    Value::string(if with_mask { format!("{address}/{prefix}") } else { address.to_string() })
}

/// Whether the text has the address, not as a part of a longer one. A prefix of one ends with a dot.
fn has_address(subject: &str, wanted: &str, prefix: bool) -> bool {
    let prefix = prefix && wanted.ends_with('.');
    if !prefix && v4(wanted).is_none() {
        return false;
    }
    let inside = |c: char| c.is_ascii_alphanumeric();
    subject.match_indices(wanted).any(|(at, found)| {
        let before = subject[..at].chars().next_back();
        let free_before = before.is_none_or(|c| !inside(c) && c != '.');
        let rest = &subject[at + found.len()..];
        let after = rest.chars().next();
        let free_after = match after {
            _ if prefix => true,
            Some('.') => !rest[1..].starts_with(|c: char| c.is_ascii_digit()),
            Some(c) => !inside(c),
            None => true,
        };
        // With a prefix, what follows must complete an address.
        let start = &subject[at..];
        let end = start.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(start.len());
        let complete = !prefix || v4(start[..end].trim_end_matches('.')).is_some();
        free_before && free_after && complete
    })
}

fn any_address<'a>(args: &[Value<'a>], prefix: bool) -> Value<'a> {
    let Some((subject, wanted)) = args.split_first() else { return Value::Null };
    let subject = text(subject.clone());
    Value::Bool(texts(wanted).iter().any(|wanted| has_address(&subject, wanted, prefix)))
}
