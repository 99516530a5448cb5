//! Functions that people saved in the workspace, saved searches with a `functionAlias`, and the rows of watchlists.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bartizan_base::{ResourceId, WorkspaceId};
use bartizan_engine::FunctionSource;
use bartizan_kql::{FunctionSymbol, Watchlist};
use bartizan_records::{Change, Records, RecordsError, Resource};
use parking_lot::RwLock;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::app::App;
use crate::logs::watchlist_rows;

/// The resource type of saved queries and functions.
pub(crate) const SAVED_SEARCH_TYPE: &str = "Microsoft.OperationalInsights/workspaces/savedSearches";

/// Pause after the first change of a watchlist.
const GATHER: Duration = Duration::from_millis(100);

/// The saved functions of the one workspace, kept in memory because the binder asks for them by name while
/// it runs. The records are the truth; [`SavedFunctions::reload`] follows them.
#[derive(Debug, Default)]
pub struct SavedFunctions {
    by_name: RwLock<BTreeMap<String, FunctionSymbol>>,
    /// By alias in lower case.
    watchlists: RwLock<BTreeMap<String, Arc<Watchlist>>>,
    /// The one workspace, once it is known: `workspace("…")` finds it by id, name and ARM id.
    home: OnceLock<(WorkspaceId, ResourceId)>,
}

impl SavedFunctions {
    /// Reads all functions of `workspace` again.
    ///
    /// # Errors
    /// When the records cannot be read; the functions known before stay.
    pub async fn reload(&self, records: &Records, workspace: &ResourceId) -> Result<(), RecordsError> {
        let saved = records.list_all(workspace, SAVED_SEARCH_TYPE).await?;
        let functions = saved.iter().filter_map(function).map(|symbol| (symbol.name.clone(), symbol));
        let functions = functions.collect();
        *self.by_name.write() = functions;
        Ok(())
    }

    /// Reads all watchlists of `workspace` again.
    ///
    /// # Errors
    /// When the records cannot be read; the rows known before stay.
    pub async fn reload_watchlists(
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

    /// Makes the workspace known.
    pub(crate) fn know(&self, id: WorkspaceId, resource: &ResourceId) {
        // Asked once, when the server is put together.
        drop(self.home.set((id, resource.clone())));
    }

    /// All functions, by name.
    pub(crate) fn all(&self) -> Vec<FunctionSymbol> {
        self.by_name.read().values().cloned().collect()
    }
}

impl FunctionSource for SavedFunctions {
    fn function(&self, _workspace: WorkspaceId, name: &str) -> Option<FunctionSymbol> {
        self.by_name.read().get(name).cloned()
    }

    fn watchlist(&self, _workspace: WorkspaceId, alias: &str) -> Option<Arc<Watchlist>> {
        self.watchlists.read().get(&alias.to_ascii_lowercase()).cloned()
    }

    fn names(&self, _workspace: WorkspaceId) -> Vec<String> {
        self.by_name.read().keys().cloned().collect()
    }

    fn workspace(&self, _workspace: WorkspaceId, name: &str) -> Option<WorkspaceId> {
        let (id, resource) = self.home.get()?;
        let known = [id.to_string(), resource.name().to_owned(), resource.to_string()];
        known.iter().any(|own| own.eq_ignore_ascii_case(name)).then_some(*id)
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

/// Reloads functions and watchlists when one changes, until the server stops.
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
        let is_function = |change: &Change| change.resource_type.eq_ignore_ascii_case(SAVED_SEARCH_TYPE);
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
        if concerns && let Err(error) = app.functions.reload(&app.records, &app.home.workspace).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot reload the saved functions");
        }
    }
}
