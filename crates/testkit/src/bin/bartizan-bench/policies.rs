//! The policies of many resources, evaluated on demand by a running server.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use bartizan_base::{ResourceId, SystemClock};
use bartizan_records::{Actor, BulkWrite, Condition, Records, Write};
use bartizan_testkit::real::server::{Client, Server};
use serde_json::{Value, json};

use crate::process;
use crate::report::{Report, bytes, thousands, time};

const MACHINE: &str = "Microsoft.HybridCompute/machines";
const EXTENSION: &str = "Microsoft.HybridCompute/machines/extensions";
/// Extensions of a machine, none of a plan.
const EXTENSIONS: usize = 3;
const TEAMS: usize = 20;
/// Policies about every machine, and about every extension.
const ABOUT_MACHINES: usize = 5;
const ABOUT_EXTENSIONS: usize = 2;
const POLICIES: usize = 50;
/// Resources that are stored in one transaction.
const TOGETHER: usize = 5_000;

/// Evaluates 50 policies over `resources` three times.
pub(crate) async fn run(resources: usize, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path())?;
    let owner = server.owner().await?;
    let (subscription, workspace) = (owner.subscription(), owner.session("workspaceId"));
    let group = workspace.split("/providers/").next().context("the workspace is in a group")?.to_owned();
    server.process.stop()?;
    let machines = resources / (EXTENSIONS + 1);
    fill(folder.path(), &subscription, &group, machines).await?;
    server = Server::start(folder.path())?;
    // The session is still good; the address is a new one.
    let owner = owner.at(&server)?;
    let pid = server.process.pid();

    let what =
        format!("{POLICIES} policies over {} resources", thousands((machines * (EXTENSIONS + 1)) as u64));
    for (name, bar) in [("for the first time", ""), ("again, nothing changed", "10 s")] {
        let (cpu, begun) = (process::cpu_seconds(pid), Instant::now());
        owner.evaluate_policies().await?;
        report.add(format!("{what}, {name}"), time(begun.elapsed()), bar);
        used(report, process::cpu_seconds(pid) - cpu);
    }
    for number in (0..machines).step_by(100) {
        let path = format!("{}?api-version=2024-07-10", machine_id(&group, number));
        owner.put(&path, machine_body(number, "test")).await?;
    }
    let (cpu, begun) = (process::cpu_seconds(pid), Instant::now());
    owner.evaluate_policies().await?;
    let changed = thousands(machines.div_ceil(100) as u64);
    report.add(format!("{what}, after {changed} changed"), time(begun.elapsed()), "10 s");
    used(report, process::cpu_seconds(pid) - cpu);
    let memory = format!("{}, {}", bytes(process::peak_bytes(pid)), bytes(process::resident_bytes(pid)));
    report.add("server's memory: peak, in the end", memory, "1 GB");
    check(&owner, &subscription, machines).await
}

fn used(report: &mut Report, seconds: f64) {
    report.add("server's processor time for it", format!("{seconds:.1} s"), "");
}

/// Whether there are as many states as there must be, each of the kind that its policy says.
async fn check(owner: &Client, subscription: &str, machines: usize) -> anyhow::Result<()> {
    let summary = format!(
        "{subscription}/providers/Microsoft.PolicyInsights/policyStates/latest/summarize?api-version=2019-10-01"
    );
    let answer = owner.post(&summary, json!({})).await?;
    // Policy `p1` is about every machine; those that were changed are not in production any more.
    let found = answer["value"][0]["policyAssignments"].as_array().and_then(|all| {
        let first = |one: &&Value| one["policyAssignmentId"].as_str().is_some_and(|id| id.ends_with("/p1"));
        all.iter().find(first)?["results"]["nonCompliantResources"].as_u64()
    });
    let wanted = machines.div_ceil(100) as u64;
    anyhow::ensure!(found == Some(wanted), "policy p1 found {found:?} machines, expected {wanted}");
    Ok(())
}

async fn fill(folder: &Path, subscription: &str, group: &str, machines: usize) -> anyhow::Result<()> {
    let records = Records::open(&folder.join("control.db"), Arc::new(SystemClock)).await?;
    let of = ResourceId::parse(subscription)?;
    let mut writes = Vec::new();
    for (id, body) in
        policies(subscription).into_iter().chain((0..machines).flat_map(|n| of_machine(group, n)))
    {
        let actor = Actor::system("bench");
        let write =
            Write { id: ResourceId::parse(&id)?, body, condition: Condition::None, actor, audit: false };
        writes.push(BulkWrite { write, of: of.clone() });
        if writes.len() == TOGETHER {
            records.put_many(std::mem::take(&mut writes), &[], &Actor::system("bench")).await?;
        }
    }
    records.put_many(writes, &[], &Actor::system("bench")).await?;
    records.close().await;
    Ok(())
}

/// Definitions and their assignments.
fn policies(subscription: &str) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    for number in 1..=POLICIES {
        let about_all = number <= ABOUT_MACHINES + ABOUT_EXTENSIONS;
        let machines = if about_all { number <= ABOUT_MACHINES } else { number.is_multiple_of(2) };
        let kind = json!({"field": "type", "equals": if machines { MACHINE } else { EXTENSION }});
        let rule = if about_all {
            let (field, value) = match machines {
                true => ("tags['stage']".to_owned(), "production"),
                false => (format!("{EXTENSION}/publisher"), "Example"),
            };
            json!({"if": {"allOf": [kind, {"field": field, "notEquals": value}]}, "then": {"effect": "audit"}})
        } else {
            let team = format!("t{}", number % TEAMS);
            json!({
                "if": {"allOf": [kind, {"field": "tags['team']", "equals": team},
                                 {"field": "location", "in": ["local", "elsewhere"]}]},
                "then": {"effect": "auditIfNotExists", "details": {
                    "type": EXTENSION,
                    "existenceCondition": {"field": format!("{EXTENSION}/provisioningState"), "equals": "Succeeded"}}},
            })
        };
        let authorization = format!("{subscription}/providers/Microsoft.Authorization");
        let definition = format!("{authorization}/policyDefinitions/p{number}");
        let properties =
            json!({"mode": "All", "displayName": format!("Policy {number}"), "policyRule": rule});
        out.push((definition.clone(), json!({"properties": properties})));
        let assignment = format!("{authorization}/policyAssignments/p{number}");
        out.push((
            assignment,
            json!({"properties": {"policyDefinitionId": definition, "scope": subscription}}),
        ));
    }
    out
}

fn machine_id(group: &str, number: usize) -> String {
    format!("{group}/providers/{MACHINE}/bench-{number:06}")
}

fn machine_body(number: usize, stage: &str) -> Value {
    let tags = json!({"team": format!("t{}", number % TEAMS), "stage": stage});
    json!({"location": "local", "tags": tags, "properties": {
        "provisioningState": "Succeeded", "status": "Disconnected", "osName": "Debian GNU/Linux 12",
        "osType": "linux", "osSku": "debian", "osVersion": "12", "agentVersion": "0.1.0",
        "machineFqdn": format!("bench-{number:06}.example"), "displayName": format!("bench-{number:06}"),
        "vmId": format!("{number:032x}"),
        "detectedProperties": {"kernel": "6.1.0-18-amd64", "architecture": "x86_64", "logicalCoreCount": "4",
            "totalPhysicalMemoryInBytes": "8589934592", "virtualization": "kvm"},
    }})
}

/// A machine with its extensions.
fn of_machine(group: &str, number: usize) -> Vec<(String, Value)> {
    let id = machine_id(group, number);
    let mut out = vec![(id.clone(), machine_body(number, "production"))];
    for extension in 0..EXTENSIONS {
        let body = json!({"location": "local", "tags": {"team": format!("t{}", number % TEAMS)}, "properties": {
            "publisher": "Example", "type": format!("Tool{extension}"), "typeHandlerVersion": "1.0",
            "provisioningState": "Succeeded", "autoUpgradeMinorVersion": true, "settings": {"interval": 60},
            "instanceView": {"status": {"code": "ProvisioningState/succeeded", "message": "running"}},
        }});
        out.push((format!("{id}/extensions/Tool{extension}"), body));
    }
    out
}
