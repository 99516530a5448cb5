//! `cargo xtask bench control`: the control plane with many resources stored: its start, reads and writes of single
//! resources over HTTPS with a service principal's token, and Resource Graph.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bartizan_base::{ResourceId, SystemClock};
use bartizan_records::Records;
use bartizan_testkit::real::server::Server;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::process;
use crate::report::{Report, at_percent, bytes, thousands, time};

/// What the page says above its figures.
pub(crate) const PAGE: &str = "# How fast the control plane is

Written by `cargo xtask bench control --report FILE`; do not edit. The command builds the server, starts it, and puts
100,000 resources into its records: 5,000 machines, each with two extensions, an association with a rule and sixteen
assessments. Then it starts the server again, waits until it has evaluated what it found, reads and writes single
resources at random over TLS on the loopback interface (HTTP/1.1, connections kept alive, the access token of a service principal that is Contributor of the
subscription), and asks Resource Graph as that principal. Every answer is looked at: a read must be of the resource
that was asked for, a write is synced to disk and leaves its row for `AzureActivity`. Client and server share the
machine; their processor time is counted apart.

";

/// Machines that are stored.
const MACHINES: usize = 5_000;
const ASSESSMENTS: usize = 16;
const STARTS: usize = 5;
/// A server is idle that uses less than [`IDLE_SHARE`] of a processor for this long.
const IDLE_WINDOW: Duration = Duration::from_secs(3);
const IDLE_SHARE: f64 = 0.05;
const IDLE_WAIT: Duration = Duration::from_secs(900);
/// Asks of each Resource Graph query.
const ASKS: usize = 5;

const QUERIES: [(&str, &str); 4] = [
    ("count of all types", "resources | summarize n = count() by type | order by n desc"),
    (
        "filter",
        "securityresources | where type == 'microsoft.security/assessments' and properties.status.code == 'Unhealthy' \
         and name startswith 'a1' | project id, name, cause = tostring(properties.status.cause)",
    ),
    (
        "summarize",
        "securityresources | where type == 'microsoft.security/assessments' | summarize n = count(), \
         unhealthy = countif(properties.status.code == 'Unhealthy') by name | order by unhealthy desc",
    ),
    (
        "join",
        "resources | where type == 'microsoft.hybridcompute/machines' | project machine = tolower(id), os = \
         tostring(properties.osName) | join kind=inner (securityresources | where type == \
         'microsoft.security/assessments' and properties.status.code == 'Unhealthy' | extend machine = \
         tolower(tostring(properties.resourceDetails.Id))) on machine | summarize n = count() by os",
    ),
];

/// Runs all parts: `seconds` of reads and of writes, over `connections`.
pub(crate) async fn run(seconds: u64, connections: usize, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path())?;
    let owner = server.owner().await?;
    let (subscription, workspace) = (owner.subscription(), owner.session("workspaceId"));
    let group = workspace.split("/providers/").next().context("the workspace is in a group")?.to_owned();
    server.process.stop()?;
    let stored = fill(folder.path(), &group).await?;

    let mut starts = Vec::new();
    for start in 0..STARTS {
        if start > 0 {
            server.process.stop()?;
        }
        let begun = Instant::now();
        server = Server::start(folder.path())?;
        starts.push(begun.elapsed());
    }
    starts.sort();
    report.add(
        format!("start with {} resources, until it is ready, median of {STARTS}", thousands(stored)),
        time(at_percent(&starts, 50)),
        "1 s",
    );
    // Not before: a token names the address of the server, which every start chooses anew.
    let token = server.token("Contributor").await?;
    let target = Target { server: &server, token: &token, group: &group };
    let first = ask(&target.client()?, &target, &subscription, QUERIES[0].1).await?;
    report.add("Resource Graph: the first query after a start", time(first), "");
    idle(&server, report).await?;
    graph(&target, &subscription, report).await?;
    load(&target, Load::Get, seconds, connections, report).await?;
    load(&target, Load::Put, seconds, connections, report).await?;
    let again = ask(&target.client()?, &target, &subscription, QUERIES[2].1).await?;
    report.add("Resource Graph: the summarize again, right after the writes", time(again), "");
    report.add(
        "server's memory: peak, in the end",
        format!(
            "{}, {}",
            bytes(process::peak_bytes(server.process.pid())),
            bytes(process::resident_bytes(server.process.pid()))
        ),
        "",
    );
    Ok(())
}

/// Where requests go, and whose they are.
struct Target<'a> {
    server: &'a Server,
    token: &'a str,
    group: &'a str,
}

impl Target<'_> {
    fn client(&self) -> anyhow::Result<reqwest::Client> {
        self.server.http()
    }

    fn machine(&self, number: usize) -> String {
        machine(self.group, number)
    }

    fn request(&self, client: &reqwest::Client, method: Method, path: &str) -> RequestBuilder {
        client.request(method, format!("{}{path}", self.server.url)).bearer_auth(self.token)
    }
}

fn machine(group: &str, number: usize) -> String {
    format!("{group}/providers/Microsoft.HybridCompute/machines/bench-{number:05}")
}

/// Puts the resources into the records of a server that is stopped, all in one transaction, and says how many.
async fn fill(folder: &Path, group: &str) -> anyhow::Result<u64> {
    let records = Records::open(&folder.join("control.db"), Arc::new(SystemClock)).await?;
    let now = records.now().0;
    let pool = records.pool();
    let mut tx = pool.begin().await?;
    let mut stored = 0;
    for number in 0..MACHINES {
        for (id, body) in of_machine(group, number) {
            let id = ResourceId::parse(&id)?;
            let resource_type = id.resource_type();
            sqlx::query(
                "INSERT INTO resources (key, id, parent_key, type, type_key, etag, body, created, modified)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
            )
            .bind(id.key())
            .bind(id.as_str())
            .bind(id.parent().map(|parent| parent.key().to_owned()).unwrap_or_default())
            .bind(&resource_type)
            .bind(resource_type.to_ascii_lowercase())
            .bind(format!("\"{stored:032}\""))
            .bind(body.to_string())
            .bind(now)
            .execute(&mut *tx)
            .await?;
            stored += 1;
        }
    }
    tx.commit().await?;
    records.close().await;
    Ok(stored)
}

/// A machine and what hangs on it, with bodies of the size that real ones have.
fn of_machine(group: &str, number: usize) -> Vec<(String, Value)> {
    let id = machine(group, number);
    let os = ["Debian GNU/Linux 12", "Ubuntu 24.04", "Rocky Linux 9", "Windows Server 2022"][number % 4];
    let mut out = vec![(
        id.clone(),
        json!({"location": "local", "tags": {"team": format!("t{}", number % 20)}, "properties": {
            "provisioningState": "Succeeded", "status": "Disconnected", "osName": os, "osType": "linux",
            "agentVersion": "0.1.0", "machineFqdn": format!("bench-{number:05}.example"), "vmId": format!("{number:032x}"),
        }}),
    )];
    for extension in ["AzureMonitorLinuxAgent", "MDE.Linux"] {
        let body = json!({"location": "local", "properties": {
            "publisher": "Bartizan", "type": extension, "provisioningState": "Succeeded", "autoUpgradeMinorVersion": true,
        }});
        out.push((format!("{id}/extensions/{extension}"), body));
    }
    let rule = format!("{group}/providers/Microsoft.Insights/dataCollectionRules/bartizan-default");
    let association = "providers/Microsoft.Insights/dataCollectionRuleAssociations/default";
    out.push((format!("{id}/{association}"), json!({"properties": {"dataCollectionRuleId": rule}})));
    for assessment in 0..ASSESSMENTS {
        let unhealthy = (number + assessment).is_multiple_of(3);
        let severity = ["Low", "Medium", "High"][assessment % 3];
        let body = json!({"properties": {
            "displayName": format!("Check number {assessment} of the machine's settings should be met"),
            "status": {"code": if unhealthy { "Unhealthy" } else { "Healthy" }, "cause": format!("setting {assessment}")},
            "resourceDetails": {"Source": "OnPremise", "Id": id},
            "metadata": {"severity": severity, "categories": ["Compute"]},
        }});
        out.push((format!("{id}/providers/Microsoft.Security/assessments/a{assessment}"), body));
    }
    out
}

/// Waits until the server is done with what it found stored: its own recommendations about each machine are not there.
async fn idle(server: &Server, report: &mut Report) -> anyhow::Result<()> {
    let pid = server.process.pid();
    let (begun, since) = (Instant::now(), process::cpu_seconds(pid));
    let mut before = since;
    loop {
        tokio::time::sleep(IDLE_WINDOW).await;
        let now = process::cpu_seconds(pid);
        if now - before < IDLE_WINDOW.as_secs_f64() * IDLE_SHARE {
            break;
        }
        before = now;
        anyhow::ensure!(
            begun.elapsed() < IDLE_WAIT,
            "the server still works after {} s",
            IDLE_WAIT.as_secs()
        );
    }
    report.add(
        format!(
            "then {} new machines get their recommendations: until the server is idle",
            thousands(MACHINES as u64)
        ),
        format!("{}, {:.1} s of processor time", time(begun.elapsed()), process::cpu_seconds(pid) - since),
        "",
    );
    Ok(())
}

async fn graph(target: &Target<'_>, subscription: &str, report: &mut Report) -> anyhow::Result<()> {
    let client = target.client()?;
    for (name, kql) in QUERIES {
        let mut times = Vec::new();
        for _ in 0..ASKS {
            times.push(ask(&client, target, subscription, kql).await?);
        }
        times.sort();
        report.add(
            format!("Resource Graph: {name}, median of {ASKS}"),
            time(at_percent(&times, 50)),
            "200 ms",
        );
    }
    Ok(())
}

async fn ask(
    client: &reqwest::Client,
    target: &Target<'_>,
    subscription: &str,
    kql: &str,
) -> anyhow::Result<Duration> {
    let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
    let id = subscription.rsplit('/').next().unwrap_or_default();
    let body = json!({"subscriptions": [id], "query": kql});
    let begun = Instant::now();
    let answer = target.request(client, Method::POST, path).json(&body).send().await?;
    let status = answer.status();
    let answer: Value = serde_json::from_str(&answer.text().await?)?;
    let took = begun.elapsed();
    anyhow::ensure!(status == StatusCode::OK && answer["count"] != 0, "{kql}: {status} {answer}");
    Ok(took)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Get,
    Put,
}

/// Requests over several connections, one after the other on each, and what they took.
async fn load(
    target: &Target<'_>,
    what: Load,
    seconds: u64,
    connections: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let pid = target.server.process.pid();
    let (server_cpu, own_cpu) = (process::cpu_seconds(pid), process::own_cpu_seconds());
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let tasks = (0..connections).map(|connection| one(target, what, connection, until));
    let mut waits = Vec::new();
    for done in futures::future::join_all(tasks).await {
        waits.extend(done?);
    }
    let took = begun.elapsed().as_secs_f64();
    let server_cpu = process::cpu_seconds(pid) - server_cpu;
    let own_cpu = process::own_cpu_seconds() - own_cpu;
    waits.sort();
    let (name, bar) = match what {
        Load::Get => ("GET", "5,000"),
        Load::Put => ("PUT", "500"),
    };
    let count = waits.len() as f64;
    report.add(
        format!("{name}s a second, over {took:.0} s, {connections} connections"),
        thousands((count / took) as u64),
        bar,
    );
    report.add(
        format!("{name}: half, 99 of 100, all within"),
        format!(
            "{}, {}, {}",
            time(at_percent(&waits, 50)),
            time(at_percent(&waits, 99)),
            time(at_percent(&waits, 100))
        ),
        "",
    );
    report.add(
        format!("{name}s a second of the server's processor time"),
        thousands((count / server_cpu.max(0.01)) as u64),
        "",
    );
    report.add(
        format!("{name}: processor time: server, client"),
        format!("{server_cpu:.1} s, {own_cpu:.1} s"),
        "",
    );
    Ok(())
}

async fn one(
    target: &Target<'_>,
    what: Load,
    connection: usize,
    until: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let client = target.client()?;
    let mut waits = Vec::new();
    // Steps through all machines in another order on each connection.
    let mut number = connection * 997 % MACHINES;
    while Instant::now() < until {
        number = (number + 1_709) % MACHINES;
        let id = target.machine(number);
        let path = format!("{id}?api-version=2024-07-10");
        let begun = Instant::now();
        let request = match what {
            Load::Get => target.request(&client, Method::GET, &path),
            Load::Put => {
                let tags = json!({"team": "bench", "written": waits.len().to_string()});
                target.request(&client, Method::PUT, &path).json(&json!({"location": "local", "tags": tags}))
            }
        };
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        waits.push(begun.elapsed());
        anyhow::ensure!(status == StatusCode::OK && text.contains(&id), "{path}: {status} {text}");
    }
    Ok(waits)
}
