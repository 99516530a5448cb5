//! The command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bartizan_base::SystemClock;
use bartizan_wire::{DesiredExtension, ExtensionProgram, TestAlertState};
use clap::{Args, Parser, Subcommand};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::check;
use crate::connect::{self, ConnectOptions, Credential};
use crate::connectivity::Limits;
use crate::extension;
use crate::identity::Identity;
use crate::privileges;
use crate::status;
use crate::supervisor::{
    self, Ended, RestartLimits, ServerControl, SupervisorOptions, Surroundings, Timeouts,
};
use crate::test_alert;
use crate::tls::Trust;
use crate::upgrade;

/// Environment variable with the log filter, `info` by default; extensions inherit it.
pub const LOG_VARIABLE: &str = "BARTIZAN_LOG";

/// Watches this machine for a Bartizan server.
#[derive(Debug, Parser)]
#[command(name = "bartizan-agent", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Give this machine an identity at a server.
    Connect(Box<ConnectArgs>),
    /// Take this machine's identity away, here and at the server.
    Disconnect {
        #[command(flatten)]
        state: StateArgs,
        /// Forget the identity even when the server cannot be told.
        #[arg(long)]
        force: bool,
    },
    /// Take another address for this machine's server, which has moved to another name or port.
    Reconnect {
        #[command(flatten)]
        state: StateArgs,
        /// Address of the server, https://host:port.
        #[arg(long)]
        server: String,
        /// Proxy for all calls to the server; the one in use when absent.
        #[arg(long)]
        proxy: Option<String>,
    },
    /// Show how the agent and its extensions are.
    Status {
        #[command(flatten)]
        state: StateArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check whether this machine can run the agent and reaches the server, hop by hop. Ends with 1 if not.
    Check(Box<CheckArgs>),
    /// Start a harmless process and follow it to its incident, hop by hop. Ends with 1 if a hop is broken.
    TestAlert {
        #[command(flatten)]
        state: StateArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Longest time until the incident.
        #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
        timeout: u64,
    },
    /// Run the agent in the foreground.
    Run {
        #[command(flatten)]
        state: StateArgs,
    },
    /// Run one extension; started by the agent itself.
    #[command(hide = true)]
    Extension {
        program: String,
        /// Process id of the agent.
        #[arg(long)]
        parent: u32,
    },
}

#[derive(Debug, Args)]
struct StateArgs {
    /// Folder for identity, extensions and spools.
    #[arg(long, env = "BARTIZAN_STATE", default_value = "/var/lib/bartizan-agent")]
    state: PathBuf,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    state: StateArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Address of the server, https://host:port; the one that this machine is connected to by default.
    #[arg(long)]
    server: Option<String>,
    /// PEM file of the CA that the server's certificate comes from.
    #[arg(long, value_name = "FILE", requires = "server", conflicts_with = "ca_fingerprint")]
    ca: Option<PathBuf>,
    /// SHA-256 fingerprint of that CA, in place of the file.
    #[arg(long, value_name = "HEX", requires = "server")]
    ca_fingerprint: Option<String>,
    /// Proxy on the way to it.
    #[arg(long, requires = "server")]
    proxy: Option<String>,
    /// Longest time for each hop.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

#[derive(Debug, Args)]
struct ConnectArgs {
    #[command(flatten)]
    state: StateArgs,
    /// Address of the server, https://host:port.
    #[arg(long)]
    server: String,
    /// PEM file of the CA that the server's certificate comes from.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "ca_fingerprint",
        conflicts_with = "ca_fingerprint"
    )]
    ca: Option<PathBuf>,
    /// SHA-256 fingerprint of that CA, in place of the file.
    #[arg(long, value_name = "HEX")]
    ca_fingerprint: Option<String>,
    /// Onboarding token, as the portal's script has it.
    #[arg(
        long,
        env = "BARTIZAN_TOKEN",
        hide_env_values = true,
        required_unless_present = "service_principal_id",
        conflicts_with = "service_principal_id"
    )]
    token: Option<String>,
    /// Client id of a service principal with the onboarding role.
    #[arg(long, requires = "service_principal_secret", requires = "tenant_id")]
    service_principal_id: Option<String>,
    /// Its secret.
    #[arg(long, env = "BARTIZAN_SERVICE_PRINCIPAL_SECRET", hide_env_values = true)]
    service_principal_secret: Option<String>,
    #[arg(long)]
    tenant_id: Option<String>,
    #[arg(long)]
    subscription_id: Option<String>,
    #[arg(long)]
    resource_group: Option<String>,
    #[arg(long, default_value = "")]
    location: String,
    /// Name of the machine resource; the host name by default.
    #[arg(long, default_value = "")]
    resource_name: String,
    /// Tags, key=value,key=value.
    #[arg(long, default_value = "")]
    tags: String,
    /// Proxy for all calls to the server.
    #[arg(long)]
    proxy: Option<String>,
    /// Connect although this machine is connected already; its old identity is replaced.
    #[arg(long)]
    force: bool,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match cli.command {
        Command::Extension { program, parent } => extension::main(program_named(&program), parent),
        command => match run(command) {
            Ok(code) => code,
            Err(error) => {
                tell(&format!("error: {error:#}"));
                ExitCode::FAILURE
            }
        },
    }
}

/// Prints for the person at the terminal. Whoever has read enough (`… | head -1`) may close the pipe.
fn show(text: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stdout(), "{text}"));
}

fn tell(text: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stderr(), "{text}"));
}

fn run(command: Command) -> Result<ExitCode> {
    if let Command::Run { state } = &command {
        upgrade::start(&state.state, &SystemClock).context("cannot decide which version should run")?;
        if let Some(watcher) =
            std::env::var(upgrade::TRIAL_PARENT_VARIABLE).ok().and_then(|pid| pid.parse().ok())
        {
            privileges::die_with(watcher)
                .context("cannot be tied to the program that watches this version")?;
        }
    }
    // One thread: the supervisor mostly waits, and children must be tied to a thread that lives as long as it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    match command {
        Command::Connect(args) => {
            let options = connect_options(*args)?;
            let identity = runtime.block_on(connect::connect(&options, &SystemClock))?;
            let how = if identity.direct { "onboarded directly, with the sensor only," } else { "connected" };
            show(&format!("{how} as {}", identity.machine_id));
        }
        Command::Disconnect { state, force } => {
            let id = runtime.block_on(connect::disconnect(&state.state, force))?;
            show(&format!("disconnected {id}"));
        }
        Command::Reconnect { state, server, proxy } => {
            let was = runtime.block_on(connect::reconnect(&state.state, &server, proxy))?;
            let again = if supervisor::is_running(&state.state) {
                "; the running agent takes it within seconds"
            } else {
                ""
            };
            show(&format!("the server is at {server} instead of {was}{again}"));
        }
        Command::Status { state, json } => {
            let report = status::Report::read(&state.state)?;
            show(&if json { report.to_json() } else { report.to_table() });
        }
        Command::Check(args) => {
            let target = check_target(&args)?;
            let report = runtime.block_on(check::Report::make(
                &args.state.state,
                target,
                Limits::each(Duration::from_secs(args.timeout)),
                &SystemClock,
            ))?;
            show(&if args.json { report.to_json() } else { report.to_text() });
            return Ok(if report.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::TestAlert { state, json, timeout } => {
            let limit = Duration::from_secs(timeout);
            let report = runtime.block_on(test_alert::follow(&state.state, limit, &SystemClock))?;
            show(&if json { test_alert::to_json(&report) } else { test_alert::to_text(&report) });
            let succeeded = report.state == TestAlertState::Succeeded;
            return Ok(if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Run { state } => {
            if runtime.block_on(serve(&state.state))? == Ended::Upgrade {
                drop(runtime);
                upgrade::go_on().context("cannot go on with the new version")?;
            }
        }
        Command::Extension { .. } => bail!("extensions are started by the agent"),
    }
    Ok(ExitCode::SUCCESS)
}

fn check_target(args: &CheckArgs) -> Result<Option<check::Target>> {
    let Some(server) = args.server.clone() else { return Ok(None) };
    let trust = trust(args.ca.as_deref(), args.ca_fingerprint.as_deref())?;
    Ok(Some(check::Target { server, trust, proxy: args.proxy.clone() }))
}

fn trust(ca: Option<&Path>, fingerprint: Option<&str>) -> Result<Trust> {
    match (ca, fingerprint) {
        (Some(path), _) => Ok(Trust::Ca(
            std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the CA file `{}`", path.display()))?,
        )),
        (None, Some(fingerprint)) => Trust::from_fingerprint(fingerprint),
        (None, None) => bail!("give --ca or --ca-fingerprint"),
    }
}

async fn serve(state: &Path) -> Result<Ended> {
    let Some(identity) = Identity::load(state).context("the stored identity cannot be read")? else {
        bail!("this machine is not connected; run `bartizan-agent connect` first");
    };
    let control = Arc::new(ServerControl::new(&identity)?);
    let options = SupervisorOptions {
        // The folder is handed to children, which work elsewhere.
        state: state
            .canonicalize()
            .with_context(|| format!("cannot use the state folder `{}`", state.display()))?,
        image: std::env::current_exe().context("cannot find the agent's own program")?,
        arguments: extension_arguments,
        surroundings: Surroundings::collect,
        limits: RestartLimits::default(),
        timeouts: Timeouts::default(),
        clock: Arc::new(SystemClock),
    };
    tracing::info!(machine = %identity.machine_id, server = identity.server, version = upgrade::running_version(), "agent started");
    let ended = supervisor::run(options, identity, control, stop_on_signal()?).await?;
    tracing::info!(?ended, "agent stopped");
    Ok(ended)
}

fn stop_on_signal() -> Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    });
    Ok(stop)
}

fn extension_arguments(extension: &DesiredExtension) -> Vec<String> {
    let program = match extension.program {
        ExtensionProgram::Sensor => "sensor",
        ExtensionProgram::Monitor => "monitor",
        ExtensionProgram::Inventory => "inventory",
        ExtensionProgram::Unknown => "unknown",
    };
    let parent = std::process::id().to_string();
    ["extension", program, "--parent", &parent].map(str::to_owned).to_vec()
}

fn program_named(name: &str) -> ExtensionProgram {
    match name {
        "sensor" => ExtensionProgram::Sensor,
        "monitor" => ExtensionProgram::Monitor,
        "inventory" => ExtensionProgram::Inventory,
        _ => ExtensionProgram::Unknown,
    }
}

fn connect_options(args: ConnectArgs) -> Result<ConnectOptions> {
    let trust = trust(args.ca.as_deref(), args.ca_fingerprint.as_deref())?;
    let credential = match (args.token, args.service_principal_id, args.service_principal_secret) {
        (Some(token), ..) => Credential::Token(token),
        (None, Some(id), Some(secret)) => Credential::ServicePrincipal { id, secret },
        _ => bail!("give --token, or --service-principal-id with --service-principal-secret"),
    };
    let id = |name: &str, text: Option<String>| {
        text.map(|text| {
            uuid::Uuid::parse_str(&text).with_context(|| format!("--{name} `{text}` is not a GUID"))
        })
        .transpose()
    };
    Ok(ConnectOptions {
        state: args.state.state,
        server: args.server,
        trust,
        credential,
        tenant_id: id("tenant-id", args.tenant_id)?.map(bartizan_base::TenantId),
        subscription_id: id("subscription-id", args.subscription_id)?.map(bartizan_base::SubscriptionId),
        resource_group: args.resource_group,
        location: args.location,
        resource_name: args.resource_name,
        tags: connect::parse_tags(&args.tags)?,
        proxy: args.proxy,
        force: args.force,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_asks_for_trust_and_credential() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("bartizan-agent check").is_ok(), "by the stored identity");
        assert!(parse("bartizan-agent check --ca f").is_err(), "an authority of what?");
        assert!(parse("bartizan-agent connect --server https://h --ca f --token t").is_ok());
        assert!(parse("bartizan-agent connect --server https://h --token t").is_err(), "no trust");
        assert!(parse("bartizan-agent connect --server https://h --ca f").is_err(), "no credential");
        assert!(parse("bartizan-agent connect --server https://h --ca f --service-principal-id i").is_err());
    }
}
