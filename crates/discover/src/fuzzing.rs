//! What `cargo xtask fuzz` throws random input at: everything that reads what others wrote.

use std::path::{Path, PathBuf};

use crate::inventory::{InventoryConnection, InventoryFormat};
use crate::machine::{Found, MACHINES_MAX, Power};

/// Reads `data` as the answer of every source and as every inventory. Whatever it is, there is an answer within bounds.
pub fn answers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut machines = Vec::new();
    machines.extend(crate::aws::page(&text, "eu-west-1").map(|(machines, _)| machines).unwrap_or_default());
    machines
        .extend(crate::kubernetes::page(&text, "cluster").map(|(machines, _)| machines).unwrap_or_default());
    machines.extend(crate::libvirt::machine(&text, Power::Running));
    drop(crate::vmware::objects(&text));
    drop(crate::connection::parse(&text));
    for format in [InventoryFormat::Ini, InventoryFormat::Yaml, InventoryFormat::SshConfig] {
        let inventory =
            InventoryConnection { path: PathBuf::from("/hosts"), format: Some(format), tags: Vec::new() };
        machines.extend(crate::inventory::read(&text, Path::new("/hosts"), &inventory).unwrap_or_default());
    }
    let found = Found { machines, shortfalls: Vec::new() }.bounded();
    assert!(found.machines.len() <= MACHINES_MAX, "a run lists no more than it may");
}
