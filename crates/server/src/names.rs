//! The names and addresses of this host that the server's certificate should have.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Wanted names first, then the ones every host has, then the host's own name and addresses.
pub(crate) fn all(wanted: &[String], listen: IpAddr) -> Vec<String> {
    let mut names: Vec<String> = wanted.to_vec();
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if is_dns_name(&host) {
        names.push(host);
    }
    if listen.is_unspecified() {
        names.extend(local_addresses());
    } else {
        names.push(listen.to_string());
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.to_ascii_lowercase()));
    names
}

/// Addresses of all interfaces, as the kernel lists them. Link-local ones are left out: nobody types them,
/// and they change.
fn local_addresses() -> Vec<String> {
    let four = std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let mut out = Vec::new();
    let mut last = "";
    for line in four.lines() {
        let text = line.trim();
        if text.starts_with("/32 host LOCAL") {
            out.extend(last.parse::<IpAddr>().ok());
        }
        last = text.strip_prefix("|-- ").unwrap_or(last);
    }
    let six = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    for line in six.lines() {
        let hex = line.split_whitespace().next().unwrap_or_default();
        if let Ok(bits) = u128::from_str_radix(hex, 16) {
            out.push(IpAddr::from(bits.to_be_bytes()));
        }
    }
    let plain = |address: &IpAddr| match address {
        IpAddr::V4(four) => !four.is_link_local() && !four.is_loopback(),
        IpAddr::V6(six) => !six.is_unicast_link_local() && !six.is_loopback(),
    };
    out.iter().filter(|address| plain(address)).map(ToString::to_string).collect()
}

fn is_dns_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    !name.is_empty() && name.len() <= 253 && name.chars().all(plain) && !name.starts_with(['-', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_local_ones_are_always_there() {
        let names = all(&["Portal.example".to_owned(), "LOCALHOST".to_owned()], "127.0.0.1".parse().unwrap());
        assert_eq!(names[0], "Portal.example");
        assert_eq!(names.iter().filter(|name| name.eq_ignore_ascii_case("localhost")).count(), 1);
        assert!(names.iter().any(|name| name == "::1"));
    }
}
