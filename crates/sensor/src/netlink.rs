//! Just enough netlink: a socket, and the splitting of a datagram into messages.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{self, AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};

pub(crate) const FLAG_REQUEST: u16 = 1;
pub(crate) const FLAG_ACK: u16 = 4;
pub(crate) const TYPE_ERROR: u16 = 2;
pub(crate) const TYPE_DONE: u16 = 3;

const HEADER_BYTES: usize = 16;

/// The kernel's largest audit message is under 9,000 bytes, and a connector message under 16,384.
const DATAGRAM_BYTES_MAX: usize = 32 << 10;

/// The receive buffer asked for: some 8,000 executions of six audit records of about 1 KiB accounted each.
const RECEIVE_BYTES: usize = 48 << 20;

/// One message: its type and what follows the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) ty: u16,
    pub(crate) body: &'a [u8],
}

pub(crate) struct NetlinkSocket {
    file: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

/// What a read gave.
pub(crate) enum Received {
    /// So many bytes lie in the buffer.
    Datagram(usize),
    /// Nothing to read now.
    Empty,
    /// The kernel dropped messages because we did not read in time.
    Overrun,
}

impl NetlinkSocket {
    pub(crate) fn open(protocol: Protocol, groups: u32) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let file = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(protocol))?;
        net::bind(&file, &SocketAddrNetlink::new(0, groups))?;
        if let Err(error) = net::sockopt::set_socket_recv_buffer_size_force(&file, RECEIVE_BYTES) {
            tracing::debug!(%error, "the netlink receive buffer keeps its default size");
        }
        Ok(Self { file, buffer: vec![0; DATAGRAM_BYTES_MAX], sequence: 0 })
    }

    pub(crate) fn send(&mut self, ty: u16, flags: u16, body: &[u8]) -> io::Result<()> {
        self.sequence += 1;
        let length = u32::try_from(HEADER_BYTES + body.len()).map_err(io::Error::other)?;
        let mut message = Vec::with_capacity(HEADER_BYTES + body.len());
        message.extend(length.to_ne_bytes());
        message.extend(ty.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend(self.sequence.to_ne_bytes());
        message.extend(0_u32.to_ne_bytes());
        message.extend(body);
        net::sendto(&self.file, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        Ok(())
    }

    pub(crate) fn receive(&mut self) -> io::Result<Received> {
        match net::recv(&self.file, self.buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
            Ok((_, count)) => Ok(Received::Datagram(count.min(DATAGRAM_BYTES_MAX))),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(Received::Empty),
            Err(rustix::io::Errno::NOBUFS) => Ok(Received::Overrun),
            Err(error) => Err(error.into()),
        }
    }

    /// The first `count` bytes received last.
    pub(crate) fn datagram(&self, count: usize) -> &[u8] {
        self.buffer.get(..count).unwrap_or_default()
    }
}

impl AsFd for NetlinkSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Splits a datagram. Stops at the first message whose length makes no sense.
///
/// `exact_lengths` is false for audit, which states lengths without the header: a datagram of audit holds one
/// message, and it ends where the datagram ends.
pub(crate) fn messages(datagram: &[u8], exact_lengths: bool) -> Vec<Message<'_>> {
    let mut messages = Vec::new();
    let mut rest = datagram;
    while rest.len() >= HEADER_BYTES {
        let ty = u16::from_ne_bytes([rest[4], rest[5]]);
        if !exact_lengths {
            messages.push(Message { ty, body: &rest[HEADER_BYTES..] });
            break;
        }
        let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        let Some(body) = rest.get(HEADER_BYTES..length) else { break };
        messages.push(Message { ty, body });
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    messages
}

/// The 32-bit number at `at` bytes.
pub(crate) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(four.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_datagrams_and_survives_any_length() {
        let mut datagram = Vec::new();
        for (ty, body) in [(3_u16, &b"abcde"[..]), (4, b"")] {
            datagram.extend((16 + body.len() as u32).to_ne_bytes());
            datagram.extend(ty.to_ne_bytes());
            datagram.extend([0; 10]);
            datagram.extend(body);
            datagram.resize(datagram.len().next_multiple_of(4), 0);
        }
        let both = messages(&datagram, true);
        assert_eq!(both, [Message { ty: 3, body: b"abcde" }, Message { ty: 4, body: b"" }]);
        for at in 0..4 {
            for value in [0, 1, 15, 17, 200, 255] {
                let mut broken = datagram.clone();
                broken[at] = value;
                for cut in 0..broken.len() {
                    assert!(messages(&broken[..cut], true).len() <= 3);
                    assert!(messages(&broken[..cut], false).len() <= 1);
                }
            }
        }
    }
}
