//! `cargo xtask bench`: the real server over real TLS, measured from outside.
//!
//! Prints ingest rows/s (acknowledged durable), acknowledgement latency, event-to-row and event-to-incident latency,
//! and query times over the rows just ingested. Client and server share the machine's cores; the client's CPU
//! seconds are printed so that they can be told apart.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bartizan_testkit::real::server::{Client, Server};
use clap::Parser;
use serde_json::{Value, json};
use uuid::Uuid;

/// Rows in one batch; about half a megabyte of JSON.
const BATCH_ROWS: usize = 1_000;

#[derive(Parser)]
struct Options {
    /// Seconds to ingest for
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Connections that send at the same time
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Folder of the server program; the one beside this program unless given
    #[arg(long)]
    programs: Option<std::path::PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    let owner = server.owner().await?;
    let rule = owner.data_collection_rule().await?;
    let token = server.token("Monitoring Metrics Publisher").await?;
    let sender = Arc::new(Sender { http: server.http()?, url: server.url.clone(), rule, token });

    latency(&owner, &sender).await?;
    ingest(&options, &owner, &sender).await?;
    queries(&owner).await?;
    Ok(())
}

struct Sender {
    http: reqwest::Client,
    url: String,
    rule: String,
    token: String,
}

impl Sender {
    async fn send(&self, table: &str, body: String, batch: Option<String>) -> anyhow::Result<()> {
        let url = format!(
            "{}/dataCollectionRules/{}/streams/Microsoft-{table}?api-version=2023-01-01",
            self.url, self.rule
        );
        loop {
            let mut request = self.http.post(&url).bearer_auth(&self.token);
            if let Some(batch) = &batch {
                request = request.header("x-bartizan-batch", batch);
            }
            let request = request.header("content-type", "application/json").body(body.clone());
            let answer = request.send().await?;
            let status = answer.status();
            if status == reqwest::StatusCode::TOO_MANY_REQUESTS {
                // Backpressure is an answer: wait as long as it says, and send the same batch again.
                let wait =
                    answer.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
                tokio::time::sleep(Duration::from_secs(wait.unwrap_or(1))).await;
                continue;
            }
            anyhow::ensure!(status.is_success(), "ingest: {status} {}", answer.text().await?);
            return Ok(());
        }
    }
}

/// Generated security events of about 500 bytes: a few hosts, accounts and addresses, one long text.
fn events(seed: u64) -> String {
    let mut out = String::from("[");
    for n in 0..BATCH_ROWS as u64 {
        let id = seed * BATCH_ROWS as u64 + n;
        let event = if id.is_multiple_of(20) { 4625 } else { 4688 };
        let mix = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if n > 0 {
            out.push(',');
        }
        out.push_str(&format!(
            r#"{{"Computer":"host-{:03}","EventID":{event},"Activity":"{event} - generated event","Account":"LAB\\user{:03}","AccountType":"User","IpAddress":"10.0.{}.{}","LogonType":3,"Channel":"Security","EventSourceName":"Microsoft-Windows-Security-Auditing","NewProcessName":"C:\\Windows\\System32\\tool{:02}.exe","ParentProcessName":"C:\\Windows\\explorer.exe","CommandLine":"tool{:02}.exe --task {mix:016x} --output C:\\Temp\\{id}.log --verbose --retry 3","SubjectUserName":"user{:03}","TargetUserName":"user{:03}"}}"#,
            mix % 200, mix % 500, mix >> 8 & 255, mix >> 16 & 255, mix % 40, mix % 40, mix % 500, mix % 300,
        ));
    }
    out.push(']');
    out
}

async fn ingest(options: &Options, owner: &Client, sender: &Arc<Sender>) -> anyhow::Result<()> {
    let bodies: Arc<Vec<String>> = Arc::new((0..32).map(events).collect());
    let row_bytes = bodies.iter().map(String::len).sum::<usize>() / (bodies.len() * BATCH_ROWS);
    let rows = Arc::new(AtomicU64::new(0));
    let cpu = cpu_seconds();
    let started = Instant::now();
    let until = started + Duration::from_secs(options.seconds);
    let mut tasks = Vec::new();
    for at in 0..options.connections {
        let (bodies, sender, rows) = (Arc::clone(&bodies), Arc::clone(sender), Arc::clone(&rows));
        tasks.push(tokio::spawn(async move {
            let source = Uuid::new_v4();
            let mut waits = Vec::new();
            let mut seq = 0;
            while Instant::now() < until {
                seq += 1;
                let body = bodies[(at + seq) % bodies.len()].clone();
                let sent = Instant::now();
                sender.send("SecurityEvent", body, Some(format!("{source}/{seq}"))).await?;
                waits.push(sent.elapsed());
                rows.fetch_add(BATCH_ROWS as u64, Ordering::Relaxed);
            }
            anyhow::Ok(waits)
        }));
    }
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    let rows = rows.load(Ordering::Relaxed);
    waits.sort();
    println!(
        "ingest      {:>9.0} rows/s acknowledged durable ({rows} rows of {row_bytes} B, {} connections, client used {:.1} CPU s of {seconds:.0} s)",
        rows as f64 / seconds,
        options.connections,
        cpu_seconds() - cpu,
    );
    println!("ack         p50 {:?}  p99 {:?}", at_percent(&waits, 50), at_percent(&waits, 99));
    let stored = owner.count("SecurityEvent | count").await?;
    anyhow::ensure!(stored == rows, "{rows} rows acknowledged, {stored} stored");
    Ok(())
}

async fn latency(owner: &Client, sender: &Sender) -> anyhow::Result<()> {
    let mut to_row = Vec::new();
    for n in 0..20 {
        let marker = format!("bench-{n}-{}", Uuid::new_v4().simple());
        let body = json!([{"Computer": "bench", "SyslogMessage": marker}]).to_string();
        let sent = Instant::now();
        sender.send("Syslog", body, None).await?;
        while owner.count(&format!("Syslog | where SyslogMessage == '{marker}' | count")).await? == 0 {}
        to_row.push(sent.elapsed());
    }
    to_row.sort();
    println!(
        "event → row       median {:?}  max {:?}  (20 events)",
        at_percent(&to_row, 50),
        at_percent(&to_row, 100)
    );

    let mut to_incident = Vec::new();
    for n in 0..7 {
        let address = format!("192.0.2.{}", n + 1);
        let rows: Vec<Value> = (0..5)
            .map(|port| {
                json!({"Computer": "bench", "Facility": "auth", "ProcessName": "sshd",
                       "SyslogMessage": format!("Failed password for root from {address} port {port} ssh2")})
            })
            .collect();
        let sent = Instant::now();
        sender.send("Syslog", Value::from(rows).to_string(), None).await?;
        while owner.incident(&format!("from {address}")).await?.is_none() {
            anyhow::ensure!(sent.elapsed() < Duration::from_secs(60), "no incident for {address}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        to_incident.push(sent.elapsed());
    }
    to_incident.sort();
    println!(
        "event → incident  median {:?}  max {:?}  (7 times five failed sign-ins)",
        at_percent(&to_incident, 50),
        at_percent(&to_incident, 100)
    );
    Ok(())
}

async fn queries(owner: &Client) -> anyhow::Result<()> {
    for (name, kql) in [
        ("count by hour", "SecurityEvent | summarize count() by bin(TimeGenerated, 1h)"),
        (
            "failed sign-ins",
            "SecurityEvent | where EventID == 4625 | summarize n = count() by IpAddress, Computer | where n > 3 | count",
        ),
        ("contains", "SecurityEvent | where CommandLine contains 'DEADBEEF' | count"),
        ("dcount", "SecurityEvent | summarize dcount(Account), dcount(IpAddress) by Computer | count"),
    ] {
        let mut times = Vec::new();
        for _ in 0..5 {
            let asked = Instant::now();
            owner.query(kql).await.with_context(|| kql.to_owned())?;
            times.push(asked.elapsed());
        }
        times.sort();
        println!("query       {name:<16} median {:?}  (min {:?}, max {:?})", times[2], times[0], times[4]);
    }
    Ok(())
}

fn at_percent(sorted: &[Duration], percent: usize) -> Duration {
    sorted
        .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// CPU seconds this process has used, from `/proc/self/stat` in clock ticks of 1/100 s.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
