//! The sustained load: several connections send for a while, queries run meanwhile, single events are timed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bartizan_testkit::real::server::{Client, Server};
use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use crate::events::{self, BATCH_ROWS, TABLE, Template};
use crate::process;
use crate::report::{Report, at_percent, bytes, thousands, time};
use crate::sender::{self, Sender};

/// Between two of the queries that run meanwhile: a wall of dashboards, not an attack.
const QUERY_PAUSE: Duration = Duration::from_millis(500);
/// Between two single events whose way into a query is timed.
const PROBE_PAUSE: Duration = Duration::from_millis(500);

/// What the queries are that run meanwhile, and afterwards.
const QUERIES: [(&str, &str); 4] = [
    ("count by hour", "SecurityEvent | summarize count() by bin(TimeGenerated, 1h)"),
    (
        "failed sign-ins",
        "SecurityEvent | where EventID == 4625 | summarize n = count() by IpAddress, Computer | where n > 3 | count",
    ),
    ("contains", "SecurityEvent | where CommandLine contains 'DEADBEEF' | count"),
    ("dcount", "SecurityEvent | summarize dcount(Account), dcount(IpAddress) by Computer | count"),
];

/// Sends for `seconds` over `connections` and adds what was measured to the report.
pub(crate) async fn run(seconds: u64, connections: usize, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    let pid = server.process.pid();
    let owner = Arc::new(server.owner().await?);
    let rule = owner.data_collection_rule().await?;
    let token = server.token("Monitoring Metrics Publisher").await?;

    let (server_cpu, own_cpu) = (process::cpu_seconds(pid), process::own_cpu_seconds());
    let stop = Arc::new(AtomicBool::new(false));
    let sent_bytes = Arc::new(AtomicU64::new(0));
    let reader = tokio::spawn(read(Arc::clone(&owner), Arc::clone(&stop)));
    let probe = probe(Sender::new(&server, &rule, &token)?, Arc::clone(&owner), Arc::clone(&stop));
    let probe = tokio::spawn(probe);
    let started = Instant::now();
    let until = started + Duration::from_secs(seconds);
    let mut tasks = Vec::new();
    for number in 0..connections {
        let (sender, sent_bytes) = (Sender::new(&server, &rule, &token)?, Arc::clone(&sent_bytes));
        tasks.push(tokio::spawn(send(sender, number as u64, until, sent_bytes)));
    }
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    let took = started.elapsed().as_secs_f64();
    let (server_cpu, own_cpu) =
        (process::cpu_seconds(pid) - server_cpu, process::own_cpu_seconds() - own_cpu);
    stop.store(true, Ordering::Relaxed);
    let mut asked = reader.await??;
    let mut probed = probe.await??;
    let (peak, now) = (process::peak_bytes(pid), process::resident_bytes(pid));

    let rows = (waits.len() * BATCH_ROWS) as u64;
    let stored = owner.count(&format!("{TABLE} | count")).await?;
    anyhow::ensure!(stored == rows, "{rows} rows were acknowledged and {stored} are stored");
    let row_bytes = sent_bytes.load(Ordering::Relaxed) / rows.max(1);
    for times in [&mut waits, &mut asked, &mut probed] {
        times.sort();
    }
    report.add(
        format!("rows acknowledged durable a second, over {took:.0} s"),
        thousands((rows as f64 / took) as u64),
        "100,000",
    );
    report.add(
        "rows sent, each stored once",
        format!("{} of {row_bytes} bytes, {connections} connections", thousands(rows)),
        "",
    );
    report.add(
        "rows a second of the server's processor time",
        thousands((rows as f64 / server_cpu) as u64),
        "",
    );
    report.add("processor time: server, client", format!("{server_cpu:.1} s, {own_cpu:.1} s"), "");
    report.add("acknowledgement, median", time(at_percent(&waits, 50)), "");
    report.add("acknowledgement, 99 of 100 within", time(at_percent(&waits, 99)), "250 ms");
    report.add("batches refused for a moment (429)", thousands(sender::take_refused()), "");
    report.add("server's memory: peak, in the end", format!("{}, {}", bytes(peak), bytes(now)), "1.5 GB");
    report.add(
        "event to query under this load, median, longest",
        format!(
            "{}, {} ({} events)",
            time(at_percent(&probed, 50)),
            time(at_percent(&probed, 100)),
            probed.len()
        ),
        "1 s",
    );
    report.add(
        "queries under this load: how many, median, longest",
        format!("{}, {}, {}", asked.len(), time(at_percent(&asked, 50)), time(at_percent(&asked, 100))),
        "",
    );
    after(&owner, report).await
}

async fn send(
    sender: Sender,
    number: u64,
    until: Instant,
    sent_bytes: Arc<AtomicU64>,
) -> anyhow::Result<Vec<Duration>> {
    let (source, stream) = (Uuid::new_v4(), format!("Microsoft-{TABLE}"));
    let mut template = Template::new(number);
    let (mut waits, mut seq) = (Vec::new(), 0_u64);
    while Instant::now() < until {
        seq += 1;
        let body = template.batch(events::now());
        sent_bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        waits.push(sender.send(&stream, body, Some(&format!("{source}/{seq}"))).await?);
    }
    Ok(waits)
}

/// Asks one query after the other, and how long each took.
async fn read(owner: Arc<Client>, stop: Arc<AtomicBool>) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for (_, kql) in QUERIES.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let asked = Instant::now();
        owner.query(kql).await.with_context(|| (*kql).to_owned())?;
        times.push(asked.elapsed());
        tokio::time::sleep(QUERY_PAUSE).await;
    }
    Ok(times)
}

/// Sends single events and asks for each until a query has it.
async fn probe(sender: Sender, owner: Arc<Client>, stop: Arc<AtomicBool>) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let marker = format!("probe-{}", Uuid::new_v4().simple());
        let body = Bytes::from(json!([{"Computer": "bench", "SyslogMessage": marker}]).to_string());
        let sent = Instant::now();
        sender.send("Microsoft-Syslog", body, None).await?;
        while owner.count(&format!("Syslog | where SyslogMessage == '{marker}' | count")).await? == 0 {}
        times.push(sent.elapsed());
        tokio::time::sleep(PROBE_PAUSE).await;
    }
    Ok(times)
}

/// The queries again, with nothing else going on.
async fn after(owner: &Client, report: &mut Report) -> anyhow::Result<()> {
    for (name, kql) in QUERIES {
        let mut times = Vec::new();
        for _ in 0..5 {
            let asked = Instant::now();
            owner.query(kql).await.with_context(|| kql.to_owned())?;
            times.push(asked.elapsed());
        }
        times.sort();
        report.add(
            format!("query over these rows afterwards: {name}"),
            format!("{} ({} to {})", time(times[2]), time(times[0]), time(times[4])),
            "",
        );
    }
    Ok(())
}
