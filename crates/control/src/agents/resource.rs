//! What an agent's facts become in `Microsoft.HybridCompute/machines`.

use bartizan_base::Ticks;
use bartizan_wire::{AgentStatus, ConnectivityReport, HostFacts, MachineFacts};
use serde_json::{Value, json};

/// Writes facts into a machine's body.
pub(super) fn describe(body: &mut Value, facts: &MachineFacts, agent_version: &str) {
    let mut interfaces: Vec<Value> = Vec::new();
    for address in &facts.addresses {
        let version = if address.address.contains(':') { "IPv6" } else { "IPv4" };
        let entry = json!({
            "address": address.address,
            "ipAddressVersion": version,
            "subnet": {"addressPrefix": format!("{}/{}", address.address, address.prefix_length)},
        });
        match interfaces.iter_mut().find(|interface| interface["name"] == address.interface.as_str()) {
            Some(interface) => interface["ipAddresses"].as_array_mut().expect("made below").push(entry),
            None => interfaces
                .push(json!({"name": address.interface, "mac": address.mac, "ipAddresses": [entry]})),
        }
    }
    let properties = [
        ("agentVersion", json!(agent_version)),
        ("displayName", json!(facts.host_name)),
        ("machineFqdn", json!(facts.fqdn)),
        ("dnsFqdn", json!(facts.fqdn)),
        ("osType", json!(facts.os_type)),
        ("osName", json!(facts.os_name)),
        ("osSku", json!(facts.os_sku)),
        ("osVersion", json!(facts.os_version)),
        ("networkProfile", json!({"networkInterfaces": interfaces})),
        (
            "detectedProperties",
            json!({
                "kernel": facts.kernel,
                "architecture": facts.architecture,
                "manufacturer": facts.manufacturer,
                "model": facts.model,
                "systemUuid": facts.system_uuid,
                "assetTag": facts.asset_tag,
                "processorNames": facts.cpu_model,
                "logicalCoreCount": facts.cpu_count.to_string(),
                "totalPhysicalMemoryInBytes": facts.memory_bytes.to_string(),
                "totalPhysicalMemoryInGigabytes": (facts.memory_bytes >> 30).to_string(),
                "virtualization": facts.virtualization,
                "cloudprovider": facts.cloud_provider,
                "bootTime": facts.boot_time.map(|time| time.to_string()).unwrap_or_default(),
                "timeZone": facts.time_zone,
            }),
        ),
    ];
    for (name, value) in properties {
        body["properties"][name] = value;
    }
}

/// Numbers that move all the time are kept in steps of this many bytes: each change of a machine is a write, an
/// evaluation of its policies, and a line in the change feed.
const BYTES_STEP: u64 = 64 << 20;
/// The same for the difference of clocks.
const SECONDS_STEP: i64 = 10;

/// Writes what the agent found out about its surroundings, as `properties.agentReport`. What an older agent does not
/// report goes, rather than staying as it once was.
pub(super) fn describe_agent(body: &mut Value, status: &AgentStatus) {
    let report = json!({
        "host": status.host.as_ref().map(in_steps),
        "connectivity": status.connectivity.as_ref().map(without_times),
        "sealingKey": status.sealing_key,
        "upgrade": status.upgrade,
    });
    body["properties"]["agentReport"] = report;
}

fn in_steps(host: &HostFacts) -> HostFacts {
    HostFacts {
        disk_free_bytes: host.disk_free_bytes.map(|bytes| bytes / BYTES_STEP * BYTES_STEP),
        memory_available_bytes: None,
        ..host.clone()
    }
}

/// The look without what differs from look to look.
fn without_times(report: &ConnectivityReport) -> Value {
    let mut value = json!(report);
    value["clockAheadSeconds"] =
        json!(report.clock_ahead_seconds.map(|seconds| seconds / SECONDS_STEP * SECONDS_STEP));
    if let Some(members) = value.as_object_mut() {
        members.shift_remove("time");
    }
    let endpoints = value["endpoints"].as_array_mut().into_iter().flatten();
    for hop in endpoints.flat_map(|endpoint| endpoint["hops"].as_array_mut().into_iter().flatten()) {
        if let Some(members) = hop.as_object_mut() {
            members.shift_remove("milliseconds");
        }
    }
    value
}

/// Sets the machine's status; `lastStatusChange` moves only when it differs. Whether it did.
pub(super) fn set_status(body: &mut Value, status: &str, now: Ticks) -> bool {
    if body["properties"]["status"] == status {
        return false;
    }
    body["properties"]["status"] = status.into();
    body["properties"]["lastStatusChange"] = now.to_string().into();
    true
}
