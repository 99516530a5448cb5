//! Three machines, each with its own network, host name and state, and what becomes of them: a plan comes on while the
//! server restarts, one is cut off, one has an unsupported system, one is blocked by a policy; then a smaller plan, a move
//! to another subscription, and an agent that somebody took away.
//!
//! The machines are network namespaces on a bridge. The test starts itself again inside a network of its own, so that
//! nothing of this machine's network is touched.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bartizan_testkit::real::programs::{Running, capture, eventually, is_root, program};
use bartizan_testkit::real::server::{Client, Server};
use reqwest::Method;
use serde_json::{Value, json};

/// The server's address on the bridge.
const GATEWAY: &str = "10.77.0.1";
const NETWORK: &str = "ip link set lo up; ip link add br0 type bridge; ip addr add 10.77.0.1/24 dev br0; ip link set br0 up; \
     ip link add t0 type veth peer name t1; ip link del t0; unshare -nmu true";
/// Installing and reporting, on a machine that does much else.
const SOON: Duration = Duration::from_secs(120);
/// Seconds of silence after which this test's server calls a machine disconnected; and room for the last word before it.
const DISCONNECTED_AFTER: &str = "45";
const SILENCE: Duration = Duration::from_secs(150);

#[test]
fn three_hosts_live_through_good_and_bad_days() -> anyhow::Result<()> {
    if !is_root() {
        println!("skipped: machines of their own need root");
        return Ok(());
    }
    let permitted = Command::new("unshare").args(["-nm", "sh", "-ec", NETWORK]).output();
    if !permitted.as_ref().is_ok_and(|output| output.status.success()) {
        println!("skipped: this machine does not permit networks of their own: {permitted:?}");
        return Ok(());
    }
    let script =
        format!("{NETWORK}; exec \"$0\" --exact three_hosts::inside --ignored --nocapture --test-threads=1");
    let status = Command::new("unshare")
        .args(["-nm", "sh", "-ec", &script])
        .arg(std::env::current_exe()?)
        .env("BARTIZAN_DISCONNECTED_AFTER", DISCONNECTED_AFTER)
        .stdin(Stdio::null())
        .status()?;
    ensure!(status.success(), "inside the network: {status}");
    Ok(())
}

/// A machine: a process that holds its namespaces, and the agent in them.
struct Host {
    name: &'static str,
    state: PathBuf,
    holder: Running,
    agent: Option<Running>,
}

impl Host {
    /// Makes machine `number`. `release` stands in for its os-release.
    fn new(folder: &Path, number: u8, name: &'static str, release: Option<&str>) -> anyhow::Result<Self> {
        let mut script = format!("hostname {name}; ip link set lo up; ");
        if let Some(text) = release {
            let file = folder.join(format!("{name}-release"));
            std::fs::write(&file, text)?;
            script.push_str(&format!("mount --bind {} \"$(readlink -f /etc/os-release)\"; ", file.display()));
        }
        script.push_str("echo ready; exec sleep 3600");
        let mut command = Command::new("unshare");
        command.args(["-nmu", "sh", "-ec", &script]).stdout(Stdio::piped());
        let mut holder = Running::start(name, &mut command)?;
        let mut line = String::new();
        BufReader::new(holder.child.stdout.take().context("no output")?).read_line(&mut line)?;
        ensure!(line.trim() == "ready", "`{name}` was not made");
        let host = Self { name, state: folder.join(name), holder, agent: None };
        let pid = host.holder.pid();
        let wire = format!(
            "ip link add v{number} type veth peer name p{number}; ip link set p{number} netns {pid} name eth0; \
             ip link set v{number} master br0 up"
        );
        capture(Command::new("sh").args(["-ec", &wire]))?;
        let address = format!("ip addr add 10.77.0.{}/24 dev eth0; ip link set eth0 up", 10 + number);
        capture(host.inside("sh").args(["-ec", &address]))?;
        Ok(host)
    }

    /// A program in the machine's namespaces.
    fn inside(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.holder.pid().to_string(), "-n", "-m", "-u", "--"]).arg(program);
        command
    }

    fn connect(&mut self, server: &Server) -> anyhow::Result<()> {
        let token = capture(
            Command::new(program("bartizan")).arg("onboarding-token").arg("--data").arg(&server.data),
        )?;
        let mut connect = self.inside(program("bartizan-agent"));
        connect
            .args(["connect", "--server", &server.url, "--resource-name", self.name, "--ca"])
            .arg(&server.ca);
        capture(connect.env("BARTIZAN_TOKEN", token.trim()).arg("--state").arg(&self.state))?;
        let mut run = self.inside(program("bartizan-agent"));
        self.agent = Some(Running::start(self.name, run.args(["run", "--state"]).arg(&self.state))?);
        Ok(())
    }

    /// From now on packets to the server go nowhere, as behind a firewall that drops them.
    fn cut_off(&self) -> anyhow::Result<()> {
        let drop = format!("ip neigh replace {GATEWAY} lladdr 02:00:00:00:00:99 nud permanent dev eth0");
        capture(self.inside("sh").args(["-ec", &drop])).map(drop_output)
    }

    fn join_again(&self) -> anyhow::Result<()> {
        let join = format!("ip neigh del {GATEWAY} dev eth0");
        capture(self.inside("sh").args(["-ec", &join])).map(drop_output)
    }
}

fn drop_output(_: String) {}

/// What `bartizan diagnose` prints, and whether it finds nothing wrong.
fn diagnose(server: &Server, machine: &str) -> anyhow::Result<(bool, String)> {
    let output = Command::new(program("bartizan"))
        .args(["diagnose", machine, "--data"])
        .arg(&server.data)
        .stdin(Stdio::null())
        .output()?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Waits until the diagnosis has all of `words`, and gives it.
async fn diagnosed(
    server: &Server,
    machine: &str,
    words: &[&str],
    limit: Duration,
) -> anyhow::Result<String> {
    let mut last = String::new();
    let found = eventually(&format!("diagnosis of {machine} with {words:?}"), limit, async || {
        let (well, text) = diagnose(server, machine)?;
        last.clone_from(&text);
        let healthy = words.iter().any(|word| word.starts_with("Healthy"));
        Ok((words.iter().all(|word| text.contains(word)) && well == healthy).then_some(text))
    })
    .await;
    let (text, took) = found.with_context(|| format!("the last diagnosis was:\n{last}"))?;
    println!("{machine}: {words:?} after {took:?}");
    Ok(text)
}

async fn put(owner: &Client, path: &str, version: &str, body: Value) -> anyhow::Result<Value> {
    owner.put(&format!("{path}?api-version={version}"), body).await
}

async fn plan(owner: &Client, subscription: &str, tier: &str) -> anyhow::Result<()> {
    let path = format!("{subscription}/providers/Microsoft.Security/pricings/VirtualMachines");
    put(owner, &path, "2024-01-01", json!({"properties": {"pricingTier": "Standard", "subPlan": tier}}))
        .await?;
    Ok(())
}

const HEALTHY: [&str; 2] = ["Healthy: all checks pass", "two agents: both agents work"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by `three_hosts_live_through_good_and_bad_days` inside a network of its own"]
async fn inside() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start_at(&folder.path().join("server"), GATEWAY)?;
    let owner = server.owner().await?;
    let home = owner.subscription();
    let old = "ID=debian\nVERSION_ID=9\nPRETTY_NAME=\"Debian GNU/Linux 9 (stretch)\"\n";
    let mut cut = Host::new(folder.path(), 1, "cut-1", None)?;
    let mut aged = Host::new(folder.path(), 2, "old-1", Some(old))?;
    let mut shut = Host::new(folder.path(), 3, "shut-1", None)?;
    let machine = |name: &str| {
        format!("{home}/resourceGroups/{}/providers/Microsoft.HybridCompute/machines/{name}", "bartizan")
    };
    let own = |path: &str| format!("{home}/providers/Microsoft.Authorization/{path}/no-extensions");

    // Connected, and no plan.
    for host in [&mut cut, &mut aged, &mut shut] {
        host.connect(&server)?;
        let words = ["check 1 of 6 fails", "the plan `VirtualMachines` is Free", "4. Passed"];
        diagnosed(&server, host.name, &words, SOON).await?;
    }

    // A policy forbids extensions on one of them; then the plan comes on, and the server goes away in the middle of it.
    let rule = json!({"if": {"allOf": [
        {"field": "type", "equals": "Microsoft.HybridCompute/machines/extensions"},
        {"field": "id", "contains": "/machines/shut-1/"},
    ]}, "then": {"effect": "deny"}});
    put(
        &owner,
        &own("policyDefinitions"),
        "2023-04-01",
        json!({"properties": {"mode": "All", "policyRule": rule}}),
    )
    .await?;
    let assignment = own("policyAssignments");
    put(
        &owner,
        &assignment,
        "2023-04-01",
        json!({"properties": {"policyDefinitionId": own("policyDefinitions")}}),
    )
    .await?;
    plan(&owner, &home, "P2").await?;
    server.restart()?;
    diagnosed(&server, "cut-1", &HEALTHY, SOON).await?;

    // One is unsupported: the reason, and what to do instead.
    let words =
        ["check 3 of 6 fails", "Debian GNU/Linux 9 (stretch) is not supported", "upgrade to Debian 12"];
    diagnosed(&server, "old-1", &words, SOON).await?;
    let sensor =
        owner.get(&format!("{}/extensions/MDE.Linux?api-version=2024-07-10", machine("old-1"))).await?;
    ensure!(sensor["properties"]["provisioningState"] == "Failed", "{sensor}");

    // One is blocked, by name, until it is exempt.
    let words = ["check 5 of 6 fails", "no-extensions", "exempt the machine from assignment `no-extensions`"];
    diagnosed(&server, "shut-1", &words, SOON).await?;
    let exemption =
        format!("{}/providers/Microsoft.Authorization/policyExemptions/let-it-be", machine("shut-1"));
    let waiver = json!({"properties": {"policyAssignmentId": assignment, "exemptionCategory": "Waiver"}});
    put(&owner, &exemption, "2022-07-01-preview", waiver).await?;
    diagnosed(&server, "shut-1", &HEALTHY, SOON).await?;

    // One is cut off. The machine knows at once which hop fails; the server after a while, below.
    cut.cut_off()?;
    let check = cut
        .inside(program("bartizan-agent"))
        .args(["check", "--timeout", "2", "--state"])
        .arg(&cut.state)
        .output()?;
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    ensure!(!check.status.success() && said.contains("drops the packets"), "{said}");

    // The smaller plan: what it lacks goes off and says so.
    plan(&owner, &home, "P1").await?;
    let inventory = format!("{}/extensions/ChangeTracking-Linux?api-version=2024-07-10", machine("shut-1"));
    eventually("the inventory to go", SOON, async || {
        Ok((owner.send(Method::GET, &inventory, None).await?.0 == 404).then_some(()))
    })
    .await?;
    let features =
        format!("{}/providers/Bartizan.Security/features?api-version=2024-01-01", machine("shut-1"));
    let listed = owner.get(&features).await?;
    let of = |key: &str| {
        let mut all = listed["value"].as_array().into_iter().flatten();
        all.find(|feature| feature["name"] == key)
            .map_or(Value::Null, |feature| feature["properties"].clone())
    };
    let lost = of("fileIntegrityMonitoring");
    ensure!(
        lost["state"] == "Off" && lost["reason"] == "Defender for Servers P1 does not include it",
        "{lost}"
    );
    ensure!(lost["remedy"] == "Turn on Defender for Servers P2.", "{lost}");
    ensure!(of("endpointDetection")["state"] == "On", "{listed}");
    diagnosed(&server, "shut-1", &HEALTHY, SOON).await?;

    // Moved to another subscription: the endpoint extension is deleted, and that one's plan deploys it anew.
    let mut create = Command::new(program("bartizan"));
    let made =
        capture(create.args(["subscription", "create", "--name", "Branch", "--data"]).arg(&server.data))?;
    let made: Value = serde_json::from_str(&made).with_context(|| made.clone())?;
    let branch = format!("/subscriptions/{}", made["subscriptionId"].as_str().context("no id")?);
    let group = format!("{branch}/resourceGroups/branch");
    put(&owner, &group, "2022-12-01", json!({"location": "local"})).await?;
    plan(&owner, &branch, "P1").await?;
    let wanted = json!({"resources": [machine("shut-1")], "targetResourceGroup": group});
    let source = format!("{home}/resourceGroups/bartizan/moveResources?api-version=2022-12-01");
    let (status, answer) = owner.send(Method::POST, &source, Some(wanted)).await?;
    ensure!(status == 202, "{status} {answer}");
    let moved = format!("{group}/providers/Microsoft.HybridCompute/machines/shut-1");
    let sensor = format!("{moved}/extensions/MDE.Linux?api-version=2024-07-10");
    eventually("the sensor under the new subscription's plan", SOON, async || {
        let (status, sensor) = owner.send(Method::GET, &sensor, None).await?;
        let new = sensor["managedBy"].as_str().is_some_and(|by| by.contains(&branch));
        Ok((status == 200 && new && sensor["properties"]["provisioningState"] == "Succeeded").then_some(()))
    })
    .await?;
    diagnosed(&server, "shut-1", &HEALTHY, SOON).await?;

    // Somebody takes the agent away, with all it kept.
    if let Some(agent) = &mut shut.agent {
        agent.kill();
    }
    std::fs::remove_dir_all(&shut.state)?;
    for name in ["cut-1", "shut-1"] {
        let words =
            ["check 4 of 6 fails", "status Disconnected", "`bartizan-agent check` on it names the hop"];
        diagnosed(&server, name, &words, SILENCE).await?;
    }
    let start = format!(
        "{}/providers/Bartizan.Security/testAlerts/latest/start?api-version=2024-01-01",
        machine("cut-1")
    );
    let test = owner.post(&start, json!({})).await?;
    ensure!(test["properties"]["state"] == "Failed", "{test}");
    let summary = test["properties"]["summary"].as_str().unwrap_or_default();
    ensure!(summary.contains("the hop `agent` is broken"), "{summary}");

    // The way is open again: it tells what cut it off, and catches up with the smaller plan.
    cut.join_again()?;
    diagnosed(&server, "cut-1", &[HEALTHY[0], HEALTHY[1], "cut off at tcp from"], SOON).await?;
    let inventory = inventory.replace("shut-1", "cut-1");
    eventually("the inventory to go", SOON, async || {
        Ok((owner.send(Method::GET, &inventory, None).await?.0 == 404).then_some(()))
    })
    .await?;
    let tested =
        cut.inside(program("bartizan-agent")).args(["test-alert", "--state"]).arg(&cut.state).output()?;
    ensure!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    Ok(())
}
