//! The heartbeat: one row at start and one a minute, so that a silent machine can be told from a quiet one.

use std::time::Duration;

use anyhow::Result;
use bartizan_wire::ExtensionStatus;
use serde_json::{Value, json};

use crate::extension::{Context, Output, Row, row};
use crate::facts;

const INTERVAL: Duration = Duration::from_secs(60);

pub(super) async fn run(context: Context, output: Output) -> Result<()> {
    let mut due = tokio::time::interval(INTERVAL);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = context.stop.cancelled() => return Ok(()),
            _ = due.tick() => output.send_rows(vec![heartbeat(&context)]).await,
        }
    }
}

fn heartbeat(context: &Context) -> Row {
    let machine = &context.configuration.machine;
    let facts = facts::collect();
    let private: Vec<&str> = facts
        .addresses
        .iter()
        .filter(|address| address.interface != "lo" && !address.address.starts_with("fe80:"))
        .map(|address| address.address.as_str())
        .collect();
    let (major, minor) = machine.os_version.split_once('.').unwrap_or((&machine.os_version, ""));
    let id = &context.configuration.identity.machine_id;
    row([
        ("TimeGenerated", json!(context.clock.now())),
        ("Computer", json!(machine.host_name)),
        ("Category", json!("Direct Agent")),
        ("OSType", json!("Linux")),
        ("OSName", json!(machine.os_name)),
        ("OSMajorVersion", json!(major)),
        ("OSMinorVersion", json!(minor)),
        ("Version", json!(crate::VERSION)),
        ("SCAgentChannel", json!("Direct")),
        ("ComputerEnvironment", json!(if facts.cloud_provider == "azure" { "Azure" } else { "Non-Azure" })),
        ("ComputerIP", json!(private.first().copied().unwrap_or("127.0.0.1"))),
        ("ComputerPrivateIPs", json!(private)),
        ("IsGatewayInstalled", Value::Bool(false)),
        ("SourceSystem", json!("Linux")),
        ("VMUUID", json!(machine.vm_id)),
        ("ResourceId", json!(machine.resource_id)),
        ("Resource", json!(machine.name)),
        ("ResourceGroup", json!(id.resource_group())),
        ("ResourceProvider", json!("Microsoft.HybridCompute")),
        ("ResourceType", json!("machines")),
        ("SubscriptionId", json!(id.subscription())),
        ("Solutions", json!(solutions(&context.siblings.borrow()))),
    ])
}

/// Which extensions run, and for the sensor its active source and what it has lost: the one place in the
/// standard columns where a query can see both.
fn solutions(extensions: &[ExtensionStatus]) -> String {
    let describe = |extension: &ExtensionStatus| {
        let mut text = format!("{}:{:?}", extension.name, extension.state);
        if let Some(health) = extension.health.as_ref().filter(|health| !health.tier.is_empty()) {
            let lost = health.counters.get("lost").copied().unwrap_or(0);
            text.push_str(&format!(":tier={}:lost={lost}", health.tier));
        }
        text
    };
    extensions.iter().map(describe).collect::<Vec<_>>().join(", ")
}
