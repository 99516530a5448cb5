//! Found machines become resources, are joined with those that have an agent, and go when their source no longer has them.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bartizan_base::ResourceId;
use bartizan_discover::{Found, KnownMachine, KnownMachines};
use bartizan_records::{Actor, Condition, ListQuery, RecordsError, Resource, Write};
use serde_json::Value;

use crate::app::App;
use crate::discovery::body::{self, FOUND_TYPES, join, mark, mark_of};
use crate::discovery::{CONNECTOR_TYPE, Connector};

/// Complete runs in a row that must miss a machine before it is gone: a source may be restarting, or a machine be on its
/// way from one host to another.
pub(super) const MISSES_MAX: u64 = 3;
/// Machines with an agent.
pub(super) const AGENT_TYPE: &str = "Microsoft.HybridCompute/machines";

/// How often complete runs in a row missed each machine, by its mark.
pub(super) type Misses = BTreeMap<String, u64>;

/// What a run changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) machines: u64,
    pub(super) unmonitored: u64,
    pub(super) added: u64,
    pub(super) gone: u64,
}

/// Writes what a run found. `misses` is what earlier runs missed, and afterwards what they and this one did.
pub(super) async fn apply(
    app: &App,
    connector: &Connector,
    kind: &str,
    found: &Found,
    misses: &mut Misses,
) -> Result<Applied, RecordsError> {
    let agents = agents(app).await?;
    let mut stored: HashMap<String, Resource> = of_connector(app, &connector.id)
        .await?
        .into_iter()
        .map(|old| (mark_of(&old.id).to_owned(), old))
        .collect();
    let mut applied = Applied::default();
    for machine in &found.machines {
        let own = mark(connector, machine);
        misses.remove(&own);
        let before = stored.remove(&own);
        let Some(id) =
            before.as_ref().map(|old| old.id.clone()).or_else(|| body::id(connector, kind, machine))
        else {
            continue;
        };
        let agent = agents.find(machine);
        applied.machines += 1;
        applied.unmonitored += u64::from(agent.is_none());
        applied.added += u64::from(before.is_none());
        let body = body::body(
            connector,
            kind,
            machine,
            agent,
            before.as_ref().map(|old| &old.body),
            app.clock.now(),
        );
        let write = Write { id, body, condition: Condition::None, actor: actor(), audit: false };
        app.records.put(write).await?;
    }
    for (own, old) in stored {
        if found.is_complete() {
            *misses.entry(own.clone()).or_default() += 1;
        }
        if misses.get(&own).is_some_and(|misses| *misses >= MISSES_MAX) {
            misses.remove(&own);
            applied.gone += u64::from(app.records.delete_derived(&old.id, &actor()).await?);
        } else {
            applied.machines += 1;
            applied.unmonitored += u64::from(old.property("machineId").is_none_or(Value::is_null));
        }
    }
    Ok(applied)
}

/// Joins every found machine with the agents that are there now, and takes away what connectors left behind that are no
/// more.
pub(super) async fn join_all(app: &App) -> Result<(), RecordsError> {
    let scope = ListQuery::tenant();
    let connectors = app.records.list_all(&scope, CONNECTOR_TYPE).await?;
    let agents = agents(app).await?;
    for (_, ty) in FOUND_TYPES {
        for old in app.records.list_all(&scope, ty).await? {
            let of = old.property("connectorId").and_then(Value::as_str).unwrap_or_default();
            if !connectors.iter().any(|connector| connector.id.as_str().eq_ignore_ascii_case(of)) {
                app.records.delete_derived(&old.id, &actor()).await?;
                continue;
            }
            let agent = agents.find(&body::found(&old.body));
            if !join(&mut old.body.clone(), agent) {
                continue;
            }
            match app.records.modify(&old.id, &actor(), false, |body| join(body, agent)).await {
                Ok(_) | Err(RecordsError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Takes away what a connector found, before it goes itself.
pub(crate) async fn forget(app: &App, connector: &ResourceId) -> Result<(), RecordsError> {
    for old in of_connector(app, connector).await? {
        app.records.delete_derived(&old.id, &actor()).await?;
    }
    Ok(())
}

async fn of_connector(app: &App, connector: &ResourceId) -> Result<Vec<Resource>, RecordsError> {
    let group = connector.parent().unwrap_or_else(|| app.home.subscription_id());
    let mut out = Vec::new();
    for (_, ty) in FOUND_TYPES {
        let all = app.records.list_all(&group, ty).await?;
        let own = |old: &Resource| {
            let of = old.property("connectorId").and_then(Value::as_str);
            of.is_some_and(|of| of.eq_ignore_ascii_case(connector.as_str()))
        };
        out.extend(all.into_iter().filter(own));
    }
    Ok(out)
}

/// All machines with an agent, by what they say of themselves. One that was made and never connected says nothing.
async fn agents(app: &App) -> Result<KnownMachines, RecordsError> {
    let all = app.records.list_all(&ListQuery::tenant(), AGENT_TYPE).await?;
    Ok(KnownMachines::new(
        all.iter().filter(|machine| machine.property("vmId").is_some()).map(known).collect(),
    ))
}

fn known(machine: &Resource) -> KnownMachine {
    let properties = &machine.body["properties"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let detected = &properties["detectedProperties"];
    let mut known = KnownMachine {
        id: machine.id.to_string(),
        hardware_ids: vec![text(&detected["systemUuid"]), text(&detected["assetTag"])],
        names: ["machineFqdn", "displayName"].iter().map(|name| text(&properties[*name])).collect(),
        ..KnownMachine::default()
    };
    for interface in properties["networkProfile"]["networkInterfaces"].as_array().into_iter().flatten() {
        known
            .macs
            .extend(interface["mac"].as_str().filter(|mac| *mac != "00:00:00:00:00:00").map(str::to_owned));
        let addresses = interface["ipAddresses"].as_array().into_iter().flatten();
        known
            .addresses
            .extend(addresses.filter_map(|entry| entry["address"].as_str()?.parse::<IpAddr>().ok()));
    }
    // Every machine has these, so they tell none from another.
    known.addresses.retain(|address| !address.is_loopback());
    known
}

fn actor() -> Actor {
    Actor::system("discovery")
}
