//! What the service knows of its own data. The names of the service, the database and who asks come with
//! the request and are put in while lowering.

use super::convert::text;
use super::kernel::{Entry, seeing_nulls};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[seeing_nulls("estimate_data_size", |args, _| {
    Value::Long(args.iter().map(size_bytes).fold(0, i64::saturating_add))
})];

/// Bytes of a value uncompressed: fixed ones by type, text and JSON as UTF-8.
fn size_bytes(value: &Value<'_>) -> i64 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) => 4,
        Value::Long(_) | Value::Real(_) | Value::DateTime(_) | Value::TimeSpan(_) => 8,
        Value::Guid(_) | Value::Decimal(_) => 16,
        value => i64::try_from(text(value.clone()).len()).unwrap_or(i64::MAX),
    }
}
