//! A page of `DescribeInstances` as machines.

use std::collections::BTreeMap;

use roxmltree::Node;

use crate::aws::name_of;
use crate::error::shown;
use crate::machine::{FoundMachine, Power, address, mac, os_type};
use crate::xml::{self, children, text};

/// The machines of a page, and the token of the next one (empty at the end). Terminated instances, which EC2 lists
/// for another hour, are none.
pub(crate) fn page(body: &str, region: &str) -> Result<(Vec<FoundMachine>, String), String> {
    let document = xml::parse(body)?;
    let root = document.root_element();
    if root.tag_name().name() != "DescribeInstancesResponse" {
        return Err(format!("it is a `{}`", shown(root.tag_name().name())));
    }
    let mut machines = Vec::new();
    for reservations in children(root, "reservationSet") {
        for reservation in children(reservations, "item") {
            let account = text(reservation, &["ownerId"]);
            for instances in children(reservation, "instancesSet") {
                machines
                    .extend(children(instances, "item").filter_map(|item| machine(item, region, account)));
            }
        }
    }
    Ok((machines, text(root, &["nextToken"]).to_owned()))
}

fn machine(item: Node<'_, '_>, region: &str, account: &str) -> Option<FoundMachine> {
    let id = text(item, &["instanceId"]);
    let power = match text(item, &["instanceState", "name"]) {
        "pending" | "running" | "shutting-down" => Power::Running,
        "stopping" | "stopped" => Power::Stopped,
        "terminated" => return None,
        _ => Power::Unknown,
    };
    if id.is_empty() {
        return None;
    }
    let mut addresses =
        vec![text(item, &["privateIpAddress"]), text(item, &["ipAddress"]), text(item, &["ipv6Address"])];
    let mut macs = Vec::new();
    for card in xml::child(item, "networkInterfaceSet").into_iter().flat_map(|set| children(set, "item")) {
        macs.extend(mac(text(card, &["macAddress"])));
        for (set, name) in
            [("privateIpAddressesSet", "privateIpAddress"), ("ipv6AddressesSet", "ipv6Address")]
        {
            let of_card = xml::child(card, set).into_iter().flat_map(|set| children(set, "item"));
            addresses.extend(of_card.map(|entry| text(entry, &[name])));
        }
    }
    let tags: BTreeMap<String, String> = xml::child(item, "tagSet")
        .into_iter()
        .flat_map(|set| children(set, "item"))
        .map(|tag| (text(tag, &["key"]).to_owned(), text(tag, &["value"]).to_owned()))
        .filter(|(key, _)| !key.is_empty())
        .collect();
    // `platformDetails` says more than `platform`, which is only there for Windows.
    let details = text(item, &["platformDetails"]);
    let os = if details.is_empty() { text(item, &["platform"]) } else { details };
    let windows = os_type(os) == "windows" || text(item, &["platform"]) == "windows";
    let mut machine = FoundMachine {
        native_id: id.to_owned(),
        host_names: vec![text(item, &["privateDnsName"]).to_owned(), text(item, &["dnsName"]).to_owned()],
        // A machine of the Nitro system sees its instance id in its firmware.
        hardware_ids: vec![id.to_owned()],
        macs,
        addresses: addresses.into_iter().filter_map(address).collect(),
        os: os.to_owned(),
        os_type: if windows { "windows" } else { "linux" }.to_owned(),
        power,
        tags,
        region: region.to_owned(),
        cluster: text(item, &["placement", "availabilityZone"]).to_owned(),
        host: account.to_owned(),
        ..FoundMachine::default()
    };
    machine.name = name_of(&machine);
    Some(machine)
}
