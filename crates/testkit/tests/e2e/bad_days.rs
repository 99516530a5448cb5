//! What a bad day does to it, with the real programs.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use bartizan_testkit::real::programs::{capture, eventually, is_root};
use bartizan_testkit::real::server::{Client, Server, run_agent};

/// A sender of its own: numbered batches, repeated until they are acknowledged.
struct Sender {
    http: reqwest::Client,
    url: String,
    token: String,
    source: Uuid,
}

impl Sender {
    async fn new(server: &Server, owner: &Client) -> anyhow::Result<Self> {
        let rule = owner.data_collection_rule().await?;
        Ok(Self {
            http: server.http()?,
            url: format!(
                "{}/dataCollectionRules/{rule}/streams/Microsoft-Syslog?api-version=2023-01-01",
                server.url
            ),
            token: server.token("Monitoring Metrics Publisher").await?,
            source: Uuid::new_v4(),
        })
    }

    /// Sends batch `seq` of ten rows whose messages are `<marker>-<seq>-<row>`.
    async fn send(&self, marker: &str, seq: u64) -> anyhow::Result<StatusCode> {
        let rows: Vec<Value> = (0..10)
            .map(|row| json!({"Computer": "e2e", "Facility": "user", "SyslogMessage": format!("{marker}-{seq}-{row}")}))
            .collect();
        let request = self.http.post(&self.url).bearer_auth(&self.token);
        let request = request.header("x-bartizan-batch", format!("{}/{seq}", self.source));
        Ok(request.json(&rows).send().await?.status())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path())?;
    let owner = server.owner().await?;
    let sender = Sender::new(&server, &owner).await?;
    let mut acknowledged = BTreeSet::new();
    let mut seq = 0;
    for round in 0..3_u64 {
        // Kill it in the middle of a stream of batches, at another point each time.
        let pid = server.process.pid();
        let killer = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(60 + 45 * round)).await;
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).context("no pid")?;
            rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
            anyhow::Ok(())
        });
        loop {
            let next = seq + 1;
            match sender.send("kill", next).await {
                Ok(status) if status.is_success() => {
                    acknowledged.insert(next);
                    seq = next;
                }
                // Not acknowledged: it may or may not be stored, and is sent again below.
                _ => break,
            }
        }
        killer.await??;
        server.restart()?;
    }
    // The sender repeats what it has no answer for, as an agent does.
    let last = seq + 1;
    assert_eq!(sender.send("kill", last).await?, StatusCode::NO_CONTENT);
    acknowledged.insert(last);
    if seq > 0 {
        assert_eq!(sender.send("kill", seq).await?, StatusCode::NO_CONTENT, "a repeat is acknowledged");
    }
    let total = owner.count("Syslog | where SyslogMessage startswith 'kill-' | count").await?;
    let distinct = owner
        .count("Syslog | where SyslogMessage startswith 'kill-' | distinct SyslogMessage | count")
        .await?;
    assert_eq!((total, distinct), (acknowledged.len() as u64 * 10, acknowledged.len() as u64 * 10));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_server_and_a_killed_agent_leave_no_gap() -> anyhow::Result<()> {
    if !is_root() {
        println!("skipped: the agent's sources need root");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(&folder.path().join("server"))?;
    let owner = server.owner().await?;
    owner.plan(true).await?;
    let state = folder.path().join("agent");
    let mut agent = server.connect(&state)?;
    eventually("first process row", Duration::from_secs(60), async || {
        capture(Command::new("/bin/echo").arg("bartizan-e2e-first"))?;
        Ok((owner
            .count("DeviceProcessEvents | where ProcessCommandLine has 'bartizan-e2e-first' | count")
            .await?
            > 0)
        .then_some(()))
    })
    .await?;

    // Server away: events go to the spool, and arrive once each when it is back.
    server.process.stop()?;
    let pause = away_for()? / 200;
    for n in 0..200 {
        capture(Command::new("/bin/echo").arg(format!("bartizan-e2e-away-{n}")))?;
        tokio::time::sleep(pause).await;
    }
    server.restart()?;
    let away = "DeviceProcessEvents | where ActionType == 'ProcessCreated' and ProcessCommandLine contains 'bartizan-e2e-away-'";
    eventually("spooled rows", Duration::from_secs(60), async || {
        Ok((owner.count(&format!("{away} | count")).await? >= 200).then_some(()))
    })
    .await?;
    let distinct = owner.count(&format!("{away} | distinct ProcessCommandLine | count")).await?;
    assert_eq!((owner.count(&format!("{away} | count")).await?, distinct), (200, 200));

    // Agent killed: started again, it goes on, and says how much it did not see.
    agent.kill();
    for n in 0..20 {
        capture(Command::new("/bin/echo").arg(format!("bartizan-e2e-gap-{n}")))?;
    }
    let _agent = run_agent(&state)?;
    eventually("row after the restart", Duration::from_secs(60), async || {
        capture(Command::new("/bin/echo").arg("bartizan-e2e-again"))?;
        Ok((owner
            .count("DeviceProcessEvents | where ProcessCommandLine has 'bartizan-e2e-again' | count")
            .await?
            > 0)
        .then_some(()))
    })
    .await?;
    let (loss, _) = eventually("loss record", Duration::from_secs(30), async || {
        let rows = owner
            .query("DeviceProcessEvents | where ActionType == 'SensorGap' | project TimeGenerated, AdditionalFields")
            .await?;
        Ok((!rows.is_empty()).then_some(rows))
    })
    .await?;
    println!("loss: {loss:?}");
    Ok(())
}

/// How long the server stays away: as short as it takes, or what `BARTIZAN_E2E_AWAY_SECONDS` says, to live through a
/// real outage by hand.
fn away_for() -> anyhow::Result<Duration> {
    let Ok(seconds) = std::env::var("BARTIZAN_E2E_AWAY_SECONDS") else { return Ok(Duration::ZERO) };
    Ok(Duration::from_secs(seconds.parse().context("BARTIZAN_E2E_AWAY_SECONDS is a number of seconds")?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_recovers() -> anyhow::Result<()> {
    if !is_root() {
        println!("skipped: a disk that can be full needs root to mount it");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let disk = SmallDisk::mount(folder.path())?;
    let server = Server::start(folder.path())?;
    let owner = server.owner().await?;
    let sender = Sender::new(&server, &owner).await?;
    assert_eq!(sender.send("disk", 1).await?, StatusCode::NO_CONTENT);

    disk.fill()?;
    let mut seq = 2;
    let (body, _) = eventually("refusal", Duration::from_secs(20), async || {
        let status = sender.send("disk", seq).await?;
        if status.is_success() {
            seq += 1;
            return Ok(None);
        }
        Ok(Some(status))
    })
    .await?;
    assert_eq!(body, StatusCode::SERVICE_UNAVAILABLE);
    let refused = sender
        .http
        .post(&sender.url)
        .bearer_auth(&sender.token)
        .json(&json!([{"SyslogMessage": "x"}]))
        .send()
        .await?
        .text()
        .await?;
    assert!(refused.contains("disk") || refused.contains("space"), "{refused}");

    disk.free()?;
    eventually("recovery", Duration::from_secs(30), async || {
        Ok(sender.send("disk", seq).await?.is_success().then_some(()))
    })
    .await?;
    let rows = owner.count("Syslog | where SyslogMessage startswith 'disk-' | count").await?;
    assert_eq!(rows, seq * 10, "every acknowledged row, once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_gets_clear_errors_and_the_server_stays_up() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    let owner = server.owner().await?;
    let sender = Sender::new(&server, &owner).await?;
    let post = |body: Vec<u8>, token: String, url: String| {
        let request =
            sender.http.post(url).bearer_auth(token).header("content-type", "application/json").body(body);
        async move {
            let answer = request.send().await?;
            let status = answer.status();
            anyhow::Ok((status, answer.text().await?))
        }
    };
    let good = || sender.token.clone();

    let (status, text) = post(b"[]".to_vec(), "rubbish".into(), sender.url.clone()).await?;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{text}");
    let (status, text) = post(b"[{\"a\": ".to_vec(), good(), sender.url.clone()).await?;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
    let unknown = sender.url.replace("Microsoft-Syslog", "Custom-Nowhere_CL");
    let (status, text) = post(b"[{}]".to_vec(), good(), unknown).await?;
    assert!(status.is_client_error() && text.contains("Nowhere_CL"), "{status} {text}");
    let (status, text) = match post(vec![b' '; 100 << 20], good(), sender.url.clone()).await {
        Ok(answer) => answer,
        // The server may answer and close before all of it is sent; then the client sees only that.
        Err(error) => (StatusCode::PAYLOAD_TOO_LARGE, format!("{error:#}")),
    };
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{text}");

    let query = format!("/v1/workspaces/{}/query", owner.session("workspaceCustomerId"));
    let (status, answer) =
        owner.send(Method::POST, &query, Some(json!({"query": "Heartbeat | summarise count()"}))).await?;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert!(answer["error"]["message"].is_string(), "{answer}");
    let (status, answer) =
        owner.send(Method::GET, &format!("{}/nonsense", owner.subscription()), None).await?;
    assert!(status.is_client_error(), "{status} {answer}");

    assert!(server.http()?.get(format!("{}/healthz", server.url)).send().await?.status().is_success());
    assert_eq!(sender.send("after", 1).await?, StatusCode::NO_CONTENT);
    Ok(())
}

/// A file system of its own, small enough to be filled.
struct SmallDisk<'a> {
    folder: &'a Path,
}

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a Path) -> anyhow::Result<Self> {
        capture(Command::new("mount").args(["-t", "tmpfs", "-o", "size=1g", "tmpfs"]).arg(folder))?;
        Ok(Self { folder })
    }

    fn ballast(&self) -> std::path::PathBuf {
        self.folder.join("ballast")
    }

    fn fill(&self) -> anyhow::Result<()> {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.ballast())?;
        let block = vec![0_u8; 1 << 20];
        while file.write_all(&block).is_ok() {}
        let rest = [0_u8; 512];
        while file.write_all(&rest).is_ok() {}
        Ok(())
    }

    fn free(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.ballast()).context("cannot free the disk")
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        if let Err(error) = capture(Command::new("umount").args(["-l"]).arg(self.folder)) {
            println!("the test's disk stays mounted: {error:#}");
        }
    }
}
