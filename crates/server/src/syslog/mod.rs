//! Syslog from the network: RFC 5424 and RFC 3164 messages over UDP, TCP and TLS.
//!
//! Messages wait in a queue that is bounded in bytes and are stored in batches. TCP senders are slowed down
//! when it is full; UDP has no way to be slowed down, so messages that find it full are dropped and counted.
//! Plain syslog has no acknowledgement: what a sender has handed to its own TCP stack and we have not read is
//! lost when either side dies. Once read, a message is stored before the server stops.

mod datagrams;
mod framing;
mod message;
mod queue;
mod streams;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use bartizan_control::App;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::tls;

pub use framing::{Framer, Malformed};

/// Where to listen; nowhere unless set.
#[derive(Clone, Debug, Default)]
pub struct SyslogOptions {
    pub udp: Vec<SocketAddr>,
    pub tcp: Vec<SocketAddr>,
    /// TCP with TLS, under the server's own certificate.
    pub tls: Vec<SocketAddr>,
    /// PEM file of the authority whose client certificates senders over TLS must have. Without it they need none.
    pub client_ca: Option<PathBuf>,
}

/// The addresses that are listened on, in the order of the options.
#[derive(Clone, Debug, Default)]
pub struct SyslogAddresses {
    pub udp: Vec<SocketAddr>,
    pub tcp: Vec<SocketAddr>,
    pub tls: Vec<SocketAddr>,
}

/// The running listeners.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    pub(crate) addresses: SyslogAddresses,
    readers: JoinSet<()>,
    writer: JoinSet<()>,
}

impl Listeners {
    /// Waits until everything that was read is stored. The stop token must have been cancelled.
    pub(crate) async fn stopped(&mut self) {
        // The writer ends when the last reader has dropped its end of the queue.
        for tasks in [&mut self.readers, &mut self.writer] {
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a syslog task ended badly");
                }
            }
        }
    }
}

/// Starts listening.
///
/// # Errors
/// When an address cannot be used or the client authority cannot be read.
pub(crate) async fn start(
    app: &Arc<App>,
    options: &SyslogOptions,
    stop: &CancellationToken,
) -> anyhow::Result<Listeners> {
    let mut listeners = Listeners::default();
    if options.udp.is_empty() && options.tcp.is_empty() && options.tls.is_empty() {
        return Ok(listeners);
    }
    let (queue, inbox) = queue::new(Arc::clone(app));
    listeners.writer.spawn(inbox.store_all(stop.clone()));
    for address in &options.udp {
        let socket = UdpSocket::bind(address).await.with_context(|| cannot(address, "UDP"))?;
        listeners.addresses.udp.push(socket.local_addr().context("cannot read a listening address")?);
        listeners.readers.spawn(datagrams::read(socket, queue.clone(), stop.clone()));
    }
    let places = streams::Places::default();
    for (addresses, is_tls) in [(&options.tcp, false), (&options.tls, true)] {
        for address in addresses {
            let name = if is_tls { "TLS" } else { "TCP" };
            let socket = TcpListener::bind(address).await.with_context(|| cannot(address, name))?;
            let bound = socket.local_addr().context("cannot read a listening address")?;
            let acceptor = match is_tls {
                true => Some(tls::syslog(&app.pki, options.client_ca.as_deref())?),
                false => None,
            };
            let known = if is_tls { &mut listeners.addresses.tls } else { &mut listeners.addresses.tcp };
            known.push(bound);
            let streams = streams::Streams { places: places.clone(), acceptor, queue: queue.clone() };
            listeners.readers.spawn(streams.accept(socket, stop.clone()));
        }
    }
    tracing::info!(addresses = ?listeners.addresses, "listening for syslog");
    Ok(listeners)
}

fn cannot(address: &SocketAddr, name: &str) -> String {
    format!("cannot listen for syslog over {name} on {address}")
}
