//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bartizan_api::portal::OnboardingRequest;
use bartizan_base::SystemClock;
use bartizan_control::identity::service_principals;
use bartizan_control::plans::direct;
use bartizan_control::{Home, SILENCE, SILENCE_LONGEST, SILENCE_SHORTEST, boot, portal};
use bartizan_records::Records;
use clap::{Args, Parser, Subcommand};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::accounts;
use crate::backup;
use crate::database::{self, Database};
use crate::export::ExportArguments;
use crate::ingest::{self, Ingest};
use crate::machines;
use crate::oidc::OidcArguments;
use crate::policy;
use crate::server::URL_STATE;
use crate::subscriptions;
use crate::tenant;
use crate::{ExternalOptions, ServeOptions, Server, SyslogOptions, open_records};

/// Bartizan: plans, posture, logs and detection for your servers.
#[derive(Debug, Parser)]
#[command(name = "bartizan", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(Box<Serve>),
    /// Copy everything a server keeps to a new folder; the server may run meanwhile.
    Backup(Backup),
    /// Put a backup into a new data folder.
    Restore(Restore),
    /// Where the control plane's records are kept.
    #[command(subcommand)]
    Database(Database),
    /// Print a new one-time sign-in link for the owner.
    SignIn(SignIn),
    /// Print a token that enrols machines for one day.
    OnboardingToken(OnboardingToken),
    /// Accounts for programs.
    #[command(subcommand)]
    ServicePrincipal(ServicePrincipal),
    /// Send the rows of files to a running server.
    Ingest(Box<Ingest>),
    /// Accounts for people.
    #[command(subcommand)]
    User(accounts::User),
    /// Put a new key for signing tokens into use; a running server follows within seconds.
    RotateSigningKey(accounts::RotateSigningKey),
    /// Subscriptions, each with its own plans, groups and roles.
    #[command(subcommand)]
    Subscription(subscriptions::Subscription),
    /// What only the owner of this machine may do to the tenant.
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Walk the six checks of a machine and name the first that fails, with evidence and fix. Ends with 0 when all pass,
    /// 1 when one fails or cannot be made, 3 while an installation is under way.
    Diagnose(machines::Diagnose),
    /// Policy definitions and initiatives as they are published.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Versions of the agent that this server offers to its machines.
    #[command(subcommand)]
    AgentPackage(machines::AgentPackage),
}

#[derive(Debug, Args)]
struct Serve {
    /// The folder that holds everything the server keeps.
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:9443")]
    listen: SocketAddr,
    /// The built portal.
    #[arg(long)]
    portal: Option<PathBuf>,
    /// The agent program that the onboarding script downloads.
    #[arg(long)]
    agent_binary: Option<PathBuf>,
    /// A name people use for this server; may be repeated, the first one is used in links.
    #[arg(long = "public-name")]
    public_names: Vec<String>,
    /// Listen for syslog over UDP here, such as 0.0.0.0:514; may be repeated.
    #[arg(long = "syslog-udp", value_name = "ADDRESS")]
    syslog_udp: Vec<SocketAddr>,
    /// Listen for syslog over TCP here, such as 0.0.0.0:601; may be repeated.
    #[arg(long = "syslog-tcp", value_name = "ADDRESS")]
    syslog_tcp: Vec<SocketAddr>,
    /// Listen for syslog over TLS here, such as 0.0.0.0:6514; may be repeated.
    #[arg(long = "syslog-tls", value_name = "ADDRESS")]
    syslog_tls: Vec<SocketAddr>,
    /// Take syslog over TLS only from senders with a certificate of the authority in this PEM file.
    #[arg(long = "syslog-client-ca", value_name = "FILE", requires = "syslog_tls")]
    syslog_client_ca: Option<PathBuf>,
    #[command(flatten)]
    export: ExportArguments,
    #[command(flatten)]
    oidc: OidcArguments,
    /// Let security connectors use the connections in this folder, one file NAME.yaml each, to list machines that
    /// have no agent. Nobody is asked without it.
    #[arg(long = "discover-with", value_name = "DIR")]
    discover_with: Option<PathBuf>,
    /// A place that queries may read with `externaldata`: https://host/folder/, file:///folder/ or one file; may be
    /// repeated. Nothing outside this server is read without it.
    #[arg(long = "external-data", value_name = "PLACE")]
    external_data: Vec<String>,
    /// A private network, such as 10.1.0.0/16, that hosts of these places may be in; may be repeated.
    #[arg(long = "external-data-network", value_name = "NETWORK", requires = "external_data")]
    external_data_networks: Vec<ipnet::IpNet>,
    /// Authorities of these hosts in a PEM file, besides those that this system trusts.
    #[arg(long = "external-data-ca", value_name = "FILE", requires = "external_data")]
    external_data_ca: Option<PathBuf>,
    /// How many MiB one query may read from these places, packed and unpacked: 1 to 1024.
    #[arg(long = "external-data-mib", value_name = "MIB", default_value_t = 64,
        value_parser = clap::value_parser!(u64).range(1..=1024))]
    external_data_mib: u64,
    /// After how many seconds of silence a machine is Disconnected: 45 to 3600.
    #[arg(long = "disconnected-after", env = "BARTIZAN_DISCONNECTED_AFTER", value_name = "SECONDS",
        default_value_t = SILENCE.as_secs(),
        value_parser = clap::value_parser!(u64).range(SILENCE_SHORTEST.as_secs()..=SILENCE_LONGEST.as_secs()))]
    disconnected_after: u64,
}

#[derive(Debug, Args)]
struct Backup {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    /// A new or empty folder. It will hold private keys and logs.
    #[arg(long)]
    to: PathBuf,
}

#[derive(Debug, Args)]
struct Restore {
    /// The folder that `backup` made.
    #[arg(long)]
    from: PathBuf,
    /// A new or empty folder.
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
}

#[derive(Debug, Args)]
struct SignIn {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    /// The server's address, as the browser should use it; the one it last listened on when absent.
    #[arg(long)]
    url: Option<String>,
}

#[derive(Debug, Args)]
struct OnboardingToken {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    /// The resource group that machines join; the default one when absent.
    #[arg(long, conflicts_with = "direct")]
    resource_group: Option<String>,
    /// Machines get the sensor only and join the subscription that is designated for direct onboarding.
    #[arg(long)]
    direct: bool,
}

#[derive(Debug, Subcommand)]
enum ServicePrincipal {
    /// Create one with a role, and print its id and secret, which is shown only now.
    Create(CreatePrincipal),
    /// Let one sign in with a certificate.
    AddCertificate(accounts::AddCertificate),
}

#[derive(Debug, Args)]
struct CreatePrincipal {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    #[arg(long)]
    name: String,
    /// A built-in role, such as Reader or "Azure Connected Machine Onboarding".
    #[arg(long)]
    role: String,
    /// Where the role holds; the subscription when absent.
    #[arg(long)]
    scope: Option<bartizan_base::ResourceId>,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Records and logs are their owner's only, whatever the shell that started us says.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let filter = EnvFilter::try_from_env("BARTIZAN_LOG").unwrap_or_else(|_| EnvFilter::new("info,evtx=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome =
        runtime.context("cannot start the runtime").and_then(|runtime| runtime.block_on(run(cli.command)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            tell(&format!("bartizan: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Diagnose(arguments) => machines::diagnose(arguments).await,
        command => act(command).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn act(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(arguments) => serve(*arguments).await,
        Command::Backup(Backup { data, to }) => print_line(&backup::back_up(&data, &to).await?),
        Command::Restore(Restore { from, data }) => print_line(&backup::restore(&from, &data)?),
        Command::Database(command) => database::run(command).await,
        Command::SignIn(arguments) => {
            let (records, home) = open(&arguments.data).await?;
            let last = records.get_state(URL_STATE).await.context("cannot read the server's address")?;
            let last = last.and_then(|url| url.as_str().map(str::to_owned));
            let url = arguments
                .url
                .or(last)
                .context("the server was never started: give its address with --url")?;
            let code = boot::new_sign_in(&records, &home, records.now())
                .await
                .context("cannot make a sign-in link")?;
            print_line(&format!("{}/signin#{code}", url.trim_end_matches('/')))
        }
        Command::Ingest(arguments) => {
            for line in ingest::run(*arguments).await? {
                print_line(&line)?;
            }
            Ok(())
        }
        Command::OnboardingToken(arguments) => onboarding_token(arguments).await,
        Command::ServicePrincipal(ServicePrincipal::Create(arguments)) => create_principal(arguments).await,
        Command::ServicePrincipal(ServicePrincipal::AddCertificate(arguments)) => {
            accounts::add_certificate(arguments).await
        }
        Command::User(accounts::User::Create(arguments)) => accounts::create_user(arguments).await,
        Command::User(accounts::User::SetPassword(arguments)) => accounts::set_password(arguments).await,
        Command::RotateSigningKey(arguments) => accounts::rotate_signing_key(&arguments),
        Command::Subscription(command) => subscriptions::run(command).await,
        Command::Tenant(command) => tenant::run(command).await,
        Command::Diagnose(_) => anyhow::bail!("`diagnose` has exit codes of its own"),
        Command::Policy(command) => {
            anyhow::ensure!(
                policy::run(command).await?,
                "something is refused; the lines above say what and why"
            );
            Ok(())
        }
        Command::AgentPackage(command) => machines::agent_package(command),
    }
}

/// Runs `bartizan ingest` with these arguments and gives the lines it would print.
///
/// # Errors
/// When the arguments are wrong, or a file cannot be read or sent.
pub async fn ingest_files<I, T>(arguments: I) -> anyhow::Result<Vec<String>>
where
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    let words = ["bartizan", "ingest"].map(std::ffi::OsString::from);
    let cli = Cli::try_parse_from(words.into_iter().chain(arguments.into_iter().map(Into::into)))?;
    let Command::Ingest(arguments) = cli.command else { anyhow::bail!("not an ingest command") };
    ingest::run(*arguments).await
}

/// As many open files as we may have: each connection is one, and so is each file of the log store.
pub fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, "cannot raise the number of open files");
    }
}

async fn serve(arguments: Serve) -> anyhow::Result<()> {
    raise_open_files();
    let export = arguments.export.open().context("cannot use the settings of exports")?;
    let outside = arguments.oidc.open().context("cannot use the settings of the outside provider")?;
    let options = ServeOptions {
        portal: arguments.portal,
        agent_binary: arguments.agent_binary,
        public_names: arguments.public_names,
        syslog: SyslogOptions {
            udp: arguments.syslog_udp,
            tcp: arguments.syslog_tcp,
            tls: arguments.syslog_tls,
            client_ca: arguments.syslog_client_ca,
        },
        export,
        external: ExternalOptions {
            places: arguments.external_data,
            networks: arguments.external_data_networks,
            ca: arguments.external_data_ca,
            bytes_max: arguments.external_data_mib << 20,
        },
        connections: arguments.discover_with,
        outside,
        silence: Duration::from_secs(arguments.disconnected_after),
        ..ServeOptions::new(arguments.data, arguments.listen)
    };
    // Before anything is opened, so that a signal during a slow start is not lost.
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let server = Server::start(options).await?;
    let ready = &server.ready;
    print_line(
        &json!({"event": "ready", "url": ready.url, "ca": ready.ca, "signIn": ready.sign_in}).to_string(),
    )?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = server.lost() => {
            server.stop().await;
            anyhow::bail!("another server on the same database leads now: start this one again to wait for its turn");
        }
    }
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

async fn onboarding_token(arguments: OnboardingToken) -> anyhow::Result<()> {
    let (records, home) = open(&arguments.data).await?;
    let by = home.owner.to_string();
    if arguments.direct {
        let designated = direct::designated(&records).await.context("cannot read the plans")?;
        anyhow::ensure!(
            designated.is_some(),
            "direct onboarding is off; designate a subscription first, in the portal's Environment settings"
        );
        let made = portal::new_direct_token(&records, &by, &OnboardingRequest::default()).await;
        return print_line(&made.context("cannot make a token")?.0);
    }
    let group = match &arguments.resource_group {
        Some(name) => {
            home.subscription_id().join(&format!("resourceGroups/{name}")).context("not a resource group")?
        }
        None => home.group_id(),
    };
    anyhow::ensure!(
        records.get(&group).await.context("cannot read the resource group")?.is_some(),
        "there is no resource group `{}`",
        group.name()
    );
    let (token, _) = portal::new_token(&records, &home, &by, &group, &OnboardingRequest::default())
        .await
        .context("cannot make a token")?;
    print_line(&token)
}

async fn create_principal(arguments: CreatePrincipal) -> anyhow::Result<()> {
    let (records, home) = open(&arguments.data).await?;
    let scope = arguments.scope.unwrap_or_else(|| home.subscription_id());
    let created = service_principals::create(&records, &home, &arguments.name, &arguments.role, &scope)
        .await
        .context("cannot create the service principal")?;
    // The field names of `az ad sp create-for-rbac`.
    print_line(
        &json!({
            "appId": created.app_id, "displayName": arguments.name, "password": created.secret,
            "tenant": home.tenant, "objectId": created.object_id, "expires": created.expires,
        })
        .to_string(),
    )
}

/// The records of a data folder that a server has used.
pub(crate) async fn open(data: &std::path::Path) -> anyhow::Result<(Records, Home)> {
    anyhow::ensure!(
        data.join("control.db").is_file(),
        "there is no server's data in `{}`; start it first",
        data.display()
    );
    let records = open_records(data, Arc::new(SystemClock)).await?;
    let (home, _) = boot::ensure_home(&records).await.context("cannot read the default resources")?;
    Ok((records, home))
}

/// Standard output is the interface of these commands; everything else goes to the log. A reader that has seen enough
/// (`… | head -1`) is no error: what the command does goes on, and so does its exit code.
///
/// # Errors
/// When it cannot be written for another reason, such as a full disk.
pub(crate) fn print_line(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// The last word to the person at the terminal, who may not be listening any more.
fn tell(text: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stderr(), "{text}"));
}
