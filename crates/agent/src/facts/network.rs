//! The machine's addresses, asked of the kernel over rtnetlink. /proc has no list of IPv4 addresses per
//! interface, and a container may lack every tool that could print one.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use bartizan_wire::NetworkAddress;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType};

use crate::files;

const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST_DUMP: u16 = 0x301;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const HEADER_BYTES: usize = 16;
const ADDRESS_BYTES: usize = 8;
/// More addresses than this are not reported.
const ADDRESSES_MAX: usize = 512;

/// Every address of every interface; empty when the kernel does not say.
pub(super) fn addresses() -> Vec<NetworkAddress> {
    let names = interface_names();
    let mut found = match dump() {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "cannot list network addresses");
            return Vec::new();
        }
    };
    for (index, address) in &mut found {
        address.interface = names.get(index).cloned().unwrap_or_else(|| index.to_string());
        address.mac = files::read_line(&format!("/sys/class/net/{}/address", address.interface));
    }
    found.into_iter().map(|(_, address)| address).collect()
}

fn interface_names() -> BTreeMap<u32, String> {
    let Ok(entries) = std::fs::read_dir("/sys/class/net") else { return BTreeMap::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let index = files::read_line(&format!("/sys/class/net/{name}/ifindex")).parse().ok()?;
            Some((index, name))
        })
        .collect()
}

fn dump() -> io::Result<Vec<(u32, NetworkAddress)>> {
    // Protocol zero, the default, is NETLINK_ROUTE.
    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    rustix::net::sockopt::set_socket_timeout(
        &socket,
        rustix::net::sockopt::Timeout::Recv,
        Some(std::time::Duration::from_secs(2)),
    )?;
    let mut request = Vec::with_capacity(HEADER_BYTES + ADDRESS_BYTES);
    request.extend(((HEADER_BYTES + ADDRESS_BYTES) as u32).to_ne_bytes());
    request.extend(RTM_GETADDR.to_ne_bytes());
    request.extend(NLM_F_REQUEST_DUMP.to_ne_bytes());
    request.extend([0; 8 + ADDRESS_BYTES]);
    rustix::net::sendto(&socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut found = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let (length, _) = rustix::net::recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        if length == 0 || read_messages(&buffer[..length], &mut found) || found.len() >= ADDRESSES_MAX {
            found.truncate(ADDRESSES_MAX);
            return Ok(found);
        }
    }
}

/// Reads one datagram of messages; true after the last.
fn read_messages(mut bytes: &[u8], found: &mut Vec<(u32, NetworkAddress)>) -> bool {
    while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let length = length as usize;
        if kind == NLMSG_DONE || length < HEADER_BYTES || length > bytes.len() {
            return true;
        }
        if kind == RTM_NEWADDR {
            found.extend(read_address(&bytes[HEADER_BYTES..length]));
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

fn read_address(body: &[u8]) -> Option<(u32, NetworkAddress)> {
    let prefix_length = *body.get(1)?;
    let index = u32_at(body, 4)?;
    let mut address = None;
    let mut rest = body.get(ADDRESS_BYTES..)?;
    while let (Some(length), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        let value = rest.get(4..usize::from(length))?;
        // On a point-to-point link IFA_ADDRESS is the other end; IFA_LOCAL then follows or precedes it.
        if kind == IFA_LOCAL || (kind == IFA_ADDRESS && address.is_none()) {
            address = text_of(value).or(address);
        }
        rest = rest.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
    }
    Some((index, NetworkAddress { address: address?, prefix_length, ..NetworkAddress::default() }))
}

fn text_of(bytes: &[u8]) -> Option<String> {
    match bytes.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).to_string()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string()),
        _ => None,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torn_messages_end_the_reading() {
        let mut found = Vec::new();
        for length in 0..40 {
            read_messages(&vec![0xff; length], &mut found);
            read_messages(&vec![20; length], &mut found);
        }
        assert!(found.is_empty());
    }
}
