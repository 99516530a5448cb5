//! The log store of a real server: killed at random, backed up while it runs, read by other engines.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use bartizan_testkit::real::crash;
use bartizan_testkit::real::programs::{capture, eventually, program, repository};
use bartizan_testkit::real::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_it_keeps_every_row_once() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let outcome = crash::run(folder.path(), Duration::from_secs(15), 7).await?;
    println!("{outcome:?}");
    anyhow::ensure!(outcome.kills > 0 && outcome.rows > 0, "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_server_is_a_server() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, copy, again) =
        (folder.path().join("data"), folder.path().join("copy"), folder.path().join("again"));
    let mut server = Server::start(&data)?;
    let owner = server.owner().await?;
    let rule = owner.data_collection_rule().await?;
    let token = server.token("Monitoring Metrics Publisher").await?;
    let url =
        format!("{}/dataCollectionRules/{rule}/streams/Microsoft-Syslog?api-version=2023-01-01", server.url);
    let http = server.http()?;
    let send = async |n: u64| {
        let rows = json!([{"Computer": "b", "ProcessID": n, "SyslogMessage": format!("row {n}")}]);
        let answer = http.post(&url).bearer_auth(&token).json(&rows).send().await?;
        anyhow::ensure!(answer.status().is_success(), "{}", answer.status());
        anyhow::Ok(())
    };
    for n in 0..50 {
        send(n).await?;
    }
    let back_up = || {
        capture(
            Command::new(program("bartizan")).arg("backup").arg("--data").arg(&data).arg("--to").arg(&copy),
        )
    };
    println!("{}", back_up()?.trim());
    for n in 50..60 {
        send(n).await?;
    }
    anyhow::ensure!(back_up().is_err(), "a folder that holds something is not written over");
    server.process.stop()?;
    let restore = |from: &Path, data: &Path| {
        capture(
            Command::new(program("bartizan")).arg("restore").arg("--from").arg(from).arg("--data").arg(data),
        )
    };
    println!("{}", restore(&copy, &again)?.trim());
    anyhow::ensure!(restore(&copy, &again).is_err(), "nor is a data folder");
    let restored = Server::start(&again)?;
    let answer = http_count(&restored, &owner).await?;
    anyhow::ensure!(answer == 50, "{answer} rows came back");
    // One byte of the copy changes: nothing is restored from it.
    let database = copy.join("control.db");
    let mut bytes = std::fs::read(&database)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&database, bytes)?;
    let error =
        restore(&copy, &folder.path().join("third")).err().context("a damaged backup was restored")?;
    anyhow::ensure!(format!("{error:#}").contains("damaged"), "{error:#}");
    Ok(())
}

/// Counts with the session of the server before: accounts and sessions are part of a backup.
async fn http_count(server: &Server, owner: &bartizan_testkit::real::server::Client) -> anyhow::Result<u64> {
    owner.at(server)?.count("Syslog | where Computer == 'b' | count").await
}

#[tokio::test(flavor = "multi_thread")]
async fn other_engines_read_the_published_tables_and_count_the_same() -> anyhow::Result<()> {
    let Some(python) = python() else {
        println!("skipped: no Python package index is in reach for `deltalake` and `duckdb`");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    let owner = server.owner().await?;
    let rule = owner.data_collection_rule().await?;
    let token = server.token("Monitoring Metrics Publisher").await?;
    let url =
        format!("{}/dataCollectionRules/{rule}/streams/Microsoft-Syslog?api-version=2023-01-01", server.url);
    let rows: Vec<_> = (0..5000)
        .map(|n| json!({"Computer": format!("h{}", n % 7), "ProcessID": n, "SyslogMessage": "x"}))
        .collect();
    let answer = server.http()?.post(&url).bearer_auth(&token).json(&rows).send().await?;
    anyhow::ensure!(answer.status().is_success(), "{}", answer.status());
    let expected = owner.query("Syslog | summarize rows = count(), sum = sum(ProcessID)").await?;
    let workspace = owner.session("workspaceCustomerId");
    let table = folder.path().join("logs/data").join(workspace).join("Syslog");
    // Rows go to files after a minute, and files into the published table after another.
    eventually("a published table", Duration::from_secs(400), async || {
        Ok(table.join("_delta_log/00000000000000000000.json").exists().then_some(()))
    })
    .await?;
    let script = repository().join("crates/testkit/tests/e2e/read_delta.py");
    let printed = capture(Command::new(python).arg(script).arg(&table))?;
    let found: serde_json::Value = serde_json::from_str(printed.trim()).with_context(|| printed.clone())?;
    for engine in ["deltalake", "duckdb"] {
        anyhow::ensure!(
            found[engine]["rows"] == expected[0]["rows"] && found[engine]["sum"] == expected[0]["sum"],
            "{engine}: {found}, we: {expected:?}"
        );
    }
    Ok(())
}

/// A Python with the engines, made on first use and kept beside the build.
fn python() -> Option<std::path::PathBuf> {
    let folder = repository().join("target/delta-python");
    let python = folder.join("bin/python");
    let ready = || capture(Command::new(&python).args(["-c", "import deltalake, duckdb"])).is_ok();
    if ready() {
        return Some(python);
    }
    capture(Command::new("python3").args(["-m", "venv"]).arg(&folder)).ok()?;
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "deltalake", "duckdb", "pyarrow"];
    capture(Command::new(&python).args(install)).ok()?;
    ready().then_some(python)
}
