//! Syslog over UDP: one datagram, one message.

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::framing::MESSAGE_BYTES_MAX;
use super::queue::Queue;

/// Reads until told to stop.
pub(super) async fn read(socket: UdpSocket, queue: Queue, stop: CancellationToken) {
    let mut buffer = vec![0; MESSAGE_BYTES_MAX];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = stop.cancelled() => return,
        };
        match received {
            Ok((length, from)) if length > 0 => queue.try_put(from.ip(), buffer[..length].to_vec()),
            Ok(_) => {}
            // An answer to something we never sent: ICMP errors end up here.
            Err(error) => tracing::debug!(%error, "cannot read a datagram"),
        }
    }
}
