//! What every handler works with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{Clock, ResourceId, SubscriptionId, TenantId, WorkspaceId};
use bartizan_engine::Engine;
use bartizan_records::Records;
use bartizan_store::{AppendTarget, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::access::{Issuer, Throttle};
use crate::agents::{DesiredHub, LastHeard, Reports, SILENCE_LONGEST, SILENCE_SHORTEST};
use crate::arm::{GraphRows, Turns};
use crate::discovery::Discovery;
use crate::identity::outside::OutsideProvider;
use crate::identity::{DeviceDesk, SeenAssertions};
use crate::logs::{DailyCap, ExportOptions, IngestionNotes, QueryRecords, SavedFunctions, Workspaces};
use crate::pki::Pki;
use crate::plans::evaluation::SharedKnown;
use crate::portal::Desk;
use crate::test_alerts::TestAlerts;
use crate::turn::Turn;

/// The default places and people, made at first start (see `boot`).
#[derive(Clone, Debug)]
pub struct Home {
    pub tenant: TenantId,
    pub subscription: SubscriptionId,
    pub subscription_name: String,
    pub resource_group: String,
    pub location: String,
    /// The workspace's ARM id.
    pub workspace: ResourceId,
    /// The id that queries and the log store take.
    pub customer: WorkspaceId,
    /// The data collection rule that takes every table.
    pub default_rule: ResourceId,
    /// Object id of the owner.
    pub owner: Uuid,
}

impl Home {
    /// `/subscriptions/{id}`.
    pub fn subscription_id(&self) -> ResourceId {
        ResourceId::parse(&format!("/subscriptions/{}", self.subscription)).expect("a uuid is a segment")
    }

    /// The management group above all others. It has the tenant's id as its name, as in Azure.
    pub fn root_group(&self) -> ResourceId {
        let group = crate::access::GROUP_TYPE;
        ResourceId::parse(&format!("/providers/{group}/{}", self.tenant)).expect("a uuid is a segment")
    }

    /// Where rows of one of the workspace's tables go. `TenantId` of a row is the id of its workspace.
    pub fn target(&self, table: &str) -> AppendTarget {
        AppendTarget::new(self.customer, TenantId(self.customer.0), table)
    }

    /// `/subscriptions/{id}/resourceGroups/{name}` of the default group.
    pub fn group_id(&self) -> ResourceId {
        self.subscription_id()
            .join(&format!("resourceGroups/{}", self.resource_group))
            .expect("the default group's name is a segment")
    }
}

/// The control plane: shared by all handlers and background tasks.
pub struct App {
    pub records: Records,
    pub store: Store,
    pub engine: Engine,
    /// What the engine's queries know as saved functions.
    pub functions: Arc<SavedFunctions>,
    pub clock: Arc<dyn Clock>,
    pub home: Home,
    pub pki: Pki,
    pub issuer: Issuer,
    /// `https://name:port` that we call ourselves.
    pub public_url: String,
    /// Where export rules may write; nowhere unless set.
    pub export: Option<ExportOptions>,
    /// Whom security connectors may ask.
    pub(crate) discovery: Discovery,
    /// Where people may sign in besides here.
    pub(crate) outside: Option<OutsideProvider>,
    /// How long a machine is silent before it is `Disconnected`.
    pub silence: Duration,
    /// The built portal.
    pub portal_dir: Option<PathBuf>,
    /// The agent program that the onboarding script downloads.
    pub agent_binary: Option<PathBuf>,
    pub(crate) desired: DesiredHub,
    /// What agents report, worked on together.
    pub(crate) reports: Reports,
    /// The workspaces there are.
    pub(crate) workspaces: Arc<Workspaces>,
    /// Wakes who removes what deleted workspaces left.
    pub(crate) workspaces_wake: tokio::sync::Notify,
    /// When agents were heard of, until it is written.
    pub(crate) heard: LastHeard,
    pub(crate) throttle: Throttle,
    /// The resources as Resource Graph shows them.
    pub(crate) graph: GraphRows,
    /// Writers of one resource, one after the other.
    pub(crate) turns: Turns,
    /// Wakes who runs long operations.
    pub(crate) operations_wake: tokio::sync::Notify,
    /// Wakes who evaluates policies as asked.
    pub(crate) policy_wake: tokio::sync::Notify,
    /// What was stored last of what the policies say.
    pub(crate) known_states: SharedKnown,
    /// Held while the tree of management groups is changed: a check of it must still hold when it is written.
    pub(crate) hierarchy_lock: tokio::sync::Mutex<()>,
    /// Programs that wait for a person with a browser.
    pub(crate) devices: DeviceDesk,
    pub(crate) assertions: SeenAssertions,
    /// Where the query editor's questions are answered.
    pub(crate) editor: Desk,
    /// What ingestion could not take as it was sent.
    pub(crate) ingestion_notes: IngestionNotes,
    /// How much may come in a day.
    pub(crate) daily_cap: DailyCap,
    /// Queries that were asked, on their way into `LAQueryLogs`.
    pub(crate) query_records: QueryRecords,
    /// Test alerts on their way.
    pub(crate) test_alerts: TestAlerts,
    pub(crate) turn: Turn,
    /// Ends background tasks and long polls.
    pub stop: CancellationToken,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "App({})", self.public_url)
    }
}

/// What [`App::new`] is given; the parts are opened by the server.
pub struct AppParts {
    pub records: Records,
    pub store: Store,
    pub engine: Engine,
    /// The functions that `engine` was made with.
    pub functions: Arc<SavedFunctions>,
    pub clock: Arc<dyn Clock>,
    pub home: Home,
    pub pki: Pki,
    pub public_url: String,
    pub export: Option<ExportOptions>,
    /// How long a machine is silent before it is `Disconnected`.
    pub silence: Duration,
    pub portal_dir: Option<PathBuf>,
    pub agent_binary: Option<PathBuf>,
    /// The folder of connections that security connectors may use; they use none unless set.
    pub connections: Option<PathBuf>,
    /// Where people may sign in besides here.
    pub outside: Option<OutsideProvider>,
    pub stop: CancellationToken,
}

impl App {
    /// Counts what a listener could not take as it was sent; `Operation` tells of it.
    pub fn note_ingestion(&self, source: &str, table: &str, what: &'static str, count: u64) {
        self.ingestion_notes.add(source, table, what, count);
    }

    /// Puts the parts together.
    ///
    /// # Errors
    /// When the token key cannot be used.
    pub fn new(parts: AppParts) -> Result<Arc<Self>, crate::access::KeyError> {
        let keys = &parts.pki.token_keys;
        let issuer = Issuer::new(parts.home.tenant, &parts.public_url, &keys.current)?;
        issuer.use_keys(keys)?;
        Ok(Arc::new(Self {
            issuer,
            desired: DesiredHub::default(),
            reports: Reports::default(),
            workspaces: Arc::clone(parts.functions.workspaces()),
            workspaces_wake: tokio::sync::Notify::new(),
            heard: LastHeard::default(),
            throttle: Throttle::default(),
            graph: GraphRows::default(),
            turns: Turns::default(),
            operations_wake: tokio::sync::Notify::new(),
            policy_wake: tokio::sync::Notify::new(),
            known_states: SharedKnown::default(),
            hierarchy_lock: tokio::sync::Mutex::new(()),
            devices: DeviceDesk::default(),
            assertions: SeenAssertions::default(),
            editor: Desk::default(),
            ingestion_notes: IngestionNotes::default(),
            daily_cap: DailyCap::default(),
            query_records: QueryRecords::default(),
            discovery: Discovery::new(parts.connections),
            test_alerts: TestAlerts::default(),
            turn: Turn::default(),
            records: parts.records,
            store: parts.store,
            engine: parts.engine,
            functions: parts.functions,
            clock: parts.clock,
            home: parts.home,
            pki: parts.pki,
            public_url: parts.public_url,
            export: parts.export,
            silence: parts.silence.clamp(SILENCE_SHORTEST, SILENCE_LONGEST),
            outside: parts.outside,
            portal_dir: parts.portal_dir,
            agent_binary: parts.agent_binary,
            stop: parts.stop,
        }))
    }
}
