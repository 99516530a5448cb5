//! Finds machines that have no agent, by asking those who know them: a hypervisor, a cloud, a cluster, an inventory
//! file, or, where its operator wants that, the network itself.
//!
//! A [`Connection`] is a file that the server's operator wrote: where to ask, as whom, and how much. [`discover`] asks
//! once and gives [`Found`]: the same [`FoundMachine`] whatever the source. [`KnownMachines`] says which of them are
//! machines that we know already. Nothing here keeps state, writes anywhere or repeats itself: that is for the caller.

#![forbid(unsafe_code)]

mod aws;
mod connection;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod inventory;
mod known;
mod kubernetes;
mod libvirt;
mod machine;
mod secret;
mod sweep;
mod vmware;
mod xml;

use std::time::Duration;

use bartizan_base::Ticks;

pub use aws::AwsConnection;
pub use connection::{Connection, ConnectionError, Source};
pub use error::DiscoverError;
pub use inventory::{InventoryConnection, InventoryFormat};
pub use known::{KnownMachine, KnownMachines};
pub use kubernetes::KubernetesConnection;
pub use libvirt::LibvirtConnection;
pub use machine::{Found, FoundMachine, MACHINES_MAX, Power};
pub use secret::Secret;
pub use sweep::NetworkConnection;
pub use vmware::VmwareConnection;

/// How long asking one source may take, all pages together.
pub const RUN_MAX: Duration = Duration::from_secs(600);

/// What differs from one run of a connection to the next.
#[derive(Clone, Debug)]
pub struct Run {
    /// The present moment: requests to AWS are signed with it.
    pub now: Ticks,
    /// AWS regions to ask instead of those in the connection's file; empty for those.
    pub regions: Vec<String>,
}

/// Asks the source of `connection` for its machines.
///
/// # Errors
/// When nothing could be learnt. What was left out of an answer is in [`Found::shortfalls`].
pub async fn discover(connection: &Connection, run: &Run) -> Result<Found, DiscoverError> {
    let asked = async {
        match &connection.source {
            Source::Aws(aws) => aws::discover(aws, run).await,
            Source::Inventory(inventory) => inventory::discover(inventory).await,
            Source::Kubernetes(kubernetes) => kubernetes::discover(kubernetes).await,
            Source::Libvirt(libvirt) => libvirt::discover(libvirt).await,
            Source::Network(network) => sweep::discover(network).await,
            Source::Vmware(vmware) => vmware::discover(vmware).await,
        }
    };
    match tokio::time::timeout(RUN_MAX, asked).await {
        Ok(found) => found.map(Found::bounded),
        Err(_) => Err(DiscoverError {
            connector: connection.source.kind(),
            endpoint: connection.source.endpoint(),
            what: format!("did not tell all its machines in {} minutes", RUN_MAX.as_secs() / 60),
            way_out: "divide the source among several connections".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server runs connectors as tasks of their own, which only a future that may change its thread can be.
    #[test]
    fn runs_can_be_tasks() {
        fn is_send<T: Send>(future: T) -> T {
            future
        }
        let source =
            Source::Libvirt(LibvirtConnection { uri: "test:///default".to_owned(), program: "virsh".into() });
        let connection = Connection { name: "lab".to_owned(), source };
        let run = Run { now: Ticks(0), regions: Vec::new() };
        drop(is_send(discover(&connection, &run)));
    }
}
