//! Functions that people saved in the workspace: saved searches with a `functionAlias`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bartizan_base::{ResourceId, WorkspaceId};
use bartizan_engine::FunctionSource;
use bartizan_kql::FunctionSymbol;
use bartizan_records::{Records, RecordsError, Resource};
use parking_lot::RwLock;
use tokio::sync::broadcast::error::RecvError;

use crate::app::App;

/// The resource type of saved queries and functions.
pub(crate) const SAVED_SEARCH_TYPE: &str = "Microsoft.OperationalInsights/workspaces/savedSearches";

/// The saved functions of the one workspace, kept in memory because the binder asks for them by name while
/// it runs. The records are the truth; [`SavedFunctions::reload`] follows them.
#[derive(Debug, Default)]
pub struct SavedFunctions {
    by_name: RwLock<BTreeMap<String, FunctionSymbol>>,
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

/// Reloads the functions when a saved search changes, until the server stops.
pub(crate) async fn follow_saved_functions(app: Arc<App>) {
    let mut changes = app.records.subscribe();
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = app.stop.cancelled() => return,
        };
        let concerns = match change {
            Ok(change) => change.resource_type.eq_ignore_ascii_case(SAVED_SEARCH_TYPE),
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return,
        };
        if concerns && let Err(error) = app.functions.reload(&app.records, &app.home.workspace).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot reload the saved functions");
        }
    }
}
