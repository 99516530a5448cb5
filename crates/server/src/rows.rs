//! Posture's rows into the log store.

use async_trait::async_trait;
use bartizan_base::{TenantId, WorkspaceId};
use bartizan_posture::rows::{Row, RowSink, RowsRefused};
use bartizan_store::{AppendTarget, Store};

/// The default workspace as a sink.
#[derive(Clone, Debug)]
pub(crate) struct WorkspaceRows {
    pub(crate) store: Store,
    pub(crate) workspace: WorkspaceId,
    pub(crate) tenant: TenantId,
}

#[async_trait]
impl RowSink for WorkspaceRows {
    async fn append(&self, table: &str, rows: Vec<Row>) -> Result<(), RowsRefused> {
        let target = AppendTarget::new(self.workspace, self.tenant, table);
        match self.store.append_rows(target, rows).await {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(RowsRefused { table: table.to_owned(), reason: error.to_string(), kind: error.kind() })
            }
        }
    }
}
