//! Syslog over TCP and TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::counters;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::framing::Framer;
use super::queue::Queue;
use crate::accept::{Addresses, next};

/// Connections at one time, and of one address.
const CONNECTIONS_MAX: usize = 1_024;
const CONNECTIONS_PER_ADDRESS_MAX: usize = 64;
/// A handshake takes milliseconds.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// A sender that said nothing for a day is gone.
const IDLE_TIME: Duration = Duration::from_secs(86_400);
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// What a sender has sent already is read this long when the server stops.
const LAST_READ_TIME: Duration = Duration::from_millis(200);

/// Places for connections of all stream listeners together.
#[derive(Clone, Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    addresses: Addresses,
}

impl Default for Places {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(CONNECTIONS_MAX)), addresses: Addresses::default() }
    }
}

/// One listener over TCP, with TLS when it has an acceptor.
pub(super) struct Streams {
    pub(super) places: Places,
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) queue: Queue,
}

impl Streams {
    /// Accepts until told to stop, and then waits for the connections.
    pub(super) async fn accept(self, listener: TcpListener, stop: CancellationToken) {
        let connections = TaskTracker::new();
        loop {
            let Some((stream, peer)) = next(&listener, &stop).await else { break };
            let place = Arc::clone(&self.places.all).try_acquire_owned();
            let seat = self.places.addresses.take(peer.ip(), CONNECTIONS_PER_ADDRESS_MAX);
            let (Ok(place), Some(seat)) = (place, seat) else {
                self.queue.finding(peer.ip(), "syslog connections refused because there are too many", 1);
                continue;
            };
            let (acceptor, queue, stop) = (self.acceptor.clone(), self.queue.clone(), stop.clone());
            connections.spawn(async move {
                connection(stream, peer, acceptor, &queue, &stop).await;
                drop((place, seat));
            });
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    queue: &Queue,
    stop: &CancellationToken,
) {
    let Some(acceptor) = acceptor else { return read(stream, peer.ip(), queue, stop).await };
    match tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => read(stream, peer.ip(), queue, stop).await,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "syslog TLS handshake failed");
            queue.finding(peer.ip(), "syslog connections refused in the TLS handshake", 1);
        }
        Err(_) => queue.finding(peer.ip(), "syslog connections refused in the TLS handshake", 1),
    }
}

async fn read(mut stream: impl AsyncRead + Unpin, from: IpAddr, queue: &Queue, stop: &CancellationToken) {
    counters::count("bartizan_syslog_connections_total", "", 1);
    let mut framer = Framer::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let patience = if stop.is_cancelled() { LAST_READ_TIME } else { IDLE_TIME };
        let received = tokio::select! {
            received = tokio::time::timeout(patience, stream.read(&mut buffer)) => received,
            // Once more around, with less patience.
            () = stop.cancelled(), if patience == IDLE_TIME => continue,
        };
        let length = match received {
            Ok(Ok(length)) => length,
            Ok(Err(_)) | Err(_) => 0,
        };
        if length == 0 {
            break;
        }
        framer.push(&buffer[..length]);
        loop {
            match framer.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    if frame.cut {
                        queue.finding(from, "syslog messages cut to 64 KiB", 1);
                    }
                    queue.put(from, frame.bytes).await;
                }
                Err(_) => {
                    queue.finding(from, "syslog connections closed because a length was no length", 1);
                    return;
                }
            }
        }
    }
    if let Some(frame) = framer.finish() {
        queue.put(from, frame.bytes).await;
    }
}
