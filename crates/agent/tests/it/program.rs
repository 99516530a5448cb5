//! The real program: connect, run, rows, kill, disconnect.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output};

use bartizan_wire::{DesiredExtension, DesiredState, ExtensionProgram, ExtensionState};
use serde_json::{Value, json};

use crate::fake_server::FakeServer;
use crate::wait::until;

pub(crate) fn agent() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bartizan-agent"));
    command.env("BARTIZAN_LOG", "warn");
    command
}

async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

pub(crate) async fn connect(server: &FakeServer, state: &Path, token: &str, more: &[&str]) -> Output {
    let mut command = agent();
    command.arg("connect").args(["--server", &server.url, "--ca-fingerprint", &"00".repeat(32)]);
    command
        .args(["--token", token, "--tags", "env=test", "--resource-name", "m1"])
        .arg("--state")
        .arg(state)
        .args(more);
    output(command).await
}

/// A running agent, killed at the end of the test with everything it started.
pub(crate) struct Agent(Child);

impl Agent {
    pub(crate) fn start(state: &Path) -> Self {
        Self(agent().arg("run").arg("--state").arg(state).spawn().unwrap())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(crate) fn monitor(log: &Path) -> DesiredState {
    let streams = ["Microsoft-Heartbeat", "Microsoft-Syslog", "Microsoft-Perf"];
    let extension = DesiredExtension {
        name: "AzureMonitorLinuxAgent".to_owned(),
        publisher: "Microsoft.Azure.Monitor".to_owned(),
        kind: "AzureMonitorLinuxAgent".to_owned(),
        program: ExtensionProgram::Monitor,
        version: "1.0".to_owned(),
        settings: json!({"files": [{"path": log, "facility": "auth"}], "devLog": "off", "journal": false}),
        protected: None,
        streams: streams.iter().map(|stream| ((*stream).to_owned(), "dcr-1".to_owned())).collect(),
    };
    DesiredState { generation: 1, extensions: vec![extension], commands: Vec::new(), agent: None }
}

fn append(path: &Path, line: &str) {
    writeln!(std::fs::File::options().append(true).open(path).unwrap(), "{line}").unwrap();
}

fn messages(server: &FakeServer) -> Vec<String> {
    let rows = server.rows("Microsoft-Syslog");
    rows.iter().map(|row| row["SyslogMessage"].as_str().unwrap_or_default().to_owned()).collect()
}

fn pid(server: &FakeServer, index: usize) -> Option<u32> {
    let seen = server.seen.lock();
    let extension = seen.statuses.last()?.extensions.get(index)?.clone();
    extension.pid.filter(|_| extension.state == ExtensionState::Running)
}

#[tokio::test(flavor = "multi_thread")]
async fn from_connect_to_rows_over_kills_of_every_part() {
    let folder = tempfile::tempdir().unwrap();
    let (state, log) = (folder.path().join("state"), folder.path().join("auth.log"));
    std::fs::write(&log, "Jan  1 00:00:00 h old[1]: before the agent\n").unwrap();
    let server = FakeServer::start(monitor(&log)).await;

    let refused = connect(&server, &state, "bad-token", &[]).await;
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the token is not known"), "{refused:?}");
    assert!(!state.join("identity.json").exists());
    assert!(connect(&server, &state, "good-token", &[]).await.status.success());
    let twice = connect(&server, &state, "good-token", &[]).await;
    assert!(String::from_utf8_lossy(&twice.stderr).contains("already connected"), "{twice:?}");
    assert!(connect(&server, &state, "good-token", &["--force"]).await.status.success());
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(state.join("identity.json")).unwrap());
    assert_eq!(mode & 0o777, 0o600, "the key is for its owner only");
    assert_eq!(server.seen.lock().enrolled[0].tags["env"], "test");

    let agent = Agent::start(&state);
    until("heartbeat", || !server.rows("Microsoft-Heartbeat").is_empty()).await;
    let heartbeat = server.rows("Microsoft-Heartbeat").remove(0);
    assert_eq!(heartbeat["Category"], "Direct Agent");
    assert_eq!(heartbeat["OSType"], "Linux");
    until("running", || pid(&server, 0).is_some()).await;
    let whole = || server.seen.lock().statuses.iter().rev().find_map(|status| status.connectivity.clone());
    until("the way to the server", || whole().is_some()).await;
    assert_eq!(whole().unwrap().failure(), None, "{:?}", whole());
    assert!(server.seen.lock().statuses.last().unwrap().host.as_ref().unwrap().root.is_some());
    let mut check = self::agent();
    check.arg("check").arg("--state").arg(&state);
    let checked = output(check).await;
    let shown = String::from_utf8(checked.stdout).unwrap();
    assert!(shown.contains("systemSupported") && shown.contains(&server.url), "{shown}");
    append(&log, "2026-01-02T03:04:05Z web sshd[77]: Failed password for root");
    until("the line", || messages(&server).len() == 1).await;
    let row: Value = server.rows("Microsoft-Syslog").remove(0);
    assert_eq!((row["Facility"].as_str(), row["ProcessName"].as_str()), (Some("auth"), Some("sshd")));
    assert_eq!(row["TimeGenerated"], "2026-01-02T03:04:05Z");

    // The extension dies: another one goes on behind the last stored line.
    let first = pid(&server, 0).unwrap();
    let raw = rustix::process::Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
    rustix::process::kill_process(raw, rustix::process::Signal::KILL).unwrap();
    append(&log, "2026-01-02T03:04:06Z web sshd[77]: two");
    until("restarted", || pid(&server, 0).is_some_and(|pid| pid != first)).await;
    until("the second line", || messages(&server).len() == 2).await;

    // The supervisor dies: its child dies with it, and the next agent goes on.
    let second = pid(&server, 0).unwrap();
    agent.kill();
    until("the child is gone", || !Path::new(&format!("/proc/{second}")).exists()).await;
    append(&log, "2026-01-02T03:04:07Z web sshd[77]: three");
    let agent = Agent::start(&state);
    until("the third line", || messages(&server).len() == 3).await;
    assert_eq!(messages(&server), ["Failed password for root", "two", "three"]);

    until("running again", || pid(&server, 0).is_some_and(|pid| pid != second)).await;
    let mut busy = self::agent();
    busy.arg("disconnect").arg("--state").arg(&state);
    assert!(String::from_utf8_lossy(&output(busy).await.stderr).contains("stop it first"));
    let mut status = self::agent();
    status.arg("status").arg("--state").arg(&state);
    let shown = String::from_utf8(output(status).await.stdout).unwrap();
    assert!(shown.contains("AzureMonitorLinuxAgent") && shown.contains("Running"), "{shown}");
    agent.kill();
    let mut leave = self::agent();
    leave.arg("disconnect").arg("--state").arg(&state);
    assert!(output(leave).await.status.success());
    assert_eq!(server.seen.lock().disconnects, 1);
    assert!(!state.join("identity.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inventory_reports_every_topic() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut desired = monitor(folder.path());
    let extension = &mut desired.extensions[0];
    extension.program = ExtensionProgram::Inventory;
    extension.settings = json!({});
    extension.streams = ["Microsoft-ConfigurationData", "Microsoft-ConfigurationChange"]
        .map(|stream| (stream.to_owned(), "dcr-1".to_owned()))
        .into();
    let server = FakeServer::start(desired).await;
    assert!(connect(&server, &state, "good-token", &[]).await.status.success());
    let _agent = Agent::start(&state);
    let topics = [
        "ssh.config",
        "accounts",
        "packages.updates",
        "files.worldWritable",
        "endpointProtection",
        "autostart",
    ];
    until("all topics", || topics.iter().all(|topic| server.seen.lock().evidence.contains_key(*topic))).await;
    let evidence = server.seen.lock().evidence.clone();
    assert!(evidence["ssh.config"]["installed"].is_boolean());
    assert!(evidence["files.worldWritable"]["count"].is_number());
    assert!(evidence["endpointProtection"]["products"].is_array());
    assert!(evidence["packages.updates"]["status"].is_string(), "{}", evidence["packages.updates"]);
    if Path::new("/var/lib/dpkg/status").exists() {
        until("software", || {
            server.rows("Microsoft-ConfigurationData").iter().any(|row| row["SoftwareName"] == "dpkg")
        })
        .await;
    }
}
