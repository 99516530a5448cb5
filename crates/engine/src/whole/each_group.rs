//! A pipeline that is run once for each group of rows, because it has no relational form over all of them.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{cast, concat_batches, partition};
use arrow::datatypes::Schema;
use bartizan_kql::bound::{EachGroup, Whole};
use datafusion::common::ScalarValue;
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::MemoryConsumer;

use super::{Rows, numbered};
use crate::error::QueryError;
use crate::lower::Context;
use crate::subquery::{self, Materialized};
use crate::types::{arrow_field, arrow_type};

/// Groups that a pipeline is run for: each run is planned anew, which takes milliseconds.
const GROUPS_MAX: usize = 1024;

/// Runs the body over the rows of each group. The input comes sorted by group.
pub(crate) async fn each_group(
    each: &EachGroup,
    whole: &Whole,
    context: &mut Context,
    state: &SessionState,
) -> Result<Materialized, QueryError> {
    let Some(input) = whole.inputs.first() else {
        return Err(QueryError::Internal("a pipeline per group has no input".to_owned()));
    };
    let rows = Rows::read(input, context, state).await?;
    let held = MemoryConsumer::new("pipeline per group").register(&state.runtime_env().memory_pool);
    let visible = rows.columns.len() - each.carried;
    let keys: Vec<ArrayRef> = rows.batch.columns()[visible..visible + each.keys].to_vec();
    let groups = if rows.len() == 0 { Vec::new() } else { partition(&keys).map_err(arrow)?.ranges() };
    if groups.len() > GROUPS_MAX {
        let what = format!(
            "a sub-query has to be run for each of {} groups, at most {GROUPS_MAX} are possible; it can be run for \
             all at once without sub-queries over the group and without other tables",
            groups.len()
        );
        return Err(QueryError::TooLarge { what });
    }
    let own = whole.columns.len() - each.carried;
    let mut parts: Vec<RecordBatch> = Vec::with_capacity(groups.len());
    let schema = Arc::new(Schema::new(
        whole.columns.iter().map(|column| arrow_field(&column.name, column.ty)).collect::<Vec<_>>(),
    ));
    for group in groups {
        let seen: Vec<usize> = (0..visible).collect();
        let slice = rows.batch.slice(group.start, group.len()).project(&seen).map_err(arrow)?;
        let answer = run(each, slice, context, state).await?;
        let mut arrays = Vec::with_capacity(whole.columns.len());
        for (at, column) in whole.columns.iter().enumerate() {
            let array = if at < own {
                cast(answer.batch.column(at), &arrow_type(column.ty)).map_err(arrow)?
            } else {
                let carried = rows.batch.column(visible + at - own);
                ScalarValue::try_from_array(carried, group.start)?.to_array_of_size(answer.len())?
            };
            arrays.push(array);
        }
        let part = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(arrow)?;
        held.try_grow(get_record_batch_memory_size(&part))?;
        parts.push(part);
    }
    let all = concat_batches(&schema, &parts).map_err(arrow)?;
    let batch = numbered(all.columns().to_vec(), whole)?;
    held.try_resize(get_record_batch_memory_size(&batch))?;
    Materialized::of(batch, held)
}

/// One run. What its sub-queries found is forgotten, because the next group has other answers.
async fn run(
    each: &EachGroup,
    group: RecordBatch,
    context: &mut Context,
    state: &SessionState,
) -> Result<Rows, QueryError> {
    let held = MemoryConsumer::new("group").register(&state.runtime_env().memory_pool);
    let known: HashSet<u32> = context.shared.keys().copied().collect();
    let known_scalars = context.scalars.clone();
    context.shared.insert(each.source, Materialized::of(group, held)?);
    let uses = subquery::shared_uses([&each.body], &HashSet::new());
    let answer = match subquery::resolve(&each.body, &uses, context, state).await {
        Ok(()) => Rows::read(&each.body, context, state).await,
        Err(error) => Err(error),
    };
    context.shared.retain(|id, _| known.contains(id));
    context.scalars = known_scalars;
    answer
}

fn arrow(error: arrow::error::ArrowError) -> QueryError {
    DataFusionError::from(error).into()
}
