//! Functions that people saved in a workspace, saved searches with a `functionAlias`, and the rows of watchlists.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{ResourceId, WorkspaceId};
use bartizan_engine::FunctionSource;
use bartizan_kql::{FunctionSymbol, Watchlist};
use bartizan_records::{Change, ListQuery, Records, RecordsError, Resource};
use parking_lot::RwLock;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::app::{App, Home};
use crate::logs::watchlist_rows;
use crate::logs::workspaces::{WORKSPACE_TYPE, Workspace, Workspaces};

/// The resource type of saved queries and functions.
pub(crate) const SAVED_SEARCH_TYPE: &str = "Microsoft.OperationalInsights/workspaces/savedSearches";

/// Pause after the first change of a watchlist.
const GATHER: Duration = Duration::from_millis(100);

/// The saved functions of every workspace, kept in memory because the binder asks for them by name while
/// it runs. The records are the truth; [`SavedFunctions::reload`] follows them.
#[derive(Debug, Default)]
pub struct SavedFunctions {
    by_name: RwLock<BTreeMap<WorkspaceId, BTreeMap<String, FunctionSymbol>>>,
    /// Those of the home workspace, by alias in lower case: others have none.
    watchlists: RwLock<BTreeMap<String, Arc<Watchlist>>>,
    workspaces: Arc<Workspaces>,
}

impl SavedFunctions {
    /// Reads all that queries may name: workspaces, their functions, watchlists.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn open(records: &Records, home: &Home) -> Result<Self, RecordsError> {
        let functions = Self::default();
        functions.workspaces.know(home);
        functions.workspaces.reload(records).await?;
        functions.reload(records).await?;
        functions.reload_watchlists(records, &home.workspace).await?;
        Ok(functions)
    }

    /// The workspaces that functions belong to.
    pub(crate) fn workspaces(&self) -> &Arc<Workspaces> {
        &self.workspaces
    }

    /// Reads the functions of all workspaces again.
    pub(crate) async fn reload(&self, records: &Records) -> Result<(), RecordsError> {
        let mut all: BTreeMap<WorkspaceId, BTreeMap<String, FunctionSymbol>> = BTreeMap::new();
        for saved in records.list_all(&ListQuery::tenant(), SAVED_SEARCH_TYPE).await? {
            let workspace = self.workspaces.around(&saved.id);
            if let (Some(workspace), Some(symbol)) = (workspace, function(&saved)) {
                all.entry(workspace.id).or_default().insert(symbol.name.clone(), symbol);
            }
        }
        *self.by_name.write() = all;
        Ok(())
    }

    /// Reads the functions of one workspace again.
    pub(crate) async fn reload_of(
        &self,
        records: &Records,
        workspace: &Workspace,
    ) -> Result<(), RecordsError> {
        let saved = records.list_all(&workspace.resource, SAVED_SEARCH_TYPE).await?;
        let functions = saved.iter().filter_map(function).map(|symbol| (symbol.name.clone(), symbol));
        let functions = functions.collect();
        self.by_name.write().insert(workspace.id, functions);
        Ok(())
    }

    /// Reads all watchlists of `workspace` again.
    pub(crate) async fn reload_watchlists(
        &self,
        records: &Records,
        workspace: &ResourceId,
    ) -> Result<(), RecordsError> {
        let read = watchlist_rows::all(records, workspace).await?;
        *self.watchlists.write() = read;
        Ok(())
    }

    /// Reads one watchlist again, or forgets it when it is gone.
    pub(crate) async fn reload_watchlist(
        &self,
        records: &Records,
        list: &ResourceId,
    ) -> Result<(), RecordsError> {
        let read = watchlist_rows::one(records, list).await?;
        let alias = list.name().to_ascii_lowercase();
        let mut watchlists = self.watchlists.write();
        match read {
            Some(read) => drop(watchlists.insert(alias, Arc::new(read))),
            None => drop(watchlists.remove(&alias)),
        }
        Ok(())
    }

    /// All functions of a workspace, by name.
    pub(crate) fn all(&self, workspace: WorkspaceId) -> Vec<FunctionSymbol> {
        let by_name = self.by_name.read();
        by_name.get(&workspace).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Whether a function of a workspace may read another one.
    pub(crate) fn name_workspaces(&self, workspace: WorkspaceId) -> bool {
        let by_name = self.by_name.read();
        let mut functions = by_name.get(&workspace).into_iter().flat_map(BTreeMap::values);
        functions.any(|function| names_workspaces(&function.body))
    }
}

/// Whether a text may call `workspace("…")`.
pub(super) fn names_workspaces(text: &str) -> bool {
    text.contains("workspace")
}

impl FunctionSource for SavedFunctions {
    fn function(&self, workspace: WorkspaceId, name: &str) -> Option<FunctionSymbol> {
        self.by_name.read().get(&workspace)?.get(name).cloned()
    }

    fn watchlist(&self, workspace: WorkspaceId, alias: &str) -> Option<Arc<Watchlist>> {
        if !self.workspaces.is_home(workspace) {
            return None;
        }
        self.watchlists.read().get(&alias.to_ascii_lowercase()).cloned()
    }

    fn names(&self, workspace: WorkspaceId) -> Vec<String> {
        let by_name = self.by_name.read();
        by_name.get(&workspace).into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// Its own only. Which others a query may read depends on who asks.
    fn workspace(&self, workspace: WorkspaceId, name: &str) -> Option<WorkspaceId> {
        let own = self.workspaces.get(workspace)?;
        own.names().iter().any(|own| own.eq_ignore_ascii_case(name)).then_some(workspace)
    }
}

/// The function a saved search declares, if it declares one.
fn function(saved: &Resource) -> Option<FunctionSymbol> {
    let text = |name: &str| saved.property(name).and_then(|value| value.as_str()).unwrap_or_default();
    let alias = text("functionAlias");
    (!alias.is_empty()).then(|| FunctionSymbol {
        name: alias.to_owned(),
        parameters: format!("({})", text("functionParameters")),
        body: text("query").to_owned(),
    })
}

/// Reloads workspaces, functions and watchlists when one changes, until the server stops.
pub(crate) async fn follow_saved_functions(app: Arc<App>) {
    let mut changes = app.records.subscribe();
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = app.stop.cancelled() => return,
        };
        let is_list = |change: &Change| {
            watchlist_rows::TYPES.iter().any(|ty| change.resource_type.eq_ignore_ascii_case(ty))
        };
        let is_function = |change: &Change| {
            let types = [SAVED_SEARCH_TYPE, WORKSPACE_TYPE];
            types.iter().any(|ty| change.resource_type.eq_ignore_ascii_case(ty))
        };
        let (mut concerns, lists) = match change {
            Ok(change) => (is_function(&change), is_list(&change)),
            Err(RecvError::Lagged(_)) => (true, true),
            Err(RecvError::Closed) => return,
        };
        if lists {
            // An upload is thousands of changes, and is read once.
            tokio::time::sleep(GATHER).await;
            loop {
                match changes.try_recv() {
                    Ok(change) => concerns |= is_function(&change),
                    Err(TryRecvError::Lagged(_)) => concerns = true,
                    Err(_) => break,
                }
            }
            if let Err(error) = app.functions.reload_watchlists(&app.records, &app.home.workspace).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot reload the watchlists");
            }
        }
        if concerns && let Err(error) = reload(&app).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot reload the saved functions");
        }
    }
}

/// Reads workspaces and what is saved in them again.
async fn reload(app: &App) -> Result<(), RecordsError> {
    if !app.workspaces.reload(&app.records).await?.is_empty() {
        app.workspaces_wake.notify_one();
    }
    app.functions.reload(&app.records).await
}
