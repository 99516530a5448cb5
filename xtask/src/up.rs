//! `cargo xtask up`: from a fresh clone to a protected machine.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::command::{capture, cargo, execute, is_root, root, target};
use crate::supervise::{Service, spawn, until_stopped};
use crate::{portal, prerequisites};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Folder for all data: keys, records, logs, and this machine's agent
    #[arg(long, value_name = "DIR", default_value = ".bartizan")]
    data: PathBuf,
    /// Address to listen on; use 0.0.0.0:9443 to let other machines connect
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9443")]
    listen: String,
    /// Do not connect this machine
    #[arg(long)]
    no_agent: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let started = Instant::now();
    prerequisites::ensure(prerequisites::BUILD)?;
    prerequisites::ensure_node()?;
    println!("[1/4] Building the server and the agent (the first time takes some minutes) …");
    println!("[2/4] Building the portal beside them …");
    // The portal's packages are fetched, which needs the network more than the processor.
    std::thread::scope(|scope| {
        let portal = scope.spawn(portal::build);
        build_programs()?;
        portal.join().unwrap_or_else(|_| bail!("the build of the portal panicked"))
    })?;

    let data = std::env::current_dir().context("the current folder is gone")?.join(&options.data);
    println!("[3/4] Starting the server with its data in {} …", data.display());
    let (server, ready) = start_server(&data, &options.listen)?;
    let listen = options.listen.clone();
    let server_data = data.clone();
    let server = Service::adopt("bartizan", server, move || server_command(&server_data, &listen));
    let mut services = vec![server];

    if options.no_agent {
        println!("[4/4] Not connecting this machine, as asked.");
    } else {
        println!("[4/4] Connecting this machine …");
        let state = data.join("agent");
        if let Err(error) = connect(&data, &state, &ready) {
            println!("This machine could not be connected: {error:#}");
        } else {
            if !is_root() {
                println!(
                    "Not running as root: the sensor cannot watch processes and some logs cannot be read."
                );
            }
            services.push(Service::start("bartizan-agent", move || agent_command(&state))?);
        }
    }
    let sign_in = match ready["signIn"].as_str() {
        Some(link) => link.to_owned(),
        None => {
            capture(data_command("sign-in", &data)).context("cannot get a sign-in link")?.trim().to_owned()
        }
    };
    print_ready(&ready, &sign_in, started);
    until_stopped(services)
}

/// The programs that run here, with the features of the whole workspace (`features`), so that
/// `cargo xtask test` finds them built.
pub(crate) fn build_programs() -> anyhow::Result<()> {
    execute(cargo(&["build", "-p", "bartizan-server", "-p", "bartizan-agent", "-p", "features"]))
}

fn program(name: &str) -> Command {
    Command::new(target().join("debug").join(name))
}

/// A short command of the server program that works on a data folder.
fn data_command(name: &str, data: &Path) -> Command {
    let mut command = program("bartizan");
    command.arg(name).arg("--data").arg(data);
    command
}

fn server_command(data: &Path, listen: &str) -> Command {
    let mut command = program("bartizan");
    command
        .arg("serve")
        .arg("--data")
        .arg(data)
        .args(["--listen", listen])
        .arg("--portal")
        .arg(portal::dist())
        .arg("--agent-binary")
        .arg(target().join("debug/bartizan-agent"))
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

fn agent_command(state: &Path) -> Command {
    let mut command = program("bartizan-agent");
    command.arg("run").arg("--state").arg(state).current_dir(root()).stdin(Stdio::null());
    command
}

/// Starts the server and waits for the line that says it is ready.
fn start_server(data: &Path, listen: &str) -> anyhow::Result<(Child, Value)> {
    let mut command = server_command(data, listen);
    command.stdout(Stdio::piped());
    let mut child = spawn("bartizan", command)?;
    let stdout = child.stdout.take().context("the server has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    for line in lines.by_ref() {
        let line = line.context("cannot read the server's output")?;
        if let Ok(event) = serde_json::from_str::<Value>(&line)
            && event["event"] == "ready"
        {
            // Keep reading, or the server would block or die on a full or closed pipe.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok((child, event));
        }
    }
    let status = child.wait().context("cannot wait for the server")?;
    bail!("the server did not start ({status}); its log above says why. Is {listen} already in use?")
}

fn connect(data: &Path, state: &Path, ready: &Value) -> anyhow::Result<()> {
    let url = ready["url"].as_str().context("the server gave no url")?;
    if let Some(known) = known_server(state)? {
        if known == url {
            return Ok(());
        }
        // Started on another port or address than last time: the agent would look for it where it was.
        println!("      The server was at {known}; telling this machine's agent that it is at {url} now.");
        let mut reconnect = program("bartizan-agent");
        reconnect.args(["reconnect", "--server", url]).arg("--state").arg(state);
        return capture(reconnect).map(drop);
    }
    let token = capture(data_command("onboarding-token", data)).context("cannot get an onboarding token")?;
    let mut connect = program("bartizan-agent");
    connect
        .arg("connect")
        .args(["--server", url])
        .args(["--ca", ready["ca"].as_str().context("the server gave no CA file")?])
        // By environment, because a command line is visible to every user of the machine.
        .env("BARTIZAN_TOKEN", token.trim())
        .arg("--state")
        .arg(state);
    capture(connect).map(drop)
}

/// Where this machine's agent looks for its server; `None` when it is not connected.
fn known_server(state: &Path) -> anyhow::Result<Option<String>> {
    let path = state.join("identity.json");
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let identity: Value =
        serde_json::from_str(&text).with_context(|| format!("`{}` is not readable JSON", path.display()))?;
    Ok(Some(identity["server"].as_str().unwrap_or_default().to_owned()))
}

fn print_ready(ready: &Value, sign_in: &str, started: Instant) {
    let text = |field: &str| ready[field].as_str().unwrap_or("-").to_owned();
    println!();
    println!("Bartizan is running ({} s).", started.elapsed().as_secs());
    println!("  Portal    {}", text("url"));
    println!("  CA file   {}  (import it into your browser, or accept the warning once)", text("ca"));
    println!("  Sign in   {}  (works once)", sign_in);
    println!("Ctrl-C stops everything.");
    println!();
}
