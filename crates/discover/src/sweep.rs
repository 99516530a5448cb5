//! A sweep of networks: whoever accepts a TCP connection on one of a few ports is a machine.
//!
//! Nothing is sent on the connection. The sweep is for networks of one's own, small ones, and slow on purpose: no more
//! connections a second than were asked for, so that neither a firewall's tables nor an intrusion detection take notice.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt as _;
use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior};

use crate::error::DiscoverError;
use crate::machine::{Found, FoundMachine, Power};

/// Addresses of one connection: a /20.
const ADDRESSES_MAX: u128 = 4_096;
const PORTS_MAX: usize = 16;
const RATE_MAX: u32 = 1_000;
/// Connections that are waited for at the same time.
const WAITING_MAX: usize = 256;
/// An answer in a network of one's own comes in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Networks to sweep.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConnection {
    /// `10.1.2.0/24` …
    #[serde(deserialize_with = "networks")]
    pub networks: Vec<IpNet>,
    /// Ports to try, one after the other until one answers.
    #[serde(default = "ports")]
    pub ports: Vec<u16>,
    /// Connections begun in a second.
    #[serde(default = "rate")]
    pub rate: u32,
    /// Allows networks that are not private ones (RFC 1918, RFC 4193). They must be yours.
    #[serde(default)]
    pub beyond_private: bool,
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    // The parser's words say what is wrong with a network and do not repeat it.
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

/// SSH, Windows' RPC and file sharing, remote desktop, WinRM, web.
fn ports() -> Vec<u16> {
    vec![22, 135, 445, 3389, 5985, 443, 80]
}

fn rate() -> u32 {
    50
}

impl NetworkConnection {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.networks.is_empty() {
            return Err("`networks` names no network".to_owned());
        }
        if let Some(wrong) = self.networks.iter().find(|network| !self.beyond_private && !is_private(network))
        {
            return Err(format!(
                "`networks` has `{wrong}`, which is not private; `beyond_private: true` allows it if it is yours"
            ));
        }
        let addresses: u128 = self.networks.iter().map(size).fold(0, u128::saturating_add);
        if addresses > ADDRESSES_MAX {
            return Err(format!(
                "`networks` has {addresses} addresses, and a sweep {ADDRESSES_MAX} at most; divide them among several connections"
            ));
        }
        if self.ports.is_empty() || self.ports.len() > PORTS_MAX || self.ports.contains(&0) {
            return Err(format!("`ports` names 1 to {PORTS_MAX} ports"));
        }
        if self.rate == 0 || self.rate > RATE_MAX {
            return Err(format!("`rate` is 1 to {RATE_MAX} connections a second"));
        }
        // A sweep must end before a run does, or it never gives anything.
        let seconds = addresses.saturating_mul(self.ports.len() as u128) / u128::from(self.rate);
        if seconds > u128::from(crate::RUN_MAX.as_secs() * 9 / 10) {
            return Err(format!(
                "the sweep would take {seconds} seconds, longer than a run may; raise `rate`, or name fewer `networks` or `ports`"
            ));
        }
        Ok(())
    }
}

fn size(network: &IpNet) -> u128 {
    let bits = u32::from(network.max_prefix_len() - network.prefix_len());
    1_u128.checked_shl(bits).unwrap_or(u128::MAX)
}

/// Wholly within the private ranges.
fn is_private(network: &IpNet) -> bool {
    let ends = [network.network(), network.broadcast()];
    ends.iter().all(|end| match end {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    })
}

pub(crate) async fn discover(network: &NetworkConnection) -> Result<Found, DiscoverError> {
    let mut targets: Vec<IpAddr> = network.networks.iter().flat_map(IpNet::hosts).collect();
    targets.sort_unstable();
    targets.dedup();
    let mut pace = tokio::time::interval_at(Instant::now(), Duration::from_secs(1) / network.rate.max(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let pace = Mutex::new(pace);
    let mut found: BTreeMap<IpAddr, u16> = BTreeMap::new();
    let mut failures = 0;
    // A port at a time: who answered is not asked again, and no machine gets several connections at once.
    for port in &network.ports {
        let silent: Vec<IpAddr> =
            targets.iter().copied().filter(|address| !found.contains_key(address)).collect();
        let tried = silent.into_iter().map(|address| {
            let pace = &pace;
            async move {
                pace.lock().await.tick().await;
                (address, open(address, *port).await)
            }
        });
        let answers: Vec<(IpAddr, Answer)> =
            futures::stream::iter(tried).buffer_unordered(WAITING_MAX).collect().await;
        for (address, answer) in answers {
            match answer {
                Answer::Open => drop(found.insert(address, *port)),
                Answer::Silent => {}
                Answer::Failed => failures += 1,
            }
        }
    }
    let machines = found.into_iter().map(|(address, port)| machine(address, port)).collect();
    let mut shortfalls = Vec::new();
    if failures > 0 {
        shortfalls.push(format!(
            "{failures} connections could not be tried: this server has no more sockets or no route; lower `rate` or check its routes"
        ));
    }
    Ok(Found { machines, shortfalls })
}

fn machine(address: IpAddr, port: u16) -> FoundMachine {
    FoundMachine {
        native_id: address.to_string(),
        name: address.to_string(),
        addresses: vec![address],
        power: Power::Running,
        tags: BTreeMap::from([("openPort".to_owned(), port.to_string())]),
        known_by_address: true,
        ..FoundMachine::default()
    }
}

enum Answer {
    Open,
    Silent,
    /// It is not the other side that did not answer.
    Failed,
}

async fn open(address: IpAddr, port: u16) -> Answer {
    match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(SocketAddr::new(address, port))).await {
        Ok(Ok(_)) => Answer::Open,
        Err(_) => Answer::Silent,
        Ok(Err(error)) => match error.kind() {
            std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::AddrNotAvailable => Answer::Failed,
            // Too many open files, of the process or the system.
            _ if matches!(error.raw_os_error(), Some(23 | 24)) => Answer::Failed,
            _ => Answer::Silent,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(networks: &[&str]) -> NetworkConnection {
        NetworkConnection {
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
            ports: ports(),
            rate: rate(),
            beyond_private: false,
        }
    }

    #[test]
    fn only_small_private_networks() {
        assert_eq!(connection(&["10.1.2.0/24", "fd00:1::/120", "192.168.7.1/32"]).check(), Ok(()));
        for (networks, wanted) in [
            (&["8.8.8.0/24"][..], "not private"),
            (&["10.0.0.0/7"], "not private"),
            (&["127.0.0.0/29"], "not private"),
            (&["169.254.169.254/32"], "not private"),
            (&["2001:db8::/120"], "not private"),
            (&["10.0.0.0/8"], "16777216 addresses"),
            (&["fd00::/8"], "addresses"),
            (&["10.0.0.0/21", "10.1.0.0/21", "10.2.0.0/32"], "4097 addresses"),
            (&[], "names no network"),
        ] {
            let error = connection(networks).check().unwrap_err();
            assert!(error.contains(wanted), "{networks:?}: {error}");
        }
        let slow = NetworkConnection { rate: 1, ..connection(&["10.0.0.0/24"]) };
        assert!(slow.check().unwrap_err().contains("1792 seconds"));
        assert!(NetworkConnection { rate: 0, ..connection(&["10.0.0.0/30"]) }.check().is_err());
        assert!(NetworkConnection { ports: vec![], ..connection(&["10.0.0.0/30"]) }.check().is_err());
        let own = NetworkConnection { beyond_private: true, ..connection(&["203.0.113.0/24"]) };
        assert_eq!(own.check(), Ok(()));
    }
}
