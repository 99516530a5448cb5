//! What an agent's facts become in `Microsoft.HybridCompute/machines`.

use bartizan_base::Ticks;
use bartizan_wire::MachineFacts;
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

/// Sets the machine's status; `lastStatusChange` moves only when it differs. Whether it did.
pub(super) fn set_status(body: &mut Value, status: &str, now: Ticks) -> bool {
    if body["properties"]["status"] == status {
        return false;
    }
    body["properties"]["status"] = status.into();
    body["properties"]["lastStatusChange"] = now.to_string().into();
    true
}
