//! `evaluate bag_unpack(…)`: which keys the bags have, and of what types. The unpacking itself is a
//! projection, which the binder makes once this is known.

use std::collections::BTreeMap;

use bartizan_kql::bound::ColumnSchema;
use bartizan_schema::KqlType;
use sonic_rs::{JsonType, JsonValueTrait};

use super::super::{Rows, Task};
use super::{COLUMNS_MAX, ROWS_PER_CHECK, too_many_columns};
use crate::error::QueryError;
use crate::functions::dynamic::nesting;
use crate::value::Value;

/// A column per key, in the order of their names. A key whose values differ in type is dynamic.
pub(super) fn learn(inputs: &[Rows], task: &Task<'_>) -> Result<Vec<ColumnSchema>, QueryError> {
    let rows = &inputs[0];
    let bags = task.column(rows, 0)?;
    let mut types: BTreeMap<String, Option<KqlType>> = BTreeMap::new();
    for row in 0..rows.len() {
        if row % ROWS_PER_CHECK == 0 {
            task.interrupt().check()?;
        }
        let Value::Dynamic(json) = bags.get(row) else { continue };
        if !json.trim_start().starts_with('{') {
            continue;
        }
        for pair in nesting::bag(&json) {
            let Ok((key, value)) = pair else { break };
            let ty = type_of(&value);
            match types.get_mut(&*key) {
                Some(known) => *known = merged(*known, ty),
                None => {
                    if types.len() >= COLUMNS_MAX {
                        return Err(too_many_columns("bag_unpack"));
                    }
                    types.insert(key.to_string(), ty);
                }
            }
        }
    }
    let columns = types.into_iter().filter(|(name, _)| !name.is_empty());
    Ok(columns.map(|(name, ty)| ColumnSchema { name, ty: ty.unwrap_or(KqlType::Dynamic) }).collect())
}

/// The type of a slot's value; a null tells nothing.
fn type_of(value: &impl JsonValueTrait) -> Option<KqlType> {
    match value.get_type() {
        JsonType::Null => None,
        JsonType::Boolean => Some(KqlType::Bool),
        JsonType::Number if value.is_i64() => Some(KqlType::Long),
        JsonType::Number => Some(KqlType::Real),
        JsonType::String => Some(KqlType::String),
        JsonType::Object | JsonType::Array => Some(KqlType::Dynamic),
    }
}

fn merged(known: Option<KqlType>, next: Option<KqlType>) -> Option<KqlType> {
    match (known, next) {
        (Some(known), Some(next)) if known != next => Some(KqlType::Dynamic),
        (known, next) => known.or(next),
    }
}
