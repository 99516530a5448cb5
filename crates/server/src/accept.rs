//! What listeners over TCP share: accepting, and how many connections one address may have.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How long a listener that cannot accept waits before it tries again.
const PAUSE: Duration = Duration::from_millis(100);

/// The next connection; `None` when the listener has to stop.
pub(crate) async fn next(
    listener: &TcpListener,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return None,
        };
        match accepted {
            Ok(accepted) => return Some(accepted),
            Err(error) => {
                // Out of file descriptors, mostly. Accepting again at once would spin.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// How many connections each address has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of an address, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// One more for `address`, unless it has `most`.
    pub(crate) fn take(&self, address: IpAddr, most: usize) -> Option<Seat> {
        let mut counts = self.0.lock();
        let count = counts.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat { addresses: self.clone(), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_place() {
        let addresses = Addresses::default();
        let (one, two) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = addresses.take(one, 2).unwrap();
        let _second = addresses.take(one, 2).unwrap();
        assert!(addresses.take(one, 2).is_none());
        assert!(addresses.take(two, 2).is_some(), "another address has its own");
        drop(first);
        assert!(addresses.take(one, 2).is_some(), "given back");
        assert_eq!(addresses.0.lock().len(), 1, "an address without connections is forgotten");
    }
}
