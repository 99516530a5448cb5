//! Objects of the property collector as machines and the places they run in.

use std::collections::HashMap;

use roxmltree::{Document, Node};

use crate::error::shown;
use crate::machine::{FoundMachine, Power, address, mac, os_type};
use crate::xml::{self, children, text};

/// What is asked of a virtual machine.
pub(super) const PROPERTIES: &[(&str, &[&str])] = &[(
    "VirtualMachine",
    &[
        "name",
        "config.uuid",
        "config.instanceUuid",
        "config.template",
        "config.guestFullName",
        "guest.guestFullName",
        "guest.hostName",
        "guest.ipAddress",
        "guest.net",
        "runtime.powerState",
        "runtime.host",
    ],
)];

/// What is asked of hosts and what they belong to.
pub(super) const PLACE_PROPERTIES: &[(&str, &[&str])] =
    &[("HostSystem", &["name", "parent"]), ("ComputeResource", &["name"])];

/// An object of an answer.
#[derive(Debug, Default)]
pub(crate) struct Object {
    ty: String,
    id: String,
    /// Single values by path.
    values: HashMap<String, String>,
    /// Cards of the guest: their address and those of IP.
    cards: Vec<(String, Vec<String>)>,
    /// Properties that our user may not read.
    hidden: bool,
}

/// Names of hosts and of what they belong to, by object.
#[derive(Debug, Default)]
pub(super) struct Places {
    names: HashMap<String, String>,
    parents: HashMap<String, String>,
}

impl Places {
    pub(super) fn add(&mut self, object: &Object) {
        self.names.insert(object.id.clone(), object.value("name"));
        if object.ty == "HostSystem" {
            self.parents.insert(object.id.clone(), object.value("parent"));
        }
    }

    /// The names of a host and of its cluster.
    fn of_host(&self, host: &str) -> (String, String) {
        let name = |id: &str| self.names.get(id).cloned().unwrap_or_default();
        let cluster = self.parents.get(host).map(|parent| name(parent)).unwrap_or_default();
        (name(host), cluster)
    }
}

impl Object {
    fn value(&self, path: &str) -> String {
        self.values.get(path).cloned().unwrap_or_default()
    }

    /// The machine; none for a template. An error when our user may not read it.
    pub(super) fn machine(&self, places: &Places) -> Result<Option<FoundMachine>, ()> {
        if self.value("config.template") == "true" {
            return Ok(None);
        }
        let name = self.value("name");
        if name.is_empty() && self.hidden {
            return Err(());
        }
        let instance = self.value("config.instanceUuid");
        let (host, cluster) = places.of_host(&self.value("runtime.host"));
        let guest = self.value("guest.guestFullName");
        let os = if guest.is_empty() { self.value("config.guestFullName") } else { guest };
        let ips = self.cards.iter().flat_map(|(_, ips)| ips.iter().cloned());
        let addresses = std::iter::once(self.value("guest.ipAddress")).chain(ips);
        Ok(Some(FoundMachine {
            native_id: if instance.is_empty() { self.id.clone() } else { instance },
            name,
            host_names: vec![self.value("guest.hostName")],
            hardware_ids: vec![self.value("config.uuid")],
            macs: self.cards.iter().filter_map(|(card, _)| mac(card)).collect(),
            addresses: addresses.filter_map(|text| address(&text)).collect(),
            os_type: os_type(&os).to_owned(),
            os,
            power: match self.value("runtime.powerState").as_str() {
                "poweredOn" => Power::Running,
                "poweredOff" => Power::Stopped,
                "suspended" => Power::Suspended,
                _ => Power::Unknown,
            },
            cluster,
            host,
            ..FoundMachine::default()
        }))
    }
}

/// The objects of a page of properties, and the token of the next page (empty at the end).
pub(crate) fn objects(body: &str) -> Result<(Vec<Object>, String), String> {
    let document: Document<'_> = xml::parse(body)?;
    let answer = document
        .descendants()
        .find(|node| node.is_element() && node.tag_name().name().ends_with("RetrievePropertiesExResponse"))
        .ok_or_else(|| format!("it is a `{}`", shown(document.root_element().tag_name().name())))?;
    // Nothing at all is an empty answer.
    let Some(result) = xml::child(answer, "returnval") else { return Ok((Vec::new(), String::new())) };
    let objects = children(result, "objects").filter_map(object).collect();
    Ok((objects, text(result, &["token"]).to_owned()))
}

fn object(node: Node<'_, '_>) -> Option<Object> {
    let reference = xml::child(node, "obj")?;
    let mut object = Object {
        ty: reference.attribute("type").unwrap_or_default().to_owned(),
        id: reference.text()?.to_owned(),
        hidden: xml::child(node, "missingSet").is_some(),
        ..Object::default()
    };
    for property in children(node, "propSet") {
        let (Some(name), Some(value)) = (xml::child(property, "name"), xml::child(property, "val")) else {
            continue;
        };
        match name.text().unwrap_or_default().trim() {
            "guest.net" => object.cards = children(value, "GuestNicInfo").map(card).collect(),
            name => drop(object.values.insert(name.to_owned(), value.text().unwrap_or_default().to_owned())),
        }
    }
    Some(object)
}

fn card(node: Node<'_, '_>) -> (String, Vec<String>) {
    let ips = children(node, "ipAddress").filter_map(|ip| ip.text().map(str::to_owned)).collect();
    (text(node, &["macAddress"]).to_owned(), ips)
}
