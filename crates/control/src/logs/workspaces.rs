//! The workspaces there are: which id belongs to which resource. Doors ask it for each request, so it is kept in
//! memory; the records are the truth, and [`Workspaces::reload`] follows them.
//!
//! A workspace whose resource is gone is not found any more, so its rows are not read from that moment on. They are
//! removed by [`sweep`], which knows from a note in the records that the workspace was there: what the log store holds
//! of workspaces that were never noted is left alone, because records and log store may come from different backups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, TenantId, WorkspaceId};
use bartizan_engine::NamedWorkspace;
use bartizan_records::{ListQuery, Records, RecordsError, Resource};
use bartizan_store::AppendTarget;
use parking_lot::RwLock;
use serde_json::json;

use crate::app::{App, Home};
use crate::http::{Failure, chain};

/// The resource type of workspaces.
pub(crate) const WORKSPACE_TYPE: &str = "Microsoft.OperationalInsights/workspaces";
/// Workspaces of one server: queries over several look at each.
pub(crate) const WORKSPACES_MAX: usize = 100;
/// Where the records note which workspaces there were.
const KNOWN: &str = "workspaces/known";
/// Pause between two tries to remove what deleted workspaces left.
const SWEEP_PAUSE: Duration = Duration::from_secs(60);

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Workspace {
    /// `customerId`: what queries and the log store call it.
    pub(crate) id: WorkspaceId,
    pub(crate) resource: ResourceId,
    pub(crate) location: String,
}

impl Workspace {
    /// Reads a stored workspace.
    fn of(resource: &Resource) -> Option<Self> {
        Some(Self {
            id: resource.property("customerId")?.as_str()?.parse().ok()?,
            resource: resource.id.clone(),
            location: resource.body["location"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// What queries may call it besides its id.
    pub(crate) fn names(&self) -> Vec<String> {
        vec![self.resource.name().to_owned(), self.resource.to_string()]
    }

    /// The same for the engine.
    pub(crate) fn named(&self) -> NamedWorkspace {
        NamedWorkspace { id: self.id, names: self.names() }
    }

    /// Where rows of one of its tables go. `TenantId` of a row is the id of its workspace.
    pub(crate) fn target(&self, table: &str) -> AppendTarget {
        AppendTarget::new(self.id, TenantId(self.id.0), table)
    }

    /// The scope of one of its tables; an error for what cannot be a table's name.
    pub(crate) fn table_scope(&self, table: &str) -> Result<ResourceId, Failure> {
        let scope = self.resource.join(&format!("tables/{table}"));
        scope.map_err(|_| ApiError::new(ErrorKind::NotFound, format!("There is no table `{table}`.")).into())
    }
}

/// The workspaces of this server.
#[derive(Debug, Default)]
pub(crate) struct Workspaces {
    /// The one that was made at the first start, and stays.
    home: OnceLock<Workspace>,
    others: RwLock<BTreeMap<WorkspaceId, Arc<Workspace>>>,
    /// Held by the one who reads them again.
    turn: tokio::sync::Mutex<()>,
}

impl Workspaces {
    /// Makes the home workspace known.
    pub(crate) fn know(&self, home: &Home) {
        let workspace = Workspace {
            id: home.customer,
            resource: home.workspace.clone(),
            location: home.location.clone(),
        };
        // Told when the server is put together; it never changes.
        drop(self.home.set(workspace));
    }

    /// Reads the workspaces again, and gives the ids of those that were there and are not any more.
    pub(crate) async fn reload(&self, records: &Records) -> Result<Vec<WorkspaceId>, RecordsError> {
        let _turn = self.turn.lock().await;
        let stored = records.list_all(&ListQuery::tenant(), WORKSPACE_TYPE).await?;
        let home = self.home.get().map(|home| home.id);
        let found: BTreeMap<WorkspaceId, Arc<Workspace>> = stored
            .iter()
            .filter_map(Workspace::of)
            .filter(|workspace| Some(workspace.id) != home)
            .map(|workspace| (workspace.id, Arc::new(workspace)))
            .collect();
        let before = known(records).await?;
        let all: BTreeSet<WorkspaceId> = before.iter().chain(found.keys()).copied().collect();
        // Before anybody finds them: rows come in from then on.
        if all != before {
            records.put_state(KNOWN, json!(all)).await?;
        }
        let gone = all.into_iter().filter(|id| !found.contains_key(id)).collect();
        *self.others.write() = found;
        Ok(gone)
    }

    /// Notes that nothing is left of a workspace.
    async fn forget(&self, records: &Records, id: WorkspaceId) -> Result<(), RecordsError> {
        let _turn = self.turn.lock().await;
        let mut all = known(records).await?;
        if all.remove(&id) {
            records.put_state(KNOWN, json!(all)).await?;
        }
        Ok(())
    }

    /// All of them, the home workspace first.
    pub(crate) fn all(&self) -> Vec<Workspace> {
        let others = self.others.read();
        self.home
            .get()
            .cloned()
            .into_iter()
            .chain(others.values().map(|other| Workspace::clone(other)))
            .collect()
    }

    /// Whether this is the home workspace's id.
    pub(crate) fn is_home(&self, id: WorkspaceId) -> bool {
        self.home.get().is_some_and(|home| home.id == id)
    }

    /// How many there are beside the home workspace.
    pub(crate) fn others(&self) -> usize {
        self.others.read().len()
    }

    /// The workspace of this id.
    pub(crate) fn get(&self, id: WorkspaceId) -> Option<Workspace> {
        if let Some(home) = self.home.get().filter(|home| home.id == id) {
            return Some(home.clone());
        }
        self.others.read().get(&id).map(|found| Workspace::clone(found))
    }

    /// The workspace that this resource is.
    pub(crate) fn at(&self, resource: &ResourceId) -> Option<Workspace> {
        if let Some(home) = self.home.get().filter(|home| home.resource == *resource) {
            return Some(home.clone());
        }
        let others = self.others.read();
        others.values().find(|other| other.resource == *resource).map(|found| Workspace::clone(found))
    }

    /// The workspace that a resource belongs to.
    pub(crate) fn around(&self, id: &ResourceId) -> Option<Workspace> {
        let mut place = Some(id.clone());
        while let Some(at) = place {
            if at.resource_type().eq_ignore_ascii_case(WORKSPACE_TYPE) {
                return self.at(&at);
            }
            place = at.parent();
        }
        None
    }

    /// By `customerId`, by ARM id or by name: clients use all three. A name that several have is the home
    /// workspace's, or nobody's.
    pub(crate) fn find(&self, text: &str) -> Option<Workspace> {
        if let Ok(id) = text.parse() {
            return self.get(id);
        }
        if let Some(found) = ResourceId::parse(text).ok().and_then(|id| self.at(&id)) {
            return Some(found);
        }
        if let Some(home) = self.home.get().filter(|home| home.resource.name().eq_ignore_ascii_case(text)) {
            return Some(home.clone());
        }
        let others = self.others.read();
        let mut named = others.values().filter(|other| other.resource.name().eq_ignore_ascii_case(text));
        let first = named.next()?;
        named.next().is_none().then(|| Workspace::clone(first))
    }
}

impl App {
    /// The home workspace.
    pub(crate) fn home_workspace(&self) -> Workspace {
        Workspace {
            id: self.home.customer,
            resource: self.home.workspace.clone(),
            location: self.home.location.clone(),
        }
    }

    /// The workspace that a resource belongs to; an error when it is not there any more.
    pub(crate) fn workspace_around(&self, id: &ResourceId) -> Result<Workspace, Failure> {
        let found = self.workspaces.around(id);
        found.ok_or_else(|| ApiError::not_found(id.as_str()).into())
    }
}

async fn known(records: &Records) -> Result<BTreeSet<WorkspaceId>, RecordsError> {
    let state = records.get_state(KNOWN).await?;
    let ids = state.as_ref().and_then(|state| state.as_array()).into_iter().flatten();
    Ok(ids.filter_map(|id| id.as_str()?.parse().ok()).collect())
}

/// Removes what deleted workspaces left, until the server stops.
pub(crate) async fn sweep_workspaces(app: Arc<App>) {
    loop {
        let left = match sweep(&app).await {
            Ok(left) => left,
            Err(error) => {
                tracing::warn!(error, "cannot remove what a deleted workspace left; trying again");
                true
            }
        };
        let pause =
            async { if left { tokio::time::sleep(SWEEP_PAUSE).await } else { std::future::pending().await } };
        tokio::select! {
            () = pause => {}
            () = app.workspaces_wake.notified() => {}
            () = app.stop.cancelled() => return,
        }
    }
}

/// Removes the rows of workspaces whose resource is gone; whether to look again. A batch that was on its way when its
/// workspace went is found by the next look.
async fn sweep(app: &App) -> Result<bool, String> {
    let mut left = false;
    for id in app.workspaces.reload(&app.records).await.map_err(|error| chain(&error))? {
        let tables = app.store.drop_workspace(id).await.map_err(|error| chain(&error))?;
        app.daily_cap.forget(id);
        if tables > 0 {
            tracing::info!(workspace = %id, tables, "removed the rows of a deleted workspace");
            left = true;
            continue;
        }
        app.workspaces.forget(&app.records, id).await.map_err(|error| chain(&error))?;
    }
    Ok(left)
}
