//! `bartizan diagnose` and `bartizan agent-package`: what an operator asks about machines, and gives them.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use bartizan_base::ResourceId;
use bartizan_control::access::Hierarchy;
use bartizan_control::packages;
use bartizan_control::plans::component::MACHINE_TYPE;
use bartizan_control::plans::diagnosis;
use bartizan_records::Records;
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::{open, print_line};

#[derive(Debug, Args)]
pub(crate) struct Diagnose {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    /// Name or resource id of the machine.
    machine: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentPackage {
    /// Offer a program as a version of the agent, signed by this server.
    Add(AddPackage),
}

#[derive(Debug, Args)]
pub(crate) struct AddPackage {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    /// The agent's program.
    program: PathBuf,
    /// Its version, such as 1.4.0.
    #[arg(long)]
    version: String,
    /// What it is built for.
    #[arg(long, default_value = "linux-x86_64")]
    platform: String,
}

/// Ends a diagnosis in which nothing failed and something is under way: worth another look in a minute. 2 is what wrong
/// arguments end with.
const IN_PROGRESS: u8 = 3;

/// Walks the six checks and prints them, with evidence and fix. The exit code is for scripts that wait.
pub(crate) async fn diagnose(arguments: Diagnose) -> anyhow::Result<ExitCode> {
    let (records, _) = open(&arguments.data).await?;
    let machine = find(&records, &arguments.machine).await?;
    let answer = diagnosis::diagnose(&records, &machine, records.now()).await.context("cannot diagnose")?;
    let answer = answer.with_context(|| format!("there is no machine `{machine}`"))?;
    let text = if arguments.json { format!("{answer:#}") } else { shown(&answer["properties"]) };
    print_line(text.trim_end())?;
    Ok(match answer["properties"]["status"].as_str() {
        Some("Healthy") => ExitCode::SUCCESS,
        Some("InProgress") => ExitCode::from(IN_PROGRESS),
        _ => ExitCode::FAILURE,
    })
}

/// The machine of that id, or the only one of that name in any subscription.
async fn find(records: &Records, wanted: &str) -> anyhow::Result<ResourceId> {
    if wanted.starts_with('/') {
        return ResourceId::parse(wanted).with_context(|| format!("`{wanted}` is no resource id"));
    }
    let hierarchy = Hierarchy::load(records).await.context("cannot read the subscriptions")?;
    let mut found = Vec::new();
    for subscription in hierarchy.subscriptions() {
        let machines =
            records.list_all(&subscription.id, MACHINE_TYPE).await.context("cannot list machines")?;
        found.extend(
            machines
                .into_iter()
                .map(|machine| machine.id)
                .filter(|id| id.name().eq_ignore_ascii_case(wanted)),
        );
    }
    match found.as_slice() {
        [] => bail!("there is no machine `{wanted}`; give its name as in the portal, or its resource id"),
        [one] => Ok(one.clone()),
        several => {
            let ids: Vec<&str> = several.iter().map(ResourceId::as_str).collect();
            bail!("{} machines are called `{wanted}`; give one of these ids:\n{}", ids.len(), ids.join("\n"))
        }
    }
}

fn shown(properties: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = format!("{}: {}\n", text(&properties["status"]), text(&properties["summary"]));
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    for check in properties["checks"].as_array().into_iter().flatten() {
        line(format!("{}. {:<11} {}", check["order"], text(&check["result"]), text(&check["displayName"])));
        for evidence in check["evidence"].as_array().into_iter().flatten() {
            line(format!("                 {}", text(evidence)));
        }
        if !text(&check["fix"]).is_empty() {
            line(format!("              -> {}", text(&check["fix"])));
        }
    }
    let agents = &properties["twoAgents"];
    writeln!(out, "two agents: {}", text(&agents["summary"])).expect("a string takes all");
    if !text(&agents["fix"]).is_empty() {
        writeln!(out, "              -> {}", text(&agents["fix"])).expect("a string takes all");
    }
    out
}

/// Runs `bartizan agent-package …`.
pub(crate) fn agent_package(command: AgentPackage) -> anyhow::Result<()> {
    let AgentPackage::Add(AddPackage { data, program, version, platform }) = command;
    anyhow::ensure!(
        data.join("pki").is_dir(),
        "there is no server's data in `{}`; start it first",
        data.display()
    );
    let signed = packages::add(&data.join("pki"), &program, &version, &platform)
        .with_context(|| format!("cannot offer `{}`", program.display()))?;
    print_line(&signed.manifest)
}
