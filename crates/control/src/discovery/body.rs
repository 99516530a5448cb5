//! A found machine as a resource.

use bartizan_base::{ResourceId, Ticks};
use bartizan_discover::FoundMachine;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::discovery::Connector;

/// Resource types of found machines by kind of connection: Azure's where it has one for machines of that sort, else the
/// one under which Defender for Cloud shows what a connector found. The latter hangs below its connector.
pub(crate) const FOUND_TYPES: [(&str, &str); 3] = [
    ("aws", "Microsoft.AwsConnector/ec2Instances"),
    ("vmware", "Microsoft.ConnectedVMwarevSphere/virtualMachines"),
    ("", "Microsoft.Security/securityConnectors/securityEntityData"),
];
/// A name's readable part; Azure's names of virtual machines have at most 64 characters.
const NAME_MAX: usize = 40;

/// The type for a kind of connection.
fn found_type(kind: &str) -> &'static str {
    let own = FOUND_TYPES.iter().find(|(of, _)| *of == kind || of.is_empty());
    own.map_or(FOUND_TYPES[2].1, |(_, ty)| *ty)
}

/// Where the resource of a machine is. It follows from the connector and what the source calls the machine for ever, so
/// that a renamed machine gets no second resource: the readable part is that of `known`, when there is one.
pub(super) fn id(connector: &Connector, kind: &str, machine: &FoundMachine) -> Option<ResourceId> {
    let ty = found_type(kind);
    let readable: String = machine
        .name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .take(NAME_MAX)
        .collect();
    let readable = readable.trim_matches('.');
    let name =
        format!("{readable}{}{}", if readable.is_empty() { "" } else { "-" }, mark(connector, machine));
    match ty.strip_prefix("Microsoft.Security/securityConnectors/") {
        Some(below) => connector.id.join(&format!("{below}/{name}")).ok(),
        None => connector.id.parent()?.join(&format!("providers/{ty}/{name}")).ok(),
    }
}

/// Twelve hexadecimal digits that are a machine's own, whatever its name.
pub(super) fn mark(connector: &Connector, machine: &FoundMachine) -> String {
    let unique = format!("{}\n{}", connector.id.key(), machine.native_id);
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_URL, unique.as_bytes()).simple().to_string();
    hash[..12].to_owned()
}

/// The mark in a resource's name.
pub(super) fn mark_of(id: &ResourceId) -> &str {
    let name = id.name();
    name.rsplit('-').next().unwrap_or(name)
}

/// The body of a machine that was found now. `before` is what is stored of it; `agent` the machine that it is, if one
/// has an agent.
pub(super) fn body(
    connector: &Connector,
    kind: &str,
    machine: &FoundMachine,
    agent: Option<&str>,
    before: Option<&Value>,
    now: Ticks,
) -> Value {
    let first = before.map(|before| before["properties"]["firstSeen"].clone()).filter(Value::is_string);
    let mut body = json!({
        "location": connector.location,
        "tags": machine.tags,
        "properties": {
            "connectorId": connector.id,
            "source": kind,
            "nativeId": machine.native_id,
            "displayName": machine.name,
            "hostNames": machine.host_names,
            "hardwareIds": machine.hardware_ids,
            "macAddresses": machine.macs,
            "ipAddresses": machine.addresses,
            "osName": machine.os,
            "osType": machine.os_type,
            "powerState": machine.power.name(),
            "region": machine.region,
            "cluster": machine.cluster,
            "host": machine.host,
            "knownByName": machine.known_by_name,
            "knownByAddress": machine.known_by_address,
            "firstSeen": first.unwrap_or_else(|| now.to_string().into()),
            "provisioningState": "Succeeded",
        },
    });
    join(&mut body, agent);
    body
}

/// Says whether an agent watches the machine, and which machine that is. Whether it changed anything.
pub(super) fn join(body: &mut Value, agent: Option<&str>) -> bool {
    let status = if agent.is_some() { "Monitored" } else { "Unmonitored" };
    let properties = &mut body["properties"];
    let same = properties["status"] == status && properties["machineId"].as_str() == agent;
    properties["status"] = status.into();
    properties["machineId"] = agent.map_or(Value::Null, Value::from);
    !same
}

/// What a stored body says of its machine, as far as it tells which one it is.
pub(super) fn found(body: &Value) -> FoundMachine {
    let properties = &body["properties"];
    let texts = |name: &str| -> Vec<String> {
        let values = properties[name].as_array().into_iter().flatten();
        values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
    };
    FoundMachine {
        name: properties["displayName"].as_str().unwrap_or_default().to_owned(),
        host_names: texts("hostNames"),
        hardware_ids: texts("hardwareIds"),
        macs: texts("macAddresses"),
        addresses: texts("ipAddresses").iter().filter_map(|text| text.parse().ok()).collect(),
        known_by_name: properties["knownByName"] == true,
        known_by_address: properties["knownByAddress"] == true,
        ..FoundMachine::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn connector() -> Connector {
        let id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/g/providers/Microsoft.Security/securityConnectors/c";
        Connector {
            id: ResourceId::parse(id).unwrap(),
            location: "local".to_owned(),
            connection: "c".to_owned(),
            regions: Vec::new(),
            interval: Duration::from_secs(3_600),
        }
    }

    fn machine(name: &str, native: &str) -> FoundMachine {
        FoundMachine { name: name.to_owned(), native_id: native.to_owned(), ..FoundMachine::default() }
    }

    #[test]
    fn each_kind_has_its_type_and_each_machine_its_name() {
        let connector = connector();
        let group = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/g/providers";
        for (kind, start) in [
            ("aws", format!("{group}/Microsoft.AwsConnector/ec2Instances/web-")),
            ("vmware", format!("{group}/Microsoft.ConnectedVMwarevSphere/virtualMachines/web-")),
            ("libvirt", format!("{}/securityEntityData/web-", connector.id)),
        ] {
            let id = id(&connector, kind, &machine("web", "i-1")).unwrap();
            assert!(id.as_str().starts_with(&start), "{id}");
            assert!(bartizan_api::types::find(&id.resource_type()).is_some(), "{kind}: the type is served");
        }
        let mark_of_id =
            |machine: &FoundMachine| mark_of(&id(&connector, "aws", machine).unwrap()).to_owned();
        assert_eq!(mark_of_id(&machine("web", "i-1")), mark_of_id(&machine("renamed", "i-1")));
        assert_ne!(mark_of_id(&machine("web", "i-1")), mark_of_id(&machine("web", "i-2")));
        for odd in ["", "../../x", "a/b c", "é", "...", &"x".repeat(300)] {
            let id = id(&connector, "aws", &machine(odd, "i-1")).unwrap();
            assert!(
                id.name().len() <= 64 && mark_of(&id) == mark(&connector, &machine(odd, "i-1")),
                "{odd}: {id}"
            );
        }
    }

    #[test]
    fn what_tells_a_machine_from_others_survives_storing() {
        let machine = FoundMachine {
            name: "web".to_owned(),
            host_names: vec!["web.example.org".to_owned()],
            hardware_ids: vec!["i-1".to_owned()],
            macs: vec!["52:54:00:00:00:01".to_owned()],
            addresses: vec!["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()],
            known_by_name: true,
            ..FoundMachine::default()
        };
        let first = body(&connector(), "aws", &machine, None, None, Ticks(0));
        assert_eq!(found(&first), machine);
        assert_eq!(first["properties"]["status"], "Unmonitored");
        let later = body(&connector(), "aws", &machine, Some("/agent"), Some(&first), Ticks(10_000_000));
        assert_eq!(later["properties"]["firstSeen"], first["properties"]["firstSeen"]);
        assert_eq!(
            (&later["properties"]["status"], &later["properties"]["machineId"]),
            (&json!("Monitored"), &json!("/agent"))
        );
    }
}
