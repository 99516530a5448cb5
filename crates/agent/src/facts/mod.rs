//! What this machine is: operating system, hardware, addresses. Read at start and every ten minutes.

mod hardware;
mod host;
mod network;
mod os;

use bartizan_wire::MachineFacts;

pub use host::collect as collect_host;
pub use os::OsRelease;

/// Reads everything. Parts that cannot be read stay empty; a fact is never guessed.
pub fn collect() -> MachineFacts {
    let mut facts = MachineFacts { os_type: "linux".to_owned(), ..MachineFacts::default() };
    os::fill(&mut facts);
    hardware::fill(&mut facts);
    facts.addresses = network::addresses();
    facts
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_machine_has_the_basic_facts() {
        let facts = super::collect();
        assert!(!facts.host_name.is_empty() && !facts.kernel.is_empty() && !facts.architecture.is_empty());
        assert!(facts.cpu_count > 0 && facts.memory_bytes > 0 && facts.boot_time.is_some());
        assert!(
            facts.addresses.iter().any(|address| address.address == "127.0.0.1"),
            "{:?}",
            facts.addresses
        );
    }
}
