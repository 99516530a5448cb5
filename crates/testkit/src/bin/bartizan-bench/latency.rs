//! An idle server: how long an event takes into a query, and five failed sign-ins into an incident.

use std::time::{Duration, Instant};

use bartizan_testkit::real::server::Server;
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::report::{Report, at_percent, time};
use crate::sender::Sender;

const STREAM: &str = "Microsoft-Syslog";
/// An incident that takes longer than this is missing.
const INCIDENT_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn run(report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    let owner = server.owner().await?;
    let rule = owner.data_collection_rule().await?;
    let sender = Sender::new(&server, &rule, &server.token("Monitoring Metrics Publisher").await?)?;
    let mut to_row = Vec::new();
    for n in 0..20 {
        let marker = format!("bench-{n}-{}", Uuid::new_v4().simple());
        let body = json!([{"Computer": "bench", "SyslogMessage": marker}]).to_string();
        let sent = Instant::now();
        sender.send(STREAM, Bytes::from(body), None).await?;
        while owner.count(&format!("Syslog | where SyslogMessage == '{marker}' | count")).await? == 0 {}
        to_row.push(sent.elapsed());
    }
    to_row.sort();
    report.add(
        "event to query, idle, median, longest of 20",
        format!("{}, {}", time(at_percent(&to_row, 50)), time(at_percent(&to_row, 100))),
        "1 s",
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
        sender.send(STREAM, Bytes::from(Value::from(rows).to_string()), None).await?;
        while owner.incident(&format!("from {address}")).await?.is_none() {
            anyhow::ensure!(sent.elapsed() < INCIDENT_WITHIN, "no incident for {address}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        to_incident.push(sent.elapsed());
    }
    to_incident.sort();
    report.add(
        "five failed sign-ins to incident, median, longest of 7",
        format!("{}, {}", time(at_percent(&to_incident, 50)), time(at_percent(&to_incident, 100))),
        "5 s",
    );
    Ok(())
}
