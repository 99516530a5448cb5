//! What detection works with.

use std::sync::Arc;

use bartizan_base::{Clock, ErrorKind, ResourceId, ResourceIdError, TenantId, WorkspaceId};
use bartizan_engine::Engine;
use bartizan_records::{Actor, Condition, Records, Write};
use bartizan_store::Store;
use serde_json::Value;

use crate::error::DetectError;

/// The workspace whose rules run.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// `customerId`: the key of the log store.
    pub id: WorkspaceId,
    pub tenant: TenantId,
    /// `/subscriptions/…/resourceGroups/…/providers/Microsoft.OperationalInsights/workspaces/…`
    pub resource: ResourceId,
}

impl Workspace {
    /// A resource of the workspace's `Microsoft.SecurityInsights`: `path` is `alertRules/{id}` and the like.
    ///
    /// # Errors
    /// When `path` has a segment that no resource id may have.
    pub fn insights(&self, path: &str) -> Result<ResourceId, ResourceIdError> {
        self.resource.join(&format!("providers/Microsoft.SecurityInsights/{path}"))
    }

    /// The subscription the workspace belongs to.
    pub fn subscription(&self) -> String {
        self.resource.subscription().unwrap_or_default().to_owned()
    }
}

/// Everything a rule needs to run.
#[derive(Clone)]
pub struct DetectContext {
    pub records: Records,
    pub store: Store,
    pub engine: Engine,
    pub clock: Arc<dyn Clock>,
    pub workspace: Workspace,
    /// Where people open incidents: `https://host:port`.
    pub portal_url: String,
}

impl DetectContext {
    /// Creates a resource that follows from an alert, unless an earlier, interrupted delivery already did.
    pub(crate) async fn put_once(&self, id: ResourceId, body: Value) -> Result<(), DetectError> {
        let actor = Actor::system("detect");
        let write = Write { id, body, condition: Condition::IfNoneMatch, actor, audit: false };
        match self.records.put(write).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Precondition => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
