//! Tables that are deleted with all their rows: one, or those of a workspace.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bartizan_base::WorkspaceId;

use crate::delta;
use crate::error::StoreError;
use crate::manifest::TableKey;
use crate::shared::Shared;

/// Forgets a table and its files. Nothing comes in any more, buffered rows are in files, and merges and publishing
/// do not run meanwhile.
pub(crate) async fn forget(shared: &Shared, key: &TableKey) -> Result<(), StoreError> {
    shared.manifest.drop_table(key).await?;
    let mut state = shared.state.lock();
    state.retentions.remove(key);
    state.published.remove(key);
    let gone = state.contents.get_mut(key).map(|table| {
        table.damaged.clear();
        table.sources.clear();
        std::mem::take(&mut table.files)
    });
    drop(state);
    for file in &gone.unwrap_or_default() {
        file.is_published.store(false, Ordering::Release);
        file.retire();
    }
    let dir = delta::log_folder(&shared.options.dir, key);
    for path in shared.options.disk.list(&dir).map_err(StoreError::io("list", &dir))? {
        shared.options.disk.remove(&path).map_err(StoreError::io("remove", &path))?;
    }
    Ok(())
}

/// Forgets all tables of a workspace. Returns how many of them had rows.
pub(crate) async fn forget_all(shared: &Shared, workspace: WorkspaceId) -> Result<usize, StoreError> {
    // A crash may have left declarations of tables that memory does not have any more.
    let mut keys = shared.manifest.tables_of(workspace).await?;
    let mut filled = 0;
    for (key, table) in &shared.state.lock().contents {
        if key.0 == workspace {
            filled += usize::from(!table.files.is_empty());
            keys.push(key.clone());
        }
    }
    keys.sort();
    keys.dedup();
    for key in &keys {
        forget(shared, key).await?;
    }
    let whole: TableKey = (workspace, Arc::from(""));
    shared.manifest.set_retention(&whole, None).await?;
    let mut state = shared.state.lock();
    state.retentions.remove(&whole);
    Ok(filled)
}
