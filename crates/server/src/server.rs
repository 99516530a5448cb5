//! Putting the server together and taking it down again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bartizan_base::{Clock, SystemClock};
use bartizan_control::identity::outside::{OutsideOptions, OutsideProvider};
use bartizan_control::pki::Pki;
use bartizan_control::{App, AppParts, ExportOptions, SILENCE, SavedFunctions, boot};
use bartizan_engine::{Engine, EngineOptions, HotPaths};
use bartizan_records::Records;
use bartizan_schema::TableRegistry;
use bartizan_store::{Store, StoreOptions};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::background::Turns;
use crate::database::open_records;
use crate::external::ExternalOptions;
use crate::lock::DataLock;
use crate::syslog::{SyslogAddresses, SyslogOptions};
use crate::{listener, names, tls};

/// Where the records keep the address people last reached this server at, for links made without it.
pub(crate) const URL_STATE: &str = "server/url";

/// Where the records keep which paths into dynamic columns are promoted.
const HOT_PATHS_STATE: &str = "engine/hot-paths";

/// Settings of a server.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Everything the server keeps.
    pub data: PathBuf,
    pub listen: SocketAddr,
    /// The built portal.
    pub portal: Option<PathBuf>,
    /// The agent that the onboarding script downloads.
    pub agent_binary: Option<PathBuf>,
    /// Names people use for this server; the first one is used in links.
    pub public_names: Vec<String>,
    pub syslog: SyslogOptions,
    /// Where export rules may write; nowhere unless set.
    pub export: Option<ExportOptions>,
    /// What `externaldata` may read.
    pub external: ExternalOptions,
    /// The folder of connections that security connectors may use; they use none unless set.
    pub connections: Option<PathBuf>,
    /// Where people may sign in besides here.
    pub outside: Option<OutsideOptions>,
    /// How long a machine is silent before it is `Disconnected`: 45 seconds to an hour.
    pub silence: Duration,
    pub clock: Arc<dyn Clock>,
    /// Changes the store's settings from their defaults.
    pub store: fn(&mut StoreOptions),
}

impl ServeOptions {
    /// Defaults for a data folder and an address.
    pub fn new(data: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        Self {
            data: data.into(),
            listen,
            portal: None,
            agent_binary: None,
            public_names: Vec::new(),
            syslog: SyslogOptions::default(),
            export: None,
            external: ExternalOptions::default(),
            connections: None,
            outside: None,
            silence: SILENCE,
            clock: Arc::new(SystemClock),
            store: |_| {},
        }
    }
}

/// What to tell whoever started the server.
#[derive(Clone, Debug)]
pub struct Ready {
    /// `https://name:port`.
    pub url: String,
    /// The file with the authority that signed the server's certificate.
    pub ca: PathBuf,
    /// A one-time sign-in link, on the first start.
    pub sign_in: Option<String>,
    /// Where syslog is listened for.
    pub syslog: SyslogAddresses,
}

/// A running server.
pub struct Server {
    pub ready: Ready,
    pub app: Arc<App>,
    listener: JoinHandle<()>,
    tasks: JoinSet<()>,
    turns: Turns,
    _lock: DataLock,
}

impl Server {
    /// Starts a server; returns when it listens.
    ///
    /// # Errors
    /// When the data folder, the address or a key cannot be used.
    pub async fn start(options: ServeOptions) -> anyhow::Result<Self> {
        private(&options.data)?;
        let lock = DataLock::take(&options.data)?;
        let clock = Arc::clone(&options.clock);
        let records = open_records(&options.data, Arc::clone(&clock)).await?;
        let (home, first) = boot::ensure_home(&records).await.context("cannot make the default resources")?;
        let tcp = TcpListener::bind(options.listen).await;
        let tcp = tcp.with_context(|| format!("cannot listen on {}", options.listen))?;
        let address = tcp.local_addr().context("cannot read the listening address")?;
        let public_names = names::all(&options.public_names, address.ip());
        let pki = Pki::open(&options.data.join("pki"), &public_names, clock.now())
            .context("cannot prepare keys")?;
        let url = url(&options, address);
        records.put_state(URL_STATE, url.as_str().into()).await.context("cannot note the address")?;
        let config = tls::config(&pki)?;
        let ca = pki.server_ca_path.clone();

        let mut store_options = StoreOptions::new(options.data.join("logs"), records.pool());
        store_options.clock = Arc::clone(&clock);
        let saved = records.get_state(HOT_PATHS_STATE).await.context("cannot read the promoted paths")?;
        let hot_paths = Arc::new(HotPaths::restored(&saved.unwrap_or_default()));
        store_options.extra_columns = Some(Arc::clone(&hot_paths) as _);
        (options.store)(&mut store_options);
        let tables = TableRegistry::shipped().context("cannot read the table declarations")?;
        let store = Store::open(store_options, tables).await.context("cannot open the log store")?;
        let functions = SavedFunctions::open(&records, &home).await;
        let functions = Arc::new(functions.context("cannot read the workspaces and what is saved in them")?);
        let external = options.external.open().context("cannot use the settings of external data")?;
        let engine_options = EngineOptions {
            endpoint: url.trim_start_matches("https://").to_owned(),
            functions: Some(Arc::clone(&functions) as _),
            hot_paths: Some(Arc::clone(&hot_paths)),
            external,
            ..EngineOptions::default()
        };
        let engine = Engine::new(store.clone(), engine_options).context("cannot start the query engine")?;

        let sign_in = if first {
            let code = boot::new_sign_in(&records, &home, clock.now())
                .await
                .context("cannot make a sign-in link")?;
            Some(format!("{url}/signin#{code}"))
        } else {
            None
        };
        let outside = options.outside.map(OutsideProvider::new);
        let stop = CancellationToken::new();
        let app = App::new(AppParts {
            records: records.clone(),
            store: store.clone(),
            engine: engine.clone(),
            functions,
            clock: Arc::clone(&clock),
            home: home.clone(),
            pki,
            public_url: url.clone(),
            export: options.export,
            silence: options.silence,
            portal_dir: options.portal,
            agent_binary: options.agent_binary,
            connections: options.connections,
            outside: outside.transpose().context("cannot use the outside provider")?,
            stop: stop.clone(),
        })
        .context("cannot prepare tokens")?;
        let mut tasks = bartizan_control::start_tasks(&app);
        tasks.spawn(keep_hot_paths(hot_paths, records, stop.clone()));
        let (turns, syslog) = Turns::start(&app, options.syslog).await?;
        let router = bartizan_control::router(Arc::clone(&app));
        let listener = tokio::spawn(listener::serve(tcp, config, router, stop));
        tracing::info!(url, "listening");
        let ready = Ready { url, ca, sign_in, syslog };
        Ok(Self { ready, app, listener, tasks, turns, _lock: lock })
    }

    /// Ends when the server must stop by itself: another one on the same database took over.
    pub async fn lost(&self) {
        self.app.stop.cancelled().await;
    }

    /// Stops taking requests, lets the ones in flight finish, then closes the store.
    pub async fn stop(mut self) {
        self.app.stop.cancel();
        if let Err(error) = self.listener.await {
            tracing::error!(%error, "the listener ended badly");
        }
        self.turns.stop(&self.app).await;
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a background task ended badly");
            }
        }
        self.app.store.close().await;
        self.app.records.close().await;
        tracing::info!("stopped");
    }
}

/// Keeps what is promoted over a restart.
async fn keep_hot_paths(hot_paths: Arc<HotPaths>, records: Records, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = hot_paths.changed() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = records.put_state(HOT_PATHS_STATE, hot_paths.saved()).await {
            // They are learned again.
            tracing::warn!(%error, "cannot note the promoted paths");
        }
    }
}

/// The data folder holds keys and logs: its owner's only.
fn private(data: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(data).with_context(|| format!("cannot make `{}`", data.display()))?;
    std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot protect `{}`", data.display()))
}

fn url(options: &ServeOptions, address: SocketAddr) -> String {
    let host = match options.public_names.first() {
        Some(name) => name.clone(),
        None if address.ip().is_unspecified() || address.ip().is_loopback() => "localhost".to_owned(),
        None if address.is_ipv6() => format!("[{}]", address.ip()),
        None => address.ip().to_string(),
    };
    format!("https://{host}:{}", address.port())
}
