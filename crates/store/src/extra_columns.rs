//! Columns that files hold besides their table's own, for who plans queries: worked out from the rows when a file is
//! written, left behind when it is read for a merge, and in no declaration of a table.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, Schema};
use arrow::error::ArrowError;
use bartizan_base::{WorkspaceId, counters};

const COLUMNS: &str = "bartizan_store_extra_columns_total";

/// Tells which columns a new file is to have besides its table's own.
pub trait ExtraColumns: Debug + Send + Sync {
    /// The columns for some rows of a table, each as long as `batch` and under a name that no column of a table has.
    fn of(&self, workspace: WorkspaceId, table: &str, batch: &RecordBatch) -> Vec<(FieldRef, ArrayRef)>;
}

/// `batch` with the columns that `extra` has for it.
pub(crate) fn extended<'a>(
    extra: Option<&Arc<dyn ExtraColumns>>,
    workspace: WorkspaceId,
    table: &str,
    batch: &'a RecordBatch,
) -> Result<Cow<'a, RecordBatch>, ArrowError> {
    let more = extra.map(|extra| extra.of(workspace, table, batch)).unwrap_or_default();
    if more.is_empty() {
        return Ok(Cow::Borrowed(batch));
    }
    counters::count(COLUMNS, "", more.len() as u64);
    let mut fields: Vec<FieldRef> = batch.schema_ref().fields().iter().cloned().collect();
    let mut columns = batch.columns().to_vec();
    for (field, values) in more {
        fields.push(field);
        columns.push(values);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map(Cow::Owned)
}
