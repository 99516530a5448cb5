//! `ipv4_lookup` and `ipv6_lookup`: each distinct address with the rows of the lookup table that hold it.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use bartizan_analytics::prefix::{Family, Network, PrefixIndex};
use datafusion::error::DataFusionError;

use super::super::{Rows, Task};
use super::ROWS_PER_CHECK;
use crate::error::QueryError;
use crate::functions::convert::text;

/// Rows of pairs that are accounted for at a time.
const PAIR_BYTES: usize = 2 * size_of::<u32>();

pub(super) fn run(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ArrayRef>, QueryError> {
    let (sources, table) = (&inputs[0], &inputs[1]);
    let family = if task.call().plugin == "ipv4_lookup" { Family::V4 } else { Family::V6 };
    let keys = task.column(table, 1)?;
    let mut index = PrefixIndex::default();
    for row in 0..table.len() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
            task.hold(ROWS_PER_CHECK * ENTRY_BYTES)?;
        }
        if let Some(network) = Network::parse(&text(keys.get(row)), family) {
            index.insert(network, row as u32);
        }
    }
    let addresses = task.column(sources, 0)?;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut found = Vec::new();
    for row in 0..sources.len() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
        }
        let Some(network) = Network::parse(&text(addresses.get(row)), family) else { continue };
        found.clear();
        index.matches(network, &mut found);
        found.sort_unstable();
        task.hold(found.len() * PAIR_BYTES)?;
        left.extend(std::iter::repeat_n(row as u32, found.len()));
        right.extend_from_slice(&found);
    }
    let (left, right) = (UInt32Array::from(left), UInt32Array::from(right));
    let mut arrays = vec![Arc::clone(sources.batch.column(0))];
    arrays[0] = take(&arrays[0], &left, None).map_err(DataFusionError::from)?;
    for column in table.batch.columns() {
        arrays.push(take(column, &right, None).map_err(DataFusionError::from)?);
    }
    Ok(arrays)
}

/// What a range takes in the index, about.
const ENTRY_BYTES: usize = 64;
